"""Check the signature of a certificate or CRL with a key (RFC 5280 §6.1.3 (a)(1), §6.3.3 (g)).

    SEQUENCE { signed part, AlgorithmIdentifier, BIT STRING }   +   SubjectPublicKeyInfo   ->   Answer

Certificates and CRLs have the same form (§4.1, §5.1). There are three outcomes, since a signature by an unknown
algorithm is neither valid nor invalid. `pki.path.strength` rejects weak hashes and keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa

from pki.asn1 import der
from pki.malformed import Malformed, read_field
from pki.objects.distinguished_names import same_name


class SignatureStatus(Enum):
    """The outcome of a signature check."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    UNKNOWN = "unknown"
    """The algorithm or the key type is not supported, or the key is too large."""


@dataclass(frozen=True)
class Answer:
    """An outcome, and the reason unless it is simply that the signature does not match."""

    outcome: SignatureStatus
    why: str | None = None


HOLDS, DOES_NOT_HOLD = Answer(SignatureStatus.HOLDS), Answer(SignatureStatus.DOES_NOT_HOLD)
MAX_RSA_BITS = 16_384  # OpenSSL's limit; one verification with such a key takes 10 ms


@dataclass(frozen=True)
class Key:
    """A public key as encoded in its certificate, and as loaded by the library."""

    spki: bytes
    """SubjectPublicKeyInfo in DER. It has parameters that the library drops, such as those of RSASSA-PSS."""
    public: Any = field(compare=False)


def key_of(certificate: Any) -> Key:
    """The public key of a certificate. Raises Malformed if it cannot be read."""
    return Key(read_field(lambda: subject_public_key_info(encoded(certificate))), read_field(certificate.public_key))


def encoded(signed: Any) -> bytes:
    """A certificate or CRL in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding

    data: bytes = signed.public_bytes(Encoding.DER)
    return data


def check(signed_der: bytes, key: Key) -> Answer:
    """Whether `key` made the signature on that certificate or CRL."""
    try:
        return read_field(lambda: _check(signed_der, key))
    except Malformed as error:
        return Answer(SignatureStatus.DOES_NOT_HOLD, str(error))


@lru_cache(maxsize=32)
def check_again(signed_der: bytes, key: Key) -> Answer:
    """`check` with a cache, for a CRL that many handshakes use."""
    return check(signed_der, key)


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the CA's key signed the certificate and the names match; False if they cannot be read."""
    try:
        same = read_field(lambda: same_name(certificate.issuer, authority.subject))
    except Malformed:
        return False
    return same and signature_holds(certificate, authority)


