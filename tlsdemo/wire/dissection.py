"""Reads a recorded conversation: its records, decrypted where a key log allows it, and its handshake messages.

    chunks of both directions, in wire order --> records --> [keys from the log] --> contents --> handshake messages
                                                               ^                                          |
                                                               '------ hellos, Finished, KeyUpdate -------'

TLS 1.3 with the suites of `protection13`, TLS 1.2 with those of `tls12`. `dissect` does not verify signatures, Finished
or the order of messages. It never raises, for any bytes: a record or message that cannot be read has a `problem`.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from cryptography.exceptions import InvalidTag

from tlsdemo.wire import messages12, messages13, protection13, tls12, trees
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import SUPPORTED_VERSIONS, SelectedVersion
from tlsdemo.wire.fields import Field, WireError, decode
from tlsdemo.wire.handshake import CLIENT_HELLO, HEADER, SERVER_HELLO, Handshake, ServerHello
from tlsdemo.wire.key_log import CLIENT_RANDOM, KeyLog
from tlsdemo.wire.key_schedule13 import KEY_LOG_LABELS, Label, TrafficKeys, next_traffic_secret, traffic_keys
from tlsdemo.wire.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Alert,
    ChangeCipherSpec,
    Cutter,
    Record,
    Sender,
)
from tlsdemo.wire.registry import CIPHER_SUITES, VERSIONS, name

TLS12, TLS13 = 0x0303, 0x0304

EARLY = KEY_LOG_LABELS[Label.CLIENT_EARLY_TRAFFIC_SECRET]
HANDSHAKE_LABELS: Mapping[Sender, str] = {
    "client": KEY_LOG_LABELS[Label.CLIENT_HANDSHAKE_TRAFFIC_SECRET],
    "server": KEY_LOG_LABELS[Label.SERVER_HANDSHAKE_TRAFFIC_SECRET],
}
APPLICATION_LABELS: Mapping[Sender, str] = {
    "client": KEY_LOG_LABELS[Label.CLIENT_APPLICATION_TRAFFIC_SECRET_0],
    "server": KEY_LOG_LABELS[Label.SERVER_APPLICATION_TRAFFIC_SECRET_0],
}

OVERHEAD = 1000  # bytes of memory for a record and what is made of it, besides its own bytes
TOO_EARLY = "sent before a ServerHello"


@dataclass(frozen=True)
class RecordProtection:
    """What decrypted a record: a secret, by its label in the key log, and the record's sequence number."""

    label: str
    """After KeyUpdates the number at its end grows: SERVER_TRAFFIC_SECRET_1."""
    sequence_number: int
    version: int
    explicit_nonce: int = 0
    """The bytes of the nonce at the beginning of the fragment."""
    tag_length: int = trees.TAG_LENGTH


@dataclass(frozen=True)
class DissectedRecord:
    """One record, with its content if it could be read."""

    sender: Sender
    start: int
    """The position of its first byte among all bytes of the sender."""
    raw: bytes
    content_type: int | None
    """The type of the content; None if it is encrypted and could not be decrypted."""
    content: bytes | None
    protection: RecordProtection | None
    """None if the record is not encrypted, or could not be decrypted."""
    problem: str | None
    """The reason why `content` is None."""

    @property
    def header(self) -> Record:
        """The record as it was sent."""
        return decode(Record, self.raw)

    @property
    def value(self) -> Alert | ChangeCipherSpec | None:
        """The content of an alert or a change_cipher_spec; None for other or malformed content."""
        structure = {ALERT: Alert, CHANGE_CIPHER_SPEC: ChangeCipherSpec}.get(self.content_type or 0)
        try:
            return None if structure is None else decode(structure, self.content or b"")
        except WireError:
            return None

    def tree(self) -> Field:
        """The bytes on the wire."""
        if self.protection is None:
            return trees.of_record(self.raw)
        lengths = {"explicit_nonce": self.protection.explicit_nonce, "tag_length": self.protection.tag_length}
        return trees.of_record(self.raw, self.protection.version, **lengths)

    def plaintext_tree(self) -> Field | None:
        """The decrypted plaintext of a record of TLS 1.3; None for other records."""
        if self.protection is None or self.protection.version != TLS13:
            return None
        assert self.content_type is not None and self.content is not None
        return trees.of_plaintext(self.content_type, self.content, len(self.raw))


