"""The attackers on a real connection between two other programs (`tlsdemo mitm --attack`).

In memory, `converse` gives the attacker the number of the application line that a flight carries. On a connection the
bytes arrive split anywhere: `LiveAttacker` joins them to records, separates application data from the handshake, and
counts. The client's first application data are line 1. The attacker cannot see whether the attack succeeded: client and
server report that.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tlsdemo.attack.negotiation import FirstFlight
from tlsdemo.attack.tampering import ORDER, Mirror, flipper, masks, repeater
from tlsdemo.conversation import Passage
from tlsdemo.credentials.kinds import ATTACKER_HOST
from tlsdemo.protocol import Attacker, Flight, Framing, Hooks, Relay, Side

LONGEST = 1 << 18  # bytes; a longer incomplete record is relayed as it is
RECORDED = 16 << 20  # bytes of one conversation that are kept; later ones are relayed and not kept
ANSWERS = 6  # flights of each side that are kept after the attack


@dataclass
class LiveAttacker:
    """An Attacker that passes whole records to another one; calls `tell` for each record that is not simply relayed."""

    framing: Framing
    attacker: Attacker
    tell: Callable[[Passage], None]
    tape: list[Flight] = field(default_factory=list)
    """The first RECORDED bytes that both sides sent, before any change."""
    recorded: int = 0
    """Bytes in `tape`."""
    acted: bool = False
    since: list[Flight] = field(default_factory=list)
    """The first ANSWERS flights of each side after the attack."""
    first_to_leave: Side | None = None
    _held: dict[Side, bytearray] = field(default_factory=lambda: {side: bytearray() for side in Side})
    _line: int = 0

    def __post_init__(self) -> None:
        self._says_something = self.framing.listener()

    def on_data(self, flight: Flight) -> list[tuple[Side, bytes]]:
        """Pass on the records that this piece completes."""
        held = self._held[flight.sender]
        held += flight.data
        records = self.framing.split(bytes(held))
        del held[: sum(map(len, records))]
        if len(held) > LONGEST:
            records.append(bytes(held))
            held.clear()
        return [delivery for record in records for delivery in self._pass(flight.sender, record)]

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """Note the side that closes first."""
        self.first_to_leave = self.first_to_leave or sender
        return self.attacker.on_eof(sender)

    def _pass(self, sender: Side, record: bytes) -> Sequence[tuple[Side, bytes]]:
        flight = Flight(sender, record, self._number(sender, record))
        if self.recorded + len(record) <= RECORDED:
            self.recorded += len(record)
            self.tape.append(flight)
        if self.acted and sum(each.sender is sender for each in self.since) < ANSWERS:
            self.since.append(flight)
        deliveries = tuple(self.attacker.on_data(flight))
        if deliveries != ((sender.other, record),):
            self.acted = True
            self.tell(Passage(flight, deliveries))
        return deliveries

    def _number(self, sender: Side, record: bytes) -> int:
        """The number of the application line that the record carries, or precedes; 0 before the client's first data.

        A record of the server before the client's first data, such as a session ticket, is not an answer.
        """
        says_something = self._says_something(sender, record)
        if self._line:
            says_something = says_something and not self.framing.may_be_the_end(record)
        if says_something and (self._line or sender is Side.CLIENT):
            self._line += 1
            return self._line
        return self._line + 1 if self._line else 0


class Cut(Relay):
    """Drops the record that ends the stream, and closes the connection there."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._is_cut = False

    def on_data(self, flight: Flight) -> list[tuple[Side, bytes]]:
        """Relay until the record that may end the stream; then close both connections."""
        if self._is_cut:
            return []
        if flight.line > ORDER and self._framing.may_be_the_end(flight.data):
            self._is_cut = True
            return [(side, b"") for side in Side]
        return [(flight.sender.other, flight.data)]


Attempts = Sequence[Callable[[], Attacker]]
"""The variants of an attack; each conversation gets the next one."""


def _flip(framing: Framing, hooks: Hooks) -> Attempts:
    return [partial(flipper, framing, mask) for mask in masks(framing)]


def _downgrade(framing: Framing, hooks: Hooks) -> Attempts:
    return [partial(FirstFlight, edit) for edit in hooks.downgrades or ()]


def _rename(framing: Framing, hooks: Hooks) -> Attempts:
    edit = hooks.rename
    return [partial(FirstFlight, lambda data: edit(data, ATTACKER_HOST))] if edit else []


def _listen(framing: Framing, hooks: Hooks) -> Attempts:
    return [Relay]


LIVE: Mapping[str, Callable[[Framing, Hooks], Attempts]] = {
    "bit-flip": _flip,
    "reordering": lambda framing, hooks: [repeater],
    "truncation": lambda framing, hooks: [partial(Cut, framing)],
    "reflection": lambda framing, hooks: [Mirror],
    "downgrade": _downgrade,
    "renaming": _rename,
    "replay": _listen,
    "computed-secret": _listen,
    "recorded-today": _listen,
}
"""By the attack's id. The last three only record; they use the recording when the conversation has ended."""
