"""The same attackers on a real line, between two who are not ours (`tlsdemo mitm --attack`).

In memory `converse` tells an attacker to which line a flight belongs. Here bytes come cut anywhere: `Sitting` puts them
together to records, tells the applications' words from the handshake, and counts; the client's first words are line 1.
Who has won stands in the terminals of the two: on the line one sees only what comes back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tlsdemo.attack.negotiation import FirstFlight
from tlsdemo.attack.tampering import ORDER, Mirror, flipper, masks, repeater
from tlsdemo.conversation import Passage
from tlsdemo.credentials.kinds import ATTACKER_HOST
from tlsdemo.protocol import Attacker, Flight, Framing, Hooks, Relay, Side

LONGEST = 1 << 18  # bytes that are no whole record: they are passed on as they are
RECORDED = 16 << 20  # bytes of one conversation that are kept; what comes after them is passed on and forgotten
ANSWERS = 6  # flights of each side that are kept after the attack


@dataclass
class Sitting:
    """An Attacker who has another one act on whole records; `tell` hears whatever that one does."""

    framing: Framing
    attacker: Attacker
    tell: Callable[[Passage], None]
    tape: list[Flight] = field(default_factory=list)
    """What was sent, before the attack: the first RECORDED bytes."""
    recorded: int = 0
    """Bytes in `tape`."""
    acted: bool = False
    since: list[Flight] = field(default_factory=list)
    """What was sent after the attack: the first ANSWERS flights of each side."""
    first_to_leave: Side | None = None
    _held: dict[Side, bytearray] = field(default_factory=lambda: {side: bytearray() for side in Side})
    _line: int = 0

    def __post_init__(self) -> None:
        self._says_something = self.framing.listener()

    def on_data(self, flight: Flight) -> list[tuple[Side, bytes]]:
        """The records that are whole with this piece."""
        held = self._held[flight.sender]
        held += flight.data
        records = self.framing.split(bytes(held))
        del held[: sum(map(len, records))]
        if len(held) > LONGEST:
            records.append(bytes(held))
            held.clear()
        return [delivery for record in records for delivery in self._pass(flight.sender, record)]

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """Who hangs up first?"""
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
        """The client begins, be it with two letters; tickets are no answer. Other records belong to what comes."""
        says_something = self._says_something(sender, record)
        if self._line:
            says_something = says_something and not self.framing.may_be_the_end(record)
        if says_something and (self._line or sender is Side.CLIENT):
            self._line += 1
            return self._line
        return self._line + 1 if self._line else 0


class Cut(Relay):
    """Keeps back the record that says: I have said all; and cuts the line there."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._is_cut = False

    def on_data(self, flight: Flight) -> list[tuple[Side, bytes]]:
        """Nothing for anybody, but that the line has ended."""
        if self._is_cut:
            return []
        if flight.line > ORDER and self._framing.may_be_the_end(flight.data):
            self._is_cut = True
            return [(side, b"") for side in Side]
        return [(flight.sender.other, flight.data)]


Attempts = Sequence[Callable[[], Attacker]]
"""What he tries, each in a conversation of its own."""


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
"""By the attack's id. The last three listen; what they do with their recording is done afterwards."""
