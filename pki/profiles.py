"""What a certificate shall contain, as data: one profile for each part that a certificate can play (RFC 5280 §4.2).

A profile is the whole difference between an authority and a server; the code that issues has no branches for them.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509 import KeyUsage, ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID


@dataclass(frozen=True)
class Profile:
    """The extensions and the lifetime of one kind of certificate."""

    name: str
    days: int
    """Lifetime unless another is asked for, in days."""
    authority: bool
    """basicConstraints cA: may it sign other certificates? (§4.2.1.9)"""
    path_length: int | None = None
    """pathLenConstraint: how many authorities may stand below it; None for what is no authority."""
    usages: frozenset[str] = frozenset({"digital_signature"})
    """keyUsage bits, by the library's names (§4.2.1.3)."""
    purposes: tuple[ObjectIdentifier, ...] = ()
    """extendedKeyUsage (§4.2.1.12); an authority has none, so it may vouch for any purpose."""

    def key_usage(self, key: CertificatePublicKeyTypes) -> KeyUsage:
        """The keyUsage extension for a certificate on `key`.

        keyEncipherment is for RSA key transport alone: on an EC key it is wrong (RFC 8813 §3), and linters say so.
        """
        usages = set(self.usages)
        if not self.authority and isinstance(key, rsa.RSAPublicKey):
            usages.add("key_encipherment")
        return KeyUsage(**{bit: bit in usages for bit in KEY_USAGE_BITS})


KEY_USAGE_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

SIGNS_CERTIFICATES = frozenset({"key_cert_sign", "crl_sign"})

ROOT = Profile("root", days=3650, authority=True, path_length=1, usages=SIGNS_CERTIFICATES)
INTERMEDIATE = Profile("intermediate", days=1825, authority=True, path_length=0, usages=SIGNS_CERTIFICATES)
SERVER = Profile("server", days=90, authority=False, purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))
CLIENT = Profile("client", days=90, authority=False, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,))
