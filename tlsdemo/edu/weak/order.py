"""Without ORDER: records are not counted.

What is wrong: every record fits in every place. One that is sent again is taken again, one that is left out is not
missed (attack: `reordering`); the order to pay runs twice. And the nonce, which was made of the count, is always the
same: with a stream cipher the XOR of two ciphertexts is then the XOR of their plaintexts.
"""

from dataclasses import replace

from tlsdemo.edu.machine import Parts


def all_alike(number: int) -> int:
    """Every record is the first."""
    return 0


def weaken(parts: Parts) -> Parts:
    """The nonce is the iv alone."""
    return replace(parts, rules=replace(parts.rules, number=all_alike))
