"""TLS records over the state machine of `tlsdemo.driver`: an Endpoint, sans-IO (RFC 8446 §5).

    record -> (opened with the receiving keys) -> fragments -> handshake message -> a step of the handshake
                                               -> application data, alert

A handshake message is a record of its own when it is sent. When it is received, it may be split over records, and a
record may have several messages, as long as no key change lies between them (§5.1). `Parts` are the parts that the
handshake is built of. The steps of each side are in `handshake`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.x509 import Certificate

from tlsdemo.driver import Driver, Table, Watch, no_watch
from tlsdemo.edu.machine import CommonParts
from tlsdemo.edu.records import Cipher, Direction
from tlsdemo.first_bytes import LOOKED_AT, identify, quoted
from tlsdemo.protocol import Party, Side
from tlsdemo.tls13.key_agreement import NamedGroup
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import ProtocolError, Violation
from tlsdemo.wire import key_schedule13 as key_schedule
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import WireError, decode, encode
from tlsdemo.wire.handshake import HEADER as MESSAGE_HEADER
from tlsdemo.wire.key_schedule13 import KEY_LOG_LABELS, Label
from tlsdemo.wire.messages13 import TYPES, Message, decode_message, encode_message
from tlsdemo.wire.protection13 import additional_data
from tlsdemo.wire.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CONTENT_TYPES,
    HANDSHAKE,
    HEADER,
    Alert,
    framed,
)
from tlsdemo.wire.registry import ALERTS

MAX_PLAINTEXT = 2**14  # §5.1; peers answer record_overflow to one byte more
MAX_CIPHERTEXT = MAX_PLAINTEXT + 256  # §5.2
MAX_MESSAGE = 2**17  # bytes; a limit of ours: a chain of long certificates has a tenth of it
MAX_EMPTY = 32  # records in a row that carry nothing; a limit of ours
MAX_EARLY_DATA = 2**16  # bytes of records; a limit of ours
MAX_KEY_UPDATES = 32  # without data between them; a limit of ours

FATAL, WARNING = 2, 1
ALERT_NUMBERS = {name: number for number, name in ALERTS.items()}


CLOSE = Alert(WARNING, ALERT_NUMBERS["close_notify"])


@dataclass(frozen=True)
class ApplicationData:
    """The content of a record of application data."""

    length: int


@dataclass(frozen=True)
class Suite:
    """A cipher suite: the hash of the key schedule, and the cipher of the records (§B.4)."""

    name: str
    hash: str
    """By its name in `hashlib`."""
    key_length: int
    cipher: Cipher


Log = Callable[[str, bytes, bytes], None]
"""Called with label, client random and secret, for a key log."""


def no_log(label: str, client_random: bytes, secret: bytes) -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Parts(CommonParts):
    """The parts of a handshake. `edu.weak` and `tls13.weak` replace one to remove a protection."""

    groups: Mapping[int, NamedGroup]
    """The groups that are offered, in order of preference."""
    shares: tuple[int, ...]
    """The groups for which the client sends key shares; ServerHello or a retry selects one."""
    secret: Mapping[Side, Callable[["Machine", NamedGroup], int]]
    """The secret from which a side computes its key share."""
    random: Mapping[Side, Callable[["Machine"], bytes]]
    """The random number of a side, 32 bytes."""
    client: Table
    server: Table
    request: tuple[Callable[["Machine"], None], ...]
    """The messages by which the server asks for a certificate; empty if it asks for none."""
    prove: Mapping[Side, tuple[Callable[["Machine"], None], ...]]
    """The messages by which a side proves its identity, each sent by a function."""
    check_signature: Callable[[Certificate, int, bytes, bytes], None]
    """Verifies the signature of CertificateVerify; ProtocolError if it does not verify."""
    transcript_hash: Callable[[str, bytes], bytes]
    """The hash of the messages so far that keys, signatures and Finished cover."""
    verify_data: Callable[[str, bytes, bytes], bytes]
    """verify_data of Finished, from a hash, the sender's traffic secret and a transcript hash."""
    suites: Mapping[int, Suite]
    """The suites that are offered, in order of preference."""
    unknown_content: Callable[[int], None]
    """Called for a record of an unknown content type; ProtocolError if it is refused."""
    protocols: tuple[str, ...] = ()
    """The application protocols that a side speaks (ALPN), in order of preference."""
    tickets: int = 0
    """NewSessionTickets that the server sends. None of them is accepted later."""
    log: Log = no_log