@dataclass(frozen=True)
class DissectedMessage:
    """One handshake message."""

    sender: Sender
    raw: bytes
    """The message with its header."""
    records: tuple[int, ...]
    """The positions of the records that carry it, in the whole conversation."""
    structure: type | None
    """None for a type that is unknown in this version."""
    value: object | None
    problem: str | None
    """The reason why `value` is None."""

    @property
    def header(self) -> Handshake:
        """The message as it was sent."""
        return decode(Handshake, self.raw)

    def tree(self) -> Field:
        """The bytes of the message, with those of its extensions."""
        return trees.of_message(self.raw, self.structure)


@dataclass(frozen=True)
class Dissection:
    """A whole conversation."""

    records: tuple[DissectedRecord, ...]
    """In wire order: a record is where its last byte is."""
    messages: tuple[DissectedMessage, ...]
    left_over: Mapping[Sender, bytes]
    """The bytes after the last whole record; also everything that is not TLS."""
    version: int | None = None
    cipher_suite: int | None = None
    client_random: bytes | None = None
    counted: Mapping[Sender, "Counted"] = field(default_factory=dict)
    """The records that were read, but not kept."""
    total: int = 0
    """Bytes of both sides."""


@dataclass
class Counted:
    """Records that were read, but not kept."""

    records: int = 0
    length: int = 0
    """Bytes on the wire."""
    opened: int = 0
    """Bytes on the wire of those whose content was read."""


def dissect(
    chunks: Iterable[tuple[Sender, bytes]], key_log: KeyLog | None = None, room: int | None = None
) -> Dissection:
    """The conversation, from its first byte.

    `room` bounds the memory, in bytes: when the records of application data need so much, or all others, later ones are
    only counted. Without it everything is kept.
    """
    follower = _Follower(key_log, room)
    total = 0
    for sender, data in chunks:
        follower.feed(sender, data)
        total += len(data)
    return Dissection(
        tuple(follower.records),
        tuple(follower.messages),
        {sender: direction.cutter.rest for sender, direction in follower.directions.items()},
        follower.version,
        follower.cipher_suite,
        follower.client_random,
        follower.counted,
        total,
    )


# Following both directions ------------------------------------------------------------------------------------------


