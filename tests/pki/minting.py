"""Certificates and CRLs for the tests of path validation: any field, any extension, any signer.

    root = mint("Root", CA, usage("key_cert_sign", "crl_sign"))
    leaf = mint("leaf", hosts("localhost"), by=root)

Each is correct for `NOW` except for what a test asks for. Extensions are critical as RFC 5280 has it, or as
`noncritical` and `critical` say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.asn1 import der
from pki.path import verify
from pki.verdict import PathProfile, Purpose, Verdict
from tests.pki.support import DAY, NOW

LOCALHOST = x509.DNSName("localhost")
SERIALS = iter(range(1000, 10**9))
ECDSA_SHA256 = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))
Extension = tuple[x509.ExtensionType, bool]
BITS = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip


def critical(value: x509.ExtensionType) -> Extension:
    return value, True


def noncritical(value: x509.ExtensionType) -> Extension:
    return value, False


def usage(*bits: str) -> Extension:
    return critical(x509.KeyUsage(**{bit: bit in bits for bit in BITS}))


def basic(ca: bool, path_length: int | None = None) -> Extension:
    return critical(x509.BasicConstraints(ca, path_length))


def names(*found: x509.GeneralName) -> Extension:
    return noncritical(x509.SubjectAlternativeName(found))


def hosts(*found: str) -> Extension:
    return names(*map(x509.DNSName, found))


def raw(oid: x509.ObjectIdentifier | str, value: bytes, *, is_critical: bool = False) -> Extension:
    oid = x509.ObjectIdentifier(oid) if isinstance(oid, str) else oid
    return x509.UnrecognizedExtension(oid, value), is_critical


CA = (basic(True), usage("key_cert_sign", "crl_sign"))
SERVER = (
    hosts("localhost"),
    usage("digital_signature"),
    noncritical(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])),
)


@cache
def key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    """The same key for the same number, so that twins have one key."""
    return ec.derive_private_key(0x1234567890ABCDEF + number, ec.SECP256R1())


@dataclass(frozen=True)
class Minted:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    def __post_init__(self) -> None:
        assert isinstance(self.certificate, x509.Certificate)


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)] if text else [])


NUMBERS = iter(range(1, 10**9))


def mint(
    subject: str | x509.Name,
    *extensions: Extension,
    by: Minted | None = None,
    own: Any = None,
    public: Any = None,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + 30 * DAY,
    issuer: x509.Name | None = None,
    digest: Any = hashes.SHA256(),  # noqa: B008  # has no state
    identifiers: bool = True,
    serial: int | None = None,
    **how: Any,
) -> Minted:
    """Signed by `by`, by itself without it; `own` is its key, `public` the public key if that is another."""
    own = own or key(next(NUMBERS))
    public = public or own.public_key()
    signer = by.key if by else own
    name = common_name(subject) if isinstance(subject, str) else subject
    above = issuer or (by.certificate.subject if by else name)
    builder = x509.CertificateBuilder(above, name, public, serial or next(SERIALS), begin, end)
    for value, is_critical in extensions:
        builder = builder.add_extension(value, is_critical)
    if identifiers:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        above_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(above_key, critical=False)
    return Minted(builder.sign(signer, digest, **how), own)


def edited(minted: Minted, signer: Minted, change: Callable[[bytes], bytes]) -> Minted:
    """The certificate with its signed part changed, signed again with P-256 and SHA-256."""
    tbs = change(minted.certificate.tbs_certificate_bytes)
    signature = signer.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    whole = der.sequence(tbs, ECDSA_SHA256, der.bit_string(signature))
    return replace(minted, certificate=x509.load_der_x509_certificate(whole))


def swapped(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """A change that replaces bytes by as many others."""

    def change(tbs: bytes) -> bytes:
        assert old in tbs
        assert len(old) == len(new)
        return tbs.replace(old, new)

    return change


def crl(
    issuer: Minted,
    *revoked: Minted,
    by: Any = None,
    name: x509.Name | None = None,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + 30 * DAY,
    number: int = 1,
    extensions: Sequence[Extension] = (),
    digest: Any = hashes.SHA256(),  # noqa: B008  # has no state
) -> x509.CertificateRevocationList:
    """A CRL of `issuer`, signed with its key or that of `by`."""
    builder = x509.CertificateRevocationListBuilder(name or issuer.certificate.subject, begin, end)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for value, is_critical in extensions:
        builder = builder.add_extension(value, is_critical)
    for each in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder(each.certificate.serial_number, NOW - DAY).build()
        )
    return builder.sign((by or issuer).key, digest)


def judge(
    leaf: Minted,
    *pool: Minted,
    anchors: Sequence[Minted],
    name: x509.GeneralName | None = LOCALHOST,
    profile: PathProfile = PathProfile.TLS,
    purpose: Purpose = Purpose.SERVER,
    crls: Sequence[x509.CertificateRevocationList] = (),
    at: datetime = NOW,
) -> Verdict:
    """`pki.verify`, with everything right unless a test asks for something else."""
    return verify(
        leaf.certificate,
        intermediates=[each.certificate for each in pool],
        trust_anchors=[each.certificate for each in anchors],
        name=name,
        profile=profile,
        purpose=purpose,
        crls=crls,
        at=at,
    )


def assert_accepted(verdict: Verdict) -> None:
    assert verdict.accepted, verdict.reason


def assert_refused(verdict: Verdict, check: str, *words: str) -> None:
    """Refused by that check, with these words in its reason."""
    assert verdict.failure is not None, "it is accepted"
    assert verdict.failure.name == check, verdict.failure
    for each in words:
        assert each in verdict.failure.detail, verdict.failure.detail


def of(minted: Minted) -> bytes:
    return minted.certificate.public_bytes(Encoding.DER)


A_MONTH = timedelta(30)
