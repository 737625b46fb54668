"""Authentication: a signature over the handshake, and a certificate chain to a trust anchor.

CertificateVerify:  signed( 64 spaces, the signer's side, a zero byte, the transcript hash )          §4.4.3
Certificate:        leaf <- intermediate CA <- trust anchor, which the peer has beforehand            §4.4.2
"""

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from pki import Purpose, keys
from pki.malformed import MALFORMED
from tlsdemo import peer
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError, Violation

PURPOSES = {Side.SERVER: Purpose.SERVER, Side.CLIENT: Purpose.CLIENT}


def signed_content(signer: Side, transcript_hash: bytes) -> bytes:
    """The bytes that are signed. They name the side: a server's signature does not verify as a client's."""
    return b" " * 64 + f"tlsdemo, {signer.value} CertificateVerify".encode() + b"\0" + transcript_hash


def sign(key: keys.PrivateKey, content: bytes) -> bytes:
    """Prove possession of the key. With EC and Ed25519 the same content gives the same signature (RFC 6979, 8032)."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return key.sign(content)
        case ec.EllipticCurvePrivateKey():
            return key.sign(content, ec.ECDSA(_hash(key.public_key()), deterministic_signing=True))
        case rsa.RSAPrivateKey():
            return key.sign(content, _pss(), hashes.SHA256())
    raise ValueError(f"a {type(key).__name__} cannot sign a handshake")


def check_signature(certificate: x509.Certificate, signature: bytes, content: bytes) -> None:
    """Verify that the certificate's key made the signature over `content`; ProtocolError if not."""
    try:
        match key := _public_key(certificate):
            case ed25519.Ed25519PublicKey():
                key.verify(signature, content)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, content, ec.ECDSA(_hash(key)))
            case rsa.RSAPublicKey():
                key.verify(signature, content, _pss(), hashes.SHA256())
            case _:
                raise ProtocolError(Violation.WEAK_KEY, keys.describe(key))
    except InvalidSignature:
        detail = "the certificate's key did not make it over this handshake"
        raise ProtocolError(Violation.BAD_SIGNATURE, detail) from None
    except MALFORMED as error:
        raise ProtocolError(Violation.WEAK_KEY, str(error)) from None


def _public_key(certificate: x509.Certificate) -> PublicKeyTypes:
    found = peer.attempt(certificate.public_key)
    if isinstance(found, peer.Unreadable):
        raise ProtocolError(Violation.WEAK_KEY, found.why)
    return found


def _hash(key: ec.EllipticCurvePublicKey) -> hashes.HashAlgorithm:
    return hashes.SHA384() if key.key_size > 256 else hashes.SHA256()


def _pss() -> padding.PSS:
    return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
