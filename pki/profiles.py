"""The contents of certificates as data: one profile for each type of certificate (RFC 5280 §4.2).

Only the profile differs between a CA and a server; the code that issues has no branches for them.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509 import KeyUsage, ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID


@dataclass(frozen=True)
class Profile:
    """The extensions and the validity of one type of certificate."""

    name: str
    days: int
    """The default validity in days."""
    authority: bool
    """basicConstraints cA: whether it is a CA certificate (§4.2.1.9)."""
    path_length: int | None = None
    """pathLenConstraint: the most CAs below it; None unless it is a CA certificate."""
    usages: frozenset[str] = frozenset({"digital_signature"})
    """keyUsage bits, by the library's names (§4.2.1.3)."""
    purposes: tuple[ObjectIdentifier, ...] = ()
    """extendedKeyUsage (§4.2.1.12). A CA has none, so it may issue for any purpose."""

    def key_usage(self, key: CertificatePublicKeyTypes) -> KeyUsage:
        """The keyUsage extension for a certificate with this key.

        keyEncipherment is only for RSA key transport; RFC 8813 §3 forbids it for EC keys, and linters report it.
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
