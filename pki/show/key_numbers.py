"""The numbers in a key: public ones, and those that nobody else may know (RFC 8017 §3, SEC 1 §3.2, RFC 8032 §5.1)."""

from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

Number = tuple[str, str, str]
"""What it is called, the number, and what it is."""


def public(key: Any) -> Iterator[Number]:
    """The numbers of a public key; whole numbers in hex."""
    match key:
        case rsa.RSAPublicKey():
            of_rsa = key.public_numbers()
            yield "n", _hex(of_rsa.n), "the modulus: a product of two secret primes (RFC 8017 §3.1)"
            yield "e", str(of_rsa.e) if of_rsa.e < 1 << 64 else f"0x{of_rsa.e:x}", "the public exponent"
        case ec.EllipticCurvePublicKey():
            point = key.public_numbers()
            yield "x", _hex(point.x), "a point on the curve: the secret number times the base point (SEC 1 §3.2.1)"
            yield "y", _hex(point.y), "its other coordinate"
        case dsa.DSAPublicKey():
            of_dsa = key.public_numbers()
            for name, value in (("p", of_dsa.parameter_numbers.p), ("q", of_dsa.parameter_numbers.q)):
                yield name, _hex(value), "a prime that many may share (FIPS 186-4 §4.1)"
            yield "g", _hex(of_dsa.parameter_numbers.g), "what is raised to the secret power"
            yield "y", _hex(of_dsa.y), "and what comes of it"
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            yield "A", key.public_bytes_raw().hex(), "an encoded point on the curve (RFC 8032 §5.1.2)"


def secret(key: Any) -> Iterator[Number]:
    """The numbers of a private key that are not in the public one."""
    match key:
        case rsa.RSAPrivateKey():
            numbers = key.private_numbers()
            yield "d", _hex(numbers.d), "SECRET: the private exponent, which undoes e"
            yield "p", _hex(numbers.p), "SECRET: one prime; n divided by it is the other"
            yield "q", _hex(numbers.q), "SECRET: the other prime"
        case ec.EllipticCurvePrivateKey():
            yield "d", _hex(key.private_numbers().private_value), "SECRET: how many times the base point"
        case dsa.DSAPrivateKey():
            yield "x", _hex(key.private_numbers().x), "SECRET: the power"
        case ed25519.Ed25519PrivateKey() | ed448.Ed448PrivateKey():
            yield "seed", key.private_bytes_raw().hex(), "SECRET: what the scalar is hashed from (RFC 8032 §5.1.5)"


def _hex(number: int) -> str:
    """Without leading zeros."""
    return f"{number:x}"
