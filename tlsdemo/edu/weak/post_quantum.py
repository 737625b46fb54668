"""Without POST_QUANTUM: X25519 alone.

What is wrong: nothing today. But what is recorded today may be opened by a later machine that computes discrete
logarithms (attack: `quantum`, which is given them: no such machine exists). Signatures are another matter: that machine
could forge them from the day it exists, with ML-KEM as without.
"""

from dataclasses import replace

from tlsdemo.edu.key_agreement import X25519
from tlsdemo.edu.machine import Parts


def weaken(parts: Parts) -> Parts:
    """One lock instead of two."""
    return replace(parts, group=X25519())
