"""The man in the middle: to the client he is the server, to the server he is the client (RFC 3552 §3.3.5).

    client  <-- one handshake -->  [server end | client end]  <-- another handshake -->  server
                                        reads, alters

Both handshakes are genuine, made by the protocol's own factories; only the credential is his. No cipher is broken: the
client encrypts, for him. What he cannot do is to prove that he is the one whom the client asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tlsdemo.protocol import Endpoint, Flight, Side

LONGEST_LINE = 1 << 16  # bytes; what has no end by then is passed on as it is
REMEMBERED = 1 << 20  # bytes of what each party has said; what comes after them is passed on and forgotten
MOST_HELD = 1 << 20  # bytes that wait for the other side's handshake; then the conversation is ended


@dataclass(frozen=True)
class Read:
    """Something that he read, and what he passed on instead; the same if he changed nothing."""

    sender: Side
    said: bytes
    passed_on: bytes


def nobody_is_told(read: Read) -> None:
    """He keeps it to himself."""


@dataclass
class Interceptor:
    """An Attacker with two endpoints: `facing` each party stands the one that plays the other."""

    facing: Mapping[Side, Endpoint]
    alter: Mapping[bytes, bytes] = field(default_factory=dict)
    """What the attacker replaces, and by what, in both directions.

    Text that was replaced in the client's data is put back in the server's: the answer must not tell the client.
    """
    tell: Callable[[Read], None] = nobody_is_told
    read: dict[Side, bytearray] = field(default_factory=lambda: {side: bytearray() for side in Side})
    """What each party has sent: the first REMEMBERED bytes."""
    gave_up: bool = False
    """More than MOST_HELD bytes came for a side that was not ready."""
    _held: dict[Side, bytearray] = field(default_factory=lambda: {side: bytearray() for side in Side})
    _made: set[bytes] = field(default_factory=set)
    """What it has replaced in the client's text."""
    _closed: set[Side] = field(default_factory=set)
    """To these he has said that all is said."""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Hear it with the end that faces the sender; say what is to be said with the other."""
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
        """Pass it on - unless he has lost the server: then the client need not know, and goes on talking.

        Nothing can be said any more here; what he still held for the one who is gone, he has read for himself alone.
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
        """Whatever is new from that side goes to the other, as soon as the handshake there is done."""
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
        """He has no one to pass it on to: he reads."""
        if said:
            del self._held[sender][: len(said)]
            self.tell(Read(sender, said, b""))

    def _say_goodbye(self, sender: Side) -> None:
        """Who has said all is passed on; and who has nobody to talk to any more is not left waiting."""
        source, target = self.facing[sender], self.facing[sender.other]
        if source.ended and target.accepted and not self._held[sender]:
            self._closed.add(sender.other)
            target.close()
        if target.error and self.read[sender]:
            self._closed.add(sender)
            source.close()

    def _whole_lines(self, sender: Side) -> bytes:
        """What he looks for may come in two pieces: so he waits for the end of the line."""
        held = bytes(self._held[sender])
        return held if len(held) > LONGEST_LINE else held[: held.rfind(b"\n") + 1]
