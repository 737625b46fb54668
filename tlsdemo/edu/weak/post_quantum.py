"""Without POST_QUANTUM: X25519 alone.

What is wrong: nothing today. But what is recorded today may be opened by a machine of tomorrow that computes discrete
logarithms (attack: `quantum`, which is handed them: nobody has such a machine).
"""

from dataclasses import replace

from tlsdemo.edu.agreement import X25519
from tlsdemo.edu.machine import Parts


def weaken(parts: Parts) -> Parts:
    """One lock instead of two."""
    return replace(parts, group=X25519())