class Machine(Driver):
    """One side of a conversation. The steps of each side are in `Client` and `Server` (`handshake`)."""

    def __init__(self, parts: Parts, party: Party, watch: Watch = no_watch) -> None:
        super().__init__(parts.client if self.side is Side.CLIENT else parts.server, party, watch)
        self.parts = parts
        self.random = b""
        self.client_random = b""
        """The random number of ClientHello: it names the connection in a key log."""
        self.secrets: dict[int, int] = {}
        """The secret of each key share of this side, by the group's number."""
        self.suite: Suite | None = None
        self.group: NamedGroup | None = None
        self.server_name = ""
        """The server name in ClientHello, as this side sent or received it."""
        self.protocol = ""
        """The application protocol that the server selected (ALPN)."""
        self.session_id = b""
        """legacy_session_id; if it is not empty, change_cipher_spec is sent for middleboxes (§D.4)."""
        self.shared = b""
        self.handshake_secret = b""
        self.traffic_secrets: dict[Side, bytes] = {}
        """The current traffic secret of each side."""
        self.handshake_traffic_secrets: Mapping[Side, bytes] = {}
        """The handshake traffic secrets, from which Finished is computed."""
        self._sending: Direction | None = None
        self._receiving: Direction | None = None
        self._fragments = bytearray()
        """Handshake bytes that are not a whole message yet."""
        self._empty = 0
        self._early_data = 0
        """The bytes of 0-RTT data that may still be skipped."""
        self._key_updates = 0
        self._peer_has_protected = False
        self.start()

    # For the steps ---------------------------------------------------------------------------------------------------

    def say(self, message: Message) -> None:
        """Send a handshake message, in a record of its own."""
        encoded = encode_message(message)
        # 0x0301 only on the first ClientHello, 0x0303 on everything later (§5.1): old servers refuse newer numbers.
        first = isinstance(message, ClientHello) and not self._transcript
        self.add(message, encoded, self._records(HANDSHAKE, encoded, 0x0301 if first else 0x0303))

    def say_change_cipher_spec(self) -> None:
        """Send the record that middleboxes expect from TLS 1.2 (§D.4); it has no meaning."""
        if self.session_id:
            self._outgoing.append(framed(CHANGE_CIPHER_SPEC, 0x0303, b"\x01"))

    def transcript_hash(self) -> bytes:
        """The hash of the messages so far, in both directions; empty before a suite is selected."""
        return self.parts.transcript_hash(self.suite.hash, bytes(self._transcript)) if self.suite else b""

    def replace_transcript(self, transcript: bytes) -> None:
        """Begin the transcript anew, for a HelloRetryRequest (§4.4.1)."""
        self._transcript[:] = transcript

    @property
    def transcript(self) -> bytes:
        return bytes(self._transcript)

    def agree(self, shared: bytes) -> None:
        """Derive the handshake keys from the shared secret and the hellos; use them in both directions (§7.1)."""
        assert self.suite
        self.shared = shared
        early = key_schedule.early_secret(self.suite.hash)
        self.handshake_secret = key_schedule.handshake_secret(self.suite.hash, early, shared)
        self._derive(self.handshake_secret, HANDSHAKE_LABELS)
        self.handshake_traffic_secrets = dict(self.traffic_secrets)
        self.send_with_new_keys()
        self.receive_with_new_keys()

    def derive_application_keys(self) -> None:
        """Derive the application keys from the transcript up to the server's Finished (§7.1)."""
        assert self.suite
        master = key_schedule.master_secret(self.suite.hash, self.handshake_secret)
        self._derive(master, APPLICATION_LABELS)

    def update_key(self, side: Side) -> None:
        """Replace the traffic secret of a side, after its KeyUpdate (§7.2)."""
        assert self.suite
        self.traffic_secrets[side] = key_schedule.next_traffic_secret(self.suite.hash, self.traffic_secrets[side])
        if side is self.side:
            self.send_with_new_keys()
        else:
            self.receive_with_new_keys()

    def send_with_new_keys(self) -> None:
        """Protect what this side sends with the current traffic secrets."""
        self._sending = self._direction(self.side, self.traffic_secrets)

    def receive_with_new_keys(self) -> None:
        """Open what the peer sends with the current traffic secrets. ProtocolError if a record spans the change."""
        if self._fragments:
            raise ProtocolError(TlsViolation.KEY_CHANGE_IN_RECORD, f"{len(self._fragments)} more bytes")
        self._receiving = self._direction(self.side.other, self.traffic_secrets)

    def skip_early_data(self, *, offered: bool) -> None:
        """Skip 0-RTT data if the client offered it: this side does not have its keys (§4.2.10)."""
        self._early_data = MAX_EARLY_DATA if offered else 0

    def count_key_update(self) -> None:
        """ProtocolError for the peer's 33rd KeyUpdate without data: each can cost this side a message."""
        self._key_updates += 1
        if self._key_updates > MAX_KEY_UPDATES:
            raise ProtocolError(TlsViolation.TOO_MANY_KEY_UPDATES, f"more than {MAX_KEY_UPDATES}")

    # Sending ---------------------------------------------------------------------------------------------------------

    def seal_data(self, data: bytes) -> None:
        for start in range(0, len(data), MAX_PLAINTEXT):
            piece = data[start : start + MAX_PLAINTEXT]
            self.put(ApplicationData(len(piece)), self._records(APPLICATION_DATA, piece), piece)

    def seal_end(self) -> None:
        self._say_alert(CLOSE)

    def give_up(self, error: ProtocolError) -> None:
        """Send an alert, protected if this side has keys; nothing after close_notify (§6.1)."""
        if not self.has_closed:
            self._say_alert(Alert(FATAL, ALERT_NUMBERS[error.violation.alert]))

    @property
    def has_closed(self) -> bool:
        """Whether this side has sent close_notify."""
        return self._has_closed

    def _say_alert(self, alert: Alert) -> None:
        content = encode(alert)
        self.put(alert, self._records(ALERT, content), content)

    def _records(self, content_type: int, content: bytes, legacy_version: int = 0x0303) -> bytes:
        """The content in as many records as it needs, protected if this side has keys."""
        if self._sending is None:
            return framed(content_type, legacy_version, content)
        pieces = (content[start : start + MAX_PLAINTEXT] for start in range(0, len(content), MAX_PLAINTEXT))
        return b"".join(self._sealed(self._sending, content_type, piece) for piece in pieces)

    def _sealed(self, direction: Direction, content_type: int, content: bytes) -> bytes:
        assert self.suite
        plaintext = self.parts.rules.pack(content) + bytes([content_type])
        # The header is authenticated, so the length must be known before the record is sealed (§5.2).
        header = additional_data(self.suite.cipher.sealed_length(len(plaintext)))
        return header + direction.seal(plaintext, header)

    # Receiving -------------------------------------------------------------------------------------------------------

    def advance(self) -> bool:
        """Handle the next handshake message that is complete; else the next record."""
        if (encoded := self._take_message()) is not None:
            self._on_message(encoded)
            return True
        if (record := self._take_record()) is None:
            return False
        self._on_record(record[0], record)
        return True

    def end_of_stream(self) -> None:
        self.parts.rules.end_of_stream()

    def _take_record(self) -> bytes | None:
        """The next record with its header; ProtocolError as soon as the bytes cannot become one."""
        received = self._incoming
        if received and received[0] not in CONTENT_TYPES:
            raise ProtocolError(TlsViolation.NOT_TLS, _begins(bytes(received[:LOOKED_AT])))
        if len(received) < HEADER:
            return None
        if received[1] != 3:  # the minor version must not be checked (§5.1)
            raise ProtocolError(TlsViolation.NOT_TLS, _begins(bytes(received[:LOOKED_AT])))
        length = int.from_bytes(received[3:HEADER])
        if received[0] == APPLICATION_DATA and length > MAX_CIPHERTEXT:
            raise ProtocolError(TlsViolation.CIPHERTEXT_OVERFLOW, f"{length} bytes")
        if received[0] != APPLICATION_DATA and length > MAX_PLAINTEXT:
            raise ProtocolError(TlsViolation.RECORD_OVERFLOW, f"{length} bytes")
        if len(received) < HEADER + length:
            return None
        with memoryview(received) as view:
            record = bytes(view[: HEADER + length])
        del received[: HEADER + length]
        return record

    def _on_record(self, content_type: int, record: bytes) -> None:
        content = record[HEADER:]
        if content_type == CHANGE_CIPHER_SPEC:
            self._on_change_cipher_spec(content)
        elif content_type == APPLICATION_DATA:
            try:
                opened = self._opened(record)
            except ProtocolError as error:
                if self._is_early_data(record, error):
                    return
                raise
            self._on_opened(*opened)
        elif self._receiving is None or (content_type == ALERT and not self._peer_has_protected):
            # A client that refuses ServerHello has no keys for its alert. An attacker could send it, too.
            self._on_content(content_type, content)
        else:
            raise ProtocolError(TlsViolation.UNPROTECTED_RECORD, CONTENT_TYPES[content_type])

    def _is_early_data(self, record: bytes, error: ProtocolError) -> bool:
        """Whether a record that does not open may be 0-RTT data: only before the first record that opens (§4.2.10)."""
        self._early_data -= len(record)
        unknown_key = error.violation in (Violation.BAD_RECORD, TlsViolation.PROTECTED_TOO_EARLY)
        if not unknown_key or self._peer_has_protected or self._early_data < 0:
            return False
        if self._receiving:
            # A skipped record does not count: the next one has number 0 of the handshake keys.
            self._receiving = self._direction(self.side.other, self.handshake_traffic_secrets)
        return True

    def _on_opened(self, content_type: int, packed: bytes) -> None:
        if content_type in CONTENT_TYPES:
            self._on_content(content_type, self.parts.rules.unpack(packed))
        else:
            self.parts.unknown_content(content_type)

    def _opened(self, record: bytes) -> tuple[int, bytes]:
        """The content type of a protected record, and the content as it was packed (§5.2)."""
        if self._receiving is None:
            raise ProtocolError(TlsViolation.PROTECTED_TOO_EARLY)
        plaintext = self._receiving.open(record[HEADER:], record[:HEADER])
        self._peer_has_protected = True
        if len(plaintext) > MAX_PLAINTEXT + 1:
            raise ProtocolError(TlsViolation.PLAINTEXT_OVERFLOW, f"{len(plaintext) - 1} bytes")
        without_padding = plaintext.rstrip(b"\0")
        if not without_padding:
            raise ProtocolError(TlsViolation.NO_CONTENT_TYPE)
        if without_padding[-1] == CHANGE_CIPHER_SPEC:
            raise ProtocolError(TlsViolation.PROTECTED_CHANGE_CIPHER_SPEC)
        return without_padding[-1], without_padding[:-1]

    def _on_content(self, content_type: int, content: bytes) -> None:
        if self._fragments and content_type != HANDSHAKE:
            raise ProtocolError(TlsViolation.INTERLEAVED, CONTENT_TYPES[content_type])
        if content_type in (HANDSHAKE, ALERT) and not content:
            raise ProtocolError(TlsViolation.EMPTY_RECORD, CONTENT_TYPES[content_type])
        if content_type == HANDSHAKE:
            self._empty = 0
            self._fragments += content
        elif content_type == ALERT:
            self._on_alert(content)
        else:
            self._on_data(content)

    def _on_data(self, content: bytes) -> None:
        if not self.accepted:
            raise ProtocolError(TlsViolation.DATA_BEFORE_FINISHED, f"{len(content)} bytes")
        if content:
            self._empty = self._key_updates = 0
        else:  # allowed, as a cover for the length of the data (§5.1)
            self._count_empty()
        self.heard(ApplicationData(len(content)), content)
        self.deliver(content)

    def _on_alert(self, content: bytes) -> None:
        try:
            alert = decode(Alert, content)
        except WireError:
            raise ProtocolError(TlsViolation.BAD_ALERT, f"{len(content)} bytes") from None
        self.heard(alert, content)
        description = ALERTS.get(alert.description, f"alert {alert.description}")
        if description == "user_canceled":  # close_notify follows (§6.1)
            self._count_empty()
        else:
            self.on_alert(description)

    def _on_change_cipher_spec(self, content: bytes) -> None:
        """Ignore it during the handshake, as §5 requires; refuse it before, after, and with other content."""
        if content != b"\x01":
            raise ProtocolError(TlsViolation.BAD_CHANGE_CIPHER_SPEC, content[:8].hex())
        if self.accepted or not self._transcript:
            raise ProtocolError(TlsViolation.MISPLACED_CHANGE_CIPHER_SPEC)
        if self._fragments:
            raise ProtocolError(TlsViolation.INTERLEAVED, CONTENT_TYPES[CHANGE_CIPHER_SPEC])
        self._count_empty()

    def _count_empty(self) -> None:
        self._empty += 1
        if self._empty > MAX_EMPTY:
            raise ProtocolError(TlsViolation.TOO_MANY_RECORDS, f"more than {MAX_EMPTY}")

    def _take_message(self) -> bytes | None:
        """The next handshake message with its header; None if it is incomplete."""
        if len(self._fragments) < MESSAGE_HEADER:
            return None
        length = int.from_bytes(self._fragments[1:MESSAGE_HEADER])
        if length > MAX_MESSAGE:
            raise ProtocolError(TlsViolation.MESSAGE_TOO_LONG, f"{length} bytes, at most {MAX_MESSAGE} allowed")
        if len(self._fragments) < MESSAGE_HEADER + length:
            return None
        encoded = bytes(self._fragments[: MESSAGE_HEADER + length])
        del self._fragments[: MESSAGE_HEADER + length]
        return encoded

    def _on_message(self, encoded: bytes) -> None:
        if encoded[0] not in TYPES:
            raise ProtocolError(TlsViolation.UNKNOWN_MESSAGE, f"type {encoded[0]}")
        try:
            message = decode_message(encoded)
        except WireError as error:
            raise ProtocolError(TlsViolation.UNDECODABLE, f"{TYPES[encoded[0]].__name__}: {error}") from None
        self.step(message, encoded)

    # Keys ------------------------------------------------------------------------------------------------------------

    def _derive(self, secret: bytes, labels: Mapping[Side, Label]) -> None:
        assert self.suite
        transcript_hash = self.transcript_hash()
        for side, label in labels.items():
            traffic_secret = key_schedule.derive_secret(self.suite.hash, secret, label, transcript_hash)
            self.traffic_secrets[side] = traffic_secret
            self.parts.log(KEY_LOG_LABELS[label], self.client_random, traffic_secret)

    def _direction(self, sender: Side, secrets: Mapping[Side, bytes]) -> Direction:
        assert self.suite
        traffic = {
            side: key_schedule.traffic_keys(self.suite.hash, secret, self.suite.key_length)
            for side, secret in secrets.items()
        }
        return Direction(self.suite.cipher, self.parts.rules.keys(traffic, sender), self.parts.rules.number)

    @property
    def negotiated(self) -> Mapping[str, str]:
        """Version, group, cipher suite, server name and application protocol; empty before the handshake is done."""
        if not self.accepted or self.suite is None or self.group is None:
            return {}
        return {
            "version": "TLSv1.3",
            "group": self.group.name,
            "cipher": self.suite.name,
            "server_name": self.server_name,
            "protocol": self.protocol,
        }


HANDSHAKE_LABELS = {
    Side.CLIENT: Label.CLIENT_HANDSHAKE_TRAFFIC_SECRET,
    Side.SERVER: Label.SERVER_HANDSHAKE_TRAFFIC_SECRET,
}
APPLICATION_LABELS = {
    Side.CLIENT: Label.CLIENT_APPLICATION_TRAFFIC_SECRET_0,
    Side.SERVER: Label.SERVER_APPLICATION_TRAFFIC_SECRET_0,
}


def refuse_unknown_content(content_type: int) -> None:
    """Refuse a record of an unknown content type (§5)."""
    raise ProtocolError(Violation.BAD_CONTENT, f"content type {content_type}")


def _begins(first: bytes) -> str:
    spoken = identify(first)
    return f"it begins with {quoted(first)}" + (f": {spoken.name}" if spoken else "")
