"""POST_QUANTUM removed: groups without ML-KEM.

A recording of today could be decrypted by a later quantum computer that computes discrete logarithms (attack:
`quantum`). A peer does not notice: many servers do not have the hybrid group yet.
"""

from dataclasses import replace

from tlsdemo.tls13.key_agreement import X25519MLKEM768
from tlsdemo.tls13.machine import Parts


def weaken(parts: Parts) -> Parts:
    """Offer and accept no hybrid group."""
    groups = {number: group for number, group in parts.groups.items() if number != X25519MLKEM768}
    return replace(parts, groups=groups, shares=tuple(number for number in parts.shares if number in groups))
