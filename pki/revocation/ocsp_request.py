"""What an OCSP client asks (RFC 6960 §4.1, appendix A.1; nonces: RFC 9654): read, and never written.

    OCSPRequest   TBSRequest   requestorName?   CertID …   nonce?      signature?

Strict DER, and several CertIDs, which the library's reader refuses. A signature and the requestor's name are skipped.
"""

import base64
import re
from collections import deque
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pki.asn1 import der

EXPLICIT_0, EXPLICIT_1, EXPLICIT_2 = (der.CONTEXT | der.CONSTRUCTED | number for number in range(3))
NONCE = der.object_identifier("1.3.6.1.5.5.7.48.1.2")  # id-pkix-ocsp-nonce, §4.4.1
LONGEST_NONCE = 128  # RFC 9654 §2.1; RFC 8954 had 32


@dataclass(frozen=True)
class CertId:
    """Which certificate: its number, and whose, by the hashes of the issuer's name and of its key (§4.1.1)."""

    cert_id_der: bytes
    hash_name: str | None
    """As hashlib calls it; None for a hash that we do not know."""
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int


@dataclass(frozen=True)
class OcspRequest:
    """What is asked."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None
    critical: frozenset[bytes]
    """Extensions, by object identifier in DER, that must be understood or there must be no answer."""


def request_from_path(path: str) -> bytes:
    """What is asked by GET (appendix A.1): `path` is what follows the responder's own; ValueError if that is none.

    Base64, then percent-encoded. Clients that leave `/`, `+` and `=` as they are get by, as they do elsewhere.
    """
    # A request is a SEQUENCE, 0x30, so its base64 begins with M: a slash in front belongs to the path before it.
    request_der = base64.b64decode(unquote_to_bytes(path.lstrip("/")), validate=True)
    if not request_der:
        raise ValueError("there is no request in the path")
    return request_der


def parse_request(request_der: bytes) -> OcspRequest:
    """OCSPRequest in DER; ValueError for anything else. A signature and the requestor's name are skipped."""
    whole = der.read(request_der)
    if whole.tag != der.SEQUENCE or whole.end != len(request_der):
        raise ValueError("it is not one SEQUENCE from the first byte to the last")
    for each in der.elements(request_der):
        if der.element(each.tag, request_der[each.content]) != request_der[each.start : each.end]:
            raise ValueError(f"the length at byte {each.start + 1} takes more bytes than it needs")
    request = _Inside(request_der, whole)
    tbs_request = request.enter(der.SEQUENCE)
    if signature := request.enter_if(EXPLICIT_0):
        signature.enter(der.SEQUENCE)
        signature.end()
    request.end()
    return _tbs_request(tbs_request)


def _tbs_request(tbs_request: "_Inside") -> OcspRequest:
    # The only version is the default, which DER leaves out (X.690 §11.5): nothing may be in its place, [0].
    if requestor := tbs_request.enter_if(EXPLICIT_1):
        requestor.take()
        requestor.end()
    requests = tbs_request.enter(der.SEQUENCE)
    nonce, critical = _extensions(tbs_request.enter_if(EXPLICIT_2))
    tbs_request.end()
    cert_ids = []
    while requests.left:
        one = requests.enter(der.SEQUENCE)
        cert_ids.append(_cert_id(one))
        critical |= _extensions(one.enter_if(EXPLICIT_0))[1]
        one.end()
    if not cert_ids:
        raise ValueError("no certificate is asked about")
    return OcspRequest(tuple(cert_ids), nonce, critical)


def _cert_id(request: "_Inside") -> CertId:
    element = request.take(der.SEQUENCE)
    inside = _Inside(request.source, element)
    algorithm = inside.enter(der.SEQUENCE)
    hash_name = HASHES.get(algorithm.oid())
    if hash_name:  # parameters of an unknown algorithm can be anything; of these, NULL or nothing (RFC 5754)
        if algorithm.left and algorithm.value(der.NULL):
            raise ValueError("a NULL has something inside")
        algorithm.end()
    name_hash, key_hash = inside.value(der.OCTET_STRING), inside.value(der.OCTET_STRING)
    serial_number = inside.value(der.INTEGER)
    inside.end()
    number = int.from_bytes(serial_number, signed=True)
    if der.integer(number) != der.element(der.INTEGER, serial_number):
        raise ValueError("an integer takes at least one byte, and no more than it needs")
    return CertId(request.source[element.start : element.end], hash_name, name_hash, key_hash, number)


def _extensions(explicit: "_Inside | None") -> tuple[bytes | None, frozenset[bytes]]:
    """The nonce, and which extensions are critical."""
    if explicit is None:
        return None, frozenset()
    found: dict[bytes, bytes] = {}
    critical, extensions = set(), explicit.enter(der.SEQUENCE)
    explicit.end()
    while extensions.left:
        extension = extensions.enter(der.SEQUENCE)
        oid = extension.oid()
        if extension.left and extension.left[0].tag == der.BOOLEAN:
            if extension.value(der.BOOLEAN) != b"\xff":
                raise ValueError("false is the default, which DER leaves out; true is 0xff")
            critical.add(oid)
        if oid in found:
            raise ValueError("an extension comes twice")
        found[oid] = extension.value(der.OCTET_STRING)
        extension.end()
    return _nonce(found[NONCE]) if NONCE in found else None, frozenset(critical)


def _nonce(value: bytes) -> bytes:
    nonce = value[der.read(value).content]
    if value != der.octet_string(nonce) or not 1 <= len(nonce) <= LONGEST_NONCE:
        raise ValueError(f"a nonce is an OCTET STRING of 1 to {LONGEST_NONCE} bytes")
    return nonce


HASHES = {der.object_identifier("1.3.14.3.2.26"): "sha1"} | {
    der.object_identifier(f"2.16.840.1.101.3.4.2.{number}"): name
    for number, name in ((1, "sha256"), (2, "sha384"), (3, "sha512"), (4, "sha224"))
}
"""By which certificates may be asked about. OpenSSL and Java take SHA-1: here it only tells issuers apart."""


# Elements -----------------------------------------------------------------------------------------------------------


class _Inside:
    """The elements inside one, taken in their order; ValueError where another is there."""

    def __init__(self, source: bytes, parent: der.Element) -> None:
        self.source = source
        self.left = deque(der.children(source, parent))

    def take(self, tag: int | None = None) -> der.Element:
        """The next one."""
        if not self.left or tag not in (None, self.left[0].tag):
            raise ValueError(f"{self.left[0].type if self.left else 'nothing'} is where tag {tag} should be")
        return self.left.popleft()

    def value(self, tag: int) -> bytes:
        """The content of the next one."""
        return self.source[self.take(tag).content]

    def oid(self) -> bytes:
        """The next one, an object identifier, in DER: each number ends with a byte under 0x80, none begins with it."""
        if not OID.fullmatch(content := self.value(der.OBJECT_IDENTIFIER)):
            raise ValueError("it is no object identifier")
        return der.element(der.OBJECT_IDENTIFIER, content)

    def enter(self, tag: int) -> "_Inside":
        """What is inside the next one."""
        return _Inside(self.source, self.take(tag))

    def enter_if(self, tag: int) -> "_Inside | None":
        """The same for an optional one."""
        return self.enter(tag) if self.left and self.left[0].tag == tag else None

    def end(self) -> None:
        """No more is expected."""
        if self.left:
            raise ValueError(f"{self.left[0].type} is one too many")


OID = re.compile(rb"(?:(?:[\x81-\xff][\x80-\xff]*)?[\x00-\x7f])+")  # X.690 §8.19.2
