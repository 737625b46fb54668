"""A certificate before it is signed; every field can have any value, valid or not (RFC 5280 §4.1).

    Draft.of(profile, ...)  ->  .but(serial=0)  ->  .sign(issuer) -> DER

`cryptography` refuses to build malformed certificates, so this module writes the DER itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import SignatureAlgorithmOID

from pki import keys
from pki.asn1 import der
from pki.authority import Validity, contents
from pki.keys import PrivateKey
from pki.profiles import Profile


@dataclass(frozen=True)
class RawExtension:
    """One extension with any bytes as its value (§4.2)."""

    oid: x509.ObjectIdentifier
    critical: bool
    value: bytes

    def encoded(self) -> bytes:
        """The extension in DER. `critical` is omitted if false, as DER requires for default values (X.690 §11.5)."""
        critical = der.boolean(True) if self.critical else b""
        return der.sequence(der.object_identifier(self.oid.dotted_string), critical, der.octet_string(self.value))


@dataclass(frozen=True)
class Signed:
    """The three parts of a certificate (§4.1.1): tbsCertificate, signatureAlgorithm and signatureValue."""

    tbs: bytes
    algorithm: bytes
    signature: bytes

    @classmethod
    def by(cls, key: PrivateKey, tbs: bytes, digest: hashes.HashAlgorithm | None) -> "Signed":
        """Sign `tbs` with this key and hash."""
        return cls(tbs, algorithm_identifier(key, digest), _signature(key, digest, tbs))

    def encoded(self) -> bytes:
        """The certificate in DER."""
        return der.sequence(self.tbs, self.algorithm, der.bit_string(self.signature))


Afterwards = Callable[[Signed], Signed]


@dataclass(frozen=True)
class Draft:
    """The fields of a certificate in the order of §4.1; names, times and the public key in DER."""

    serial: int
    issuer: bytes
    not_before: bytes
    not_after: bytes
    subject: bytes
    public_key: bytes
    extensions: tuple[RawExtension, ...]
    version: int = 3
    digest: hashes.HashAlgorithm | None = None
    """None: the usual hash for the issuer's key."""
    algorithm_inside: bytes | None = None
    """The algorithm inside the tbsCertificate. None: the same as outside."""
    afterwards: Afterwards = lambda signed: signed
    """A change of the signed certificate."""

    @classmethod
    def of(
        cls,
        profile: Profile,
        *,
        subject: x509.Name,
        issuer: bytes,
        public_key: CertificatePublicKeyTypes,
        alternative_names: Sequence[x509.GeneralName],
        validity: Validity,
        serial: int,
        key_identifier: bytes,
        authority_key_identifier: bytes,
    ) -> "Draft":
        """A valid certificate, as `pki.authority` issues it."""
        found = contents(
            profile,
            subject=subject,
            public_key=public_key,
            alternative_names=tuple(alternative_names),
            key_identifier=key_identifier,
            authority_key_identifier=authority_key_identifier,
        )
        return cls(
            serial=serial,
            issuer=issuer,
            not_before=der.time(validity.not_before),
            not_after=der.time(validity.not_after),
            subject=subject.public_bytes(),
            public_key=keys.spki_der(public_key),
            extensions=tuple(RawExtension(each.oid, critical, each.public_bytes()) for each, critical in found),
        )

    def but(self, **different: Any) -> "Draft":
        """A copy with other fields."""
        return replace(self, **different)

    def having(self, value: x509.ExtensionType, *, critical: bool = False) -> "Draft":
        """A copy with this extension added, or in place of the one with the same OID."""
        return self.having_raw(value.oid, value.public_bytes(), critical=critical)

    def having_raw(self, oid: x509.ObjectIdentifier, value: bytes, *, critical: bool = False) -> "Draft":
        """As `having`, for a value in any encoding."""
        new, present = RawExtension(oid, critical, value), any(each.oid == oid for each in self.extensions)
        if not present:
            return self.but(extensions=(*self.extensions, new))
        return self.but(extensions=tuple(new if each.oid == oid else each for each in self.extensions))

    def without(self, *kinds: x509.ObjectIdentifier) -> "Draft":
        """A copy without the extensions with these OIDs."""
        return self.but(extensions=tuple(each for each in self.extensions if each.oid not in kinds))

    def to_be_signed(self, algorithm: bytes) -> bytes:
        """The tbsCertificate (§4.1.2) in DER. Version 1 and an empty list of extensions are omitted."""
        extensions = der.explicit(3, der.sequence(*(each.encoded() for each in self.extensions)))
        return der.sequence(
            der.explicit(0, der.integer(self.version - 1)) if self.version > 1 else b"",
            der.integer(self.serial),
            self.algorithm_inside or algorithm,
            self.issuer,
            der.sequence(self.not_before, self.not_after),
            self.subject,
            self.public_key,
            extensions if self.extensions else b"",
        )

    def signed(self, issuer: PrivateKey) -> Signed:
        """Sign with the issuer's key, then apply `afterwards`."""
        digest = self.digest or keys.signature_hash(issuer)
        return self.afterwards(Signed.by(issuer, self.to_be_signed(algorithm_identifier(issuer, digest)), digest))

    def sign(self, issuer: PrivateKey) -> bytes:
        """The certificate in DER."""
        return self.signed(issuer).encoded()


ALGORITHMS = {
    (ec.EllipticCurvePrivateKey, "sha1"): SignatureAlgorithmOID.ECDSA_WITH_SHA1,
    (ec.EllipticCurvePrivateKey, "sha256"): SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    (ec.EllipticCurvePrivateKey, "sha384"): SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    (rsa.RSAPrivateKey, "md5"): SignatureAlgorithmOID.RSA_WITH_MD5,
    (rsa.RSAPrivateKey, "sha1"): SignatureAlgorithmOID.RSA_WITH_SHA1,
    (rsa.RSAPrivateKey, "sha256"): SignatureAlgorithmOID.RSA_WITH_SHA256,
}


def algorithm_identifier(key: PrivateKey, digest: hashes.HashAlgorithm | None) -> bytes:
    """AlgorithmIdentifier (§4.1.1.2); RSA's has a NULL, the others have no parameters (RFC 3279, RFC 8410)."""
    if digest is None:
        return der.sequence(der.object_identifier(SignatureAlgorithmOID.ED25519.dotted_string))
    for (kind, name), oid in ALGORITHMS.items():
        if isinstance(key, kind) and digest.name == name:
            parameters = der.element(der.NULL) if kind is rsa.RSAPrivateKey else b""
            return der.sequence(der.object_identifier(oid.dotted_string), parameters)
    raise ValueError(f"no signature with {type(key).__name__} over {digest.name}")


def _signature(key: PrivateKey, digest: hashes.HashAlgorithm | None, tbs: bytes) -> bytes:
    match key:
        case rsa.RSAPrivateKey():
            assert digest is not None
            return key.sign(tbs, padding.PKCS1v15(), digest)
        case ec.EllipticCurvePrivateKey():
            assert digest is not None
            return key.sign(tbs, ec.ECDSA(digest))
        case _:
            return key.sign(tbs)
