"""The fields in which two served chains differ, read from their DER without the code that made them.

Keys, serial numbers and values computed from them differ in every new certificate. So keys are compared by algorithm
and size, key identifiers by the certificate that they name, signatures by whether they verify.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha1

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pki.asn1 import der
from pki.cases import Served, demo_keys

DIGESTS = {
    "1.2.840.10045.4.1": hashes.SHA1(), "1.2.840.10045.4.3.2": hashes.SHA256(), "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.113549.1.1.4": hashes.MD5(), "1.2.840.113549.1.1.5": hashes.SHA1(),
    "1.2.840.113549.1.1.11": hashes.SHA256(),
}  # fmt: skip
SKI, AKI = "2.5.29.14", "2.5.29.35"
PUBLISHED = demo_keys.PUBLISHED.spki


@dataclass(frozen=True)
class Read:
    """A certificate as its parts in DER (RFC 5280 §4.1)."""

    whole: bytes
    tbs: bytes
    outer_algorithm: bytes
    signature: bytes
    version: bytes
    serial: int
    inner_algorithm: bytes
    issuer: bytes
    validity: bytes
    subject: bytes
    spki: bytes
    extensions: tuple[tuple[str, bool, bytes], ...]

    def values(self, oid: str) -> list[bytes]:
        """Of the extensions of that kind."""
        return [value for each, _, value in self.extensions if each == oid]


def children(data: bytes, element: der.Element) -> list[der.Element]:
    """The content of the element."""
    return list(der.children(data, element))


def raw(data: bytes, element: der.Element) -> bytes:
    """The element with its header."""
    return data[element.start : element.end]


def read(certificate: bytes) -> Read:
    """The parts; nothing is decoded that a broken certificate could have broken."""
    tbs, algorithm, signature = children(certificate, der.read(certificate))
    fields = children(certificate, tbs)
    version = certificate[fields[0].content] if certificate[fields[0].start] == 0xA0 else b""
    rest = fields[1:] if version else fields
    serial, inner, issuer, validity, subject, spki, *more = rest
    extensions = []
    for each in children(certificate, children(certificate, more[0])[0]) if more else ():
        oid, *flag, value = children(certificate, each)
        dotted = x509.ObjectIdentifier(_dotted(certificate[oid.content])).dotted_string
        extensions.append((dotted, bool(flag), certificate[value.content]))
    return Read(
        certificate, raw(certificate, tbs), raw(certificate, algorithm), certificate[signature.content][1:], version,
        int.from_bytes(certificate[serial.content], signed=True), raw(certificate, inner), raw(certificate, issuer),
        raw(certificate, validity), raw(certificate, subject), raw(certificate, spki), tuple(extensions),
    )  # fmt: skip


def _dotted(content: bytes) -> str:
    arcs, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def deviations(served: Served, control: Served) -> set[str]:
    """The fields in which they differ, as the catalogue declares them."""
    anchors = [read(each) for each in (*served.anchors, *control.anchors)]
    around, others = ([*map(read, one.chain), *anchors] for one in (served, control))
    ours, theirs = ([read(each) for each in one.chain] for one in (served, control))
    found = set(_anchors(served, control, anchors))
    if [_role(each, ours) for each in ours] != [_role(each, theirs) for each in theirs]:
        found.add("certificates sent")
    for place, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if "certificates sent" in found and place > 0:
            break
        found |= {
            f"{'leaf' if place == 0 else 'intermediate'} {field}" for field in _fields(one, other, around, others)
        }
    if [_revoked(each) for each in served.crls] != [_revoked(each) for each in control.crls]:
        found.add("revocation list")
    return found


def _role(one: Read, chain: Sequence[Read]) -> str:
    return "leaf" if one is chain[0] else one.subject.hex()


def _revoked(crl: x509.CertificateRevocationList) -> list[int]:
    return [each.serial_number for each in crl]


def _anchors(served: Served, control: Served, around: Sequence[Read]) -> Iterator[str]:
    for one, other in zip(map(read, served.anchors), map(read, control.anchors), strict=True):
        if one.spki != other.spki:
            yield "trust anchor"
        else:
            yield from (f"trust anchor {field}" for field in _fields(one, other, around, around))


def _fields(one: Read, other: Read, around: Sequence[Read], others: Sequence[Read]) -> Iterator[str]:
    """`around` and `others` are the certificates sent with the one and the other, and the trust anchors."""
    if one.whole == other.whole:
        return
    inside, outside = ((each.inner_algorithm, each.outer_algorithm) for each in (one, other))
    pairs = {
        "version": (one.version, other.version),
        "serialNumber": (_ordinary(one.serial), _ordinary(other.serial)),
        "signatureAlgorithm": (inside, outside),
        "issuer": (one.issuer, other.issuer),
        "validity": (one.validity, other.validity),
        "subject": (one.subject, other.subject),
        "public key": (_kind(one.spki), _kind(other.spki)),
    }
    if _issuers(one, around) and _issuers(other, others):  # else its issuer was not sent and is unknown
        pairs["signature"] = _verifies(one, around), _verifies(other, others)  # fmt: skip
    yield from (name for name, (left, right) in pairs.items() if left != right)
    if bool(one.extensions) != bool(other.extensions):
        yield "extensions"
        return
    for oid in {oid for oid, _, _ in (*one.extensions, *other.extensions)}:
        if oid == AKI and one.issuer == other.issuer and not (_issuers(one, around) and _issuers(other, others)):
            continue
        if _extension(one, oid, around) != _extension(other, oid, others):
            name = x509.ObjectIdentifier(oid)._name
            yield oid if name == "Unknown OID" else name


def _ordinary(serial: int) -> int | str:
    return "positive, at most 20 octets" if 0 < serial < 1 << 159 else (serial > 0) - (serial < 0)


def _kind(spki: bytes) -> object:
    """The algorithm and the size; the key itself only if it is published."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return spki
    if spki == PUBLISHED:
        return "published"
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size, key.public_numbers().e
    if isinstance(key, ec.EllipticCurvePublicKey):
        algorithm, _ = children(spki, der.read(spki))
        return "EC", raw(spki, algorithm)
    return type(key).__name__


