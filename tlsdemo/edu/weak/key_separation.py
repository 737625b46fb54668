"""Without KEY_SEPARATION: one key for both directions.

What is wrong: a record that the client sent opens as if the server had sent it (attack: `reflection`). And the numbers
of both directions begin at zero, so that each nonce is used twice: the XOR of the two ciphertexts is the XOR of the two
plaintexts, and with one of these the other can be read.
"""

from dataclasses import replace

from tlsdemo.edu.key_schedule import Secrets, TrafficKeys
from tlsdemo.edu.machine import Parts
from tlsdemo.protocol import Side


def one_for_both(secrets: Secrets, sender: Side) -> TrafficKeys:
    """Whoever it is that sends."""
    return secrets.traffic[Side.CLIENT]


def weaken(parts: Parts) -> Parts:
    """The client's key is the server's, too."""
    return replace(parts, rules=replace(parts.rules, keys=one_for_both))
