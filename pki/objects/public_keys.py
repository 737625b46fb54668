"""Public keys as encoded (SubjectPublicKeyInfo, RFC 5280 §4.1.2.7), with parameters that the library drops."""

from hashlib import sha256
from itertools import islice

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from pki import keys
from pki.asn1 import ber, der, schema
from pki.keys import PrivateKey
from pki.malformed import guarded

VERSION = der.CONTEXT | der.CONSTRUCTED
EC, RSASSA_PSS = "1.2.840.10045.2.1", "1.2.840.113549.1.1.10"


def certificate_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the SubjectPublicKeyInfo as encoded in the certificate (RFC 5280 §4.1.2.7), lowercase hex."""
    return sha256(spki_of(certificate.public_bytes(serialization.Encoding.DER))).hexdigest()


def spki_of(certificate_der: bytes) -> bytes:
    """The SubjectPublicKeyInfo in a DER certificate, as encoded. Raises ValueError if it is missing."""
    tbs = next(der.children(certificate_der, der.read(certificate_der)))
    parts = (each for each in der.children(certificate_der, tbs) if each.tag != VERSION)
    found = next(islice(parts, 5, None), None)
    if found is None:
        raise ValueError("the certificate has no SubjectPublicKeyInfo")
    return certificate_der[found.start : found.end]


def spki_of_private(key_der: bytes, key: PrivateKey) -> bytes:
    """The SubjectPublicKeyInfo of a private key, with the algorithm and parameters of its PKCS #8 encoding.

    It keeps the parameters of RSASSA-PSS and of explicit curves, which the library drops.
    """
    encoded = keys.spki_der(key.public_key())
    tree, own = ber.parse(key_der, 200), ber.parse(encoded)
    parts = tree.roots[0].children if tree.roots else []
    if [each.tag for each in parts[:3]] != [der.INTEGER, der.SEQUENCE, der.OCTET_STRING]:
        return encoded
    bits = own.roots[0].children[1]
    return der.sequence(key_der[parts[1].start : parts[1].end], encoded[bits.start : bits.end])


def restricted_pkcs8(key: PrivateKey, certificate: x509.Certificate, password: bytes) -> bytes | None:
    """An encrypted PKCS #8 with the algorithm that the certificate states, if that is RSASSA-PSS; else None.

    The library does not keep that a key is only for RSASSA-PSS (RFC 4055 §1.2); OpenSSL would then reject the key as
    not belonging to the certificate.
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

    With such a password, used for one key, one iteration and fixed salt and IV are enough.
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
    """`ecdsa-with-SHA256` for an object identifier; the identifier itself if it has no known name."""
    name = getattr(identifier(oid), "_name", "")
    return name if name and name != "Unknown OID" else oid


def identifier(oid: str) -> x509.ObjectIdentifier | None:
    """The library's object for an object identifier; None if it rejects it, as for very long ones."""
    return guarded(lambda: x509.ObjectIdentifier(oid))


def describe_spki(spki: bytes) -> str:
    """`EC P-256` for an encoded SubjectPublicKeyInfo, with unusual parameters. Never raises."""
    found = schema.read(spki, schema.KEY)
    oid = ber.oid(found.content("algorithm.algorithm"))
    key = guarded(lambda: serialization.load_der_public_key(spki))
    if key is None:
        return f"{algorithm_name(oid) if oid else 'a key of an unreadable algorithm'}, which cannot be loaded"
    parameters = found.get("algorithm.parameters")
    if oid == EC and parameters is not None and parameters.tag == der.SEQUENCE:
        return f"{keys.describe(key)} with explicit curve parameters"
    if oid == RSASSA_PSS:
        return f"{keys.describe(key)}, RSASSA-PSS{_pss(found, parameters)}"
    return keys.describe(key)


def _pss(found: schema.Found, parameters: ber.Node | None) -> str:
    """` with SHA-256 and a salt of 32 bytes`: the limits of the key (RFC 4055 §1.2). Empty without limits."""
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
