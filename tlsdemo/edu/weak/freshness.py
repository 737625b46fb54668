"""FRESHNESS removed: the server reuses its secret, and sends zeros in place of a random number.

An attacker that recorded a conversation can send the client's bytes again. The server gives the same answers, derives
the same keys, and takes the old order for a new one. 0-RTT data in TLS 1.3 has the same weakness, and the RFC warns of
it (§8). Attack: `replay`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tlsdemo.edu.handshake import RANDOM
from tlsdemo.edu.machine import Machine, Parts
from tlsdemo.key_agreement import Group, Randomness
from tlsdemo.protocol import Party, Side


@dataclass(frozen=True)
class KeptShare:
    """Draws a secret for each party once, and returns it for every conversation of that party."""

    draw: Callable[[Machine], int]
    _kept: dict[Party, int] = field(default_factory=dict)

    def __call__(self, machine: Machine) -> int:
        if machine.party not in self._kept:
            self._kept[machine.party] = self.draw(machine)
        return self._kept[machine.party]


REMEMBERED = 1000  # answers; without a limit, clients could fill the memory


@dataclass(frozen=True)
class SameAnswer:
    """A group that gives the same answer to the same key share, also if its answers are randomized (ML-KEM)."""

    group: Group
    _answers: dict[tuple[int, str], tuple[str, bytes]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.group.name

    @property
    def strong(self) -> bool:
        return self.group.strong

    def draw(self, random: Randomness) -> int:
        return self.group.draw(random)

    def public(self, secret: int) -> str:
        return self.group.public(secret)

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        """The group's answer, kept for the last REMEMBERED pairs of secret and key share."""
        if (secret, theirs) not in self._answers:
            while len(self._answers) >= REMEMBERED:
                del self._answers[next(iter(self._answers))]
            self._answers[secret, theirs] = self.group.answer(secret, theirs)
        return self._answers[secret, theirs]

    def shared(self, secret: int, theirs: str) -> bytes:
        return self.group.shared(secret, theirs)


def weaken(parts: Parts) -> Parts:
    """Keep the server's secret and answers, and send zeros as its random number. The client still draws new ones."""
    return replace(
        parts,
        group=SameAnswer(parts.group),
        secret={**parts.secret, Side.SERVER: KeptShare(parts.secret[Side.SERVER])},
        random={**parts.random, Side.SERVER: lambda machine: bytes(RANDOM)},
    )
