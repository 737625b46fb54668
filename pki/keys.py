"""Key pairs: types, generation, PEM (PKCS #8), and the hash that each key signs with."""

from enum import Enum
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
CertifiedKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey | rsa.RSAPublicKey
"""A public key that a certificate for TLS may have."""
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)  # of RFC 8446 §4.2.3
RSA_BITS = {"rsa-2048": 2048, "rsa-3072": 3072, "rsa-4096": 4096}


class KeyType(Enum):
    """The values of `--key-type`. EC P-256 is the default: fast to generate, small, accepted everywhere."""

    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    ED25519 = "ed25519"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"


def generate(key_type: KeyType) -> PrivateKey:
    """A new private key. RSA takes about 50 ms for 2048 bits, 400 ms for 4096."""
    match key_type:
        case KeyType.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyType.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS[key_type.value])


def type_of(key: PublicKeyTypes) -> KeyType | None:
    """The type that `generate` makes such a key for; None if it makes none."""
    match key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            return KeyType.EC_P256
        case ec.EllipticCurvePublicKey(curve=ec.SECP384R1()):
            return KeyType.EC_P384
        case ed25519.Ed25519PublicKey():
            return KeyType.ED25519
        case rsa.RSAPublicKey():
            return next((KeyType(name) for name, bits in RSA_BITS.items() if bits == key.key_size), None)
    return None


def signature_hash(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | None:
    """The hash to sign with, as strong as the key; None for Ed25519, which has its own."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return None
        case ec.EllipticCurvePrivateKey() if key.key_size > 256:
            return hashes.SHA384()
        case _:
            return hashes.SHA256()


def to_pem(key: PrivateKey, passphrase: bytes | None = None) -> bytes:
    """PKCS #8 in PEM; without a passphrase not encrypted, and the file mode protects it.

    The library encrypts with AES-256 and 2,048 iterations of PBKDF2-HMAC-SHA256, which cannot be raised: only a long
    passphrase withstands guessing.
    """
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def from_pem(pem: bytes) -> PrivateKey:
    """A private key in PEM of one of the types above. Raises ValueError."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("the key is encrypted, and no passphrase was given") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it contains no private key in PEM") from None
    if not isinstance(key, PrivateKey):
        raise ValueError(f"pki cannot sign with a {type(key).__name__}")
    return key


def spki_der(key: PublicKeyTypes) -> bytes:
    """SubjectPublicKeyInfo in DER, equal for equal keys."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: PublicKeyTypes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, lowercase hex."""
    return sha256(spki_der(key)).hexdigest()


def describe(key: PublicKeyTypes) -> str:
    """`EC P-256`, `RSA 2048 bits`, `Ed25519`."""
    match key:
        case ec.EllipticCurvePublicKey():
            curves = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
            return f"EC {curves.get(key.curve.name, key.curve.name)}"
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size} bits"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")
