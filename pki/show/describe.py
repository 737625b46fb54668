"""A certificate, request, revocation list or key -> rows: what it says, and why that is there (RFC 5280 §4, §5).

Every value is computed from the bytes of the object, by `pki.asn1.schema`; the library reads extensions, one by one,
and the numbers of keys. So an object that the library does not load is shown like any other, with a row for each rule
that it breaks. Text is escaped, so that no certificate drives a terminal. Not here: any judgement (`pki.path`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.asn1 import ber, schema
from pki.asn1.ber import Fault, Node
from pki.asn1.schema import Found
from pki.errors import printable
from pki.malformed import guarded
from pki.objects import extensions, public_keys, summary
from pki.objects.extensions import ExtensionPlace
from pki.objects.trust_settings import TrustSettings
from pki.show import key_numbers


@dataclass(frozen=True)
class Row:
    """One statement: its name, what it says, and why it is there, with the section (RFC 5280 where none is named)."""

    label: str
    value: str
    reason: str
    exact: str = ""
    """What the value stands for in full, in hex, where it is shortened or leaves something out."""
    items: tuple[str, ...] = ()
    """Of a list: its elements, so that a terminal can show the first ones."""


@dataclass(frozen=True)
class Description:
    """One object of a file: what it is, and its rows."""

    title: str
    rows: tuple[Row, ...]


MOST_FAULTS = 20  # rows; of a damaged object the first ones tell
MALFORMED = "which rule of the encoding or of RFC 5280 is broken, and where: bytes count from the start of the object"


def _row(label: str, reason: str, value: str, exact: bytes = b"") -> Row:
    return Row(label, printable(value) or "(empty)", reason, exact.hex())


def _listed(label: str, reason: str, items: Sequence[str], exact: bytes = b"", after: str = "") -> Row:
    shown = tuple(map(printable, items))
    return Row(label, ", ".join(shown) + after, reason, exact.hex(), shown)


# What can be explained ----------------------------------------------------------------------------------------------


def certificate(cert: x509.Certificate | bytes, trust_settings: bytes = b"") -> Description:
    """A certificate, field by field in the order of RFC 5280 §4.1; loaded, or in DER that may be malformed.

    `trust_settings` is what OpenSSL writes behind the certificate in a TRUSTED CERTIFICATE block.
    """
    encoded = cert if isinstance(cert, bytes) else cert.public_bytes(Encoding.DER)
    found = schema.read(encoded, schema.CERTIFICATE)
    tbs = "tbsCertificate"
    more, malformed = _extensions(found, found.get(f"{tbs}.extensions.list"), ExtensionPlace.CERTIFICATE)
    rows = [
        _row("version", "3 is the version that can carry extensions (§4.1.2.1)", _version(found)),
        _row(
            "serial number",
            "unique for its issuer (§4.1.2.2): revocation names it. Random by the CA/Browser Forum's rules",
            _number(found, f"{tbs}.serialNumber"),
        ),
        _row("signature algorithm", "how the issuer signed (§4.1.1.2)", _algorithm(found, "signatureAlgorithm")),
        _row(
            "issuer",
            "the name of the CA that issued it; anyone can write any name here (§4.1.2.4)",
            _dn(found, f"{tbs}.issuer"),
            found.whole(f"{tbs}.issuer"),
        ),
        _row(
            "not before",
            "valid from this moment; `pki` sets it an hour back, for clocks that are slow (§4.1.2.5)",
            _time(found, f"{tbs}.validity.notBefore"),
        ),
        _row("not after", "and up to this one (§4.1.2.5)", _time(found, f"{tbs}.validity.notAfter")),
        _row(
            "subject",
            "who this is about, for people to read: clients do not look for host names here (§4.1.2.6, RFC 9525 §2)",
            _dn(found, f"{tbs}.subject"),
            found.whole(f"{tbs}.subject"),
        ),
        _public_key(found, f"{tbs}.subjectPublicKeyInfo"),
        *more,
        _row(
            "signature",
            "made with the issuer's private key over everything above: the one thing that cannot be copied (§4.1.1.3)",
            _signature(found),
            found.content("signature"),
        ),
        *_trust(trust_settings),
        *_faults(found, malformed, partial(x509.load_der_x509_certificate, encoded)),
    ]
    return Description(f"certificate {printable(_dn(found, f'{tbs}.subject'))}", tuple(rows))


def request(csr: x509.CertificateSigningRequest | bytes) -> Description:
    """A certification request (RFC 2986), loaded or in DER."""
    encoded = csr if isinstance(csr, bytes) else csr.public_bytes(Encoding.DER)
    found = schema.read(encoded, schema.REQUEST)
    info = "certificationRequestInfo"
    loaded = guarded(lambda: x509.load_der_x509_csr(encoded))
    valid = guarded(lambda: loaded.is_signature_valid if loaded else None)
    more, malformed = _extensions(found, _requested(found), ExtensionPlace.CERTIFICATE)
    rows = [
        _row("subject", "who asks (RFC 2986 §4.1)", _dn(found, f"{info}.subject"), found.whole(f"{info}.subject")),
        _public_key(found, f"{info}.subjectPublicKeyInfo"),
        *more,
        _row("signature", "by the requester's own key: proof of possession", _signature(found)),
        _row("signature valid", "checked just now", {True: "yes", False: "no", None: "cannot be checked"}[valid]),
        *_faults(found, malformed, partial(x509.load_der_x509_csr, encoded)),
    ]
    return Description("certification request", tuple(rows))


def _requested(found: Found) -> Node | None:
    """The list of extensions that a request asks for (RFC 2985 §5.4.2)."""
    attributes = found.get("certificationRequestInfo.attributes")
    for each in attributes.children if attributes else ():
        oid = ber.oid(found.tree.data[each.children[0].content]) if each.children else None
        if oid == schema.EXTENSION_REQUEST and len(each.children) > 1 and each.children[1].children:
            wanted = each.children[1].children[0]
            found.match(wanted, schema.EXTENSION_LIST, "extensions")
            return wanted
    return None


def revocation_list(crl: x509.CertificateRevocationList | bytes) -> Description:
    """A certificate revocation list (RFC 5280 §5), loaded or in DER."""
    encoded = crl if isinstance(crl, bytes) else crl.public_bytes(Encoding.DER)
    found = schema.read(encoded, schema.CRL)
    tbs = "tbsCertList"
    more, malformed = _extensions(found, found.get(f"{tbs}.crlExtensions.list"), ExtensionPlace.CRL)
    revoked, of_entries = _revoked(found)
    rows = [
        _row("issuer", "whose certificates it is about (§5.1.2.3)", _dn(found, f"{tbs}.issuer")),
        _row("this update", "what was known at this moment (§5.1.2.4)", _time(found, f"{tbs}.thisUpdate")),
        _row(
            "next update",
            "after this it is stale, and a strict client accepts nothing on its word (§5.1.2.5)",
            _time(found, f"{tbs}.nextUpdate") if found.get(f"{tbs}.nextUpdate") else "not stated",
        ),
        _listed(
            "revoked",
            "serial numbers of revoked certificates, with the date and the reason (§5.1.2.6)",
            revoked or ["none"],
        ),
        *more,
        _row("signature", "by the issuer's key (§5.1.1.3)", _signature(found)),
        *_faults(found, malformed, partial(x509.load_der_x509_crl, encoded), of_entries),
    ]
    return Description("certificate revocation list", tuple(rows))


def _revoked(found: Found) -> tuple[list[str], list[Fault]]:
    listed = found.get("tbsCertList.revokedCertificates")
    tree, entries, faults = found.tree, [], list[Fault]()
    for each in listed.children if listed else ():
        serial, when = (*each.children, None, None)[:2]
        words = []
        for raw in summary.extensions(tree, each.children[2] if len(each.children) > 2 else None):
            read = extensions.read(tree, raw, ExtensionPlace.CRL_ENTRY)
            words.append(", ".join(read.items))
            faults += read.faults
        number = extensions.number(0) if serial is None else _hex_number(tree.data[serial.content])
        moment = summary.time(tree, when)
        date = moment[:10] if when is not None and moment.endswith("Z") else moment
        entries.append(f"{number} on {date}" + (f" ({', '.join(words)})" if words else ""))
    if not tree.complete:
        entries.append("more that are not read")
    return entries, faults


class KeyNumbers(Enum):
    """Whether to show what makes a private key private."""

    HIDDEN = "hidden"
    SHOWN = "shown"


def private_key(key: Any, secrets: KeyNumbers = KeyNumbers.HIDDEN, spki: bytes | None = None) -> Description:
    """A private key: its public half; the secret numbers only on request. `spki` is the public half as encoded."""
    rows = list(_key_rows(key.public_key(), spki))
    if secrets is KeyNumbers.SHOWN:
        rows += [
            _row(name, reason, value) for name, value, reason in guarded(lambda: list(key_numbers.secret(key))) or ()
        ]
    return Description("private key (whoever has it is the subject of its certificate)", tuple(rows))


def public_key(key: Any, spki: bytes | None = None) -> Description:
    """A public key; `spki` is its SubjectPublicKeyInfo as encoded in the file."""
    rows = list(_key_rows(key, spki))
    if spki is not None:
        found = schema.read(spki, schema.KEY)
        rows += [_row("malformed", MALFORMED, str(fault)) for fault in found.faults[:MOST_FAULTS]]
    return Description("public key", tuple(rows))


def _key_rows(key: Any, spki: bytes | None) -> Iterator[Row]:
    encoded = spki or key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield _row("type", "the algorithm and its strength", public_keys.describe_spki(encoded))
    yield _row(
        "public key",
        "SHA-256 of the public half; a certificate for it shows the same",
        _spki(encoded),
    )
    for name, value, reason in guarded(lambda: list(key_numbers.public(key))) or ():
        yield _row(name, reason, value)


# Parts --------------------------------------------------------------------------------------------------------------


def _public_key(found: Found, path: str) -> Row:
    return _row(
        "public key",
        "the subject has the private half; SHA-256 of the key as encoded here (§4.1.2.7)",
        _spki(found.whole(path)) if found.get(path) else "(missing)",
        found.whole(path),
    )


def _spki(encoded: bytes) -> str:
    return f"{public_keys.describe_spki(encoded)}, SHA-256 {sha256(encoded).hexdigest()}"


def _extensions(found: Found, listed: Node | None, place: ExtensionPlace) -> tuple[list[Row], list[Fault]]:
    """A row for each extension, the important ones first, and the faults in their values."""
    rows, faults = [], list[Fault]()
    for raw in sorted(summary.extensions(found.tree, listed), key=lambda each: extensions.rank(each.oid)):
        read = extensions.read(found.tree, raw, place)
        faults += read.faults
        critical = "; critical: a client that does not understand it must refuse" if raw.critical else ""
        after = " (critical)" if raw.critical else ""
        if read.faults:
            after += f"; malformed: {'; '.join(map(str, read.faults[:MOST_FAULTS]))}"
        exact = bytes([raw.critical]) + found.tree.content(raw.value)
        meaning = extensions.meaning(raw.oid) + critical
        rows.append(_listed(extensions.label(raw.oid), meaning, read.items, exact, printable(after)))
    return rows, faults


def _faults(
    found: Found, in_rows: Sequence[Fault], load: Callable[[], object], of_entries: Sequence[Fault] = ()
) -> Iterator[Row]:
    """A row for each rule that is broken outside of the extensions' values, and one if the library has another reason.

    The faults in the value of an extension are in the row of the extension.
    """
    others = sorted([*found.faults, *of_entries])
    for fault in others[:MOST_FAULTS]:
        yield _row("malformed", MALFORMED, str(fault))
    if len(others) > MOST_FAULTS:
        yield _row("malformed", MALFORMED, f"and {len(others) - MOST_FAULTS} more faults")
    if not others and not in_rows and guarded(load) is None:
        words = "the library `cryptography` does not load it; it breaks none of the rules that are checked here"
        yield _row("malformed", MALFORMED, words)


TRUSTED_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "server", "1.3.6.1.5.5.7.3.2": "client", "1.3.6.1.5.5.7.3.3": "code signing",
    "1.3.6.1.5.5.7.3.4": "mail", "1.3.6.1.5.5.7.3.8": "time stamping", "1.3.6.1.5.5.7.3.9": "OCSP signing",
    "2.5.29.37.0": "any",
}  # fmt: skip


def _trust(encoded: bytes) -> Iterator[Row]:
    if not encoded:
        return
    settings = TrustSettings.read(encoded)
    reason = "what OpenSSL accepts it for as a trust anchor; not part of the certificate, and not signed"
    if settings.trusted is not None:
        words = [TRUSTED_PURPOSES.get(oid, oid) for oid in settings.trusted]
        yield _listed("trusted for", reason, words or ["nothing"])
    if settings.rejected:
        yield _listed("not trusted for", reason, [TRUSTED_PURPOSES.get(oid, oid) for oid in settings.rejected])
    if settings.alias:
        yield _row("alias", "a name that its owner gave it, in OpenSSL's trust settings", settings.alias)


def _version(found: Found) -> str:
    node = found.get("tbsCertificate.version.version")
    return extensions.number(ber.integer(found.tree.data[node.content]) + 1) if node else "1"


def _number(found: Found, path: str) -> str:
    return _hex_number(found.content(path)) if found.get(path) else "(missing)"


def _hex_number(content: bytes) -> str:
    return f"{ber.integer(content):x}"


def _signature(found: Found) -> str:
    """Without the byte that counts the unused bits."""
    return extensions.short_hex(found.content("signature")[1:]) or "(empty)"


def _algorithm(found: Found, path: str) -> str:
    oid = ber.oid(found.content(f"{path}.algorithm"))
    return public_keys.algorithm_name(oid) if oid else "(unreadable)"


def _dn(found: Found, path: str) -> str:
    return summary.distinguished(found.tree, found.get(path)) or "(empty)"


def _time(found: Found, path: str) -> str:
    return summary.time(found.tree, found.get(path))
