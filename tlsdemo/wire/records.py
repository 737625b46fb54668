"""TLS records, which carry everything that TLS sends (RFC 8446 §5.1).

    type(1)  legacy_record_version(2)  length(2)  fragment(length)

The header of five bytes is never encrypted: an eavesdropper sees the number, length and direction of the records.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from tlsdemo.protocol import Side
from tlsdemo.wire import fields, handshake
from tlsdemo.wire.fields import uint, vector

Sender = Literal["client", "server"]
"""The side that sent something."""
SENDERS: Mapping[Side, Sender] = {Side.CLIENT: "client", Side.SERVER: "server"}

HEADER = 5  # bytes
MAX_PLAINTEXT = 2**14  # bytes; §5.1: peers answer record_overflow to one more
CONTENT_TYPES = {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = CONTENT_TYPES


@dataclass(frozen=True)
class Record:
    """One record as it was sent, not decrypted (RFC 8446 §5.1)."""

    content_type: Annotated[int, uint(1), "The type of the content; 23 for all that TLS 1.3 encrypts (§5.1, §5.2)."]
    legacy_record_version: Annotated[
        int, uint(2), "0x0303; a first ClientHello may have 0x0301 for old servers (§5.1)."
    ]
    fragment: Annotated[bytes, vector(0, 2**16 - 1), "At most 2^14 bytes, and 256 more if encrypted (§5.1, §5.2)."]

    @property
    def name(self) -> str:
        """The name of the content type in RFC 8446 §5.1; `type N` if it has none."""
        return CONTENT_TYPES.get(self.content_type, f"type {self.content_type}")


@dataclass(frozen=True)
class Alert:
    """The content of an alert record: the end of the connection, or an error (RFC 8446 §6)."""

    level: Annotated[int, uint(1), "How severe it is; TLS 1.3 ignores it (§6)."]
    description: Annotated[int, uint(1), "What happened; close_notify is the normal end (§6.1, §6.2)."]


@dataclass(frozen=True)
class ChangeCipherSpec:
    """The content of a change_cipher_spec record (RFC 8446 §5, RFC 5246 §7.1)."""

    type: Annotated[
        int,
        uint(1),
        "The only value is 1. TLS 1.2 encrypts what follows; TLS 1.3 sends it for middleboxes (RFC 5246 §7.1, §D.4).",
    ]


def records(stream: bytes) -> Iterator[Record]:
    """The complete records of one direction from its first byte, without an incomplete one at the end."""
    for raw in raw_records(stream):
        yield fields.decode(Record, raw)


def raw_records(stream: bytes) -> Iterator[bytes]:
    """The same as bytes, each with its header."""
    at = 0
    while at + HEADER <= len(stream):
        end = at + HEADER + int.from_bytes(stream[at + 3 : at + HEADER])
        if end > len(stream):
            return
        yield stream[at:end]
        at = end


def encode(record: Record) -> bytes:
    """The bytes of one record; ValueError if its fragment is longer than the length field allows."""
    return fields.encode(record)


def framed(content_type: int, legacy_version: int, content: bytes) -> bytes:
    """Content of one type, split into as many records as it needs (§5.1); empty for empty content."""
    pieces = (content[at : at + MAX_PLAINTEXT] for at in range(0, len(content), MAX_PLAINTEXT))
    return b"".join(encode(Record(content_type, legacy_version, piece)) for piece in pieces)


class Cutter:
    """Cuts a stream that arrives in pieces of any size into complete raw records."""

    def __init__(self) -> None:
        self.rest = b""
        """The incomplete record at the end, so far."""

    def feed(self, data: bytes) -> list[bytes]:
        """The records that this piece completes."""
        self.rest += data
        whole = list(raw_records(self.rest))
        self.rest = self.rest[sum(map(len, whole)) :]
        return whole


def label(raw_record: bytes) -> str:
    """What an eavesdropper sees of one record: `ClientHello`, `application data (42 bytes)`.

    `handshake (40 bytes)` is an encrypted handshake record (TLS 1.2, after ChangeCipherSpec), or one whose messages do
    not begin and end with the record.
    """
    record = next(records(raw_record), None)
    if record is None:
        return f"part of a record ({len(raw_record)} bytes)"
    size = f"({len(record.fragment)} bytes)"
    match record.content_type:
        case 20:
            return "ChangeCipherSpec"
        case 21:
            return "Alert"
        case 22:
            return _messages(record.fragment) or f"handshake {size}"
        case 23:
            return f"application data {size}"
        case _:
            return f"{record.name} {size}"


def _messages(fragment: bytes) -> str | None:
    """The names of the messages that fill the fragment exactly; None if they do not."""
    found = list(handshake.messages(fragment))
    if sum(handshake.HEADER + len(each.body) for each in found) != len(fragment):
        return None
    if any(each.msg_type not in handshake.HANDSHAKE_TYPES for each in found):
        return None
    return ", ".join(each.name for each in found)