def _identifier(one: Read) -> bytes:
    """SHA-1 of the public key's bits (RFC 5280 §4.2.1.2 (1))."""
    return sha1(one.spki[children(one.spki, der.read(one.spki))[1].content][1:]).digest()


def _issuers(one: Read, around: Sequence[Read]) -> list[Read]:
    """The certificates, sent or trusted, that have the issuer's name or have signed it."""
    return [each for each in around if each.subject == one.issuer or _signed_by(one, each)]


def _verifies(one: Read, around: Sequence[Read]) -> bool:
    return any(_signed_by(one, each) for each in around)


def _signed_by(one: Read, issuer: Read) -> bool:
    oid = _dotted(one.outer_algorithm[children(one.outer_algorithm, der.read(one.outer_algorithm))[0].content])
    try:
        key = load_der_public_key(issuer.spki)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(one.signature, one.tbs, padding.PKCS1v15(), DIGESTS[oid])
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(one.signature, one.tbs, ec.ECDSA(DIGESTS[oid]))
        else:
            return False
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, KeyError):
        return False
    return True


def _extension(one: Read, oid: str, around: Sequence[Read]) -> object:
    found = [(critical, value) for each, critical, value in one.extensions if each == oid]
    if oid == SKI and found:
        return "its own" if found[0][1][2:] == _identifier(one) else found
    if oid == AKI and found:
        issuers = [each for each in around if _signed_by(one, each) or each.subject == one.issuer]
        ours = [value[2:] for each in issuers for value in each.values(SKI)] + [_identifier(each) for each in issuers]
        return "its issuer's" if any(each in found[0][1] for each in ours) else found
    return found
