"""FRESHNESS removed: the server reuses its secrets, and sends zeros in place of a random number.

An attacker that recorded a conversation can send the client's bytes again. The server gives the same answers, derives
the same keys, and accepts the old data as new. A client does not notice: it cannot know which values the server used
before. The attack works if the server's signatures are deterministic, as ECDSA (RFC 6979) and Ed25519 are here; those
of RSA-PSS are salted. 0-RTT data has the same weakness, and RFC 8446 warns of it (§8). Attack: `replay`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tlsdemo.edu.weak.freshness import SameAnswer
from tlsdemo.protocol import Party, Side
from tlsdemo.tls13.handshake import RANDOM
from tlsdemo.tls13.key_agreement import NamedGroup
from tlsdemo.tls13.machine import Machine, Parts


@dataclass(frozen=True)
class KeptSecrets:
    """Draws a secret for each party and group once, and returns it for every conversation of that party."""

    draw: Callable[[Machine, NamedGroup], int]
    _kept: dict[tuple[Party, str], int] = field(default_factory=dict)

    def __call__(self, machine: Machine, group: NamedGroup) -> int:
        place = machine.party, group.name
        if place not in self._kept:
            self._kept[place] = self.draw(machine, group)
        return self._kept[place]


def weaken(parts: Parts) -> Parts:
    """Keep the server's secrets and answers, and send zeros as its random number. The client still draws new ones."""
    return replace(
        parts,
        groups={number: replace(each, group=SameAnswer(each.group)) for number, each in parts.groups.items()},
        secret={**parts.secret, Side.SERVER: KeptSecrets(parts.secret[Side.SERVER])},
        random={**parts.random, Side.SERVER: lambda machine: bytes(RANDOM)},
    )
