"""ORDER removed: records carry no sequence number.

The nonce is constant, so a record opens at any position. An attacker can repeat, drop or swap records, and the receiver
cannot detect it: a payment order runs twice. With a stream cipher, a constant nonce also makes the XOR of two
ciphertexts the XOR of their plaintexts. Attack: `reordering`.
"""

from dataclasses import replace

from tlsdemo.edu.machine import AnyParts


def all_alike(number: int) -> int:
    """Zero, for every record."""
    return 0


def weaken(parts: AnyParts) -> AnyParts:
    """Number every record zero: the nonce is the IV alone."""
    return replace(parts, rules=replace(parts.rules, number=all_alike))
