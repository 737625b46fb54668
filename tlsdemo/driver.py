"""The state machine that runs a handshake from a table: an Endpoint, sans-IO, for both of our handshakes.

    bytes -> codec -> message -> TABLE[state][type of message] -> step(message, transcript hash before it) -> next state

A codec is a subclass: `edu.machine` reads lines of JSON, `tls13.machine` TLS records. The steps are written above it,
in `edu.handshake` and `tls13.handshake`.

One rule for the transcript: a message is added to it before its step runs, and the step gets the hash from before. So a
signature or a Finished is checked against all messages before it (RFC 8446 §4.4), and the messages that a step sends
come after the one that it handles. Messages after the handshake are not part of it. A message that has no step in the
current state is a violation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cryptography.x509 import Certificate

from pki import Verdict
from tlsdemo.protocol import Party, Side
from tlsdemo.violations import ProtocolError, Violation


class State(Enum):
    """What a side waits for (RFC 8446 Appendix A)."""

    WAIT_CLIENT_HELLO = "wait for ClientHello"
    WAIT_SERVER_HELLO = "wait for ServerHello"
    WAIT_ENCRYPTED_EXTENSIONS = "wait for EncryptedExtensions"
    WAIT_CERTIFICATE_OR_REQUEST = "wait for Certificate or CertificateRequest"
    WAIT_CERTIFICATE = "wait for Certificate"
    WAIT_CERTIFICATE_VERIFY = "wait for CertificateVerify"
    WAIT_FINISHED = "wait for Finished"
    CONNECTED = "connected"


@dataclass(frozen=True)
class Step:
    """The handler of a message, and the state that follows unless the handler returns another one."""

    handler: Callable[[Any, Any, bytes], State | None]
    next: State


Table = Mapping[State, Mapping[type, Step]]
"""The messages that a side expects in each state, by their classes."""


@dataclass(frozen=True)
class Moment:
    """A message that this side has sent; or has received, and whose step has run or refused it."""

    sender: Side
    message: Any
    inside: bytes = b""
    """The content, if it was a record; of a record of the educational handshake, with the content type at its end."""
    refused: ProtocolError | None = None
    raw: bytes = b""
    """The bytes of the message: as sent, or as received. A received message of TLS comes without its records."""


Watch = Callable[[Any, Moment], None]
"""Called with this side and each moment, to explain it."""


def no_watch(driver: "Driver", moment: Moment) -> None:
    """Do nothing."""


class Driver:
    """One side of a conversation, from its first message to its close.

    A codec calls `start` at the end of its __init__, and defines the seven members that raise NotImplementedError here.
    """

    side: Side
    begins_with: State

    def __init__(self, table: Table, party: Party, watch: Watch) -> None:
        self.party = party
        self.state = self.begins_with
        self.error: Exception | None = None
        self.ended = False
        self.peer_chain: tuple[Certificate, ...] = ()
        self.verdict: Verdict | None = None
        """The verdict about the peer's certificate; None if it was not checked."""
        self._table = table
        self._watch = watch
        self._incoming = bytearray()
        self._outgoing: list[bytes] = []
        self._delivered: list[bytes] = []
        self._transcript = bytearray()
        self._untold: list[Moment] = []
        self._has_closed = False

    def start(self) -> None:
        """Send the first message, if this side starts."""
        self.begin()
        self._tell()

    def begin(self) -> None:
        """The first message of the side that starts."""

    # For the codec ---------------------------------------------------------------------------------------------------

    def advance(self) -> bool:
        """Read the next message or record of `_incoming` and handle it; False if it is incomplete."""
        raise NotImplementedError

    def transcript_hash(self) -> bytes:
        """The hash of the handshake messages so far, in both directions."""
        raise NotImplementedError

    def seal_data(self, data: bytes) -> None:
        """Send application data."""
        raise NotImplementedError

    def seal_end(self) -> None:
        """Send close_notify."""
        raise NotImplementedError

    def end_of_stream(self) -> None:
        """TCP was closed without close_notify: ProtocolError, unless that is accepted as the end of the data."""
        raise NotImplementedError

    def give_up(self, error: ProtocolError) -> None:
        """Send the alert for an error of the peer."""
        raise NotImplementedError

    @property
    def negotiated(self) -> Mapping[str, str]:
        """What was negotiated; empty before the handshake is done."""
        raise NotImplementedError

    def add(self, message: Any, encoded: bytes, on_the_wire: bytes) -> None:
        """Send a handshake message, and add its encoding to the transcript until the handshake is done."""
        if not self.accepted:
            self._transcript += encoded
        self.put(message, on_the_wire)

    def put(self, message: Any, on_the_wire: bytes, inside: bytes = b"") -> None:
        """Send the bytes of a message."""
        self._outgoing.append(on_the_wire)
        self._untold.append(Moment(self.side, message, inside, raw=on_the_wire))

    def step(self, message: Any, encoded: bytes) -> None:
        """Run the step for a handshake message of the peer. ProtocolError if the state has none for it."""
        step = self._table.get(self.state, {}).get(type(message))
        if step is None:
            detail = f"{type(message).__name__}, when the {self.side.value} had to {self.state.value}"
            raise ProtocolError(Violation.UNEXPECTED_MESSAGE, detail)
        before = self.transcript_hash()
        if not self.accepted:
            self._transcript += encoded
        place = len(self._untold)
        self._untold.append(Moment(self.side.other, message, raw=encoded))
        try:
            following = step.handler(self, message, before)
        except ProtocolError as error:
            self._untold[place] = Moment(self.side.other, message, refused=error, raw=encoded)
            raise
        self.state = following or step.next
        self._tell()

    def heard(self, message: Any, inside: bytes, raw: bytes = b"") -> None:
        """Report a record of the peer, its content and its bytes."""
        self._untold.append(Moment(self.side.other, message, inside, raw=raw))

    def deliver(self, data: bytes) -> None:
        """Hand application data of the peer to this side's application."""
        self._delivered.append(data)

    def on_alert(self, description: str, detail: str = "") -> None:
        """The peer's alert: close_notify after the handshake ends the data, any other alert ends the conversation."""
        if description != "close_notify":
            raise ProtocolError(Violation.ALERT, f"{description}: {detail}" if detail else description)
        if not self.accepted:
            raise ProtocolError(Violation.TRUNCATED, "the peer sent close_notify during the handshake")
        self.ended = True

    # An Endpoint -----------------------------------------------------------------------------------------------------

    @property
    def accepted(self) -> bool:
        """Whether the handshake is done on this side."""
        return self.state is State.CONNECTED

    def receive(self, data: bytes) -> None:
        """Take bytes from the connection. Bytes after an error or after the end are ignored."""
        self._incoming += data
        try:
            while not (self.error or self.ended) and self.advance():
                pass
        except ProtocolError as error:
            self.error = error  # the first error; an alert of the peer, and a cut, are not answered
            if error.violation not in (Violation.ALERT, Violation.TRUNCATED):
                self.give_up(error)
        if self.error or self.ended:
            self._incoming.clear()
        self._tell()

    @property
    def delivered(self) -> bytes:
        return b"".join(self._delivered)

    def take(self) -> bytes:
        taken = b"".join(self._delivered)
        self._delivered.clear()
        return taken

    def receive_eof(self) -> None:
        if self.error or self.ended:
            return
        try:
            if not self.accepted:
                raise ProtocolError(Violation.TRUNCATED, f"the {self.side.value} had to {self.state.value}")
            self.end_of_stream()
            self.ended = True
        except ProtocolError as error:
            self.error = error  # no alert: the peer has closed

    def send(self, data: bytes) -> None:
        """Send application data. ValueError before the handshake is done, after an error, and after `close`."""
        if not self.accepted or self.error or self._has_closed:
            raise ValueError("data cannot be sent before the handshake is done, after an error or after close")
        self.seal_data(data)
        self._tell()

    def close(self) -> None:
        """Send close_notify."""
        if self.accepted and not (self.error or self._has_closed):
            self._has_closed = True
            self.seal_end()
            self._tell()

    def outgoing(self) -> bytes:
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def _tell(self) -> None:
        """Call the watcher after each step, so that it sees the state that the step led to."""
        untold, self._untold = self._untold, []
        for moment in untold:
            self._watch(self, moment)
