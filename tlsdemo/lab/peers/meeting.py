r"""One conversation of an endpoint of ours with a peer: how it ended, and at which record.

    handshake -> request -> answer      EXCHANGED     the peer's application data arrived here
             \-> an alert of the peer   ALERTED       \-> a close   CLOSED
             \-> an error of ours       FAILED

The evidence is application data. The protected records of the server are counted. A client of ours knows which of them
it cannot read. To learn which of them a client refuses, `pause` is set: then our server sends each protected record
alone, and the next one if the client is silent for so many seconds.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from tlsdemo import net
from tlsdemo.protocol import Endpoint, Side
from tlsdemo.violations import ProtocolError, alert
from tlsdemo.wire.records import APPLICATION_DATA, CONTENT_TYPES, Cutter, raw_records

CHUNK = 1 << 14
FAREWELL = 1.0  # seconds for the peer's close
TOKEN = b"answer-of-a-weakened-server"
"""The text by which the output of a client shows that it received the answer."""
ANSWER = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n" % (
    len(TOKEN) + 1,
    TOKEN,
)
REQUEST = b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"


class MeetingEnd(Enum):
    """How a meeting ended."""

    EXCHANGED = "application data were exchanged"
    ALERTED = "the peer sent an alert"
    CLOSED = "the peer closed the connection without an alert"
    FAILED = "this side ended the connection"
    SILENT = "the peer did not answer in time"
    ABSENT = "the peer did not connect"
    UNFIT = "this side cannot leave the protection out with its certificate"


@dataclass(frozen=True)
class Meeting:
    """What happened."""

    end: MeetingEnd
    alert: str = ""
    """The name of the alert: the peer's if it is ALERTED, that of this side if it is FAILED."""
    record: int = 0
    """The number of the server's protected record at which it ended; 0: at the hellos, or not known."""
    why: str = ""
    """The error of this side."""
    received: int = 0
    """Bytes of application data."""
    sent_protected: int = 0
    """The protected records that this side had sent."""


ABSENT = Meeting(MeetingEnd.ABSENT)


@dataclass
class RecordExchange:
    """Moves records between the endpoint and a connection."""

    connection: net.Connection
    endpoint: Endpoint
    until: float
    """A time of `time.monotonic`."""
    pause: float | None = None
    sent: int = 0
    received: int = 0
    """Protected records, in each direction."""
    _waiting: list[bytes] = field(default_factory=list)
    _held: bool = False
    _cutter: Cutter = field(default_factory=Cutter)
    _closed: bool = False

    async def hold(self) -> Meeting:
        """Run the whole conversation."""
        came = b""
        try:
            while not self.endpoint.accepted:
                await self._advance()
            if self.endpoint.side is Side.CLIENT:
                self.endpoint.send(REQUEST)
            while not (came := self.endpoint.take()):
                await self._advance()
            if self.endpoint.side is Side.SERVER:
                self.endpoint.send(ANSWER)
            self.endpoint.close()
            await self._send()
        except _Over as over:
            found = self._meeting(over.args[0])
            self._waiting.clear()
            await self._send()  # the alert of this side
            return found
        except TimeoutError:
            return self._meeting(MeetingEnd.SILENT)
        return Meeting(MeetingEnd.EXCHANGED, received=len(came), sent_protected=self.sent)

    async def _advance(self) -> None:
        """Send, and receive once. _Over if the conversation has ended."""
        self._raise_end()
        if not self._held:
            await self._send()
        self.connection.deadline = self.until
        if self._waiting and self.pause is not None:
            self.connection.deadline = min(self.until, time.monotonic() + self.pause)
        try:
            data = await self.connection.receive(CHUNK)
        except TimeoutError:
            if not self._waiting or time.monotonic() >= self.until:
                raise
            self._held = False  # the peer accepts what it has
            return
        except OSError:  # a reset
            data = b""
        self._held = bool(self._waiting)
        self._take(data)
        self._raise_end()

    def _take(self, data: bytes) -> None:
        if not data:
            self._closed = not self.endpoint.error
            self.endpoint.receive_eof()
        elif not self._cutter.rest and data[0] not in CONTENT_TYPES:
            self.endpoint.receive(data)  # not TLS
        for record in self._cutter.feed(data):
            if not self.endpoint.error:
                self.received += is_protected(record)
                self.endpoint.receive(record)

    def _raise_end(self) -> None:
        if self.endpoint.delivered:  # an answer and a close may come together
            return
        error = self.endpoint.error
        if isinstance(error, ProtocolError) and alert(error):
            raise _Over(MeetingEnd.ALERTED)
        if error and not self._closed:
            raise _Over(MeetingEnd.FAILED)
        if self._closed or self.endpoint.ended:
            raise _Over(MeetingEnd.CLOSED)

    async def _send(self) -> None:
        """Send all records that wait; with a pause, up to the next protected one."""
        self._waiting += raw_records(self.endpoint.outgoing())
        count = len(self._waiting)
        if self.pause is not None and not self.endpoint.error:
            count = next((place for place, each in enumerate(self._waiting, 1) if is_protected(each)), count)
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self.sent += sum(map(is_protected, batch))
        try:
            await self.connection.send(b"".join(batch))
        except TimeoutError:
            raise
        except OSError:  # the peer has closed; its last bytes are read next
            self._waiting.clear()

    def _meeting(self, end: MeetingEnd) -> Meeting:
        error = self.endpoint.error
        name, record = "", 0
        if self.endpoint.side is Side.CLIENT:
            record = self.received
        elif self.pause is not None:
            record = self.sent
        if isinstance(error, ProtocolError):
            name = alert(error) or (error.violation.alert if end is MeetingEnd.FAILED else "")
        why = str(error) if error and end is MeetingEnd.FAILED else ""
        return Meeting(end, name, record, why, sent_protected=self.sent)


class _Over(Exception):
    """The conversation has ended; the argument is the MeetingEnd."""


def is_protected(record: bytes) -> bool:
    """Whether the record is encrypted: its outer type is application_data (§5.2)."""
    return record[0] == APPLICATION_DATA


def with_server(port: int, endpoint: Endpoint, seconds: float, pause: float | None = None) -> Meeting:
    """Meet the server on that port of 127.0.0.1. Problem if it cannot be reached."""
    with net.dial(net.Address("127.0.0.1", port), seconds) as dialled:
        connection = net.Connection(dialled, "", 0)
        return net.blocking(RecordExchange(connection, endpoint, time.monotonic() + seconds, pause).hold())


def with_clients(
    endpoint: Callable[[], Endpoint], found: Callable[[Meeting], None], seconds: float, pause: float | None = None
) -> Callable[[net.Connection], net.Handling[None]]:
    """A handler of the accept loop: meets each client that connects, and calls `found`."""

    async def handle(connection: net.Connection) -> None:
        exchange = RecordExchange(connection, endpoint(), time.monotonic() + seconds, pause)
        try:
            found(await exchange.hold())
        except ValueError as error:  # of the weak part, such as "needs a P-256 key"
            found(Meeting(MeetingEnd.UNFIT, why=str(error)))
        await connection.drain(FAREWELL)

    return handle
