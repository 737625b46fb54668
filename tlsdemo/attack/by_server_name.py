"""A man in the middle that reads the name in the ClientHello, and then presents a certificate for that name.

client -- first message, with a name --> [begin(first message) -> an Interceptor] --> server
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pki.errors import ExitCode, Problem
from tlsdemo.attack.interceptor import Interceptor
from tlsdemo.edu import messages
from tlsdemo.protocol import Flight, Side
from tlsdemo.violations import ProtocolError
from tlsdemo.wire import first_flight, handshake, records

LONGEST_HELLO = 1 << 16  # bytes

Label = TypeVar("Label")


class Opening(Protocol):
    """Finds the end of a client's first message, which arrives in pieces of any size. Reads each byte once."""

    def is_whole_with(self, piece: bytes) -> bool:
        """Whether the first message is complete with this piece. Problem if it cannot become complete."""


@dataclass(frozen=True)
class Hello:
    """How to read the first message of a client."""

    opening: Callable[[], Opening]
    name: Callable[[bytes], str | None]
    """The name that the client asks for; None if the message contains none."""
    nothing_to_show: bytes
    """The alert for a name without a certificate."""


@dataclass
class Disguised(Generic[Label]):
    """An Attacker that waits for the client's first message; then it works as an Interceptor."""

    begin: Callable[[bytes], tuple[Label, Interceptor]]
    """Called with the first message."""
    hello: Hello
    inside: tuple[Label, Interceptor] | None = None
    problem: Problem | None = None
    """Why the Interceptor was not started."""
    end: object = None
    first_to_leave: Side | None = None
    """The side that closed first."""
    _held: list[Flight] = field(default_factory=list)
    _held_bytes: int = 0
    _first: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self._opening = self.hello.opening()

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Hold everything until the first message is complete; then pass it to the Interceptor."""
        if self.inside:
            return self.inside[1].on_data(flight)
        if self.problem:
            return []
        self._held.append(flight)
        self._held_bytes += len(flight.data)
        try:
            if self._held_bytes > LONGEST_HELLO:
                raise _no_client_hello()
            if flight.sender is Side.SERVER:
                return []
            self._first += flight.data
            if not self._opening.is_whole_with(flight.data):
                return []
            self.inside = self.begin(bytes(self._first))
        except Problem as problem:
            self.problem = problem
            return [(Side.CLIENT, self.hello.nothing_to_show), (Side.CLIENT, b""), (Side.SERVER, b"")]
        interceptor = self.inside[1]
        return [delivery for each in self._held for delivery in interceptor.on_data(each)]

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """Before the first message is complete, a close ends the conversation."""
        targets = self.inside[1].on_eof(sender) if self.inside else [sender.other]
        self.first_to_leave = self.first_to_leave or (sender if sender.other in targets else None)
        return targets


def _no_client_hello() -> Problem:
    return Problem("no certificate was presented: the client did not send a ClientHello", code=ExitCode.NO)


class TlsOpening:
    """Finds the end of the ClientHello in TLS records."""

    def __init__(self) -> None:
        self._begin = b""
        self._cutter = records.Cutter()
        self._message = bytearray()

    def is_whole_with(self, piece: bytes) -> bool:
        """Whether the ClientHello is complete with this piece. Problem if the bytes are not a ClientHello."""
        self._begin = (self._begin + piece[:2])[:2]
        for record in self._cutter.feed(piece):
            self._message += record[records.HEADER :]
        message = self._message
        if not b"\x16\x03".startswith(self._begin) or (message and message[0] != handshake.CLIENT_HELLO):
            raise _no_client_hello()
        length = int.from_bytes(message[1 : handshake.HEADER])
        return len(message) >= handshake.HEADER and len(message) >= handshake.HEADER + length


class LineOpening:
    """Finds the end of the first line of the educational handshake."""

    def is_whole_with(self, piece: bytes) -> bool:
        """Whether the piece contains the end of the line."""
        return b"\n" in piece


def _name_in_line(first: bytes) -> str | None:
    try:
        message = messages.read(first.partition(b"\n")[0])
    except ProtocolError:
        return None  # the server endpoint of the Interceptor reports the error
    return message.server_name or None if isinstance(message, messages.ClientHello) else None


TLS_HELLO = Hello(TlsOpening, first_flight.server_name, b"\x15\x03\x03\x00\x02\x02\x70")
"""With the fatal alert unrecognized_name, unencrypted (RFC 6066 §3)."""
LINE = Hello(LineOpening, _name_in_line, b'{"type": "alert", "description": "unrecognized_name", "detail": ""}\n')
"""The client_hello of the educational handshake."""
