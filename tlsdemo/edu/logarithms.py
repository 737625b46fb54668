"""Discrete logarithms: compute the secret exponent in a weak group.

    p below 2^12      try every exponent
    p to 40 bits      meet in the middle: sqrt(p) baby steps, then up to sqrt(p) giant steps (Shanks, 1971)
    p - 1 smooth      one logarithm for each small prime factor of p - 1, combined (Pohlig and Hellman, 1978);
                      a longer p does not help

Pure functions of numbers: p is a prime, g the base, x the secret, and `target` = g^x modulo p the key share that was
sent. The number field sieve, which breaks 512 bits in practice, is not implemented: see `effort`.
`small_subgroup_attack` is for an attacker that sends elements of small order to the server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt, prod

from tlsdemo.key_agreement import EXPONENT_BITS

TINY = 2**12  # below this, trying every exponent is as fast as any other method
STEPS_BITS = 40  # a table of 2**20 entries, about 100 MB, of which one is kept; two bits more would double it
TRIAL = 2**16  # p - 1 is divided by the numbers below


@dataclass(frozen=True)
class Logarithm:
    """A discrete logarithm, and how it was computed."""

    exponent: int
    """The smallest x with g^x = target: the secret, or an equivalent that differs by a multiple of the order of g."""
    how: tuple[str, ...]
    """Sentences with the numbers of this case."""


def discrete_log(p: int, g: int, target: int) -> Logarithm | None:
    """The exponent x with g^x = target modulo the prime p; None, without a long search, if no method here finds it.

    None also if no such x exists. ValueError if p divides g.
    """
    if p < TINY:
        return _by_trying(p, g, target)
    if p.bit_length() <= STEPS_BITS:
        return _by_steps(p, g, target)
    return _by_puzzles(p, g, target)


@lru_cache(maxsize=64)
def reaches(p: int) -> bool:
    """Whether one of the three methods finds the logarithm for every base."""
    return p.bit_length() <= STEPS_BITS or factor(p - 1)[1] == 1


def _by_trying(p: int, g: int, target: int) -> Logarithm | None:
    x = next((x for x in range(p - 1) if pow(g, x, p) == target % p), None)
    return (
        None
        if x is None
        else Logarithm(x, (f"p = {p} is so small that all exponents can be tried: {g}^{x} mod {p} = {target}",))
    )


def _by_steps(p: int, g: int, target: int) -> Logarithm | None:
    size = _root(p - 1)
    x = baby_step_giant_step(p, g, p - 1, target, LAST.table(p, g, size))
    if x is None:
        return None
    giants, babies = divmod(x, size)
    how = (
        f"p has {p.bit_length()} bits; a table of g^0, g^1, g^2, ... takes {size:,} baby steps, the square root of p",
        f"the key share is divided by g^{size} until it is in the table: {giants:,} giant steps, then it is g^{babies}",
        f"the exponent is {giants} x {size} + {babies} = {x}; trying all exponents would take {x:,} steps",
    )
    return Logarithm(x, how)


def _by_puzzles(p: int, g: int, target: int) -> Logarithm | None:
    x = pohlig_hellman(p, g, target)
    if x is None:
        return None
    factors, rest = factor(p - 1)
    parts = [str(prime) if times == 1 else f"{prime}^{times}" for prime, times in factors.items()]
    if len(parts) > 6:
        parts[4:-1] = ["..."]
    if rest > 1:
        parts.append(f"a cofactor of {rest.bit_length()} bits")
    how = [
        f"p has {p.bit_length()} bits, but p - 1 = {' x '.join(parts)}",
        f"for each of the {len(factors)} primes, a small search gives the exponent modulo that prime; the largest has "
        f"{max(factors):,} candidates",
        f"the remainders together give the exponent, {x.bit_length()} bits (Chinese remainder theorem)",
    ]
    if rest > 1:
        how.append("the large cofactor does not protect the exponent: the small factors alone determine it")
    return Logarithm(x, tuple(how))


# Meeting in the middle ----------------------------------------------------------------------------------------------


Table = Mapping[int, int]
"""From g^baby modulo p to baby."""


def baby_step_giant_step(p: int, g: int, order: int, target: int, table: Table | None = None) -> int | None:
    """The smallest x with g^x = target modulo p and 0 <= x < order; None if there is none.

    Makes a table with as many entries as the square root of `order`, unless one is given. ValueError if g has no
    inverse modulo p.
    """
    size = _root(order)  # every x below the order is giant * size + baby, both below size
    table = baby_steps(p, g, size) if table is None else table
    stride, left = pow(g, -size, p), target % p
    for giant in range(size):
        if left in table:
            x = giant * size + table[left]
            return x if x < order else None
        left = left * stride % p
    return None


def baby_steps(p: int, g: int, size: int) -> Table:
    """The first `size` powers of g, or all of them if there are fewer."""
    table: dict[int, int] = {}
    power = 1
    for baby in range(size):
        if power in table:
            break  # g is back at 1: the table holds all its powers
        table[power] = baby
        power = power * g % p
    return table


class LastTable:
    """Keeps the last table only: conversations in one group share it."""

    def __init__(self) -> None:
        self.made = 0
        """How many tables were made."""
        self._kept: tuple[tuple[int, int, int], Table] | None = None

    def table(self, p: int, g: int, size: int) -> Table:
        """The baby steps for these numbers."""
        kept = self._kept
        if kept and kept[0] == (p, g, size):
            return kept[1]
        self._kept = kept = None  # the old table is released before the new one takes its memory
        self.made += 1
        table = baby_steps(p, g, size)
        self._kept = (p, g, size), table
        return table


LAST = LastTable()


def _root(order: int) -> int:
    return isqrt(order - 1) + 1  # rounded up


# One logarithm for each prime factor --------------------------------------------------------------------------------


def pohlig_hellman(p: int, g: int, target: int) -> int | None:
    """The x with g^x = target modulo p, if all prime factors of p - 1 are small; None otherwise, or without such an x.

    A large factor does not matter if the order of g does not contain it, nor if the other factors exceed 256 bits,
    since secrets are not longer than that (van Oorschot and Wiener, 1996).
    """
    factors, _ = factor(p - 1)
    moduli = [prime**times for prime, times in factors.items()]
    solvable = prod(moduli)
    if solvable <= 2**EXPONENT_BITS and pow(g, solvable, p) != 1:
        return None
    large = (p - 1) // solvable
    bases, targets = (_parts(p, pow(number, large, p), moduli) for number in (g, target))
    remainders = []
    for (prime, times), base, part in zip(factors.items(), bases, targets, strict=True):
        order = _order(p, base, prime, times)
        remainder = _digits(p, base, prime, order, part)
        if remainder is None:
            return None
        remainders.append((remainder, prime**order))
    x = join(remainders)
    return x if pow(g, x, p) == target % p else None


def _parts(p: int, number: int, moduli: Sequence[int]) -> list[int]:
    """For each modulus, the number to the power of all other moduli: the result depends only on x modulo this one.

    Halving the list saves long exponentiations: for 233 moduli, eight times two of them instead of 233.
    """
    if len(moduli) == 1:
        return [number]
    left, right = moduli[: len(moduli) // 2], moduli[len(moduli) // 2 :]
    return _parts(p, pow(number, prod(right), p), left) + _parts(p, pow(number, prod(left), p), right)


def _order(p: int, base: int, prime: int, most: int) -> int:
    """The k for which base has the order prime^k."""
    for k in range(most):
        if base == 1:
            return k
        base = pow(base, prime, p)
    return most


def _digits(p: int, base: int, prime: int, count: int, target: int) -> int | None:
    """The x with base^x = target, where base has the order prime^count: its lower digits, then its upper ones."""
    if count <= 1:
        return baby_step_giant_step(p, base, prime**count, target)
    lower = count // 2
    weight, lift = prime**lower, prime ** (count - lower)
    low = _digits(p, pow(base, lift, p), prime, lower, pow(target, lift, p))
    if low is None:
        return None
    high = _digits(p, pow(base, weight, p), prime, count - lower, target * pow(base, -low, p) % p)
    return None if high is None else low + weight * high


def join(remainders: Sequence[tuple[int, int]]) -> int:
    """The x with these (remainder, modulus), 0 <= x < product of the moduli (Chinese remainder theorem).

    ValueError if two moduli have a common factor.
    """
    x, product = 0, 1
    for remainder, modulus in remainders:
        x += product * ((remainder - x) * pow(product, -1, modulus) % modulus)
        product *= modulus
    return x


def factor(n: int) -> tuple[dict[int, int], int]:
    """The prime factors of n > 0 by trial division, each with its exponent, and the rest: 1 if nothing is left."""
    found: dict[int, int] = {}
    for divisor in range(2, TRIAL):
        while n % divisor == 0:
            found[divisor] = found.get(divisor, 0) + 1
            n //= divisor
    if 1 < n < TRIAL**2:  # a prime, too: two factors would both be below TRIAL
        found[n], n = 1, 1
    return found, n


# Weak groups --------------------------------------------------------------------------------------------------------

FORTY_BITS = (2**40 - 437, 2)
"""(p, g): the largest safe prime of 40 bits, that is p - 1 = 2q with q a prime; g has the order p - 1."""

SMOOTH = (prod(n for n in range(2, 1482) if n != 641 and all(n % k for k in range(2, isqrt(n) + 1))) + 1, 7)
"""(p, g): as long as ffdhe2048, and weak. p - 1 is the product of the primes up to 1481, except 641: with 641 it would
be too long, and without it p happens to be prime. g has the order p - 1."""
