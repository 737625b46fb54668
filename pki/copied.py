"""A copied certificate: public, so that anybody can show it, and with a key that is not its own."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pki.authority import Credential


@dataclass(frozen=True)
class Copied(Credential):
    """Somebody's certificate and chain, and a key of the copier's, of the same type."""

    @property
    def disguised_key(self) -> bytes:
        """The key in DER (SEC 1, PKCS #1), with the certificate's public half written into it.

        A library that compares the public halves alone, as OpenSSL does, takes it for the certificate's key. The
        signatures that it makes are still those of another key.
        """
        der = self.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return der.replace(_public_half(self.key.public_key()), _public_half(self.certificate.public_key()))


def _public_half(key: object) -> bytes:
    match key:
        case ec.EllipticCurvePublicKey():
            return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        case rsa.RSAPublicKey():
            return key.public_numbers().n.to_bytes((key.key_size + 7) // 8)
    raise ValueError("only EC and RSA keys have such a form")