class _Follower:
    """What has been seen so far."""

    def __init__(self, key_log: KeyLog | None, room: int | None) -> None:
        self.key_log = key_log
        self.room = dict.fromkeys((True, False), room)
        """Bytes of memory that are left for application data (or for what is not decrypted), and for other records."""
        self.counted: dict[Sender, Counted] = {}
        self.directions: dict[Sender, _Direction] = {"client": _Direction("client"), "server": _Direction("server")}
        self.records: list[DissectedRecord] = []
        self.messages: list[DissectedMessage] = []
        self.client_random: bytes | None = None
        self.server_random = b""
        self.version: int | None = None
        self.cipher_suite: int | None = None
        self.is_before_tls13 = False
        """Whether a message other than a hello was in the clear before a ServerHello: the beginning is missing."""

    def feed(self, sender: Sender, data: bytes) -> None:
        direction = self.directions[sender]
        for raw in direction.cutter.feed(data):
            self._record(direction, raw)

    def _record(self, direction: "_Direction", raw: bytes) -> None:
        header = decode(Record, raw)
        protected = direction.changed or header.content_type == APPLICATION_DATA
        protection, content_type, content, problem = None, None, None, None
        if not protected:
            content_type, content = header.content_type, header.fragment
        else:
            try:
                protection, content_type, content = direction.keys.opened(raw)
            except _UnreadableError as error:
                problem = str(error)
        number = None
        if self._keeps(len(raw), is_data=content_type in (None, APPLICATION_DATA)):
            number = len(self.records)
            self.records.append(
                DissectedRecord(direction.sender, direction.position, raw, content_type, content, protection, problem)
            )
        else:
            counted = self.counted.setdefault(direction.sender, Counted())
            counted.records += 1
            counted.length += len(raw)
            counted.opened += 0 if content is None else len(raw)
        direction.position += len(raw)
        if content_type == HANDSHAKE and content is not None:
            for message, records in direction.messages(number, content):
                self._message(direction, message, records, protection is not None)
        elif content_type == CHANGE_CIPHER_SPEC and self._encrypts_after_it():
            direction.changed, direction.keys = True, self._tls12_keys(direction.sender)

    def _keeps(self, length: int, *, is_data: bool) -> bool:
        """Whether there is room for a record; it takes the room."""
        left = self.room[is_data]
        if left is None:
            return True
        self.room[is_data] = left - length - OVERHEAD
        return left > 0

    def _encrypts_after_it(self) -> bool:
        """Whether a ChangeCipherSpec has a meaning: TLS 1.3 ignores it (§5)."""
        return self.is_before_tls13 if self.version is None else self.version != TLS13

    def _message(self, direction: "_Direction", raw: bytes, records: tuple[int, ...] | None, encrypted: bool) -> None:
        message = decode(Handshake, raw)
        if self.version is None and not encrypted and message.msg_type not in (CLIENT_HELLO, SERVER_HELLO):
            self.is_before_tls13 = True  # §2: TLS 1.3 encrypts all messages after ServerHello
        structure: type | None = None
        value: object | None = None
        problem = None
        try:
            structure = self._structure(message)
            value = decode(structure, message.body)
        except WireError as error:
            problem = str(error)
        if records is not None:
            self.messages.append(DissectedMessage(direction.sender, raw, records, structure, value, problem))
        match value:
            case ClientHello():
                self._on_client_hello(value)
            case ServerHello() if not isinstance(value, messages13.HelloRetryRequest):
                self._on_server_hello(value)
            case messages13.Finished() | messages13.EndOfEarlyData() if encrypted:
                direction.keys.on_last_message()
            case messages13.KeyUpdate() if encrypted:
                direction.keys.on_key_update()

    def _structure(self, message: Handshake) -> type:
        if message.msg_type in (CLIENT_HELLO, SERVER_HELLO) or not (self.version or self.is_before_tls13):
            return messages13.structure(message)
        if self.version == TLS13:
            return messages13.structure(message)
        is_known = self.version in (None, TLS12)
        found = messages12.structure(message.msg_type, self.cipher_suite or 0) if is_known else None
        if found is None:
            where = f"in {name(VERSIONS, self.version)} with this suite" if self.version else "without a ServerHello"
            raise WireError(f"msg_type {message.msg_type} has no known structure {where}")
        return found

    # The keys of a direction, after the message that determines them ---

    def _on_client_hello(self, hello: ClientHello) -> None:
        self.client_random = hello.random
        if self.version is None:
            # 0-RTT data comes before the server selects a suite, so all suites are tried.
            epoch = self._epoch(EARLY, tuple(protection13.SUITES.values()))
            epoch.problem = f"{TOO_EARLY}; {epoch.problem}"
            self.directions["client"].keys = _Tls13Keys([epoch])

    def _on_server_hello(self, hello: ServerHello) -> None:
        if self.version == TLS13:
            return  # a second one is not valid, and does not change keys
        self.version, self.cipher_suite, self.server_random = _version(hello), hello.cipher_suite, hello.random
        if self.version == TLS13:
            suites = (protection13.SUITES[self.cipher_suite],) if self.cipher_suite in protection13.SUITES else ()
            for sender, direction in self.directions.items():
                # The client's early secret is in use until EndOfEarlyData, or until a record needs the next secret.
                before = direction.keys.epochs if isinstance(direction.keys, _Tls13Keys) else []
                labels = HANDSHAKE_LABELS[sender], APPLICATION_LABELS[sender]
                epochs = [*before, *(self._epoch(label, suites) for label in labels)]
                direction.keys = _Tls13Keys([epoch for epoch in epochs if epoch.secret or epoch.label != EARLY])
        else:
            for direction in self.directions.values():
                if not direction.changed:
                    direction.keys = _Keys("application data before ChangeCipherSpec")

    def _epoch(self, label: str, suites: tuple[protection13.Suite, ...]) -> "_Epoch":
        problem = self._missing(label) if suites else f"decryption of {self._suite_name()} is not implemented"
        return _Epoch(label, self._secrets().get(label), suites, problem)

    def _tls12_keys(self, sender: Sender) -> "_Keys":
        suite, secrets = tls12.SUITES.get(self.cipher_suite or 0), self._secrets()
        if self.version is None:
            return _Keys("no ServerHello was read")
        if self.version != TLS12 or suite is None:
            version = name(VERSIONS, self.version or 0)
            return _Keys(f"decryption of {self._suite_name()} in {version} is not implemented")
        if CLIENT_RANDOM not in secrets:
            return _Keys(self._missing(CLIENT_RANDOM))
        both = tls12.traffic_keys(suite, secrets[CLIENT_RANDOM], self.client_random or b"", self.server_random)
        return _Tls12Keys(suite, both[0 if sender == "client" else 1], sender)

    def _secrets(self) -> Mapping[str, bytes]:
        return {} if self.key_log is None else self.key_log.of(self.client_random or b"")

    def _missing(self, label: str) -> str:
        return "no key log" if self.key_log is None else f"the key log does not have {label} of this connection"

    def _suite_name(self) -> str:
        return name(CIPHER_SUITES, self.cipher_suite or 0)


