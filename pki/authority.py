"""A CA issues certificates and CRLs (RFC 5280 §4, §5). Pure: keys, times and serial numbers are arguments.

Authority.self_signed(ROOT, ...)  ->  .subordinate(INTERMEDIATE, ...)  ->  .issue(SERVER, ...) -> Credential
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pki import keys, names
from pki.keys import PrivateKey
from pki.profiles import ROOT, Profile

if TYPE_CHECKING:
    import ssl

    from pki.handover import CredentialFiles

MAX_COMMON_NAME = 64  # ub-common-name, RFC 5280 appendix A.1; the library counts bytes of UTF-8

PLAIN_STEM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@~+-]*")
"""The names of files that `Credential.write` takes from a certificate."""


@dataclass(frozen=True)
class Validity:
    """notBefore and notAfter, both included (RFC 5280 §4.1.2.5); aware UTC datetimes in whole seconds."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def of(cls, certificate: x509.Certificate) -> "Validity":
        """The validity of a certificate."""
        return cls(certificate.not_valid_before_utc, certificate.not_valid_after_utc)

    def until(self, issuer: "Validity") -> "Validity":
        """This validity, ended with the issuer's: without a valid issuer a certificate cannot be validated.

        The beginning stays as it is, so that a young CA can issue a certificate that has expired.
        """
        return Validity(self.not_before, min(self.not_after, issuer.not_after))


