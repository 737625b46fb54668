"""How the secret is computed from what passes the line, where the group is too weak (discrete logarithms).

    p small           try every exponent; or meet in the middle: sqrt(p) baby steps, sqrt(p) giant steps (Shanks, 1971)
    p - 1 smooth      one small puzzle for each prime factor, joined (Pohlig and Hellman, 1978): the length of p is no help
    p - 1 has small   send an element of small order r: the answer tells x mod r; a few of these tell x
      factors           (Lim and Lee, 1997; RFC 2785) - the only one that takes an active attacker and a reused secret

Pure functions of numbers: p is a prime, g a base, `target` = g^x modulo p what was seen, x the secret. The first two rows
are `discrete_log`; the third is `small_subgroups`, `leak` and `confine`. The groups that fall stand at the end.
What breaks 512 bits in practice, the number field sieve, is not here: see `effort`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import gcd, isqrt, prod

from tlsdemo.edu.agreement import EXPONENT_BITS

TABLE = 2**20  # entries, about 100 bytes each; reaches orders up to 2**40
TINY = 2**12  # below this it is not worth while to be clever


@dataclass(frozen=True)
class Logarithm:
    """What was found, and how."""

    exponent: int
    """The smallest x with g^x = target, or the smallest that the method is sure of: equal modulo the order of g."""
    how: tuple[str, ...]
    """Sentences for the learner, with the numbers of this case."""


def discrete_log(p: int, g: int, target: int) -> Logarithm | None:
    """The exponent x with g^x = target modulo p, by the first method that can; None, and soon, if none of them can."""
    for method in (_by_trying, _by_steps, _by_puzzles):
        if found := method(p, g, target):
            return found
    return None


def _by_trying(p: int, g: int, target: int) -> Logarithm | None:
    if p >= TINY:
        return None
    x = next((x for x, power in enumerate(_powers(p, g, p - 1)) if power == target % p), None)
    return None if x is None else Logarithm(x, (f"p = {p} is so small that he tries x = 0, 1, 2, ... up to {x}",))


def _by_steps(p: int, g: int, target: int) -> Logarithm | None:
    x = baby_step_giant_step(p, g, p - 1, target)
    if x is None:
        return None
    step = _table_size(p - 1)
    return Logarithm(
        x,
        (
            f"p has {p.bit_length()} bits: he notes g^0, g^1, g^2, ... in a table, {step:,} baby steps (the root of p)",
            f"then he divides what he saw by g^{step}, again and again: after {x // step:,} giant steps it is in the table",
            f"so x = {x // step} x {step} + {x % step}; to try them all would have taken {x:,} steps",
        ),
    )


def _by_puzzles(p: int, g: int, target: int) -> Logarithm | None:
    x = pohlig_hellman(p, g, target)
    if x is None:
        return None
    factors, rest = factor(p - 1)
    puzzles = [prime for prime in factors if prime <= TABLE**2]
    product = " x ".join([*_some(factors), *([f"a rest of {rest.bit_length()} bits"] if rest > 1 else [])])
    how = [
        f"p has {p.bit_length()} bits, but p - 1 = {product}",
        f"so he solves {len(puzzles)} small puzzles instead of one large one, and joins them (Chinese remainder)",
        f"the largest of them has {max(puzzles):,} possible answers, and a table of {_table_size(max(puzzles)):,} solves it",
    ]
    if rest > 1 or len(puzzles) < len(factors):
        how.append("the large factor does not save it: the small ones tell all that x has (van Oorschot and Wiener, 1996)")
    return Logarithm(x, tuple(how))


def _some(factors: dict[int, int]) -> list[str]:
    """At most six factors as text, with dots for those between."""
    texts = [str(prime) if times == 1 else f"{prime}^{times}" for prime, times in factors.items()]
    return texts if len(texts) <= 6 else [*texts[:4], "...", texts[-1]]


# Meeting in the middle ----------------------------------------------------------------------------------------------


def baby_step_giant_step(p: int, g: int, order: int, target: int, limit: int = TABLE) -> int | None:
    """The smallest x with g^x = target modulo p and 0 <= x < order (Shanks, 1971). None if there is none.

    Also None if a table of `limit` entries is not enough, that is for an order above limit squared.
    ValueError if g has no inverse modulo p.
    """
    size = _table_size(order)  # every x below the order is giant * size + baby, both below size
    if size > limit:
        return None
    table: dict[int, int] = {}
    for baby, power in enumerate(_powers(p, g, size)):
        if table.setdefault(power, baby) != baby:
            break  # g is back where it was: its order is smaller, and the table holds all there is
    stride, left = pow(g, -size, p), target % p
    for giant in range(size):
        if left in table:
            x = giant * size + table[left]
            return x if x < order else None
        left = left * stride % p
    return None


def _table_size(order: int) -> int:
    return isqrt(order - 1) + 1  # the root, rounded up


def _powers(p: int, g: int, count: int) -> Iterator[int]:
    power = 1
    for _ in range(count):
        yield power
        power = power * g % p


# One puzzle for each factor -----------------------------------------------------------------------------------------


def pohlig_hellman(p: int, g: int, target: int) -> int | None:
    """The x with g^x = target modulo p, 0 <= x < p - 1, if the prime factors of p - 1 are small (Pohlig, Hellman 1978).

    None if there is none, or a factor is too large. A large factor is no hindrance where g does not have it in its order,
    nor where the others leave little room: secrets have at most 256 bits (van Oorschot and Wiener, 1996).
    """
    factors, _ = factor(p - 1)
    puzzles = {prime: times for prime, times in factors.items() if prime <= TABLE**2}
    moduli = [prime**times for prime, times in puzzles.items()]
    solvable = prod(moduli)
    if _unknown(p, g, solvable) > TABLE**2:
        return None
    residues = []
    bases = _lifted(p, pow(g, (p - 1) // solvable, p), moduli)
    targets = _lifted(p, pow(target, (p - 1) // solvable, p), moduli)
    for (prime, times), base, lifted in zip(puzzles.items(), bases, targets, strict=True):
        residue = _puzzle(p, base, prime, times, lifted)
        if residue is None:
            return None
        residues.append(residue)
    low, known = confine(p, residues), prod(modulus for _, modulus in residues)
    # x = low + known * high. If the puzzles told all, high = 0, and this step is the check.
    high = baby_step_giant_step(p, pow(g, known, p), _unknown(p, g, known), target * pow(g, -low, p))
    return None if high is None else low + known * high


def _unknown(p: int, g: int, known: int) -> int:
    """How many exponents are left to be tried when x is known modulo `known`."""
    return 1 if pow(g, known, p) == 1 else -(-min(p - 1, 2**EXPONENT_BITS + 1) // known)


def _lifted(p: int, base: int, moduli: Sequence[int]) -> list[int]:
    """For each modulus, the base to the power of the product of all others: this part of the exponent is left.

    Halving the list takes as many long powers as a logarithm of its length; one by one, it would take its length.
    """
    if len(moduli) < 2:
        return [base for _ in moduli]
    left, right = moduli[: len(moduli) // 2], moduli[len(moduli) // 2 :]
    return _lifted(p, pow(base, prod(right), p), left) + _lifted(p, pow(base, prod(left), p), right)


def _puzzle(p: int, g: int, prime: int, times: int, target: int) -> tuple[int, int] | None:
    """X modulo the order of g, and that order, which divides prime**times; digit after digit to the base `prime`."""
    while times and pow(g, prime ** (times - 1), p) == 1:
        times -= 1
    top = pow(g, prime ** max(times - 1, 0), p)  # of order `prime`: it sees one digit
    x = 0
    for place in range(times):
        left = pow(target * pow(g, -x, p), prime ** (times - 1 - place), p)
        digit = baby_step_giant_step(p, top, prime, left)
        if digit is None:
            return None
        x += digit * prime**place
    return x, prime**times


def confine(p: int, residues: Sequence[tuple[int, int]]) -> int:
    """The x that leaves each remainder with its modulus, 0 <= x < product of the moduli (Chinese remainder theorem).

    Pairs (remainder, modulus), as `leak` found them in subgroups of p. ValueError if a modulus does not divide p - 1, or
    two of them have a common factor: that would be no subgroup, or the same one again.
    """
    x, product = 0, 1
    for remainder, modulus in residues:
        if (p - 1) % modulus or gcd(product, modulus) > 1:
            raise ValueError(f"{modulus} does not divide p - 1, or has a factor in common with one before")
        x += product * ((remainder - x) * pow(product, -1, modulus) % modulus)
        product *= modulus
    return x


# Factors ------------------------------------------------------------------------------------------------------------

LONG = 128  # bits; in longer numbers no factor beyond trial division is looked for
WALK = 2**18  # steps, a fraction of a second: finds factors up to 30 bits almost surely, up to 36 often


def factor(n: int, limit: int = 2**16) -> tuple[dict[int, int], int]:
    """The prime factors of n that are easily found, each with its exponent, and what is left over: 1 if nothing.

    Trial division by all below `limit`; what remains, if not longer than 128 bits, by Pollard's rho.
    """
    found: dict[int, int] = {}
    for divisor in chain((2,), range(3, limit, 2)):
        if divisor * divisor > n:
            break
        while n % divisor == 0:
            found[divisor] = found.get(divisor, 0) + 1
            n //= divisor
    rest, parts = 1, [n]
    while parts:
        part = parts.pop()
        if part.bit_length() > LONG:
            rest *= part
        elif _is_prime(part):
            found[part] = found.get(part, 0) + 1
        elif divisor := _rho(part):
            parts += [divisor, part // divisor]
        else:
            rest *= part
    return dict(sorted(found.items())), rest


def _rho(n: int) -> int:
    """A factor of n: a walk modulo n runs into a loop modulo its factors much earlier (Pollard, 1975). 0 if none found."""
    for constant in range(1, 4) if n > 1 else ():
        slow = fast = 2
        for _ in range(WALK // 16):
            product = 1
            for _ in range(16):  # one gcd for many steps
                slow = (slow * slow + constant) % n
                fast = (fast * fast + constant) % n
                fast = (fast * fast + constant) % n
                product = product * (slow - fast) % n
            if 1 < (divisor := gcd(product, n)) < n:
                return divisor
            if divisor == n:
                break  # all its factors at once: another walk
    return 0


WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)


def _is_prime(n: int) -> bool:
    """Miller and Rabin; certain below 3 x 10^24 (Sorenson and Webster, 2015). A mistake above could not make x wrong."""
    if n < 2 or any(n % witness == 0 for witness in WITNESSES):
        return n in WITNESSES
    twos = (n - 1 & 1 - n).bit_length() - 1
    return all(
        pow(witness, n - 1 >> twos, n) == 1 or any(pow(witness, n - 1 >> k, n) == n - 1 for k in range(1, twos + 1))
        for witness in WITNESSES
    )


# An attacker who sends elements of small order ----------------------------------------------------------------------


def small_subgroups(p: int, q: int) -> list[tuple[int, int]]:
    """(r, h) for each small odd prime r in (p - 1) / q, with an element h of order r, ascending.

    Sent as a share, h makes the other side compute h^x, of which there are only r. ValueError if q does not divide p - 1.
    Not r = 2: that h is p - 1, which RFC 7919 §5.1 has everyone refuse. The others pass that check; it takes h^q = 1
    to tell them, or a safe prime, where there are no others (RFC 2785 §3).
    """
    if (p - 1) % q:
        raise ValueError(f"{q} does not divide p - 1")
    factors, _ = factor((p - 1) // q)
    candidates = {r: (pow(base, (p - 1) // r, p) for base in range(2, p)) for r in factors if r > 2}
    return [(r, next(h for h in elements if h != 1)) for r, elements in candidates.items()]


def leak(p: int, h: int, r: int, is_key: Callable[[int], bool]) -> int | None:
    """X modulo r, from what the other side did with h^x: `is_key` says of a number whether it was that. None if of none."""
    return next((x for x, shared in enumerate(_powers(p, h, r)) if is_key(shared)), None)


# What it would take -------------------------------------------------------------------------------------------------

YEAR = 365.25 * 24 * 3600

SIEVE = {  # up to so many bits
    512: "the number field sieve did 512 bits in a week once for all, then each exchange in a minute (Logjam: Adrian et "
    "al., 2015)",
    1024: "the number field sieve is far better at this: 1024 bits are thought to be in reach of a state (Logjam: Adrian "
    "et al., 2015)",
    2048: "the number field sieve is far better at this, and still hopeless: ffdhe2048 is rated at 103 bits (RFC 7919 §A.1)",
}


def extrapolate(seconds: float, bits: int, to_bits: int) -> float:
    """Seconds for baby steps and giant steps in a safe prime of `to_bits`, if `bits` take so many: double for 2 bits."""
    return seconds * 2.0 ** ((to_bits - bits) / 2)


def effort(bits: int, seconds: float, measured_bits: int = 40) -> str:
    """A sentence: what baby steps and giant steps would take for a safe prime of so many bits, from one measured time.

    Not beyond 256 bits: from there on the exponents, not the group, are what is searched.
    """
    searched = min(bits, EXPONENT_BITS)
    of = f"{bits} bits" if searched == bits else f"{bits} bits with secrets of {searched}"
    sentence = f"{of}: {_duration(extrapolate(seconds, measured_bits, searched))} and 2^{-(-searched // 2)} entries"
    remark = next((remark for most, remark in SIEVE.items() if bits <= most), "the number field sieve: hopeless, too")
    return f"{sentence} (extrapolated, not run); {remark}"


def _duration(seconds: float) -> str:
    for unit, length, most in (("seconds", 1, 120), ("minutes", 60, 120), ("hours", 3600, 48), ("days", 86400, 800)):
        if seconds < most * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / YEAR:,.0f} years" if seconds < 1e6 * YEAR else f"{seconds / YEAR:.0e} years"


# Groups to be broken ------------------------------------------------------------------------------------------------


def _primes(most: int) -> list[int]:
    return [n for n in range(2, most + 1) if all(n % divisor for divisor in range(2, isqrt(n) + 1))]


FORTY_BITS = (2**40 - 437, 2)
"""(p, g): the largest safe prime of 40 bits, that is p - 1 = 2q with q a prime, and the smallest g of order p - 1."""

SMOOTH = (prod(_primes(1481)) // 641 + 1, 2)
"""(p, g): as long as ffdhe2048, and open. The product of the primes up to 1481 is the first of more than 2048 bits; without
the one prime that makes it a prime of 2048 bits when 1 is added. g is the smallest of order p - 1."""

_Q = 2**255 + 6269
_P = 2 * _Q * prod(_primes(197)[1:]) + 1
LEAKY = (_P, _Q, pow(2, (_P - 1) // _Q, _P))
"""(p, q, g): p - 1 = 2q x 3 x 5 x 7 x ... x 197, with the fewest odd primes whose product exceeds 2^256, and the smallest
prime q of 256 bits that makes p a prime. g = 2^((p - 1) / q) has order q: who only listens gets nothing."""
