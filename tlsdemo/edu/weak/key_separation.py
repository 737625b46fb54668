"""Without KEY_SEPARATION: one key for both directions.

What is wrong: what I said opens as if the other had said it (attack: `reflection`). And the numbers of both directions
begin at zero, so that each nonce is used twice: the two ciphertexts together give away both plaintexts.
"""

from dataclasses import replace

from tlsdemo.edu.machine import Parts
from tlsdemo.edu.schedule import Secrets, TrafficKeys
from tlsdemo.protocol import Side


def one_for_both(secrets: Secrets, sender: Side) -> TrafficKeys:
    """Whoever it is that sends."""
    return secrets.traffic[Side.CLIENT]


def weaken(parts: Parts) -> Parts:
    """The client's key is the server's, too."""
    return replace(parts, rules=replace(parts.rules, keys=one_for_both))
