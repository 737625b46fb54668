"""Certificates that OpenSSL serves and accepts, or refuses, and in which the library cannot read something."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from pki import keys
from pki.asn1 import der
from pki.authority import Validity, key_identifier
from pki.cases.tbs_certificate import Draft
from pki.keys import KeyType
from pki.profiles import CLIENT, SERVER
from pki.store.files import read_credential
from tlsdemo.protocol import Side

PRINTABLE, TELETEX, BMP, IA5, UTF8 = 0x13, 0x14, 0x1E, 0x16, 0x0C
TLS_FEATURE = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24")
UNKNOWN = x509.ObjectIdentifier("1.2.3.4")
Change = Callable[[Draft], Draft]


@dataclass(frozen=True)
class Odd:
    """A leaf in DER, and its key in PEM."""

    der: bytes
    key_pem: bytes

    @property
    def pem(self) -> bytes:
        return der.armoured("CERTIFICATE", self.der)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """`odd.pem` and `odd.key`."""
        files = folder / "odd.pem", folder / "odd.key"
        for file, content in zip(files, (self.pem, self.key_pem), strict=True):
            file.write_bytes(content)
        return files


def odd(certs: Path, change: Change, side: Side = Side.SERVER) -> Odd:
    """A leaf for localhost, signed by the root of that folder, with one thing changed."""
    root, key = read_credential(certs / "root.pem", certs / "root.key"), keys.generate(KeyType.EC_P256)
    now = datetime.now(UTC).replace(microsecond=0)
    draft = Draft.of(
        SERVER if side is Side.SERVER else CLIENT,
        subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")]),
        issuer=root.certificate.subject.public_bytes(),
        public_key=key.public_key(),
        alternative_names=[x509.DNSName("localhost")],
        validity=Validity(now - timedelta(hours=1), now + timedelta(days=10)),
        serial=x509.random_serial_number(),
        key_identifier=x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest,
        authority_key_identifier=key_identifier(root.certificate),
    )
    return Odd(change(draft).sign(root.key), keys.to_pem(key))


def common_name(tag: int, content: bytes) -> bytes:
    """A Name of one common name, in a string of that type."""
    attribute = der.sequence(der.object_identifier("2.5.4.3"), der.element(tag, content))
    return der.sequence(der.element(der.SET, attribute))


def subject(tag: int, content: bytes) -> Change:
    return lambda draft: draft.but(subject=common_name(tag, content))


def issuer(tag: int, content: bytes) -> Change:
    return lambda draft: draft.but(issuer=common_name(tag, content))


def names(*der_of_each: bytes) -> Change:
    """These subject alternative names besides localhost."""
    value = der.sequence(der.element(0x82, b"localhost"), *der_of_each)
    return lambda draft: draft.having_raw(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, value)


def dns(name: bytes) -> bytes:
    return der.element(0x82, name)


def extension(oid: x509.ObjectIdentifier, value: bytes) -> Change:
    return lambda draft: draft.having_raw(oid, value)


ACCEPTED_BY_OPENSSL: dict[str, Change] = {
    "an underscore in a PrintableString": subject(PRINTABLE, b"a_b"),
    "an @ in a PrintableString": subject(PRINTABLE, b"a@b.example"),
    "a Latin-1 letter in a TeletexString": subject(TELETEX, b"J\xfcrgen"),
    "a byte in an IA5String that is not ASCII": subject(IA5, b"J\xfcrgen"),
    "an address of five bytes": names(der.element(0x87, b"12345")),
    "an X.400 address": names(der.element(0xA3, der.sequence())),
    "a DNS name that is not ASCII": names(dns(b"b\xfccher.example")),
    "an unknown TLS feature": extension(TLS_FEATURE, der.sequence(der.integer(99))),
    "a TLS feature that is not a number": extension(TLS_FEATURE, der.sequence(der.octet_string(b"x"))),
    "a serial number of 0": lambda draft: draft.but(serial=0),
    "a negative serial number": lambda draft: draft.but(serial=-5),
    "a serial number of 30 bytes": lambda draft: draft.but(serial=1 << 239),
}
REFUSED_BY_OPENSSL: dict[str, Change] = {
    "the year 0": lambda draft: draft.but(not_after=der.element(der.GENERALIZED_TIME, b"00000101000000Z")),
    "no month 13": lambda draft: draft.but(not_after=der.element(der.GENERALIZED_TIME, b"20401301000000Z")),
    "an issuer with a Latin-1 letter": issuer(TELETEX, b"J\xfcrgen"),
    "an issuer with an underscore": issuer(PRINTABLE, b"a_b"),
}
NOT_LOADED_BY_OPENSSL: dict[str, Change] = {
    "a byte in a UTF8String that is not UTF-8": subject(UTF8, b"J\xfcrgen"),
    "half a character in a BMPString": subject(BMP, b"\xd8\x00\x00a"),
    "an extension twice": lambda draft: draft.but(extensions=(*draft.extensions, draft.extensions[-1])),
}
SERVED = ACCEPTED_BY_OPENSSL | REFUSED_BY_OPENSSL
ODD = SERVED | NOT_LOADED_BY_OPENSSL