def signature_holds(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the CA's key signed the certificate; names are not compared (§6.1.3 (a)(1))."""
    return _holds(certificate, authority)


def key_signed_list(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    """Whether the CA's key signed the CRL; names are not compared."""
    return _holds(crl, authority)


def _holds(signed: x509.Certificate | x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        answer = check(read_field(lambda: encoded(signed)), key_of(authority))
    except Malformed:
        return False
    return answer.outcome is SignatureStatus.HOLDS


def _check(signed_der: bytes, key: Key) -> Answer:
    tbs, algorithm, signature = islice(der.children(signed_der, der.read(signed_der)), 3)
    oid, parameters = _algorithm(signed_der[algorithm.start : algorithm.end])
    if oid not in ALGORITHMS:
        return Answer(SignatureStatus.UNKNOWN, f"unknown signature algorithm {called(oid)}")
    unused = signed_der[signature.content][0]
    if unused:
        return Answer(
            SignatureStatus.DOES_NOT_HOLD, f"the signature has {unused} unused bits; it must consist of whole bytes"
        )
    kind, digest = ALGORITHMS[oid]
    of_key, limits = _algorithm(key.spki[next(der.children(key.spki, der.read(key.spki))).start :])
    if not isinstance(key.public, KINDS):
        return Answer(SignatureStatus.UNKNOWN, f"unknown key algorithm {called(of_key)}")
    if not isinstance(key.public, kind):
        return Answer(
            SignatureStatus.DOES_NOT_HOLD,
            f"the signature algorithm is {called(oid)}, but the key is for {called(of_key)}",
        )
    if isinstance(key.public, rsa.RSAPublicKey | dsa.DSAPublicKey) and key.public.key_size > MAX_RSA_BITS:
        return Answer(
            SignatureStatus.UNKNOWN,
            f"the key has {key.public.key_size} bits; {MAX_RSA_BITS} are the most that pki processes",
        )
    try:
        pss = _pss(parameters) if oid == RSASSA_PSS else None
        if of_key == RSASSA_PSS and (broken := _restriction(pss, limits)):
            return Answer(SignatureStatus.DOES_NOT_HOLD, broken)
    except _Unknown as error:
        return Answer(SignatureStatus.UNKNOWN, str(error))
    try:
        _verify(key.public, signed_der[signature.content][1:], signed_der[tbs.start : tbs.end], pss, digest)
    except InvalidSignature:
        return DOES_NOT_HOLD
    return HOLDS


def _verify(
    public: Any, signature: bytes, signed: bytes, pss: "Pss | None", digest: hashes.HashAlgorithm | None
) -> None:
    """Raises InvalidSignature if the signature does not match."""
    match public:
        case rsa.RSAPublicKey() if pss is not None:
            how = padding.PSS(padding.MGF1(pss.mask_digest), pss.salt_length)
            public.verify(signature, signed, how, pss.digest)
        case rsa.RSAPublicKey():
            assert digest is not None
            public.verify(signature, signed, padding.PKCS1v15(), digest)
        case ec.EllipticCurvePublicKey():
            assert digest is not None
            public.verify(signature, signed, ec.ECDSA(digest))
        case dsa.DSAPublicKey():
            assert digest is not None
            public.verify(signature, signed, digest)
        case _:
            public.verify(signature, signed)


# RSASSA-PSS (RFC 4055 §3.1) -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pss:
    """RSASSA-PSS-params: the hash, the hash of the mask generation function, and the length of the salt in bytes."""

    digest: hashes.HashAlgorithm
    mask_digest: hashes.HashAlgorithm
    salt_length: int

    def __str__(self) -> str:
        return (
            f"{self.digest.name.upper()}, MGF1 with {self.mask_digest.name.upper()} and a salt of "
            f"{self.salt_length} bytes"
        )


class _Unknown(Exception):
    """A parameter is not supported."""


def _restriction(pss: Pss | None, limits: bytes | None) -> str | None:
    """Why an RSASSA-PSS key may not make this signature (RFC 4055 §1.2, §3.3); None if it may."""
    if pss is None:
        return "the key is only for RSASSA-PSS (RFC 4055 §1.2), but the signature is RSASSA-PKCS1-v1_5"
    if limits is None:
        return None
    allowed = _pss(limits)
    same = (pss.digest.name, pss.mask_digest.name) == (allowed.digest.name, allowed.mask_digest.name)
    if same and pss.salt_length >= allowed.salt_length:
        return None
    return f"the key requires {allowed} or longer (RFC 4055 §1.2), but the signature has {pss}"


def _pss(parameters: bytes | None) -> Pss:
    """The parameters in DER. Raises ValueError if they are absent or malformed."""
    if parameters is None:
        raise ValueError("the parameters of RSASSA-PSS are absent (RFC 4055 §3.1)")
    outer = der.read(parameters)
    if outer.tag != der.SEQUENCE:
        raise ValueError("the parameters of RSASSA-PSS are not a SEQUENCE (RFC 4055 §3.1)")
    found = {each.tag & 0x1F: parameters[each.content] for each in der.children(parameters, outer)}
    digest = _hash(found[0]) if 0 in found else hashes.SHA1()
    mask_digest: hashes.HashAlgorithm = hashes.SHA1()
    if 1 in found:
        oid, of_mask = _algorithm(found[1])
        if oid != MGF1 or of_mask is None:
            raise _Unknown(f"unknown mask generation function {called(oid)}")
        mask_digest = _hash(of_mask)
    salt_length = _integer(found[2]) if 2 in found else 20
    if 3 in found and _integer(found[3]) != 1:
        raise _Unknown(f"unknown trailer field {_integer(found[3])} of RSASSA-PSS")
    if salt_length < 0:
        raise ValueError(f"the salt of RSASSA-PSS has {salt_length} bytes")
    return Pss(digest, mask_digest, salt_length)


def _hash(algorithm: bytes) -> hashes.HashAlgorithm:
    oid, _ = _algorithm(algorithm)
    if oid not in HASHES:
        raise _Unknown(f"unknown hash {called(oid)}")
    return HASHES[oid]


def _integer(data: bytes) -> int:
    return int.from_bytes(data[der.read(data).content], signed=True)


# DER ----------------------------------------------------------------------------------------------------------------


def subject_public_key_info(certificate_der: bytes) -> bytes:
    """SubjectPublicKeyInfo as the certificate encodes it (§4.1.2.7)."""
    tbs = next(der.children(certificate_der, der.read(certificate_der)))
    fields = [each for each in islice(der.children(certificate_der, tbs), 7) if each.tag != VERSION]
    found = fields[5]  # after serial number, signature, issuer, validity and subject
    return certificate_der[found.start : found.end]


VERSION = der.CONTEXT | der.CONSTRUCTED


def _algorithm(data: bytes) -> tuple[str, bytes | None]:
    """Object identifier and parameters (DER, None if absent) of an AlgorithmIdentifier."""
    oid, *parameters = islice(der.children(data, der.read(data)), 2)
    return der.dotted(data[oid.content]), data[parameters[0].start : parameters[0].end] if parameters else None


# Algorithms ---------------------------------------------------------------------------------------------------------

MGF1, RSASSA_PSS = "1.2.840.113549.1.1.8", "1.2.840.113549.1.1.10"
HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.26": hashes.SHA1(),
    "2.16.840.1.101.3.4.2.4": hashes.SHA224(),
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
RSA, ECDSA, DSA = rsa.RSAPublicKey, ec.EllipticCurvePublicKey, dsa.DSAPublicKey
MLDSA = (mldsa.MLDSA44PublicKey, mldsa.MLDSA65PublicKey, mldsa.MLDSA87PublicKey)
KINDS = (RSA, ECDSA, DSA, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey, *MLDSA)
ALGORITHMS: Mapping[str, tuple[type, hashes.HashAlgorithm | None]] = {
    "1.2.840.113549.1.1.4": (RSA, hashes.MD5()),
    "1.2.840.113549.1.1.5": (RSA, hashes.SHA1()),
    "1.3.14.3.2.29": (RSA, hashes.SHA1()),
    "1.2.840.113549.1.1.14": (RSA, hashes.SHA224()),
    "1.2.840.113549.1.1.11": (RSA, hashes.SHA256()),
    "1.2.840.113549.1.1.12": (RSA, hashes.SHA384()),
    "1.2.840.113549.1.1.13": (RSA, hashes.SHA512()),
    "2.16.840.1.101.3.4.3.13": (RSA, hashes.SHA3_224()),
    "2.16.840.1.101.3.4.3.14": (RSA, hashes.SHA3_256()),
    "2.16.840.1.101.3.4.3.15": (RSA, hashes.SHA3_384()),
    "2.16.840.1.101.3.4.3.16": (RSA, hashes.SHA3_512()),
    RSASSA_PSS: (RSA, None),
    "1.2.840.10045.4.1": (ECDSA, hashes.SHA1()),
    "1.2.840.10045.4.3.1": (ECDSA, hashes.SHA224()),
    "1.2.840.10045.4.3.2": (ECDSA, hashes.SHA256()),
    "1.2.840.10045.4.3.3": (ECDSA, hashes.SHA384()),
    "1.2.840.10045.4.3.4": (ECDSA, hashes.SHA512()),
    "1.2.840.10040.4.3": (DSA, hashes.SHA1()),
    "2.16.840.1.101.3.4.3.1": (DSA, hashes.SHA224()),
    "2.16.840.1.101.3.4.3.2": (DSA, hashes.SHA256()),
    "2.16.840.1.101.3.4.3.3": (DSA, hashes.SHA384()),
    "2.16.840.1.101.3.4.3.4": (DSA, hashes.SHA512()),
    "1.3.101.112": (ed25519.Ed25519PublicKey, None),
    "1.3.101.113": (ed448.Ed448PublicKey, None),
    "2.16.840.1.101.3.4.3.17": (MLDSA[0], None),
    "2.16.840.1.101.3.4.3.18": (MLDSA[1], None),
    "2.16.840.1.101.3.4.3.19": (MLDSA[2], None),
}
"""Signature algorithms of certificates and CRLs (RFC 3279, 4055, 5758, 8410, 9881). No RFC defines ECDSA with SHA-3."""

CALLED: Mapping[str, str] = {
    "1.2.840.113549.1.1.1": "RSA",
    RSASSA_PSS: "RSASSA-PSS",
    "1.2.840.10045.2.1": "EC",
    "1.2.840.10040.4.1": "DSA",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.9": "ECDSA with SHA3-224",
    "2.16.840.1.101.3.4.3.10": "ECDSA with SHA3-256",
    "2.16.840.1.101.3.4.3.11": "ECDSA with SHA3-384",
    "2.16.840.1.101.3.4.3.12": "ECDSA with SHA3-512",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
    "1.2.643.2.2.3": "GOST R 34.11-94 with GOST R 34.10-2001",
    "1.2.643.7.1.1.3.2": "GOST R 34.10-2012 with 256 bits",
    "1.2.643.7.1.1.3.3": "GOST R 34.10-2012 with 512 bits",
    "1.2.840.113549.1.1.2": "RSA with MD2",
    "1.2.840.113549.1.1.3": "RSA with MD4",
}


def called(oid: str) -> str:
    """`ECDSA with SHA3-256 (2.16.840.1.101.3.4.3.10)`; the object identifier alone if it is unknown."""
    if oid in CALLED:
        return f"{CALLED[oid]} ({oid})"
    kind, digest = ALGORITHMS.get(oid, (None, None))
    words = {"RSAPublicKey": "RSA", "EllipticCurvePublicKey": "ECDSA", "DSAPublicKey": "DSA"}
    return f"{words[kind.__name__]} with {digest.name.upper()} ({oid})" if kind and digest else oid
