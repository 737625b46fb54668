"""Groups by name: strong ones, and weak ones for the attacks."""

import re
from collections.abc import Mapping
from functools import cache
from math import isqrt, prod

from tlsdemo.edu.logarithms import FORTY_BITS, SMOOTH, reaches
from tlsdemo.edu.weak.freshness import SameAnswer
from tlsdemo.key_agreement import FFDHE2048, X25519, FiniteField, Group, Multiplication

_SMALL = [n for n in range(3, 198) if all(n % k for k in range(2, isqrt(n) + 1))]
_Q = 2**255 + 6269
_P = 2 * _Q * prod(_SMALL) + 1

LEAKY = (_P, _Q, pow(2, (_P - 1) // _Q, _P))
"""(p, q, g): a group for the small-subgroup attack. An eavesdropper cannot compute its logarithms.

p - 1 = 2q x 3 x 5 x 7 x ... x 197, the odd primes until their product exceeds the 256 bits of a secret; q is the
smallest prime of 256 bits with which p is a prime. g has the order q.
"""

STRONG: Mapping[str, Group] = {"x25519": X25519(), "ffdhe2048": FiniteField(FFDHE2048, 2)}
FALLING: Mapping[str, tuple[int, int]] = {
    "40-bit": FORTY_BITS,  # too short
    "smooth": SMOOTH,  # long, but p - 1 has only small factors
    "leaky": (LEAKY[0], LEAKY[2]),  # strong against an eavesdropper, weak against an active attacker
}
"""Prime and base of the weak groups."""
NAMES = (*STRONG, *FALLING)


@cache
def falling(name: str) -> FiniteField:
    """The weak group of that name. It is built when it is asked for: to test its prime takes time."""
    return FiniteField(*FALLING[name])


def called(group: FiniteField) -> str:
    """The value of --group for it: a name, or P:G."""
    numbers = group.p, group.g
    return next((name for name, each in FALLING.items() if each == numbers), f"{group.p}:{group.g}")


def tells_who_asks(group: Group) -> bool:
    """Whether the small-subgroup attack computes the secret of a server that reuses it (`small_subgroup_attack`)."""
    return isinstance(group, FiniteField) and (group.p, group.g) == FALLING["leaky"]


def is_undone(group: Group) -> bool:
    """Whether an eavesdropper computes the shared secret from the key shares within seconds."""
    group = group.group if isinstance(group, SameAnswer) else group
    return isinstance(group, Multiplication) or (isinstance(group, FiniteField) and reaches(group.p))


def parse(text: str) -> Group:
    """The group for a name or for `P:G`; ValueError for any other text."""
    if text in STRONG:
        return STRONG[text]
    if text in FALLING:
        return falling(text)
    if match := re.fullmatch(r"(\d{1,1300}):(\d{1,1300})", text, re.ASCII):
        return FiniteField(int(match[1]), int(match[2]))
    raise ValueError(f"{text!r} is not a group")
