"""A certificate before it is signed, with nothing taken for granted: any field can say anything (RFC 5280 §4.1).

    Draft.of(profile, ...)  ->  .but(serial=0)  ->  .sign(issuer) -> DER

The library builds good certificates and refuses to build bad ones; what is wrong is therefore written in DER here.
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
    """One extension: its value is any bytes (§4.2)."""

    oid: x509.ObjectIdentifier
    critical: bool
    value: bytes

    def encoded(self) -> bytes:
        """`critical` is left out where it is false, as is everything that has its default (X.690 §11.5)."""
        critical = der.boolean(True) if self.critical else b""
        return der.sequence(der.object_identifier(self.oid.dotted_string), critical, der.octet_string(self.value))


@dataclass(frozen=True)
class Signed:
    """The three parts of a certificate (§4.1.1): what is said, how it is signed, and the signature."""

    tbs: bytes
    algorithm: bytes
    signature: bytes

    @classmethod
    def by(cls, key: PrivateKey, tbs: bytes, digest: hashes.HashAlgorithm | None) -> "Signed":
        """Signed with that key over that hash."""
        return cls(tbs, algorithm_identifier(key, digest), _signature(key, digest, tbs))

    def encoded(self) -> bytes:
        """The certificate in DER."""
        return der.sequence(self.tbs, self.algorithm, der.bit_string(self.signature))


Afterwards = Callable[[Signed], Signed]


@dataclass(frozen=True)
class Draft:
    """What a certificate will say, field by field in the order of §4.1; names, times and the key in DER."""

    serial: int
    issuer: bytes
    not_before: bytes
    not_after: bytes
    subject: bytes
    public_key: bytes
    extensions: tuple[RawExtension, ...]
    version: int = 3
    digest: hashes.HashAlgorithm | None = None
    """None: the hash that befits the key."""
    algorithm_inside: bytes | None = None
    """None: the same as outside."""
    afterwards: Afterwards = lambda signed: signed
    """What is done to it after it was signed."""

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
        """A correct certificate: the same that `pki.authority` makes."""
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
        """The same, with other fields."""
        return replace(self, **different)

    def having(self, value: x509.ExtensionType, *, critical: bool = False) -> "Draft":
        """With that extension, in place of the one of its kind."""
        return self.having_raw(value.oid, value.public_bytes(), critical=critical)

    def having_raw(self, oid: x509.ObjectIdentifier, value: bytes, *, critical: bool = False) -> "Draft":
        """The same, for a value that the library does not write."""
        new, present = RawExtension(oid, critical, value), any(each.oid == oid for each in self.extensions)
        if not present:
            return self.but(extensions=(*self.extensions, new))
        return self.but(extensions=tuple(new if each.oid == oid else each for each in self.extensions))

    def without(self, *kinds: x509.ObjectIdentifier) -> "Draft":
        """Without the extensions of these kinds."""
        return self.but(extensions=tuple(each for each in self.extensions if each.oid not in kinds))

    def to_be_signed(self, algorithm: bytes) -> bytes:
        """The tbsCertificate (§4.1.2) in DER: no version is version 1, no extensions are left out."""
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
        """Signed by the issuer, and whatever is done afterwards."""
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
