"""KEY_SEPARATION removed: both directions use one key.

The client accepts its own records as if the server had sent them. The sequence numbers of both directions start at
zero, so each nonce is used twice: the XOR of the two ciphertexts is the XOR of the two plaintexts, and an attacker that
knows one plaintext reads the other. Attack: `reflection`.
"""

from collections.abc import Mapping
from dataclasses import replace

from tlsdemo.edu.machine import AnyParts
from tlsdemo.protocol import Side
from tlsdemo.wire.key_schedule13 import TrafficKeys


def one_for_both(traffic: Mapping[Side, TrafficKeys], sender: Side) -> TrafficKeys:
    """The client's keys, for either sender."""
    return traffic[Side.CLIENT]


def weaken(parts: AnyParts) -> AnyParts:
    """Use the client's keys in both directions."""
    return replace(parts, rules=replace(parts.rules, keys=one_for_both))
