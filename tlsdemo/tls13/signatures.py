"""Signature schemes of TLS 1.3, and the content that CertificateVerify signs (RFC 8446 §4.2.3, §4.4.3).

    signature = sign( 64 spaces, "TLS 1.3, server CertificateVerify", a zero byte, transcript hash )

A scheme names the hash and, for ECDSA, the curve: TLS 1.3 binds what TLS 1.2 left open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from pki import keys
from pki.malformed import MALFORMED
from tlsdemo import peer
from tlsdemo.protocol import Side
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import ProtocolError, Violation

ECDSA_P256, ECDSA_P384, ED25519 = 0x0403, 0x0503, 0x0807
RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512 = 0x0804, 0x0805, 0x0806


@dataclass(frozen=True)
class Scheme:
    """One signature scheme: its name, and the keys that it is for."""

    name: str
    hash: hashes.HashAlgorithm | None = None
    """None where the algorithm has its own."""
    curve: str = ""
    """The curve of an ECDSA scheme; empty for any other."""

    def fits(self, key: Any) -> bool:
        """Whether a public key goes with the scheme."""
        if self.curve:
            return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == self.curve
        if self.hash:  # PSS needs room for the hash, a salt of the same length and two bytes (RFC 8017 §9.1.1)
            return isinstance(key, rsa.RSAPublicKey) and key.key_size >= 8 * (2 * self.hash.digest_size + 2)
        return isinstance(key, ed25519.Ed25519PublicKey)


SCHEMES: Mapping[int, Scheme] = {
    ECDSA_P256: Scheme("ecdsa_secp256r1_sha256", hashes.SHA256(), "secp256r1"),
    ECDSA_P384: Scheme("ecdsa_secp384r1_sha384", hashes.SHA384(), "secp384r1"),
    ED25519: Scheme("ed25519"),
    RSA_PSS_SHA256: Scheme("rsa_pss_rsae_sha256", hashes.SHA256()),
    RSA_PSS_SHA384: Scheme("rsa_pss_rsae_sha384", hashes.SHA384()),
    RSA_PSS_SHA512: Scheme("rsa_pss_rsae_sha512", hashes.SHA512()),
}
"""The schemes for a handshake, in order of preference."""

CERTIFICATES_ONLY = (0x0401, 0x0501, 0x0601)
"""rsa_pkcs1_sha256, _sha384, _sha512: in certificates only, never in CertificateVerify (§4.2.3)."""

OFFERED = (*SCHEMES, *CERTIFICATES_ONLY)


def signed_content(signer: Side, transcript_hash: bytes) -> bytes:
    """The bytes that are signed. They name the side: a server's signature does not verify as a client's."""
    return b" " * 64 + f"TLS 1.3, {signer.value} CertificateVerify".encode() + b"\0" + transcript_hash


def suitable(key: keys.PrivateKey, accepted: Sequence[int]) -> int | None:
    """The first scheme that goes with this side's key and that the peer accepts; None without one."""
    public = key.public_key()
    return next((number for number, scheme in SCHEMES.items() if number in accepted and scheme.fits(public)), None)


def choose(key: keys.PrivateKey, accepted: Sequence[int]) -> int:
    """The same; ProtocolError without one."""
    if (number := suitable(key, accepted)) is None:
        raise ProtocolError(TlsViolation.NO_COMMON_SCHEME, f"the key is {keys.describe(key.public_key())}")
    return number


def sign(key: keys.PrivateKey, number: int, content: bytes) -> bytes:
    """Prove possession of the key. With EC and Ed25519 the same content gives the same signature (RFC 6979, 8032)."""
    scheme = SCHEMES[number]
    match key:
        case ed25519.Ed25519PrivateKey():
            return key.sign(content)
        case ec.EllipticCurvePrivateKey() if scheme.hash:
            return key.sign(content, ec.ECDSA(scheme.hash, deterministic_signing=True))
        case rsa.RSAPrivateKey() if scheme.hash:
            return key.sign(content, _pss(scheme.hash), scheme.hash)
    raise ValueError(f"a {type(key).__name__} cannot sign with {scheme.name}")


def check_signature(certificate: x509.Certificate, number: int, signature: bytes, content: bytes) -> None:
    """Verify that the certificate's key made the signature over `content`; ProtocolError if not."""
    scheme = SCHEMES.get(number)
    if scheme is None:
        raise ProtocolError(TlsViolation.SCHEME_NOT_OFFERED, f"0x{number:04x}")
    key = peer.attempt(certificate.public_key)
    if isinstance(key, peer.Unreadable):
        raise ProtocolError(Violation.WEAK_KEY, key.why)
    if not scheme.fits(key):
        raise ProtocolError(TlsViolation.SCHEME_OF_OTHER_KEY, f"{scheme.name} with {keys.describe(key)}")
    try:
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(signature, content)
            case ec.EllipticCurvePublicKey() if scheme.hash:
                key.verify(signature, content, ec.ECDSA(scheme.hash))
            case rsa.RSAPublicKey() if scheme.hash:
                key.verify(signature, content, _pss(scheme.hash), scheme.hash)
    except InvalidSignature:
        detail = "the certificate's key did not make it over this handshake"
        raise ProtocolError(Violation.BAD_SIGNATURE, detail) from None
    except MALFORMED as error:
        raise ProtocolError(Violation.WEAK_KEY, str(error)) from None


def _pss(algorithm: hashes.HashAlgorithm) -> padding.PSS:
    return padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
