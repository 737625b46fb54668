"""The state machine that runs a handshake, and then the record channel: an Endpoint, sans-IO.

    line -> message -> TABLE[state][type of message] -> step(message, transcript hash before it) -> next state

One rule for the transcript: a message is added to it before its step runs, and the step gets the hash from before. So a
signature or a Finished is checked against all messages before it (RFC 8446 §4.4), and the messages that a step sends
come after the one that it handles. A message that has no step in the current state is a violation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cryptography.x509 import Certificate

from pki import Verdict
from pki.errors import printable
from tlsdemo.edu import messages
from tlsdemo.edu.key_agreement import Group
from tlsdemo.edu.key_schedule import Secrets, schedule
from tlsdemo.edu.messages import Alert, Message
from tlsdemo.edu.records import CLOSE_NOTIFY, Cipher, Content, RecordChannel, Rules
from tlsdemo.protocol import Party, Side
from tlsdemo.violations import ProtocolError, Violation


class State(Enum):
    """What a side waits for (RFC 8446 Appendix A)."""

    WAIT_CLIENT_HELLO = "wait for ClientHello"
    WAIT_SERVER_HELLO = "wait for ServerHello"
    WAIT_CERTIFICATE = "wait for Certificate"
    WAIT_CERTIFICATE_VERIFY = "wait for CertificateVerify"
    WAIT_FINISHED = "wait for Finished"
    CONNECTED = "connected"


@dataclass(frozen=True)
class Step:
    """The handler of a message, and the state that follows."""

    handler: Callable[[Any, Any, bytes], None]
    next: State


Table = Mapping[State, Mapping[type[Message], Step]]


@dataclass(frozen=True)
class Parts:
    """The parts of a handshake.

    A rung replaces some of the parts of the rung below it (`protocol`). `edu.weak` replaces one to remove a protection.
    """

    group: Group
    secret: Mapping[Side, Callable[["Machine"], int]]
    """The secret from which a side computes its key share."""
    random: Mapping[Side, Callable[["Machine"], bytes]]
    """The random number of a side, 32 bytes."""
    client: Table
    server: Table
    prove: Mapping[Side, tuple[Callable[["Machine"], None], ...]]
    """The messages by which a side proves its identity, each sent by a function; empty where it presents nothing."""
    judge: Callable[[Sequence[Certificate], Party, Side, frozenset[str]], Verdict | None]
    """Judges the peer's certificate chain; ProtocolError if it is refused."""
    checks: frozenset[str]
    """The checks that `judge` makes, names of `authentication.CHECKS`."""
    transcript_hash: Callable[[bytes], bytes]
    """The hash of the messages so far that signatures and Finished cover."""
    verify_data: Callable[[bytes, bytes], bytes]
    """verify_data of Finished, from a Finished key and a transcript hash."""
    ciphers: Mapping[str, Cipher]
    """The ciphers that are offered, the strongest first."""
    channel: type[RecordChannel]
    rules: Rules
    omitted: frozenset[str]
    """Fields that the messages of this rung do not have."""


@dataclass(frozen=True)
class Moment:
    """A message that this side has sent; or has received, and whose step has run or refused it."""

    sender: Side
    message: Message
    inside: bytes = b""
    """The content, if it was a record."""
    refused: ProtocolError | None = None


Watch = Callable[["Machine", Moment], None]
"""Called with each moment, to explain it."""


def no_watch(machine: "Machine", moment: Moment) -> None:
    """Do nothing."""


