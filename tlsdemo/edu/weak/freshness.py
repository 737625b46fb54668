"""Without FRESHNESS: the server draws nothing. It keeps its half of the agreement, and sends no random number.

What is wrong: whoever recorded a conversation may play the client's part of it again, word for word; the server gives
the same answers as then, comes to the same keys, and takes the old order for a new one (attack: `replay`). The first
flight of TLS 1.3's 0-RTT has just this fault, and says so (§8).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tlsdemo.edu.handshake import RANDOM
from tlsdemo.edu.key_agreement import Group, Randomness
from tlsdemo.edu.machine import Machine, Parts
from tlsdemo.protocol import Party, Side


@dataclass(frozen=True)
class KeptShare:
    """What was drawn first is used from then on, by each party for itself."""

    draw: Callable[[Machine], int]
    _kept: dict[Party, int] = field(default_factory=dict)

    def __call__(self, machine: Machine) -> int:
        """The same each time."""
        if machine.party not in self._kept:
            self._kept[machine.party] = self.draw(machine)
        return self._kept[machine.party]


REMEMBERED = 1000  # answers; a client chooses the questions


@dataclass(frozen=True)
class SameAnswer:
    """A group that answers the same question in the same way, where that takes randomness of its own (ML-KEM)."""

    group: Group
    _answers: dict[tuple[int, str], tuple[str, bytes]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """That of the group."""
        return self.group.name

    @property
    def strong(self) -> bool:
        """As the group is."""
        return self.group.strong

    def draw(self, random: Randomness) -> int:
        """As the group does."""
        return self.group.draw(random)

    def public(self, secret: int) -> str:
        """As the group does."""
        return self.group.public(secret)

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        """Once found, it stays: the last REMEMBERED of them."""
        if (secret, theirs) not in self._answers:
            while len(self._answers) >= REMEMBERED:
                del self._answers[next(iter(self._answers))]
            self._answers[secret, theirs] = self.group.answer(secret, theirs)
        return self._answers[secret, theirs]

    def shared(self, secret: int, theirs: str) -> bytes:
        """As the group does."""
        return self.group.shared(secret, theirs)


def weaken(parts: Parts) -> Parts:
    """The client goes on drawing; that does not help the server."""
    return replace(
        parts,
        group=SameAnswer(parts.group),
        secret={**parts.secret, Side.SERVER: KeptShare(parts.secret[Side.SERVER])},
        random={**parts.random, Side.SERVER: lambda machine: bytes(RANDOM)},
    )