def _version(hello: ServerHello) -> int:
    """The version that the server selected (§4.2.1)."""
    try:
        return decode(SelectedVersion, hello.extension(SUPPORTED_VERSIONS) or b"").selected_version
    except WireError:
        return hello.legacy_version


class _Direction:
    """One sender: its stream, cut into records and messages, and its current keys."""

    def __init__(self, sender: Sender) -> None:
        self.sender: Sender = sender
        self.cutter = Cutter()
        self.position = 0
        self.changed = False
        """Whether a ChangeCipherSpec of TLS 1.2 was sent: all records after it are encrypted."""
        self.keys = _Keys(TOO_EARLY)
        self.handshake = bytearray()
        self.origins: deque[tuple[int | None, int]] = deque()
        """For each piece of `handshake`: the record that it is from (None if that was not kept), and its length."""

    def messages(self, record: int | None, fragment: bytes) -> Iterator[tuple[bytes, tuple[int, ...] | None]]:
        """The messages that this fragment completes, each with the positions of its records; None if one is missing."""
        self.handshake += fragment
        self.origins.append((record, len(fragment)))
        while len(self.handshake) >= HEADER:
            length = HEADER + int.from_bytes(self.handshake[1:HEADER])
            if length > len(self.handshake):
                return
            message = bytes(self.handshake[:length])
            del self.handshake[:length]
            places = list(self._taken(length))
            yield message, None if None in places else tuple(each for each in places if each is not None)

    def _taken(self, length: int) -> Iterator[int | None]:
        """The records of the next `length` bytes."""
        while length > 0:
            record, available = self.origins.popleft()
            if available > length:
                self.origins.appendleft((record, available - length))
            length -= available
            if available > 0:
                yield record


class _UnreadableError(Exception):
    """Why a record cannot be decrypted."""


class _Keys:
    """No keys: every encrypted record is unreadable, for the same reason."""

    def __init__(self, problem: str) -> None:
        self.problem = problem

    def opened(self, raw: bytes) -> tuple[RecordProtection, int, bytes]:
        """What decrypted the record, its content type and its content; _UnreadableError if nothing did."""
        raise _UnreadableError(self.problem)

    def on_last_message(self) -> None:
        """Finished or EndOfEarlyData was sent: the next secret follows."""

    def on_key_update(self) -> None:
        """KeyUpdate was sent."""


