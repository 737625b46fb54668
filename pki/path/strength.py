"""What the profile `tls` asks of keys and hashes: that they are strong, and such as TLS 1.3 can use."""

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509 import KeyUsage

from pki import keys
from pki.path.reading import Path, Request
from pki.path.steps import Failure, who
from pki.verdict import Purpose

LEAST_RSA, LEAST_EC = 2048, 224  # bits: 112 bits of security (NIST SP 800-131A; RFC 9325 §4.5)
BROKEN_HASHES = ("md5", "sha1", "md2")


def strength(path: Path, request: Request) -> str:
    """Keys that can be computed, and hashes for which a second document can be found, prove nothing."""
    for each in path.certificates:
        key = each.certificate.public_key()
        match key:
            case rsa.RSAPublicKey() | dsa.DSAPublicKey() if key.key_size < LEAST_RSA:
                least = LEAST_RSA
            case ec.EllipticCurvePublicKey() if key.key_size < LEAST_EC:
                least = LEAST_EC
            case _:
                continue
        raise Failure(f"the key of {who(each)} is too short: {keys.describe(key)}, and {least} bits are needed")
    for each in path.certificates:
        digest = each.certificate.signature_hash_algorithm
        if each is not path.anchor and digest is not None and digest.name in BROKEN_HASHES:
            raise Failure(f"{who(each)} is signed over {digest.name.upper()}, and can be forged")
    return "keys and hashes are strong enough"


CURVES = ("secp256r1", "secp384r1", "secp521r1")
EXPLICIT = bytes.fromhex("06072a8648ce3d0101")
"""The identifier of a prime field: it stands in a key only where the curve is spelt out instead of named."""


def schemes(path: Path, request: Request) -> str:
    """A curve has a name (RFC 5480 §2.1.1), and the leaf's key signs by one of TLS 1.3's schemes (§4.2.3)."""
    for each in path.certificates:
        key = each.certificate.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey) and EXPLICIT in each.certificate.tbs_certificate_bytes:
            raise Failure(f"{who(each)} spells its curve out, and must name it (RFC 5480 §2.1.1)")
    key = path.leaf.certificate.public_key()
    match key:
        case ec.EllipticCurvePublicKey() if key.curve.name in CURVES:
            pass
        case rsa.RSAPublicKey() | ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            pass
        case _:
            raise Failure(f"TLS 1.3 has no signature with the key of {who(path.leaf)}: {keys.describe(key)}")
    return f"TLS 1.3 can sign with it: {keys.describe(key)}"


def signing(path: Path, request: Request) -> str:
    """All that the leaf's key does in TLS 1.3 is sign. (An authority as a leaf is the question of another profile.)"""
    usage = path.leaf.value(KeyUsage)
    if request.purpose is Purpose.ANY or usage is None or path.leaf.is_authority:
        return "not limited, or not asked for"
    if not usage.digital_signature:
        raise Failure(
            f"the key of {who(path.leaf)} may not sign, and in TLS 1.3 it does nothing else: key usage does not say so",
            "key transport and static agreement, which it may be for, ended with TLS 1.2",
        )
    return "the leaf's key may sign"
