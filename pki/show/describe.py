"""A certificate, request, CRL or key -> rows: field, value, explanation (RFC 5280 §4, §5).

`pki.asn1.schema` reads every value from the bytes of the object; the library reads only extensions, one by one, and the
numbers of keys. An object that the library does not load is therefore shown like any other, with a row for each fault.
Text is escaped, so that a certificate cannot control the terminal. Not here: validation (`pki.path`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import names
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
    """One field: its label, its value, and an explanation with its section (of RFC 5280 unless another is named)."""

    label: str
    value: str
    reason: str
    exact: str = ""
    """The bytes of the field in hex, where the value is shortened or incomplete."""
    items: tuple[str, ...] = ()
    """The elements of a list, so that a terminal can show the first ones."""


@dataclass(frozen=True)
class Description:
    """One object of a file: its title and its rows."""

    title: str
    rows: tuple[Row, ...]


MOST_FAULTS = 20  # rows; of a damaged object the first ones are enough
MALFORMED = "a violation of DER or RFC 5280; byte offsets count from the start of the object"


def _row(label: str, reason: str, value: str, exact: bytes = b"") -> Row:
    return Row(label, printable(value) or "(empty)", reason, exact.hex())


def _listed(label: str, reason: str, items: Sequence[str], exact: bytes = b"", after: str = "") -> Row:
    shown = tuple(map(printable, items))
    return Row(label, ", ".join(shown) + after, reason, exact.hex(), shown)


FINGERPRINT = "fingerprint"


def fingerprint(certificate_der: bytes) -> str:
    """The SHA-256 hash of a certificate, in lowercase hex."""
    return sha256(certificate_der).hexdigest()


# Objects ----------------------------------------------------------------------------------------------------------


def certificate(cert: x509.Certificate | bytes, trust_settings: bytes = b"") -> Description:
    """A certificate, field by field in the order of RFC 5280 §4.1; loaded, or in DER that may be malformed.

    `trust_settings` are the bytes that OpenSSL appends to the certificate in a TRUSTED CERTIFICATE block.
    """
    encoded = cert if isinstance(cert, bytes) else cert.public_bytes(Encoding.DER)
    found = schema.read(encoded, schema.CERTIFICATE)
    tbs = "tbsCertificate"
    more, malformed = _extensions(found, found.get(f"{tbs}.extensions.list"), ExtensionPlace.CERTIFICATE)
    rows = [
        _row("version", "version 3 has extensions (§4.1.2.1)", _version(found)),
        _row(
            "serial number",
            "unique for the issuer; CRLs list it (§4.1.2.2). The CA/Browser Forum requires random numbers",
            _number(found, f"{tbs}.serialNumber"),
        ),
        _row(
            "signature algorithm",
            "the algorithm of the signature below (§4.1.1.2)",
            _algorithm(found, "signatureAlgorithm"),
        ),
        _row(
            "issuer",
            "the name of the CA; only the signature proves it (§4.1.2.4)",
            _dn(found, f"{tbs}.issuer"),
            found.whole(f"{tbs}.issuer"),
        ),
        _row(
            "not before",
            "valid from this time; `pki` subtracts an hour for slow clocks (§4.1.2.5)",
            _time(found, f"{tbs}.validity.notBefore"),
        ),
        _row("not after", "valid until this time, included (§4.1.2.5)", _time(found, f"{tbs}.validity.notAfter")),
        _row(
            "subject",
            "the owner of the public key; clients take host names only from the SANs (§4.1.2.6, RFC 9525 §2)",
            _dn(found, f"{tbs}.subject"),
            found.whole(f"{tbs}.subject"),
        ),
        _public_key(found, f"{tbs}.subjectPublicKeyInfo"),
        *more,
        _row(
            "signature",
            "made with the issuer's private key, over all fields above; it cannot be made without that key (§4.1.1.3)",
            _signature(found),
            found.content("signature"),
        ),
        _row(FINGERPRINT, "the hash of the whole certificate; not a field of it", f"SHA-256 {fingerprint(encoded)}"),
        *_trust(trust_settings),
        *_faults(found, malformed, partial(x509.load_der_x509_certificate, encoded)),
    ]
    return Description(f"certificate {printable(_dn(found, f'{tbs}.subject'))}", tuple(rows))


def request(csr: x509.CertificateSigningRequest | bytes) -> Description:
    """A certificate request (RFC 2986), loaded or in DER."""
    encoded = csr if isinstance(csr, bytes) else csr.public_bytes(Encoding.DER)
    found = schema.read(encoded, schema.REQUEST)
    info = "certificationRequestInfo"
    loaded = guarded(lambda: x509.load_der_x509_csr(encoded))
    valid = guarded(lambda: loaded.is_signature_valid if loaded else None)
    more, malformed = _extensions(found, _requested(found), ExtensionPlace.CERTIFICATE)
    rows = [
        _row(
            "subject",
            "the name that the requester wants (RFC 2986 §4.1)",
            _dn(found, f"{info}.subject"),
            found.whole(f"{info}.subject"),
        ),
        _public_key(found, f"{info}.subjectPublicKeyInfo"),
        *more,
        _row("signature", "by the requester's own key; it proves possession of the private key", _signature(found)),
        _row(
            "signature valid",
            "checked with the public key in the request",
            {True: "yes", False: "no", None: "cannot be checked"}[valid],
        ),
        *_faults(found, malformed, partial(x509.load_der_x509_csr, encoded)),
    ]
    return Description("certificate request", tuple(rows))


def _requested(found: Found) -> Node | None:
    """The extensions that a request contains (RFC 2985 §5.4.2); None if there are none."""
    attributes = found.get("certificationRequestInfo.attributes")
    for each in attributes.children if attributes else ():
        oid = ber.oid(found.tree.data[each.children[0].content]) if each.children else None
        if oid == schema.EXTENSION_REQUEST and len(each.children) > 1 and each.children[1].children:
            wanted = each.children[1].children[0]
            found.match(wanted, schema.EXTENSION_LIST, "extensions")
            return wanted
    return None


def revocation_list(crl: x509.CertificateRevocationList | bytes) -> Description:
    """A CRL (RFC 5280 §5), loaded or in DER."""
    encoded = crl if isinstance(crl, bytes) else crl.public_bytes(Encoding.DER)
    found = schema.read(encoded, schema.CRL)
    tbs = "tbsCertList"
    more, malformed = _extensions(found, found.get(f"{tbs}.crlExtensions.list"), ExtensionPlace.CRL)
    revoked, of_entries = _revoked(found)
    rows = [
        _row("issuer", "the CA that issued this CRL (§5.1.2.3)", _dn(found, f"{tbs}.issuer")),
        _row("this update", "the time of issue (§5.1.2.4)", _time(found, f"{tbs}.thisUpdate")),
        _row(
            "next update",
            "a newer CRL is issued by this time; strict clients do not use this one afterwards (§5.1.2.5)",
            _time(found, f"{tbs}.nextUpdate") if found.get(f"{tbs}.nextUpdate") else "not stated",
        ),
        _listed(
            "revoked",
            "serial numbers of revoked certificates, with date and reason (§5.1.2.6)",
            revoked or ["none"],
        ),
        *more,
        _row("signature", "by the issuer's key (§5.1.1.3)", _signature(found)),
        *_faults(found, malformed, partial(x509.load_der_x509_crl, encoded), of_entries),
    ]
    return Description("CRL", tuple(rows))


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
        entries.append("further entries are not read")
    return entries, faults


class KeyNumbers(Enum):
    """Whether to show the secret values of a private key."""

    HIDDEN = "hidden"
    SHOWN = "shown"


def private_key(key: Any, secrets: KeyNumbers = KeyNumbers.HIDDEN, spki: bytes | None = None) -> Description:
    """A private key: its public key, and the secret numbers only if asked for. `spki` is the public key as encoded."""
    rows = list(_key_rows(key.public_key(), spki))
    if secrets is KeyNumbers.SHOWN:
        rows += [
            _row(name, reason, value) for name, value, reason in guarded(lambda: list(key_numbers.secret(key))) or ()
        ]
    return Description("private key", tuple(rows))


def public_key(key: Any, spki: bytes | None = None) -> Description:
    """A public key; `spki` is its SubjectPublicKeyInfo as encoded in the file."""
    rows = list(_key_rows(key, spki))
    if spki is not None:
        found = schema.read(spki, schema.KEY)
        rows += [_row("malformed", MALFORMED, str(fault)) for fault in found.faults[:MOST_FAULTS]]
    return Description("public key", tuple(rows))


def _key_rows(key: Any, spki: bytes | None) -> Iterator[Row]:
    encoded = spki or key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield _row("type", "the algorithm, with the curve or the size of the key", public_keys.describe_spki(encoded))
    yield _row(
        "public key",
        "SHA-256 of the public key; a certificate for this key shows the same value",
        _spki(encoded),
    )
    for name, value, reason in guarded(lambda: list(key_numbers.public(key))) or ():
        yield _row(name, reason, value)


# Parts --------------------------------------------------------------------------------------------------------------


def _public_key(found: Found, path: str) -> Row:
    return _row(
        "public key",
        "the key of the subject, with the SHA-256 of its encoding (§4.1.2.7)",
        _spki(found.whole(path)) if found.get(path) else "(missing)",
        found.whole(path),
    )


def _spki(encoded: bytes) -> str:
    return f"{public_keys.describe_spki(encoded)}, SHA-256 {sha256(encoded).hexdigest()}"


def _extensions(found: Found, listed: Node | None, place: ExtensionPlace) -> tuple[list[Row], list[Fault]]:
    """The rows of the extensions, important ones first, and the faults in their values."""
    rows, faults = [], list[Fault]()
    for raw in sorted(summary.extensions(found.tree, listed), key=lambda each: extensions.rank(each.oid)):
        read = extensions.read(found.tree, raw, place)
        faults += read.faults
        critical = "; critical: a client that does not process it must reject the certificate" if raw.critical else ""
        after = " (critical)" if raw.critical else ""
        if read.faults:
            after += f"; malformed: {'; '.join(map(str, read.faults[:MOST_FAULTS]))}"
        exact = bytes([raw.critical]) + found.tree.content(raw.value)
        meaning = extensions.meaning(raw.oid) + critical
        rows.append(_listed(extensions.label(raw.oid), meaning, read.items, exact, printable(after)))
        if raw.oid == x509.NameConstraints.oid.dotted_string and not read.faults:
            rows += _permitted(found.tree.content(raw.value))
    return rows, faults


def _permitted(value_der: bytes) -> Iterator[Row]:
    """Name constraints in words, and three names tried."""
    from pki import name_constraints
    from pki.path.constraints import objection

    oid = x509.NameConstraints.oid.dotted_string
    constraints = guarded(lambda: extensions.loaded(oid, value_der, ExtensionPlace.CERTIFICATE))
    if not isinstance(constraints, x509.NameConstraints):
        return
    yield _row("in words", "what each constraint covers (§4.2.1.10)", "; ".join(name_constraints.words(constraints)))
    tried = [
        f"{names.display(name)}: {'no' if objection(constraints, name) else 'yes'}"
        for name in name_constraints.examples(constraints)
    ]
    if tried:
        yield _row("may it issue for", "three names, compared with the constraints", ", ".join(tried))


def _faults(
    found: Found, in_rows: Sequence[Fault], load: Callable[[], object], of_entries: Sequence[Fault] = ()
) -> Iterator[Row]:
    """Yield a row for each fault outside the extension values, or one if only the library rejects the object.

    A fault in the value of an extension is in the row of that extension.
    """
    others = sorted([*found.faults, *of_entries])
    for fault in others[:MOST_FAULTS]:
        yield _row("malformed", MALFORMED, str(fault))
    if len(others) > MOST_FAULTS:
        yield _row("malformed", MALFORMED, f"and {len(others) - MOST_FAULTS} more faults")
    if not others and not in_rows and guarded(load) is None:
        words = "the library `cryptography` does not load it, but pki finds no fault"
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
    reason = "purposes for which OpenSSL accepts it as trust anchor; not part of the certificate, and not signed"
    if settings.trusted is not None:
        words = [TRUSTED_PURPOSES.get(oid, oid) for oid in settings.trusted]
        yield _listed("trusted for", reason, words or ["nothing"])
    if settings.rejected:
        yield _listed("not trusted for", reason, [TRUSTED_PURPOSES.get(oid, oid) for oid in settings.rejected])
    if settings.alias:
        yield _row("alias", "the friendly name in OpenSSL's trust settings", settings.alias)


def _version(found: Found) -> str:
    node = found.get("tbsCertificate.version.version")
    return extensions.number(ber.integer(found.tree.data[node.content]) + 1) if node else "1"


def _number(found: Found, path: str) -> str:
    return _hex_number(found.content(path)) if found.get(path) else "(missing)"


def _hex_number(content: bytes) -> str:
    return f"{ber.integer(content):x}"


def _signature(found: Found) -> str:
    """The signature without the count of unused bits."""
    return extensions.short_hex(found.content("signature")[1:]) or "(empty)"


def _algorithm(found: Found, path: str) -> str:
    oid = ber.oid(found.content(f"{path}.algorithm"))
    return public_keys.algorithm_name(oid) if oid else "(unreadable)"


def _dn(found: Found, path: str) -> str:
    return summary.distinguished(found.tree, found.get(path)) or "(empty)"


def _time(found: Found, path: str) -> str:
    return summary.time(found.tree, found.get(path))
