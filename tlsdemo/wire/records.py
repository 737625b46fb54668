"""TLS records: the envelopes in which everything travels (RFC 8446 §5.1).

    type(1)  version(2)  length(2)  fragment(length)

The five bytes in front are never encrypted: whoever listens sees how many envelopes of which size go which way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from tlsdemo.wire import fields, handshake
from tlsdemo.wire.fields import uint, vector

HEADER = 5  # bytes
MAX_PLAINTEXT = 2**14  # bytes; §5.1: peers answer record_overflow to one more
CONTENT_TYPES = {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = CONTENT_TYPES


@dataclass(frozen=True)
class Record:
    """One record as it stands on the wire: still encrypted, where it is."""

    content_type: Annotated[int, uint(1), "What is inside; 23 also for everything that TLS 1.3 encrypts (§5.1, §5.2)."]
    legacy_version: Annotated[int, uint(2), "0x0303, or 0x0301 on a first ClientHello for old servers (§5.1)."]
    fragment: Annotated[bytes, vector(0, 2**16 - 1), "At most 2^14 bytes, and 256 more if encrypted (§5.1, §5.2)."]

    @property
    def name(self) -> str:
        """The content type in the words of RFC 8446 §5.1."""
        return CONTENT_TYPES.get(self.content_type, f"type {self.content_type}")


def records(stream: bytes) -> Iterator[Record]:
    """The complete records of one direction, from its first byte; a cut-off one at the end is left out."""
    for raw in raw_records(stream):
        yield fields.decode(Record, raw)


def raw_records(stream: bytes) -> Iterator[bytes]:
    """The same, each with its header, as it stands in the stream."""
    at = 0
    while at + HEADER <= len(stream):
        end = at + HEADER + int.from_bytes(stream[at + 3 : at + HEADER])
        if end > len(stream):
            return
        yield stream[at:end]
        at = end


def encode(record: Record) -> bytes:
    """The inverse of `records`, for one; ValueError if its fragment is longer than a length can say."""
    return fields.encode(record)


def framed(content_type: int, legacy_version: int, content: bytes) -> bytes:
    """Content of one type in as many records as it needs (§5.1); none for no content."""
    pieces = (content[at : at + MAX_PLAINTEXT] for at in range(0, len(content), MAX_PLAINTEXT))
    return b"".join(encode(Record(content_type, legacy_version, piece)) for piece in pieces)


class Cutter:
    """Cuts one direction into whole raw records while it arrives in pieces of any size."""

    def __init__(self) -> None:
        self.rest = b""
        """What has come of the next record so far: at the end of the stream, what was cut off."""

    def feed(self, data: bytes) -> list[bytes]:
        """The records that are complete with this piece."""
        self.rest += data
        whole = list(raw_records(self.rest))
        self.rest = self.rest[sum(map(len, whole)) :]
        return whole


def label(raw_record: bytes) -> str:
    """What a listener can tell of one record, in a few words: `ClientHello`, `application data (42 bytes)`.

    The messages of an encrypted handshake record (TLS 1.2, after ChangeCipherSpec) look like noise, and those that do
    not begin and end with the record cannot be told from one record: both are `handshake (40 bytes)`.
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
    """The names of the messages that fill it exactly, if it is such a fragment."""
    found = list(handshake.messages(fragment))
    if sum(handshake.HEADER + len(each.body) for each in found) != len(fragment):
        return None
    if any(each.msg_type not in handshake.HANDSHAKE_TYPES for each in found):
        return None
    return ", ".join(each.name for each in found)