class _Tls12Keys(_Keys):
    """The keys of TLS 1.2 after ChangeCipherSpec."""

    def __init__(self, suite: tls12.Suite, keys: tls12.Keys, sender: Sender) -> None:
        super().__init__(f"does not decrypt with the {sender} write key: changed, or encrypted with another key")
        self.suite, self.keys, self.counter = suite, keys, _Counter()

    def opened(self, raw: bytes) -> tuple[RecordProtection, int, bytes]:
        record, problem = decode(Record, raw), self.problem
        for number in self.counter.candidates():
            try:
                content = tls12.opened(self.suite, self.keys, number, record)
            except InvalidTag:
                continue
            except ValueError as error:
                problem = str(error)
                continue
            self.counter.opened(number)
            lengths = self.suite.explicit_nonce, self.suite.tag_length
            return RecordProtection(CLIENT_RANDOM, number, TLS12, *lengths), record.content_type, content
        self.counter.failed += 1
        raise _UnreadableError(problem)


class _Tls13Keys(_Keys):
    """The traffic secrets of one direction of TLS 1.3, in the order of their use."""

    def __init__(self, epochs: "list[_Epoch]") -> None:
        super().__init__(TOO_EARLY)
        self.epochs = epochs

    def opened(self, raw: bytes) -> tuple[RecordProtection, int, bytes]:
        problem = ""
        for position, epoch in enumerate(self.epochs):
            # A later secret is in use if the server refused 0-RTT data, or if the log does not have the secret before.
            try:
                found = epoch.opened(raw)
            except _UnreadableError as error:
                problem = problem or str(error)
                continue
            del self.epochs[:position]
            return found
        raise _UnreadableError(problem or self.problem)

    def on_last_message(self) -> None:
        if self.epochs and self.epochs[0].label in (EARLY, *HANDSHAKE_LABELS.values()):
            del self.epochs[0]

    def on_key_update(self) -> None:
        if self.epochs and self.epochs[0].label not in (EARLY, *HANDSHAKE_LABELS.values()):
            self.epochs[0] = self.epochs[0].next()


@dataclass
class _Epoch:
    """One traffic secret of TLS 1.3, from its first record to its last."""

    label: str
    secret: bytes | None
    """None if the key log does not have it."""
    suites: tuple[protection13.Suite, ...]
    """Several if the server has not selected yet, none if its choice is unknown."""
    problem: str
    """Why it cannot decrypt, without a secret or a suite."""
    counter: "_Counter" = field(default_factory=lambda: _Counter())
    keys: dict[str, TrafficKeys] = field(default_factory=dict)

    def opened(self, raw: bytes) -> tuple[RecordProtection, int, bytes]:
        """As `_Keys.opened`."""
        if self.secret is None or not self.suites:
            raise _UnreadableError(self.problem)
        problem = f"does not decrypt with {self.label}: changed, or encrypted with another key"
        for suite, number in product(self.suites, self.counter.candidates()):
            if suite.name not in self.keys:
                self.keys[suite.name] = traffic_keys(suite.hash, self.secret, suite.key_length)
            try:
                content_type, content = protection13.opened(suite, self.keys[suite.name], number, raw)
            except InvalidTag:
                continue
            except WireError as error:
                problem = str(error)
                continue
            self.suites = (suite,)
            self.counter.opened(number)
            return RecordProtection(self.label, number, TLS13), content_type, content
        self.counter.failed += 1
        raise _UnreadableError(problem)

    def next(self) -> "_Epoch":
        """The epoch after a KeyUpdate (§7.2)."""
        if self.secret is None or not self.suites:
            return self
        start, _, number = self.label.rpartition("_")
        secret = next_traffic_secret(self.suites[0].hash, self.secret)
        return _Epoch(f"{start}_{int(number) + 1}", secret, self.suites, self.problem)


@dataclass
class _Counter:
    """The sequence number of one secret."""

    number: int = 0
    failed: int = 0
    """Records since the last one that could be decrypted."""

    def candidates(self) -> tuple[int, ...]:
        """The numbers that the next record can have: the sender may or may not have sent those that failed."""
        return (self.number, self.number + self.failed) if self.failed else (self.number,)

    def opened(self, number: int) -> None:
        """A record with that number was decrypted."""
        self.number, self.failed = number + 1, 0