@dataclass(frozen=True)
class Credential:
    """A private key, its certificate, and the issuers to send: from the leaf's issuer up to below the root."""

    key: PrivateKey
    certificate: x509.Certificate
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The chain that a server sends (RFC 8446 §4.4.2): each certificate is issued by the next."""
        return (self.certificate, *self.issuers)

    @property
    def chain_pem(self) -> bytes:
        """The chain in PEM, leaf first."""
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.chain)

    @property
    def key_pem(self) -> bytes:
        """The private key in PEM (PKCS #8), not encrypted."""
        return keys.to_pem(self.key)

    def configure(self, context: "ssl.SSLContext") -> None:
        """Load the chain and the key into a context, for a server or a client that proves its identity with them.

        Raises ValueError if OpenSSL does not load them, for example because the key is too weak for the context, and
        TypeError for another kind of context.
        """
        from pki import handover  # here: it is EDGE, and only this method and the next one need it

        handover.load_chain(context, self.chain_pem, self.key)

    def write(self, folder: "str | os.PathLike[str]") -> "CredentialFiles":
        """Write the chain and the key to NAME.pem and NAME.key, named after the first name of the certificate.

        If that name is unusual in a file name, the serial number is used. The folder is created if needed, and the key
        file has mode 0600. Raises FileExistsError if a file exists, and OSError if a write fails; then neither is left.
        """
        from pki import handover

        first = next(iter(names.readable(self.certificate)), None)
        stem = names.file_stem(first) if first else ""
        if not PLAIN_STEM.fullmatch(stem):  # a foreign certificate may have any name, such as ../../x
            stem = f"{self.certificate.serial_number:x}"
        key, chain = handover.write_new(
            folder, {f"{stem}.key": (self.key_pem, 0o600), f"{stem}.pem": (self.chain_pem, 0o644)}
        )
        return handover.CredentialFiles(chain, key)


@dataclass(frozen=True)
class Revoked:
    """An entry of a CRL (§5.1.2.6): serial number, time, and the reason if one is stated (§5.3.1)."""

    serial: int
    date: datetime
    reason: x509.ReasonFlags | None = None

    @classmethod
    def of(cls, entry: x509.RevokedCertificate) -> "Revoked":
        """The entry of an existing CRL. Raises MALFORMED for an extension that cannot be read."""
        reasons = [each.value.reason for each in entry.extensions if isinstance(each.value, x509.CRLReason)]
        return cls(entry.serial_number, entry.revocation_date_utc, reasons[0] if reasons else None)

    def built(self) -> x509.RevokedCertificate:
        """The entry for the library."""
        builder = x509.RevokedCertificateBuilder().serial_number(self.serial).revocation_date(self.date)
        if self.reason not in (None, x509.ReasonFlags.unspecified):  # unspecified is stated by its absence (§5.3.1)
            builder = builder.add_extension(x509.CRLReason(self.reason), critical=False)
        return builder.build()


Extensions = Iterable[tuple[x509.ExtensionType, bool]]
"""Extensions, and whether each is critical."""


@dataclass(frozen=True)
class Authority:
    """A CA: its certificate and key."""

    credential: Credential

    @property
    def certificate(self) -> x509.Certificate:
        """The CA certificate."""
        return self.credential.certificate

    @property
    def key_identifier(self) -> bytes:
        """The subject key identifier, which certificates of this CA have as authority key identifier (§4.2.1.1)."""
        return key_identifier(self.certificate)

    @classmethod
    def self_signed(
        cls,
        profile: Profile,
        *,
        subject: x509.Name,
        key: PrivateKey,
        validity: Validity,
        serial: int,
        claimed_key_identifier: bytes | None = None,
        extensions: Extensions = (),
    ) -> "Authority":
        """A root CA. Its key identifier is the SHA-1 of its key (§4.2.1.2 (1)); an attacker may claim another one.

        `extensions` replace those of the profile that have the same type; others are added.
        """
        ski = claimed_key_identifier or x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
        builder = to_be_signed(
            profile, subject=subject, issuer=subject, public_key=key.public_key(), alternative_names=(),
            validity=validity, serial=serial, key_identifier=ski, authority_key_identifier=ski, extensions=extensions,
        )  # fmt: skip
        return cls(Credential(key, builder.sign(key, keys.signature_hash(key))))

    @classmethod
    def imitation(cls, root: x509.Certificate, *, key: PrivateKey, serial: int) -> "Authority":
        """A rogue CA: subject, validity, key identifier and name constraints are those of `root`; the key differs."""
        return cls.self_signed(
            ROOT,
            subject=root.subject,
            key=key,
            validity=Validity.of(root),
            serial=serial,
            claimed_key_identifier=key_identifier(root),
            extensions=[
                (each.value, each.critical) for each in root.extensions if isinstance(each.value, x509.NameConstraints)
            ],
        )

    def subordinate(
        self,
        profile: Profile,
        *,
        subject: x509.Name,
        key: PrivateKey,
        validity: Validity,
        serial: int,
        extensions: Extensions = (),
    ) -> "Authority":
        """An intermediate CA, issued by this CA."""
        certificate = self.certify(
            profile,
            subject=subject,
            alternative_names=(),
            public_key=key.public_key(),
            validity=validity,
            serial=serial,
            extensions=extensions,
        )
        return Authority(Credential(key, certificate))

    def issue(
        self,
        profile: Profile,
        *,
        alternative_names: Iterable[x509.GeneralName],
        key: PrivateKey,
        validity: Validity,
        serial: int,
        subject: x509.Name | None = None,
        extensions: Extensions = (),
    ) -> Credential:
        """An end-entity certificate for all the names. Raises ValueError without names.

        The validity ends at the latest with that of the CA. The subject is the first name unless it is given.
        `extensions` replace those of the profile that have the same type. The credential includes the CA certificate
        unless it is a root.
        """
        wanted = names.unique(alternative_names)
        if not wanted:
            raise ValueError("a certificate needs at least one name")
        certificate = self.certify(
            profile,
            subject=self.subject_for(wanted) if subject is None else subject,
            alternative_names=wanted,
            public_key=key.public_key(),
            validity=validity,
            serial=serial,
            extensions=extensions,
        )
        return Credential(key, certificate, self.issuers)

    @property
    def issuers(self) -> tuple[x509.Certificate, ...]:
        """The chain to send above a certificate that this CA issues: empty for a root."""
        is_root = self.certificate.issuer == self.certificate.subject
        return () if is_root else self.credential.chain

    @property
    def name_constraints(self) -> x509.NameConstraints | None:
        """The names that this CA may issue for (§4.2.1.10); None if it is not limited."""
        found = [each.value for each in self.certificate.extensions if isinstance(each.value, x509.NameConstraints)]
        return found[0] if found else None

    def subject_for(self, wanted: tuple[x509.GeneralName, ...]) -> x509.Name:
        """The subject for a certificate with these names: CN=first name, or empty.

        OpenSSL compares the CN with the constraints on DNS names if the certificate has no DNS name.
        """
        if self.name_constraints and not any(isinstance(name, x509.DNSName) for name in wanted):
            return x509.Name([])
        return subject_for(wanted[0])

    def crl(
        self, *, number: int, this_update: datetime, next_update: datetime, revoked: Iterable[int | Revoked] = ()
    ) -> x509.CertificateRevocationList:
        """A CRL of this CA (§5), valid until `next_update`. A bare serial number is revoked since `this_update`."""
        aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            x509.SubjectKeyIdentifier(self.key_identifier)
        )
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(this_update)
            .next_update(next_update)
            .add_extension(aki, critical=False)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for each in revoked:
            entry = each if isinstance(each, Revoked) else Revoked(each, this_update)
            builder = builder.add_revoked_certificate(entry.built())
        return builder.sign(self.credential.key, keys.signature_hash(self.credential.key))

    def certify(
        self,
        profile: Profile,
        *,
        subject: x509.Name,
        alternative_names: tuple[x509.GeneralName, ...],
        public_key: CertificatePublicKeyTypes,
        validity: Validity,
        serial: int,
        extensions: Extensions = (),
    ) -> x509.Certificate:
        """A certificate for a public key whose private key may be elsewhere; parameters as for `issue`."""
        builder = to_be_signed(
            profile,
            subject=subject,
            issuer=self.certificate.subject,
            public_key=public_key,
            alternative_names=alternative_names,
            validity=validity.until(Validity.of(self.certificate)),
            serial=serial,
            key_identifier=x509.SubjectKeyIdentifier.from_public_key(public_key).digest,
            authority_key_identifier=self.key_identifier,
            extensions=extensions,
        )
        return builder.sign(self.credential.key, keys.signature_hash(self.credential.key))


