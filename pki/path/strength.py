"""Keys and hashes that the profile `tls` accepts: strong ones, and a leaf key that TLS 1.3 can use.

    RSA   modulus of 2048 bits or more, odd, not prime, without small factors, its two factors not close together;
          public exponent odd and more than 1
    EC    a named curve of 224 bits or more

The numbers are read from the DER of the certificate: the library does not load some of these keys.
"""

from functools import cache, lru_cache
from math import gcd, isqrt, prod

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa
from cryptography.x509 import KeyUsage

from pki import keys
from pki.asn1 import der
from pki.budget import WorkKind, modulus_price
from pki.objects.signatures import MAX_RSA_BITS
from pki.path.request import CertificateFields, Path, Request
from pki.path.steps import Failure, who
from pki.verdict import Purpose

LEAST_RSA, LEAST_EC = 2048, 224  # bits: 112 bits of security (NIST SP 800-131A; RFC 9325 §4.5)
BROKEN_HASHES = {"md5": "MD5", "sha1": "SHA-1", "md2": "MD2"}


def strength(path: Path, request: Request) -> str:
    """Keys resist computing the private key, and hashes resist collisions."""
    for each in path.certificates:
        check_key(each, request)
    for each in path.certificates:
        if numbers := rsa_numbers(each.spki):
            path.budget.spend(WorkKind.MODULUS, price=modulus_price(numbers[0]))
            if found := weakness(numbers[0]):
                raise Failure(f"the RSA key of {who(each)} is weak: {found}")
    for each in path.certificates[:-1]:  # a trust anchor is trusted without its signature
        digest = each.certificate.signature_hash_algorithm
        if digest is not None and digest.name in BROKEN_HASHES:
            raise Failure(
                f"{who(each)} is signed with {BROKEN_HASHES[digest.name]}, which is broken: signatures can be forged"
            )
    return "keys and hashes are strong enough"


def check_key(certificate: CertificateFields, request: Request) -> None:
    """Raises Failure if the key is too short, or if an RSA key has an obvious flaw; `strength` tests more."""
    if numbers := rsa_numbers(certificate.spki):
        modulus, exponent = numbers
        if found := _weak_modulus(modulus) or _weak_exponent(exponent):
            raise Failure(f"the RSA key of {who(certificate)} is weak: {found}")
    key = certificate.key.public
    match key:
        case rsa.RSAPublicKey() | dsa.DSAPublicKey() if key.key_size < LEAST_RSA:
            least = LEAST_RSA
        case ec.EllipticCurvePublicKey() if key.key_size < LEAST_EC:
            least = LEAST_EC
        case _:
            return
    raise Failure(
        f"the key of {who(certificate)} is too short: {keys.describe(key)}; at least {least} bits are required"
    )


# RSA ----------------------------------------------------------------------------------------------------------------

RSA_KEYS = {der.object_identifier("1.2.840.113549.1.1.1"), der.object_identifier("1.2.840.113549.1.1.10")}
SMALL_FACTORS = 2**16  # every prime below it is tried
CLOSE_FACTORS = 100  # rounds of Fermat's method, as CA/Browser Forum BR §6.1.1.3 has it
PRIMALITY_BITS = 4096
"""Longer moduli are not tested for being prime: 4096 bits take 0.2 s, twice as many take eight times that."""


def rsa_numbers(spki: bytes) -> tuple[int, int] | None:
    """Modulus and public exponent of an RSA key, as encoded (RFC 3279 §2.3.1); None for other keys."""
    algorithm, key = der.children(spki, der.read(spki))
    oid = next(der.children(spki, algorithm))
    if spki[oid.start : oid.end] not in RSA_KEYS:
        return None
    numbers = spki[key.content][1:]
    modulus, exponent = (
        int.from_bytes(numbers[each.content], signed=True) for each in der.children(numbers, der.read(numbers))
    )
    return modulus, exponent


