"""Key pairs: the types that we offer, generation, PEM (PKCS#8), and which hash signs with which key."""

from enum import Enum
from hashlib import sha256
from itertools import islice

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from pki.asn1 import ber, der, schema
from pki.malformed import guarded

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
RSA_BITS = {"rsa-2048": 2048, "rsa-3072": 3072, "rsa-4096": 4096}


class KeyType(Enum):
    """The key types of `--key-type`. EC P-256 is the default: quick to make, small on the wire, accepted everywhere."""

    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    ED25519 = "ed25519"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"


def generate(key_type: KeyType) -> PrivateKey:
    """A fresh private key. RSA takes its time: about 50 ms for 2048 bits, 400 ms for 4096."""
    match key_type:
        case KeyType.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyType.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS[key_type.value])


def signature_hash(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | None:
    """The hash that signs with this key: as strong as the key, and None for Ed25519, which brings its own."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return None
        case ec.EllipticCurvePrivateKey() if key.key_size > 256:
            return hashes.SHA384()
        case _:
            return hashes.SHA256()


def to_pem(key: PrivateKey) -> bytes:
    """PKCS#8 in PEM, not encrypted: a development key, guarded by its file mode."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def from_pem(pem: bytes) -> PrivateKey:
    """A private key of one of our types. ValueError says what is wrong with the text."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("the key is encrypted, and no passphrase is at hand") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it holds no private key in PEM") from None
    if not isinstance(key, PrivateKey):
        raise ValueError(f"a {type(key).__name__} cannot sign certificates here")
    return key


def spki_der(key: PublicKeyTypes) -> bytes:
    """SubjectPublicKeyInfo in DER: equal bytes, equal keys."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: PublicKeyTypes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, lowercase hex."""
    return sha256(spki_der(key)).hexdigest()


def certificate_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the SubjectPublicKeyInfo as encoded in the certificate (RFC 5280 §4.1.2.7), lowercase hex."""
    return sha256(spki_of(certificate.public_bytes(serialization.Encoding.DER))).hexdigest()


def spki_of(certificate_der: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate in DER, as encoded there; ValueError where it is missing."""
    tbs = next(der.children(certificate_der, der.read(certificate_der)))
    parts = (each for each in der.children(certificate_der, tbs) if each.tag != VERSION)
    found = next(islice(parts, 5, None), None)
    if found is None:
        raise ValueError("the certificate has no SubjectPublicKeyInfo")
    return certificate_der[found.start : found.end]


VERSION = der.CONTEXT | der.CONSTRUCTED


def spki_of_private(key_der: bytes, key: PrivateKey) -> bytes:
    """The SubjectPublicKeyInfo of a private key, with the algorithm and parameters that its PKCS #8 encoding states.

    So the parameters of RSASSA-PSS and of an explicit curve stay, which the library drops.
    """
    encoded = spki_der(key.public_key())
    tree, own = ber.parse(key_der, 200), ber.parse(encoded)
    parts = tree.roots[0].children if tree.roots else []
    if [each.tag for each in parts[:3]] != [der.INTEGER, der.SEQUENCE, der.OCTET_STRING]:
        return encoded
    bits = own.roots[0].children[1]
    return der.sequence(key_der[parts[1].start : parts[1].end], encoded[bits.start : bits.end])


def restricted_pkcs8(key: PrivateKey, certificate: x509.Certificate, password: bytes) -> bytes | None:
    """An encrypted PKCS #8 with the algorithm that the certificate states, if that is RSASSA-PSS; else None.

    The library forgets that a key is for RSASSA-PSS alone (RFC 4055 §1.2), and OpenSSL then finds that the key and
    the certificate are not a pair.
    """
    info = schema.read(spki_of(certificate.public_bytes(serialization.Encoding.DER)), schema.KEY)
    if ber.oid(info.content("algorithm.algorithm")) != RSASSA_PSS:
        return None
    pkcs1 = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return _encrypted(der.sequence(der.integer(0), info.whole("algorithm"), der.octet_string(pkcs1)), password)


def _encrypted(pkcs8: bytes, password: bytes) -> bytes:
    """PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018 §6.2); the password must be long and random.

    So one iteration and fixed salt and IV are enough: each password encrypts one key.
    """
    salt, iv, rounds = bytes(16), bytes(16), 1
    secret = PBKDF2HMAC(hashes.SHA256(), 32, salt, rounds).derive(password)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padder.update(pkcs8) + padder.finalize()) + encryptor.finalize()
    prf = der.sequence(der.object_identifier("1.2.840.113549.2.9"), der.element(der.NULL))
    derivation = der.sequence(der.octet_string(salt), der.integer(rounds), prf)
    scheme = der.sequence(
        der.sequence(der.object_identifier("1.2.840.113549.1.5.12"), derivation),
        der.sequence(der.object_identifier("2.16.840.1.101.3.4.1.42"), der.octet_string(iv)),
    )
    algorithm = der.sequence(der.object_identifier("1.2.840.113549.1.5.13"), scheme)
    return der.sequence(algorithm, der.octet_string(ciphertext))


def algorithm_name(oid: str) -> str:
    """`ecdsa-with-SHA256` for an object identifier; the identifier itself where it has no name here."""
    name = getattr(identifier(oid), "_name", "")
    return name if name and name != "Unknown OID" else oid


def identifier(oid: str) -> x509.ObjectIdentifier | None:
    """The library's object for an object identifier; None where it refuses it, as it does very long ones."""
    return guarded(lambda: x509.ObjectIdentifier(oid))


def describe_spki(spki: bytes) -> str:
    """`EC P-256` for a SubjectPublicKeyInfo as encoded, with what its parameters say besides. Never raises."""
    found = schema.read(spki, schema.KEY)
    oid = ber.oid(found.content("algorithm.algorithm"))
    key = guarded(lambda: serialization.load_der_public_key(spki))
    if key is None:
        return f"{algorithm_name(oid) if oid else 'a key of an unreadable algorithm'}, which cannot be loaded"
    parameters = found.get("algorithm.parameters")
    if oid == EC and parameters is not None and parameters.tag == der.SEQUENCE:
        return f"{describe(key)} with explicit curve parameters"
    if oid == RSASSA_PSS:
        return f"{describe(key)}, RSASSA-PSS{_pss(found, parameters)}"
    return describe(key)


EC, RSASSA_PSS = "1.2.840.10045.2.1", "1.2.840.113549.1.1.10"


def _pss(found: schema.Found, parameters: ber.Node | None) -> str:
    """` with SHA-256 and a salt of 32 bytes`: what RFC 4055 §1.2 lets the key do. Empty if it does not limit."""
    if parameters is None:
        return ""
    data, digest, salt = found.tree.data, "SHA-1", 20
    for each in parameters.children:
        inner = each.children[0] if each.children else None
        if each.tag == 0xA0 and inner is not None and inner.children:
            digest = algorithm_name(ber.oid(data[inner.children[0].content]) or "?").upper().replace("SHA", "SHA-")
        elif each.tag == 0xA2 and inner is not None:
            salt = ber.integer(data[inner.content][:8])
    return f" with {digest.replace('SHA--', 'SHA-')} and a salt of {salt} bytes"


def describe(key: PublicKeyTypes) -> str:
    """`EC P-256`, `RSA 2048 bits`, `Ed25519`."""
    match key:
        case ec.EllipticCurvePublicKey():
            curves = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
            return f"EC {curves.get(key.curve.name, key.curve.name)}"
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size} bits"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")