def key_identifier(certificate: x509.Certificate) -> bytes:
    """The subject key identifier of a certificate (§4.2.1.2)."""
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def to_be_signed(
    profile: Profile,
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: CertificatePublicKeyTypes,
    alternative_names: tuple[x509.GeneralName, ...],
    validity: Validity,
    serial: int,
    key_identifier: bytes,
    authority_key_identifier: bytes,
    extensions: Extensions = (),
) -> x509.CertificateBuilder:
    """The part of a certificate that the issuer signs (tbsCertificate, §4.1.1.1)."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
    )
    usual = contents(
        profile,
        subject=subject,
        public_key=public_key,
        alternative_names=alternative_names,
        key_identifier=key_identifier,
        authority_key_identifier=authority_key_identifier,
    )
    chosen = {extension.oid: (extension, critical) for extension, critical in (*usual, *extensions)}
    for extension, critical in chosen.values():
        builder = builder.add_extension(extension, critical)
    return builder


def contents(
    profile: Profile,
    *,
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    alternative_names: tuple[x509.GeneralName, ...],
    key_identifier: bytes,
    authority_key_identifier: bytes,
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """Yield the extensions (§4.2), and whether each is critical."""
    yield x509.BasicConstraints(profile.authority, profile.path_length), True
    yield profile.key_usage(public_key), True
    yield x509.SubjectKeyIdentifier(key_identifier), False
    aki = x509.SubjectKeyIdentifier(authority_key_identifier)
    yield x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(aki), False
    if profile.purposes:
        yield x509.ExtendedKeyUsage(profile.purposes), False
    if alternative_names:
        # Critical exactly if the subject is empty (§4.2.1.6).
        yield x509.SubjectAlternativeName(alternative_names), not list(subject)


def authority_name(name: str, part: str) -> x509.Name:
    """The subject of a CA: O=name, CN=name + part ("root", "intermediate")."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {part}"),
        ]
    )


def subject_for(name: x509.GeneralName) -> x509.Name:
    """CN=name, for people only: clients do not check it (RFC 9525 §2). Empty if the name is too long."""
    text = names.plain(name)
    if len(text.encode()) > MAX_COMMON_NAME:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
