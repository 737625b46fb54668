"""A certificate, request, revocation list or key -> rows: what it says, and why that is there (RFC 5280 §4, §5).

Certificates come from strangers: every field is read under guard, since the library parses late and may raise at any
of them; text is escaped, so that no certificate drives a terminal. Not here: any judgement (`pki.path`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from pki import keys, names
from pki.errors import printable

PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "server",
    ExtendedKeyUsageOID.CLIENT_AUTH: "client",
    ExtendedKeyUsageOID.CODE_SIGNING: "code signing",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "mail",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP signing",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "any",
}


@dataclass(frozen=True)
class Row:
    """One statement: its name, what it says, and why it is there, with the section (RFC 5280 where none is named)."""

    label: str
    value: str
    reason: str
    exact: str = ""
    """What the value stands for in full, in hex, where it is shortened or leaves something out."""


@dataclass(frozen=True)
class Description:
    """One object of a file: what it is, and its rows."""

    title: str
    rows: tuple[Row, ...]


def _row(label: str, reason: str, read: Callable[[], object], exact: Callable[[], bytes] = bytes) -> Row:
    try:
        value, full = str(read()), exact().hex()
    except Exception as error:  # a stranger's bytes: whatever the library raises, the other rows still stand
        value, full = f"unreadable: {error}", ""
    return Row(label, printable(value), reason, full)


# What can be explained ----------------------------------------------------------------------------------------------


def certificate(cert: x509.Certificate) -> Description:
    """A certificate, field by field in the order of RFC 5280 §4.1."""
    rows = [
        _row("version", "3 is the version that can carry extensions (§4.1.2.1)", lambda: cert.version.name.lstrip("v")),
        _row(
            "serial number",
            "unique for its issuer, and unpredictable: revocation names a certificate by it (§4.1.2.2)",
            lambda: f"{cert.serial_number:x}",
        ),
        _row("signature algorithm", "how the issuer signed (§4.1.1.2)", lambda: _algorithm(cert)),
        _row(
            "issuer",
            "who vouches, by name only: anybody can write any name here (§4.1.2.4)",
            lambda: _dn(cert.issuer),
            lambda: cert.issuer.public_bytes(),
        ),
        _row(
            "not before",
            "valid from this moment; `pki` sets it an hour back, for clocks that are slow (§4.1.2.5)",
            lambda: _time(cert.not_valid_before_utc),
        ),
        _row("not after", "and up to this one (§4.1.2.5)", lambda: _time(cert.not_valid_after_utc)),
        _row(
            "subject",
            "who this is about, for people to read: clients do not look for host names here (§4.1.2.6, RFC 9525 §2)",
            lambda: _dn(cert.subject),
            lambda: cert.subject.public_bytes(),
        ),
        _public_key(cert.public_key),
        *_extensions(lambda: cert.extensions),
        _row(
            "signature",
            "made with the issuer's private key over everything above: the one thing that cannot be copied (§4.1.1.3)",
            lambda: _hex(cert.signature),
            lambda: cert.signature,
        ),
    ]
    return Description(f"certificate {_title(cert)}", tuple(rows))


def request(csr: x509.CertificateSigningRequest) -> Description:
    """A certification request (RFC 2986)."""
    rows = [
        _row("subject", "who asks (RFC 2986 §4.1)", lambda: _dn(csr.subject)),
        _public_key(csr.public_key),
        *_extensions(lambda: csr.extensions),
        _row("signature", "by the requester's own key: proof of possession", lambda: _hex(csr.signature)),
        _row("signature valid", "checked just now", lambda: "yes" if csr.is_signature_valid else "no"),
    ]
    return Description("certification request", tuple(rows))


def revocation_list(crl: x509.CertificateRevocationList) -> Description:
    """A certificate revocation list (RFC 5280 §5)."""
    rows = [
        _row("issuer", "whose certificates it speaks of (§5.1.2.3)", lambda: _dn(crl.issuer)),
        _row("this update", "what was known at this moment (§5.1.2.4)", lambda: _time(crl.last_update_utc)),
        _row(
            "next update",
            "after this it is stale, and a strict client accepts nothing on its word (§5.1.2.5)",
            lambda: _time(crl.next_update_utc) if crl.next_update_utc else "not stated",
        ),
        _row("revoked", "serial numbers that are no longer vouched for (§5.1.2.6)", lambda: _revoked(crl)),
        *_extensions(lambda: crl.extensions),
        _row("signature", "by the issuer's key (§5.1.1.3)", lambda: _hex(crl.signature)),
    ]
    return Description("certificate revocation list", tuple(rows))


def private_key(key: Any) -> Description:
    """A private key: what it is for, never what it is."""
    rows = [
        _row("type", "the algorithm and its strength", lambda: keys.describe(key.public_key())),
        _row(
            "public key",
            "SHA-256 of the public half; a certificate for it shows the same",
            lambda: _spki(key.public_key()),
        ),
    ]
    return Description("private key (whoever has it is the subject of its certificate)", tuple(rows))


def _public_key(read: Callable[[], PublicKeyTypes]) -> Row:
    return _row(
        "public key",
        "whoever has the private half of it is the subject; its fingerprint is shown (§4.1.2.7)",
        lambda: _spki(read()),
    )


def _spki(key: PublicKeyTypes) -> str:
    return f"{keys.describe(key)}, SHA-256 {keys.fingerprint(key)}"


def _title(cert: x509.Certificate) -> str:
    row = _row("", "", lambda: _dn(cert.subject))
    return row.value


# Extensions (§4.2) --------------------------------------------------------------------------------------------------

EXTENSIONS: dict[x509.ObjectIdentifier, tuple[str, str]] = {
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME: (
        "names",
        "what a client compares with the name that it asked for (§4.2.1.6)",
    ),
    ExtensionOID.BASIC_CONSTRAINTS: ("authority", "whether this key may sign other certificates (§4.2.1.9)"),
    ExtensionOID.KEY_USAGE: ("key usage", "what the key may do (§4.2.1.3)"),
    ExtensionOID.EXTENDED_KEY_USAGE: ("purpose", "for which side of a conversation it is good (§4.2.1.12)"),
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: (
        "subject key id",
        "a short name for this key, for finding it; copied as easily as any name (§4.2.1.2)",
    ),
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: (
        "authority key id",
        "the short name of the key that signed: which issuer to try (§4.2.1.1)",
    ),
    ExtensionOID.CRL_NUMBER: ("CRL number", "grows with every list (§5.2.3)"),
}


def _extensions(read: Callable[[], x509.Extensions]) -> Iterator[Row]:
    try:
        found = list(read())
    except Exception as error:  # one malformed extension makes the library refuse them all
        yield Row("extensions", printable(f"unreadable: {error}"), "§4.2")
        return
    order = list(EXTENSIONS)
    for extension in sorted(found, key=lambda each: order.index(each.oid) if each.oid in EXTENSIONS else len(order)):
        label, reason = EXTENSIONS.get(extension.oid, (_extension_name(extension), "see RFC 5280 §4.2"))
        critical = "; critical: who does not understand it must refuse" if extension.critical else ""
        yield _row(label, reason + critical, partial(_extension_text, extension), partial(_extension_der, extension))


def _extension_name(extension: x509.Extension[x509.ExtensionType]) -> str:
    name = getattr(extension.oid, "_name", "")
    return name if name and name != "Unknown OID" else extension.oid.dotted_string


def _extension_text(extension: x509.Extension[x509.ExtensionType]) -> str:
    return _extension_value(extension.value) + (" (critical)" if extension.critical else "")


def _extension_der(extension: x509.Extension[x509.ExtensionType]) -> bytes:
    return bytes([extension.critical]) + extension.value.public_bytes()


def _extension_value(value: x509.ExtensionType) -> str:
    match value:
        case x509.SubjectAlternativeName():
            return ", ".join(names.show(name) for name in value)
        case x509.BasicConstraints(ca=False):
            return "no"
        case x509.BasicConstraints(path_length=length):
            return "yes" if length is None else f"yes, with at most {length} below it"
        case x509.KeyUsage():
            return ", ".join(_key_usage(value))
        case x509.ExtendedKeyUsage():
            return ", ".join(PURPOSES.get(oid, oid.dotted_string) for oid in value)
        case x509.SubjectKeyIdentifier(digest=digest):
            return digest.hex()
        case x509.AuthorityKeyIdentifier(key_identifier=identifier):
            return identifier.hex() if identifier else "(by issuer and serial number)"
        case x509.CRLNumber(crl_number=number):
            return str(number)
    return _hex(value.public_bytes())


def _key_usage(usage: x509.KeyUsage) -> Iterator[str]:
    from pki.profiles import KEY_USAGE_BITS

    for bit in KEY_USAGE_BITS:
        if bit in ("encipher_only", "decipher_only") and not usage.key_agreement:
            continue  # defined only together with key agreement; the library raises
        if getattr(usage, bit):
            yield {"key_cert_sign": "sign certificates", "crl_sign": "sign CRLs"}.get(bit, bit.replace("_", " "))


def _algorithm(cert: x509.Certificate) -> str:
    name = getattr(cert.signature_algorithm_oid, "_name", "")
    return name or cert.signature_algorithm_oid.dotted_string


def _dn(name: x509.Name) -> str:
    return name.rfc4514_string() or "(empty)"


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def _hex(data: bytes) -> str:
    return f"{data[:16].hex()}… ({len(data)} bytes)" if len(data) > 24 else data.hex()


def _revoked(crl: x509.CertificateRevocationList) -> str:
    serials = [f"{entry.serial_number:x} on {entry.revocation_date_utc:%Y-%m-%d}" for entry in crl]
    if len(serials) > 20:
        serials = [*serials[:20], f"… {len(serials)} in all"]
    return ", ".join(serials) or "none"


# Files --------------------------------------------------------------------------------------------------------------

_PEM: dict[str, Callable[[bytes], Description]] = {
    "CERTIFICATE": lambda pem: certificate(x509.load_pem_x509_certificate(pem)),
    "CERTIFICATE REQUEST": lambda pem: request(x509.load_pem_x509_csr(pem)),
    "NEW CERTIFICATE REQUEST": lambda pem: request(x509.load_pem_x509_csr(pem)),
    "X509 CRL": lambda pem: revocation_list(x509.load_pem_x509_crl(pem)),
    "PRIVATE KEY": lambda pem: private_key(serialization.load_pem_private_key(pem, None)),
    "EC PRIVATE KEY": lambda pem: private_key(serialization.load_pem_private_key(pem, None)),
    "RSA PRIVATE KEY": lambda pem: private_key(serialization.load_pem_private_key(pem, None)),
    "ENCRYPTED PRIVATE KEY": lambda _: Description("private key, encrypted", ()),
}

_DER: tuple[Callable[[bytes], Description], ...] = (
    lambda der: certificate(x509.load_der_x509_certificate(der)),
    lambda der: request(x509.load_der_x509_csr(der)),
    lambda der: revocation_list(x509.load_der_x509_crl(der)),
    lambda der: private_key(serialization.load_der_private_key(der, None)),
)


def everything(data: bytes) -> Iterator[Description]:
    """Each object in the bytes of a PEM or DER file, in order. Nothing at all if nothing is recognised."""
    blocks = list(_pem_blocks(data))
    for label, block in blocks:
        yield _guarded(label, block)
    if not blocks:
        for load in _DER:
            try:
                yield load(data)
                return
            except Exception:  # not this kind of object; try the next
                continue


def _guarded(label: str, block: bytes) -> Description:
    load = _PEM.get(label)
    if load is None:
        return Description(f"{label.lower()}: not a kind that is explained here", ())
    try:
        return load(block)
    except Exception as error:  # a stranger's bytes, as in `_row`
        return Description(
            f"{label.lower()}: unreadable", (Row("because", printable(str(error)), "as the library says"),)
        )


def _pem_blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(label, block with its armour) for every complete block (RFC 7468); text around them is allowed."""
    rest = data
    while (start := rest.find(b"-----BEGIN ")) >= 0:
        rest = rest[start:]
        label, dashes, _ = rest[len(b"-----BEGIN ") :].partition(b"-----")
        footer = b"-----END " + label + b"-----"
        end = rest.find(footer)
        if not dashes or end < 0 or len(label) > 64:
            rest = rest[1:]
            continue
        yield printable(label.decode("ascii", "replace")), rest[: end + len(footer)] + b"\n"
        rest = rest[end + len(footer) :]
