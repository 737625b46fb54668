"""The man in the middle: a server to the client, and a client to the server (RFC 3552 §3.3.5).

    client  <-- one handshake -->  [server end | client end]  <-- another handshake -->  server
                                        reads, alters

The protocol's own factories build both endpoints; only the credential is the attacker's. No cipher is broken: the
client encrypts for the attacker. The attack fails if the client requires a proof of identity that the attacker cannot
give.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tlsdemo.protocol import Endpoint, Flight, Side

LONGEST_LINE = 1 << 16  # bytes; a longer line is sent on in parts
REMEMBERED = 1 << 20  # bytes of each side's data that are kept; later data are sent on and not kept
MOST_HELD = 1 << 20  # bytes that wait for the other handshake; more end the conversation


@dataclass(frozen=True)
class Read:
    """Data that the attacker read, and the data that it sent on: the same if it changed nothing."""

    sender: Side
    said: bytes
    passed_on: bytes


def ignore(read: Read) -> None:
    """Do nothing."""


@dataclass
class Interceptor:
    """An Attacker with two endpoints: `facing` has, for each side, the endpoint that plays its peer."""

    facing: Mapping[Side, Endpoint]
    alter: Mapping[bytes, bytes] = field(default_factory=dict)
    """Text that the attacker replaces, and the replacement, in both directions.

    Text that was replaced in the client's data is restored in the server's answer, so that the client does not notice.
    """
    tell: Callable[[Read], None] = ignore
    read: dict[Side, bytearray] = field(default_factory=lambda: {side: bytearray() for side in Side})
    """The first REMEMBERED bytes that each side sent."""
    gave_up: bool = False
    """Whether the conversation was ended because more than MOST_HELD bytes waited for a handshake."""
    _held: dict[Side, bytearray] = field(default_factory=lambda: {side: bytearray() for side in Side})
    _made: set[bytes] = field(default_factory=set)
    """Text that was replaced in the client's data."""
    _closed: set[Side] = field(default_factory=set)
    """Sides to which the attacker has sent a close."""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Receive the flight with the endpoint that faces the sender, and send its data on with the other endpoint."""
        if self.gave_up:
            return []
        self.facing[flight.sender].receive(flight.data)
        for sender in Side:
            self._pass_on(sender)
        for sender in Side:
            self._say_goodbye(sender)
        if any(len(held) > MOST_HELD for held in self._held.values()):
            self.gave_up = True
            self._held = {side: bytearray() for side in Side}
            return [(side, b"") for side in Side]
        return [(side, data) for side in Side if (data := self.facing[side].outgoing())]

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """End the stream of the other side too, except if the server refused the attacker before the client sent data.

        In that case the client is kept connected, so that it sends its data. Data that can no longer be sent on are
        reported as read.
        """
        self.facing[sender].receive_eof()
        for side in Side:
            self._hear(side)
            if side is sender.other or self.facing[side.other].accepted:
                self._keep(side, bytes(self._held[side]))
        refused = sender is Side.SERVER and self.facing[Side.SERVER].error and not self.facing[Side.CLIENT].error
        if refused and not self.read[Side.CLIENT]:
            return []
        return [sender.other]

    def _pass_on(self, sender: Side) -> None:
        """Send new data from that side to the other, once the handshake with the other side is complete."""
        source, target = self.facing[sender], self.facing[sender.other]
        self._hear(sender)
        said = self._whole_lines(sender) if self.alter and not source.ended else bytes(self._held[sender])
        lost = bool(target.error) or sender.other in self._closed
        if lost:
            self._keep(sender, said)
        elif said and target.accepted:
            del self._held[sender][: len(said)]
            altered = self._altered(sender, said)
            self.tell(Read(sender, said, altered))
            if altered:
                target.send(altered)

    def _altered(self, sender: Side, said: bytes) -> bytes:
        if sender is Side.CLIENT:
            for old, new in self.alter.items():
                if old in said:
                    self._made.add(old)
                said = said.replace(old, new)
            return said
        for old, new in reversed(list(self.alter.items())):
            if old in self._made and new:
                said = said.replace(new, old)
        for old, new in self.alter.items():
            if old not in self._made:
                said = said.replace(old, new)
        return said

    def _hear(self, sender: Side) -> None:
        fresh = self.facing[sender].take()
        self.read[sender] += fresh[: REMEMBERED - len(self.read[sender])]
        self._held[sender] += fresh

    def _keep(self, sender: Side, said: bytes) -> None:
        """Report data that cannot be sent on."""
        if said:
            del self._held[sender][: len(said)]
            self.tell(Read(sender, said, b""))

    def _say_goodbye(self, sender: Side) -> None:
        """Forward a close; close the connection to a side whose peer has failed after data were read."""
        source, target = self.facing[sender], self.facing[sender.other]
        if source.ended and target.accepted and not self._held[sender]:
            self._closed.add(sender.other)
            target.close()
        if target.error and self.read[sender]:
            self._closed.add(sender)
            source.close()

    def _whole_lines(self, sender: Side) -> bytes:
        """The complete lines that are held: text to replace may arrive in two pieces."""
        held = bytes(self._held[sender])
        return held if len(held) > LONGEST_LINE else held[: held.rfind(b"\n") + 1]
