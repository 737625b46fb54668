"""A dissected conversation as entries, in the order of the wire: records, keys, messages, alerts, data.

Each entry has bytes, rows that tile them, one reason, and the checks that were made. A record or message that could not
be read has an entry, too, with the reason.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from pki.keys import PrivateKey
from tlsdemo import peer
from tlsdemo.explain import attacker, certificates, keys, proofs, schedule, values
from tlsdemo.explain.failure import Ending, Trust, ending
from tlsdemo.explain.keys import Derived
from tlsdemo.explain.proofs import Proof
from tlsdemo.explain.rows import Row, rows
from tlsdemo.first_bytes import LOOKED_AT, identify, quoted
from tlsdemo.wire import static_rsa
from tlsdemo.wire.dissection import TLS13, Counted, DissectedMessage, DissectedRecord, Dissection, dissect
from tlsdemo.wire.fields import Field, walk
from tlsdemo.wire.key_log import CLIENT_RANDOM, KeyLog
from tlsdemo.wire.messages12 import CertificateTls12
from tlsdemo.wire.messages13 import Certificate
from tlsdemo.wire.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, CONTENT_TYPES, HANDSHAKE, HEADER, Sender
from tlsdemo.wire.registry import CIPHER_SUITES, VERSIONS, name
from tlsdemo.wire.static_rsa import Secrets


class Kind(Enum):
    """The kinds of entries."""

    RECORD = "record"
    KEYS = "keys"
    MESSAGE = "message"
    ALERT = "alert"
    DATA = "data"
    CHANGE_CIPHER_SPEC = "change_cipher_spec"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Entry:
    """One thing that was sent, or derived."""

    kind: Kind
    sender: Sender
    title: str
    why: str = ""
    data: bytes = b""
    rows: tuple[Row, ...] = ()
    """They tile `data`."""
    hidden: bool = False
    """Whether an eavesdropper without keys cannot read it."""
    derived: tuple[Derived, ...] = ()
    checks: tuple[Proof, ...] = ()
    notes: tuple[str, ...] = ()
    secret: str = ""
    """The label of the secret that decrypted the record, or that the keys are derived from."""
    decrypted: bytes = b""
    """What was in an encrypted record."""
    eavesdropper: str = ""
    """What an eavesdropper learns from it, in a sentence; empty if that is told elsewhere."""
    is_text: bool = False
    """Whether the bytes are text: a line of the educational handshake."""
    is_inside: bool = False
    """Whether reason, notes and checks tell what only a side of the conversation knows."""


def public(entry: Entry) -> Entry:
    """The same without what an eavesdropper cannot know. An entry that is `hidden` is still there."""
    seen = replace(entry, title=_without_key(entry.title), derived=(), secret="", decrypted=b"")
    return replace(seen, why="", notes=(), checks=()) if entry.is_inside else seen


def _without_key(title: str) -> str:
    """The title of a record, without what decrypted it."""
    start, encrypted, _ = title.partition(", encrypted with")
    return f"{start}, encrypted" if encrypted else title


@dataclass(frozen=True)
class Own:
    """What our own client knows beyond its key log."""

    shared_secret: bytes
    group: str


@dataclass(frozen=True)
class Explanation:
    """A whole conversation."""

    entries: tuple[Entry, ...]
    version: str
    """Empty if no ServerHello was read."""
    suite: str
    total: int
    """Bytes on the wire."""
    explained: int
    """Bytes whose meaning was read: records that were decrypted, or were not encrypted, down to their fields."""
    learned: tuple[str, ...]
    """What an eavesdropper without keys learns."""
    ending: Ending
    problems: tuple[str, ...]
    dissection: Dissection
    secrets: Mapping[str, bytes]
    """Of the key log, for this connection."""
    seen_ending: Ending | None = None
    """How it ended for an eavesdropper without keys; None if `ending` tells that."""


def as_seen(explanation: Explanation) -> Explanation:
    """The explanation without what an eavesdropper cannot know. Entries that are `hidden` are still there."""
    entries = tuple(map(public, explanation.entries))
    return replace(explanation, entries=entries, ending=explanation.seen_ending or explanation.ending)


ROOM = 4 << 20  # bytes of memory for the records of application data of a conversation, and as many for all others
BEGINNING = 1 << 20  # bytes of each side in which the handshake is looked for, if a server's key is given


def explain(
    chunks: Iterable[tuple[Sender, bytes]],
    key_log: KeyLog | None,
    at: datetime,
    trust: Trust | None = None,
    problems: Sequence[str] = (),
    *,
    own: Own | None = None,
    server_key: PrivateKey | None = None,
    side: Sender | None = None,
    as_attacker: bool = False,
) -> Explanation:
    """Explain the bytes of a conversation, in the order of the wire. Never raises, for any bytes.

    `chunks` is iterated more than once. Of a long conversation, the beginning is explained; all of it is read.

    `own` has what only our own client knows of it. `server_key` decrypts TLS 1.2 with static RSA; where it does not,
    a problem says why. `side` is the side that this program played; None for a capture. As the attacker, how it ended
    is told without the keys.
    """
    stolen = None
    if server_key is not None:
        client, server = _beginning(chunks, "client"), _beginning(chunks, "server")
        try:
            stolen = static_rsa.secrets(client, server, server_key)
            key_log = (key_log or KeyLog({})).with_secret(CLIENT_RANDOM, stolen.client_random, stolen.master_secret)
        except ValueError as error:
            problems = (*problems, f"the server's key does not decrypt this conversation: {error}")
    found = dissect(chunks, key_log, ROOM)
    secrets = key_log.of(found.client_random or b"") if key_log else {}
    carried = _carried(found)
    checks = proofs.of_messages(found, secrets)
    entries = tuple(_entries(found, secrets, checks, own, stolen, carried))
    explained = sum(_explained(found, number, carried[number]) for number in range(len(found.records)))
    left = [_counted(side, each) for side, each in found.counted.items()]
    left += [_left_over(side, rest) for side, rest in found.left_over.items() if rest]
    return Explanation(
        entries,
        name(VERSIONS, found.version) if found.version else "",
        name(CIPHER_SUITES, found.cipher_suite) if found.cipher_suite else "",
        found.total,
        explained + sum(each.opened for each in found.counted.values()),
        attacker.learned(chunks),
        ending(dissect(chunks, None, ROOM), {}, at, trust) if as_attacker else ending(found, checks, at, trust, side),
        (*problems, *left),
        found,
        secrets,
    )


def _beginning(chunks: Iterable[tuple[Sender, bytes]], side: Sender) -> bytes:
    """The first bytes of a side."""
    data = bytearray()
    for sender, piece in chunks:
        if sender == side and len(data) < BEGINNING:
            data += piece
    return bytes(data[:BEGINNING])


def _counted(sender: Sender, counted: Counted) -> str:
    """The records of a long conversation that are not shown, and how much of them was read."""
    records = f"left out: {values.amount(counted.records, 'later record')} of the {sender}"
    return f"{records}, {values.amount(counted.length)}; {counted.opened:,} of them decrypted, or not encrypted"


def _left_over(sender: Sender, rest: bytes) -> str:
    """Bytes that are not a whole record, and which protocol they are, if they look like one."""
    spoken = identify(rest)
    looks = f": they begin with {quoted(rest[:LOOKED_AT])}, {spoken.name}" if spoken else ""
    return f"the {sender} sent {values.amount(len(rest))} that are not a whole record{looks}"


def _carried(found: Dissection) -> list[list[int]]:
    """For each record, the numbers of the messages of which it carries a part."""
    carried: list[list[int]] = [[] for _ in found.records]
    for place, message in enumerate(found.messages):
        for number in message.records:
            carried[number].append(place)
    return carried


def _explained(found: Dissection, number: int, carried: Sequence[int]) -> int:
    """The bytes of a record whose meaning was read; `carried` has the messages in it."""
    record = found.records[number]
    whole = record.content is not None and not any(found.messages[place].problem for place in carried)
    if record.content_type == HANDSHAKE and not carried:
        whole = False  # the beginning of a message that does not end
    return len(record.raw) if whole else HEADER


def _entries(
    found: Dissection,
    secrets: Mapping[str, bytes],
    checks: proofs.Checks,
    own: Own | None,
    stolen: Secrets | None,
    carried: Sequence[Sequence[int]],
) -> Iterator[Entry]:
    used: set[tuple[Sender, str]] = set()
    derivation = keys.Derivation(found, secrets, stolen)
    for number, record in enumerate(found.records):
        if record.protection and (record.sender, record.protection.label) not in used:
            if not used and own:
                yield _schedule(found, secrets, own)
            used.add((record.sender, record.protection.label))
            if derived := derivation.of_record(record):
                yield _keys(record.sender, record.protection.label, derived)
        yield _record(record, number + 1)
        for place in carried[number]:
            message = found.messages[place]
            if message.records[-1] == number:
                yield _message(found, message, checks.get(place, ()), hidden=record.protection is not None)
        if entry := _content(record):
            yield entry


def _record(record: DissectedRecord, number: int) -> Entry:
    tree = record.tree()
    tiles = tuple(_header_rows(tree, record))
    size = values.amount(len(record.raw))
    if record.problem:
        how = f"encrypted: {record.problem}"
    elif record.protection is None:
        how = "not encrypted"
    else:
        how = f"encrypted with {_key_name(record)}, sequence number {record.protection.sequence_number}"
    hidden = record.problem is not None or record.protection is not None
    entry = Entry(Kind.RECORD, record.sender, f"record {number}, {size}, {how}", "", record.raw, tiles, hidden=hidden)
    if record.protection is None:
        return entry
    return replace(entry, secret=record.protection.label, decrypted=record.content or b"")


def _key_name(record: DissectedRecord) -> str:
    """What decrypted a record: the secret of TLS 1.3, or the key of TLS 1.2, which has no label in a key log."""
    assert record.protection
    return record.protection.label if record.protection.version == TLS13 else f"the {record.sender} write key"


def _header_rows(tree: Field, record: DissectedRecord) -> Iterator[Row]:
    """Rows for the header; what is in the record has entries of its own."""
    kind, version, fragment = tree.children
    length, *parts = fragment.children
    for field in (kind, version, length):
        yield from rows(field)
    if record.protection is None and record.problem is None:
        shown = "explained below" if parts and parts[0].end > parts[0].start else "empty"
        if fragment.end > length.end:
            yield Row(length.end, fragment.end, 0, "fragment", shown, fragment.reason)
    else:
        for part in parts:
            yield from rows(replace(part, name="encrypted") if part.name == "content" else part)


def _schedule(found: Dissection, secrets: Mapping[str, bytes], own: Own) -> Entry:
    derived = schedule.from_shared_secret(found, own.shared_secret, own.group)
    made = tuple(schedule.checks(found, own.shared_secret, secrets))
    why = "Both sides compute the shared secret from the key shares; all keys follow from it and the messages (§7.1)."
    return Entry(Kind.KEYS, "client", "key schedule", why, derived=derived, checks=made, hidden=True)


def _keys(sender: Sender, secret: str, derived: tuple[Derived, ...]) -> Entry:
    why = "With this secret, anyone can read and forge the records that it protects."
    return Entry(Kind.KEYS, sender, f"keys of the {sender}", why, derived=derived, hidden=True, secret=secret)


def _message(found: Dissection, message: DissectedMessage, made: tuple[Proof, ...], *, hidden: bool) -> Entry:
    title = message.structure.__name__.removesuffix("Tls12") if message.structure else message.header.name
    why = (message.structure.__doc__ or "").partition("\n")[0] if message.structure else ""
    notes = (f"not read: {message.problem}",) if message.problem else tuple(_notes(found, message))
    tiles = tuple(certificates.opened(rows(message.tree()), message.raw))
    return Entry(Kind.MESSAGE, message.sender, title, why, message.raw, tiles, hidden, checks=made, notes=notes)


def _notes(found: Dissection, message: DissectedMessage) -> Iterator[str]:
    """What the certificates of a message say."""
    match message.value:
        case Certificate(_, entries):
            ders: tuple[bytes, ...] = tuple(entry.cert_data for entry in entries)
        case CertificateTls12(found_ders):
            ders = found_ders
        case _:
            return
    if not ders:
        yield "no certificate"
    for number, der in enumerate(ders):
        described = peer.describe(der)
        yield f"certificate {number + 1}: {described.shown}; issued by {described.issuer}; {described.validity}"


CONTENT_WHY = {
    ALERT: "An error, or the end of what a side sends (§6).",
    CHANGE_CIPHER_SPEC: "In TLS 1.2 the sender encrypts all that follows; TLS 1.3 ignores it (RFC 5246 §7.1, §D.4).",
    APPLICATION_DATA: "What the application sent.",
}
STRUCTURES = {ALERT: (Kind.ALERT, "Alert"), CHANGE_CIPHER_SPEC: (Kind.CHANGE_CIPHER_SPEC, "ChangeCipherSpec")}


def _content(record: DissectedRecord) -> Entry | None:
    """The alert, the change_cipher_spec or the application data in a record; None for handshake messages."""
    content, hidden = record.content, record.protection is not None
    if content is None or record.content_type in (None, HANDSHAKE):
        return None
    if record.value is not None:
        kind, title = STRUCTURES[record.content_type]
        tiles = tuple(rows(walk(type(record.value), content)))
        return Entry(kind, record.sender, title, CONTENT_WHY[record.content_type], content, tiles, hidden)
    size = values.of_bytes(content)
    if record.content_type == APPLICATION_DATA:
        tiles = (Row(0, len(content), 0, "data", values.text(content), CONTENT_WHY[APPLICATION_DATA]),)
        return Entry(Kind.DATA, record.sender, f"application data, {size}", "", content, tiles, hidden)
    name_of_type = CONTENT_TYPES.get(record.content_type, f"content type {record.content_type}")
    return Entry(Kind.UNREADABLE, record.sender, f"{name_of_type}, {size}", "", content, (), hidden)
