"""What a secret that is used again tells one who sends elements of small order (RFC 2785; Lim and Lee, 1997).

    attacker: h with h^r = 1, r small            h ---->
                                                        <---- something sealed with the key made of h^x      server: x
    h^x is one of r numbers: he tries them all, and has x mod r. Next r; a few of these tell x.

Helps against x only where p - 1 has small factors, and x stays the same. `LEAKY` is such a group: to one who only
listens it is strong. Pure functions of numbers; what is sent and what comes back belongs to the attack.
"""

from collections.abc import Callable
from math import isqrt, prod

from tlsdemo.edu.logarithms import TRIAL, factor


def small_subgroups(p: int, q: int) -> list[tuple[int, int]]:
    """(r, h) for each small odd prime r in (p - 1) / q, where h has the order r. ValueError if q is no factor.

    Not r = 2: there h is p - 1, which everyone refuses (RFC 7919 §5.1). The others pass that check; what tells them is
    h^q = 1, or a safe prime, which has no others (RFC 2785 §3).
    """
    if (p - 1) % q:
        raise ValueError(f"{q} does not divide p - 1")
    factors, _ = factor((p - 1) // q)
    return [(r, _element(p, r)) for r in factors if 2 < r < TRIAL]


def _element(p: int, r: int) -> int:
    powers = (pow(base, (p - 1) // r, p) for base in range(2, p))  # of order r, or 1
    return next(h for h in powers if h != 1)


def leak(p: int, h: int, r: int, is_key: Callable[[int], bool]) -> int | None:
    """The secret modulo r: the one x for which `is_key` says that the other side got h^x; None if for none.

    Several of these are put together by `logarithms.join`, with the r as moduli.
    """
    return next((x for x in range(r) if is_key(pow(h, x, p))), None)


# The group that falls -----------------------------------------------------------------------------------------------

_SMALL = [n for n in range(3, 198) if all(n % k for k in range(2, isqrt(n) + 1))]
_Q = 2**255 + 6269
_P = 2 * _Q * prod(_SMALL) + 1

LEAKY = (_P, _Q, pow(2, (_P - 1) // _Q, _P))
"""(p, q, g): p - 1 = 2q x 3 x 5 x 7 x ... x 197, the odd primes until their product exceeds the 256 bits of a secret;
q is the smallest prime of 256 bits with which p is a prime. g has the order q."""
