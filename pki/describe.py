"""A certificate, request, revocation list or key -> rows: what it says, and why that is there (RFC 5280 §4, §5).

Certificates come from strangers: every field is read under guard, since the library parses late and may raise at any
of them; text is escaped, so that no certificate drives a terminal. Not here: any judgement (`pki.path`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from pki import extensions, keys, numbers
from pki.errors import printable


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


class Secrets(Enum):
    """Whether to show what makes a private key private."""

    HIDDEN = "hidden"
    SHOWN = "shown"


def private_key(key: Any, secrets: Secrets = Secrets.HIDDEN) -> Description:
    """A private key: what it is for; what it is only where its secrets are asked for."""
    rows = list(_key_rows(key.public_key()))
    if secrets is Secrets.SHOWN:
        rows += [_row(name, reason, partial(str, value)) for name, value, reason in numbers.secret(key)]
    return Description("private key (whoever has it is the subject of its certificate)", tuple(rows))


def public_key(key: Any) -> Description:
    """A public key."""
    return Description("public key", tuple(_key_rows(key)))


def _key_rows(key: Any) -> Iterator[Row]:
    yield _row("type", "the algorithm and its strength", lambda: keys.describe(key))
    yield _row(
        "public key",
        "SHA-256 of the public half; a certificate for it shows the same",
        lambda: _spki(key),
    )
    for name, value, reason in numbers.public(key):
        yield _row(name, reason, partial(str, value))


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


# Parts --------------------------------------------------------------------------------------------------------------


def _extensions(read: Callable[[], x509.Extensions]) -> Iterator[Row]:
    try:
        found = extensions.in_order(read())
    except Exception as error:  # one malformed extension makes the library refuse them all
        yield Row("extensions", printable(f"unreadable: {error}"), "§4.2")
        return
    for extension in found:
        critical = "; critical: who does not understand it must refuse" if extension.critical else ""
        yield _row(
            extensions.label(extension.oid),
            extensions.meaning(extension.oid) + critical,
            partial(_extension_text, extension),
            partial(_extension_der, extension),
        )


def _extension_text(extension: x509.Extension[x509.ExtensionType]) -> str:
    return extensions.text(extension.value) + (" (critical)" if extension.critical else "")


def _extension_der(extension: x509.Extension[x509.ExtensionType]) -> bytes:
    return bytes([extension.critical]) + extension.value.public_bytes()


_hex = extensions.short_hex


def _algorithm(cert: x509.Certificate) -> str:
    name = getattr(cert.signature_algorithm_oid, "_name", "")
    return name or cert.signature_algorithm_oid.dotted_string


def _dn(name: x509.Name) -> str:
    return name.rfc4514_string() or "(empty)"


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def _revoked(crl: x509.CertificateRevocationList) -> str:
    serials = [f"{entry.serial_number:x} on {entry.revocation_date_utc:%Y-%m-%d}" for entry in crl]
    if len(serials) > 20:
        serials = [*serials[:20], f"… {len(serials)} in all"]
    return ", ".join(serials) or "none"
