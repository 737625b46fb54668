"""A copied certificate: it is public, so an attacker can present it, but without its private key."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pki.authority import Credential


@dataclass(frozen=True)
class Copied(Credential):
    """The certificate and chain of a victim, with the attacker's key of the same type."""

    @property
    def disguised_key(self) -> bytes:
        """The attacker's key in DER (SEC 1, PKCS #1), with the certificate's public key written into it.

        OpenSSL compares only the public keys, so it accepts this key for the certificate. Signatures are still those of
        the attacker's key.
        """
        der = self.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return der.replace(_public_half(self.key.public_key()), _public_half(self.certificate.public_key()))


def _public_half(key: object) -> bytes:
    match key:
        case ec.EllipticCurvePublicKey():
            return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        case rsa.RSAPublicKey():
            return key.public_numbers().n.to_bytes((key.key_size + 7) // 8)
    raise ValueError("only EC and RSA keys have such a format")
