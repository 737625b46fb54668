"""TLS as an attacker sees it: records whose bodies can be replaced, and recordings that a stolen key may decrypt.

These functions change bytes without any key. Whether the receiver detects the change is up to the receiver. `wire`
explains the bytes themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pki.keys import PrivateKey
from tlsdemo.protocol import Flight, Side
from tlsdemo.violations import ProtocolError
from tlsdemo.wire import first_flight, records, static_rsa

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
FINISHED = frozenset({4 + 32 + 1 + 16, 4 + 48 + 1 + 16})  # bytes in TLS 1.3: header, hash, content type, tag (§4.4.4)
CLOSE_NOTIFY = 2 + 1 + 16  # bytes in TLS 1.3; a fatal alert is as long
ECDSA_SUITES = frozenset({0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xCCA9})  # those that go with an EC certificate


def unchanged(data: bytes) -> bytes:
    """The data: TLS 1.3 does not compress."""
    return data


@dataclass(frozen=True)
class Records:
    """A Framing: a header of five bytes has the length of the rest (§5.1)."""

    pack: Callable[[bytes], bytes] = unchanged
    unpack: Callable[[bytes], bytes] = unchanged
    """Compression, and its inverse."""
    finished: frozenset[int] = FINISHED
    """The lengths that a record with Finished can have."""
    close_notify: frozenset[int] = frozenset({CLOSE_NOTIFY})
    """The lengths that a record with an alert can have."""

    @property
    def close(self) -> bytes:
        """Level warning, close_notify; and the content type of TLS 1.3."""
        return self.pack(bytes([1, 0])) + bytes([ALERT])

    def inside(self, said: bytes) -> bytes:
        """The application data and the content type of TLS 1.3 (§5.2)."""
        return self.pack(said) + bytes([APPLICATION_DATA])

    def split(self, data: bytes) -> list[bytes]:
        """The complete records."""
        if data[:1] and data[0] not in records.CONTENT_TYPES:
            return [data]
        return list(records.raw_records(data))

    def body(self, record: bytes) -> bytes | None:
        """Everything after the header. Encrypted handshake messages of TLS 1.3 look the same, and have a body, too."""
        return record[records.HEADER :] if record[:1] == bytes([APPLICATION_DATA]) else None

    def with_body(self, record: bytes, body: bytes) -> bytes:
        """The record with another body and its length in the header."""
        return record[:3] + len(body).to_bytes(2) + body

    def words(self, body: bytes) -> bytes:
        """The body decompressed; unchanged if that fails."""
        try:
            return self.unpack(body)
        except ProtocolError:
            return body

    def label(self, record: bytes) -> str:
        """`ClientHello`; for an encrypted record, its length."""
        return records.label(record)

    def listener(self) -> Callable[[Side, bytes], bool]:
        """A `RecordSorter`."""
        return RecordSorter(self.finished)

    def may_be_the_end(self, record: bytes) -> bool:
        """Whether it is an alert of TLS 1.2, or has the length of one in TLS 1.3, where it looks like data."""
        sealed = record[:1] == bytes([APPLICATION_DATA]) and len(record) - records.HEADER in self.close_notify
        return record[:1] == bytes([ALERT]) or sealed


class RecordSorter:
    """Separates application records from those of an encrypted handshake; it takes tickets (§4.6.1) for data.

    Data starts after each side's Finished. In TLS 1.3, Finished is recognised by its length.
    """

    def __init__(self, finished: frozenset[int] = FINISHED) -> None:
        self._lengths = finished
        self._changed: set[Side] = set()
        self._finished: set[Side] = set()

    def __call__(self, side: Side, record: bytes) -> bool:
        """Whether the next record of that side carries application data."""
        kind, length = record[0], len(record) - records.HEADER
        if side in self._finished:
            return kind == APPLICATION_DATA
        if kind == CHANGE_CIPHER_SPEC:
            self._changed.add(side)
        of_1_2 = kind == HANDSHAKE and side in self._changed
        if of_1_2 or (kind == APPLICATION_DATA and length in self._lengths):
            self._finished.add(side)
        return False


RECORDS = Records()


def weakest_offer(flight: bytes) -> bytes:
    """The client's first flight, reduced to the last suite that the server could accept."""
    return first_flight.weakest(flight, ECDSA_SUITES)


def without_tls_1_3(flight: bytes) -> bytes:
    """The client's first flight with TLS 1.2 as the newest version."""
    return first_flight.without_tls13(flight)


def rename(flight: bytes, name: str) -> bytes:
    """The client's first flight with another server name."""
    return first_flight.renamed(flight, name)


def decipher(tape: Sequence[Flight], key: PrivateKey) -> bytes:
    """The application data, if the conversation used static RSA with this key; otherwise empty (§E.1)."""
    client, server = (b"".join(flight.data for flight in tape if flight.sender is side) for side in Side)
    return static_rsa.decipher(client, server, key)
