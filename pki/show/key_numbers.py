"""The numbers in a key, public and secret (RFC 8017 §3, SEC 1 §3.2, RFC 8032 §5.1)."""

from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

Number = tuple[str, str, str]
"""Name, value and explanation of a number."""


def public(key: Any) -> Iterator[Number]:
    """Yield the numbers of a public key; integers in hex."""
    match key:
        case rsa.RSAPublicKey():
            of_rsa = key.public_numbers()
            yield "n", _hex(of_rsa.n), "the modulus, the product of two secret primes (RFC 8017 §3.1)"
            yield "e", str(of_rsa.e) if of_rsa.e < 1 << 64 else f"0x{of_rsa.e:x}", "the public exponent"
        case ec.EllipticCurvePublicKey():
            point = key.public_numbers()
            yield (
                "x",
                _hex(point.x),
                "x-coordinate of the public point: d times the base point; d is the private key (SEC 1 §3.2.1)",
            )
            yield "y", _hex(point.y), "y-coordinate of the same point"
        case dsa.DSAPublicKey():
            of_dsa = key.public_numbers()
            for name, value in (("p", of_dsa.parameter_numbers.p), ("q", of_dsa.parameter_numbers.q)):
                yield name, _hex(value), "a prime of the domain parameters, which many keys may share (FIPS 186-4 §4.1)"
            yield "g", _hex(of_dsa.parameter_numbers.g), "the generator"
            yield "y", _hex(of_dsa.y), "g to the power of the secret x, modulo p"
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            yield "A", key.public_bytes_raw().hex(), "an encoded point on the curve (RFC 8032 §5.1.2)"


def secret(key: Any) -> Iterator[Number]:
    """Yield the numbers of a private key that are not in its public key."""
    match key:
        case rsa.RSAPrivateKey():
            numbers = key.private_numbers()
            yield "d", _hex(numbers.d), "SECRET: the private exponent, the inverse of e"
            yield "p", _hex(numbers.p), "SECRET: one prime factor of n"
            yield "q", _hex(numbers.q), "SECRET: the other prime factor of n"
        case ec.EllipticCurvePrivateKey():
            yield "d", _hex(key.private_numbers().private_value), "SECRET: the public point is d times the base point"
        case dsa.DSAPrivateKey():
            yield "x", _hex(key.private_numbers().x), "SECRET: the exponent of g"
        case ed25519.Ed25519PrivateKey() | ed448.Ed448PrivateKey():
            yield (
                "seed",
                key.private_bytes_raw().hex(),
                "SECRET: the input from which the scalar is hashed (RFC 8032 §5.1.5)",
            )


def _hex(number: int) -> str:
    """The number in hex without leading zeros."""
    return f"{number:x}"
