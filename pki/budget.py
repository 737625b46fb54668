"""Limits the work of one validation: each kind of work has a price, and the sum has a limit.

Certificates and CRLs are untrusted data. A mesh of CAs has an exponential number of paths, and 20,000 names times
20,000 constraints are 400 million comparisons. Work is counted, not timed, so that the result is the same on every
machine.
"""

from collections import Counter
from enum import Enum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa


class WorkKind(Enum):
    """A kind of work and its price; a unit is about a microsecond of one core in 2026."""

    STEP = 40
    """One certificate is appended to a path."""
    READING = 60
    """The fields of one certificate or CRL are read."""
    JUDGING = 1_500
    """One complete path is validated."""
    COMPARISON = 4
    """One name is compared with one constraint."""
    NAME = 12
    """One name or constraint is parsed for comparison."""
    POLICY = 6
    """One certificate policy or policy mapping is processed."""
    MODULUS = 20_000
    """One RSA modulus of 2048 bits is tested; see `modulus_price` for other lengths."""
    ENTRY = 5
    """One entry of a CRL is read."""
    SIGNATURE = 100
    """One signature is verified; see `signature_price` for slow keys."""
    HASHING = 5
    """One KiB of signed data is hashed."""


LIMIT = 1_500_000
"""About 1.5 seconds. A path of three on P-256 costs 3,000, one of four with RSA-4096 half a million."""


class Exhausted(Exception):
    """The limit is reached. Results found until then are valid, but incomplete."""


class Budget:
    """The work of one validation, including that of CRL signers."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.left = limit
        self.done: Counter[WorkKind] = Counter()

    def spend(self, work: WorkKind, times: int = 1, price: int | None = None) -> None:
        """Count the work. Raises Exhausted if it exceeds what is left, and again for every later call."""
        self.done[work] += times
        self.left -= (work.value if price is None else price) * times
        if self.left < 0:
            raise Exhausted


def modulus_price(modulus: int) -> int:
    """The price of testing an RSA modulus: cubic in its length, up to 4096 bits."""
    return max(1_000, WorkKind.MODULUS.value * min(modulus.bit_length(), 4096) ** 3 // 2048**3)


def signature_price(key: Any, signed_bytes: int) -> int:
    """The price of verifying one signature with that key, over so many bytes."""
    match key:
        case rsa.RSAPublicKey():
            price = 100 if key.key_size <= 4096 else 1_500 if key.key_size <= 8192 else 8_000
            price += 10_000 if key.public_numbers().e.bit_length() > 64 else 0
        case dsa.DSAPublicKey():
            price = 20_000 if key.key_size > 4096 else 1_000
        case ec.EllipticCurvePublicKey() if key.curve.name != "secp256r1":
            price = 1_000
        case _:
            price = WorkKind.SIGNATURE.value
    return price + WorkKind.HASHING.value * (signed_bytes // 1024)
