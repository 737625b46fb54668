"""Lines of JSON, and then records in lines, over the state machine of `tlsdemo.driver`: an Endpoint, sans-IO.

    line -> message -> a step of the handshake; after it: line -> record -> application data or alert

`Parts` are the parts that a handshake is built of. The steps of each side are in `handshake`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cryptography.x509 import Certificate

from pki import Verdict
from pki.errors import printable
from tlsdemo.driver import Driver, Table, Watch, no_watch
from tlsdemo.edu import messages
from tlsdemo.edu.key_schedule import Secrets, schedule
from tlsdemo.edu.messages import Alert, Message
from tlsdemo.edu.records import CLOSE_NOTIFY, Cipher, Content, RecordChannel, Rules
from tlsdemo.key_agreement import Group
from tlsdemo.protocol import Party, Side
from tlsdemo.violations import ProtocolError


@dataclass(frozen=True, kw_only=True)
class CommonParts:
    """The parts that a handshake of TLS 1.3 has, too: `edu.weak` replaces them there in the same way."""

    judge: Callable[[Sequence[Certificate], Party, Side, frozenset[str]], Verdict | None]
    """Judges the peer's certificate chain; ProtocolError if it is refused."""
    checks: frozenset[str]
    """The checks that `judge` makes, names of `trust.CHECKS`."""
    rules: Rules


AnyParts = TypeVar("AnyParts", bound=CommonParts)


@dataclass(frozen=True, kw_only=True)
class Parts(CommonParts):
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
    transcript_hash: Callable[[bytes], bytes]
    """The hash of the messages so far that signatures and Finished cover."""
    verify_data: Callable[[bytes, bytes], bytes]
    """verify_data of Finished, from a Finished key and a transcript hash."""
    ciphers: Mapping[str, Cipher]
    """The ciphers that are offered, the strongest first."""
    channel: type[RecordChannel]
    omitted: frozenset[str]
    """Fields that the messages of this rung do not have."""


class Machine(Driver):
    """One side of a conversation. The steps of each side are in `Client` and `Server` (`handshake`)."""

    def __init__(self, rung: str, parts: Parts, party: Party, watch: Watch = no_watch) -> None:
        super().__init__(parts.client if self.side is Side.CLIENT else parts.server, party, watch)
        self.rung = rung
        self.parts = parts
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
        self._has_finished = False
        self.start()

    # For the steps ---------------------------------------------------------------------------------------------------

    def say(self, message: Message) -> None:
        """Send a handshake message."""
        line = messages.encode(message, self.parts.omitted)
        self.add(message, line, line)

    def transcript_hash(self) -> bytes:
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

    # For the driver --------------------------------------------------------------------------------------------------

    @property
    def negotiated(self) -> Mapping[str, str]:
        """Rung, group, cipher and server name; empty before the handshake is done."""
        if not self.accepted:
            return {}
        names = {"version": self.rung, "group": self.parts.group.name}
        return names | {"cipher": self.cipher, "server_name": self.server_name}

    def advance(self) -> bool:
        """Handle the next line: a message of the handshake, or a record after it."""
        line = messages.take_line(self._incoming)
        if line is None:
            return False
        message = messages.decode(line, self.rung, self.parts.omitted)
        if self.accepted:
            self._on_record(message, line + b"\n")
        elif isinstance(message, Alert):
            # Before Finished an alert is in the clear: an attacker on the path may have sent it. TLS 1.3 encrypts
            # earlier.
            self.on_alert(message.description, message.detail)
        else:
            self.step(message, line + b"\n")
        return True

    def _on_record(self, message: Message, raw: bytes) -> None:
        content, data = self.channel.open(message)
        self.heard(message, data + bytes([content.value]), raw)
        if content is Content.DATA:
            self.deliver(data)
        else:
            description, _, detail = data.decode("ascii", "replace").partition(": ")
            self.on_alert(description, detail)

    def seal_data(self, data: bytes) -> None:
        for start in range(0, len(data), self.channel.longest):
            self._seal(Content.DATA, data[start : start + self.channel.longest])

    def seal_end(self) -> None:
        self._seal(Content.ALERT, CLOSE_NOTIFY.encode())

    def end_of_stream(self) -> None:
        self.channel.end_of_stream()

    def give_up(self, error: ProtocolError) -> None:
        """Send an alert: in a record if this side has sent Finished, else in the clear."""
        detail = printable(str(error)).encode("ascii", "replace").decode()[:500]
        if self._has_finished:
            self._seal(Content.ALERT, f"{error.violation.alert}: {detail}".encode())
        else:
            alert = Alert(error.violation.alert, detail)
            self.put(alert, messages.encode(alert, self.parts.omitted))

    def _seal(self, content: Content, data: bytes) -> None:
        message = self.channel.seal(content, data)
        self.put(message, messages.encode(message, self.parts.omitted), data + bytes([content.value]))


def cipher_suite(negotiated: Mapping[str, str]) -> str:
    """Group and cipher of `Machine.negotiated`: `x25519, ChaCha20-Poly1305`; without a group, the cipher alone."""
    return ", ".join(part for part in (negotiated["group"], negotiated["cipher"]) if part)