def _weak_modulus(modulus: int) -> str | None:
    if modulus < 1:
        return "the modulus is not positive"
    if (bits := modulus.bit_length()) > MAX_RSA_BITS:
        return f"the modulus has {bits:,} bits; {MAX_RSA_BITS:,} are the most that pki processes"
    return "the modulus is even" if modulus % 2 == 0 else None


@lru_cache(maxsize=256)
def weakness(modulus: int) -> str | None:
    """Why the odd modulus is not a product of two large primes far apart; None if no test fails."""
    if (common := gcd(modulus, _small_primes())) > 1:
        factor = next(each for each in range(3, SMALL_FACTORS, 2) if common % each == 0)
        return f"the modulus is divisible by {factor}"
    root = isqrt(modulus)
    for middle in range(root + (root * root < modulus), root + CLOSE_FACTORS):
        rest = middle * middle - modulus
        if isqrt(rest) ** 2 == rest:
            return "the two factors of the modulus are equal or close together"
    # Fermat's test: every prime passes it, and almost no product of two large primes does.
    if modulus.bit_length() <= PRIMALITY_BITS and pow(2, modulus - 1, modulus) == 1:
        return "the modulus is a prime, not a product of two primes"
    return None


@cache
def _small_primes() -> int:
    """The product of all odd primes below SMALL_FACTORS."""
    sieve = bytearray([1]) * SMALL_FACTORS
    for each in range(3, isqrt(SMALL_FACTORS) + 1, 2):
        if sieve[each]:
            sieve[each * each :: 2 * each] = bytes(len(range(each * each, SMALL_FACTORS, 2 * each)))
    return prod(each for each in range(3, SMALL_FACTORS, 2) if sieve[each])


def _weak_exponent(exponent: int) -> str | None:
    if exponent < 1:
        return "the public exponent is not positive"
    if exponent == 1:
        return "the public exponent is 1, so a signature is the padded hash itself"
    return "the public exponent is even" if exponent % 2 == 0 else None


# TLS 1.3 ------------------------------------------------------------------------------------------------------------

CURVES = ("secp256r1", "secp384r1", "secp521r1")
EXPLICIT = bytes.fromhex("06072a8648ce3d0101")
"""The identifier of a prime field in DER: only a key with explicit curve parameters contains it."""


def schemes(path: Path, request: Request) -> str:
    """Curves are named (RFC 5480 §2.1.1), and TLS 1.3 has a signature scheme for the leaf's key (§4.2.3).

    The registry of that section also has schemes for ML-DSA (draft-ietf-tls-mldsa).
    """
    for each in path.certificates:
        if isinstance(each.key.public, ec.EllipticCurvePublicKey) and EXPLICIT in each.key.spki:
            raise Failure(f"{who(each)} has explicit curve parameters; a named curve is required (RFC 5480 §2.1.1)")
    key = path.leaf.key.public
    match key:
        case ec.EllipticCurvePublicKey() if key.curve.name in CURVES:
            pass
        case rsa.RSAPublicKey() | ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            pass
        case mldsa.MLDSA44PublicKey() | mldsa.MLDSA65PublicKey() | mldsa.MLDSA87PublicKey():
            pass
        case _:
            raise Failure(f"TLS 1.3 has no signature scheme for the key of {who(path.leaf)}: {keys.describe(key)}")
    return f"TLS 1.3 has a signature scheme for the leaf's key: {keys.describe(key)}"


def signing(path: Path, request: Request) -> str:
    """The leaf's key usage, if present, has digitalSignature: in TLS 1.3 the key only signs."""
    usage = path.leaf.value(KeyUsage)
    if request.purpose is Purpose.ANY:
        return "any purpose was requested"
    if usage is None:
        return "any use: the leaf has no key usage"
    if not usage.digital_signature:
        raise Failure(
            f"the key of {who(path.leaf)} may not sign a TLS 1.3 handshake: its key usage has no digitalSignature",
            "reissue it with digitalSignature, as `pki issue` does",
        )
    return "the leaf's key usage has digitalSignature"