class Machine:
    """One side of a conversation. The steps of each side are in `Client` and `Server` (`handshake`)."""

    side: Side
    begins_with: State

    def __init__(self, rung: str, parts: Parts, party: Party, watch: Watch = no_watch) -> None:
        self.rung = rung
        self.parts = parts
        self.party = party
        self.state = self.begins_with
        self.error: Exception | None = None
        self._delivered = bytearray()
        self.ended = False
        self.peer_chain: tuple[Certificate, ...] = ()
        self.verdict: Verdict | None = None
        """The verdict about the peer's certificate; None if it was not checked."""
        self.secret = 0
        self.cipher = ""
        self.server_name = ""
        """The server name in ClientHello, as this side sent or received it."""
        self.shared = b""
        self.random = b""
        self.randoms: Mapping[Side, bytes] = {}
        """The random numbers of both sides, once both are known."""
        self.secrets: Secrets
        self.channel: RecordChannel
        self._table: Table = parts.client if self.side is Side.CLIENT else parts.server
        self._watch = watch
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._transcript = bytearray()
        self._untold: list[Moment] = []
        self._has_finished = False
        self._has_closed = False
        self.begin()
        self._tell()

    def begin(self) -> None:
        """Send the first message, if this side starts."""

    # For the steps ---------------------------------------------------------------------------------------------------

    def say(self, message: Message) -> None:
        """Send a handshake message, and add it to the transcript."""
        line = messages.encode(message, self.parts.omitted)
        self._transcript += line
        self._put(message, line)

    def transcript_hash(self) -> bytes:
        """The hash of the messages so far, in both directions."""
        return self.parts.transcript_hash(bytes(self._transcript))

    def draw(self) -> None:
        """Draw the secret and the random number of this conversation."""
        self.random = self.parts.random[self.side](self)
        self.secret = self.parts.secret[self.side](self)

    def agree(self, shared: bytes, client_random: bytes, server_random: bytes) -> None:
        """Derive all keys from the shared secret and both random numbers."""
        self.shared = shared
        self.randoms = {Side.CLIENT: client_random, Side.SERVER: server_random}
        self.secrets = schedule(shared, client_random, server_random)
        self.channel = self.parts.channel(self.side, self.secrets, self.parts.ciphers[self.cipher], self.parts.rules)

    def has_finished(self) -> None:
        """Send only records from here on."""
        self._has_finished = True

    # An Endpoint -----------------------------------------------------------------------------------------------------

    @property
    def accepted(self) -> bool:
        """Whether the handshake is done on this side."""
        return self.state is State.CONNECTED

    @property
    def negotiated(self) -> Mapping[str, str]:
        """Rung, group, cipher and server name; empty before the handshake is done."""
        if not self.accepted:
            return {}
        names = {"version": self.rung, "group": self.parts.group.name}
        return names | {"cipher": self.cipher, "server_name": self.server_name}

    def receive(self, data: bytes) -> None:
        """Take bytes from the connection. Bytes after an error or after the end are ignored."""
        self._incoming += data
        try:
            while not (self.error or self.ended) and (line := messages.take_line(self._incoming)) is not None:
                message = messages.decode(line, self.rung, self.parts.omitted)
                if self.accepted:
                    self._on_content(message)
                else:
                    self._on_message(message, line + b"\n")
        except ProtocolError as error:
            self._fail(error)
        if self.error or self.ended:
            self._incoming.clear()
        self._tell()

    @property
    def delivered(self) -> bytes:
        return bytes(self._delivered)

    def take(self) -> bytes:
        taken = bytes(self._delivered)
        self._delivered.clear()
        return taken

    def receive_eof(self) -> None:
        if self.error or self.ended:
            return
        try:
            if not self.accepted:
                raise ProtocolError(Violation.TRUNCATED, f"the {self.side.value} had to {self.state.value}")
            self.channel.end_of_line()
            self.ended = True
        except ProtocolError as error:
            self.error = error  # no alert: the peer has closed

    def send(self, data: bytes) -> None:
        """Send application data. ValueError before the handshake is done, after an error, and after `close`."""
        if not self.accepted or self.error or self._has_closed:
            raise ValueError("data cannot be sent before the handshake is done, after an error or after close")
        for start in range(0, len(data), self.channel.longest):
            self._seal(Content.DATA, data[start : start + self.channel.longest])
        self._tell()

    def close(self) -> None:
        """Send close_notify."""
        if self.accepted and not (self.error or self._has_closed):
            self._has_closed = True
            self._seal(Content.ALERT, CLOSE_NOTIFY.encode())
            self._tell()

    def outgoing(self) -> bytes:
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    # Inside ----------------------------------------------------------------------------------------------------------

    def _put(self, message: Message, line: bytes, inside: bytes = b"") -> None:
        self._outgoing += line
        self._untold.append(Moment(self.side, message, inside))

    def _tell(self) -> None:
        """Call the watcher after each step, so that it sees the state that the step led to."""
        untold, self._untold = self._untold, []
        for moment in untold:
            self._watch(self, moment)

    def _seal(self, content: Content, data: bytes) -> None:
        message = self.channel.seal(content, data)
        self._put(message, messages.encode(message, self.parts.omitted), data)

    def _on_message(self, message: Message, line: bytes) -> None:
        step = self._table[self.state].get(type(message))
        if isinstance(message, Alert):
            self._on_alert(message.description, message.detail)
        elif step is None:
            raise ProtocolError(
                Violation.UNEXPECTED_MESSAGE,
                f"{type(message).__name__}, when the {self.side.value} had to {self.state.value}",
            )
        else:
            before = self.transcript_hash()
            self._transcript += line
            place = len(self._untold)
            self._untold.append(Moment(self.side.other, message))
            try:
                step.handler(self, message, before)
            except ProtocolError as error:
                self._untold[place] = Moment(self.side.other, message, refused=error)
                raise
            self.state = step.next
            self._tell()

    def _on_content(self, message: Message) -> None:
        content, data = self.channel.open(message)
        self._untold.append(Moment(self.side.other, message, data))
        if content is Content.DATA:
            self._delivered += data
        else:
            description, _, detail = data.decode("ascii", "replace").partition(": ")
            self._on_alert(description, detail)

    def _on_alert(self, description: str, detail: str) -> None:
        # Before Finished an alert is in the clear: an attacker on the path may have sent it. TLS 1.3 encrypts earlier.
        if description != CLOSE_NOTIFY:
            raise ProtocolError(Violation.ALERT, f"{description}: {detail}" if detail else description)
        if not self.accepted:
            raise ProtocolError(Violation.TRUNCATED, "the peer sent close_notify during the handshake")
        self.ended = True

    def _fail(self, error: ProtocolError) -> None:
        """Keep the first error, and send an alert: in a record if this side has sent Finished, else in the clear."""
        self.error = error
        if error.violation in (Violation.ALERT, Violation.TRUNCATED):
            return
        detail = printable(str(error)).encode("ascii", "replace").decode()[:500]
        if self._has_finished:
            self._seal(Content.ALERT, f"{error.violation.alert}: {detail}".encode())
        else:
            alert = Alert(error.violation.alert, detail)
            line = messages.encode(alert, self.parts.omitted)
            self._put(alert, line)


def cipher_suite(negotiated: Mapping[str, str]) -> str:
    """Group and cipher of `Machine.negotiated`: `x25519, ChaCha20-Poly1305`; without a group, the cipher alone."""
    return ", ".join(part for part in (negotiated["group"], negotiated["cipher"]) if part)
