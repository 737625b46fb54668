"""TLS as an attacker sees it: records, whose bodies he may exchange; and recordings, to be opened with a stolen key.

He changes bytes; whether the other side notices is another matter. The bytes themselves are explained in `wire`.
"""

from collections.abc import Callable, Sequence

from pki.keys import PrivateKey
from tlsdemo.protocol import Flight, Side
from tlsdemo.wire import client_hello, records, static_rsa

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
FINISHED = frozenset({4 + 32 + 1 + 16, 4 + 48 + 1 + 16})  # bytes in TLS 1.3: header, hash, content type, tag (§4.4.4)
CLOSE_NOTIFY = 2 + 1 + 16  # bytes in TLS 1.3; a fatal alert is as long
ECDSA_SUITES = frozenset({0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xCCA9})  # those that go with an EC certificate


class Records:
    """A Framing: five bytes in front say how long the rest is (§5.1)."""

    close = bytes([1, 0, ALERT])  # level warning, close_notify; and in TLS 1.3 the byte that says that it is an alert

    def inside(self, said: bytes) -> bytes:
        """The words, and in TLS 1.3 the byte that says what they are (§5.2)."""
        return said + bytes([APPLICATION_DATA])

    def split(self, data: bytes) -> list[bytes]:
        """The whole records."""
        if data[:1] and data[0] not in records.CONTENT_TYPES:
            return [data]
        return list(records.raw_records(data))

    def body(self, record: bytes) -> bytes | None:
        """All behind the header; of TLS 1.3's handshake, too, which looks the same from outside."""
        return record[records.HEADER :] if record[:1] == bytes([APPLICATION_DATA]) else None

    def with_body(self, record: bytes, body: bytes) -> bytes:
        """The same header, but for the length."""
        return record[:3] + len(body).to_bytes(2) + body

    def words(self, body: bytes) -> bytes:
        """As they stand there."""
        return body

    def label(self, record: bytes) -> str:
        """`ClientHello`; of what is encrypted, how long it is."""
        return records.label(record)

    def listener(self) -> Callable[[Side, bytes], bool]:
        """From each side's Finished on; in TLS 1.3 that is known by its length."""
        return RecordSorter()

    def may_be_the_end(self, record: bytes) -> bool:
        """An alert of TLS 1.2 says so; in TLS 1.3 it looks like words, and is shorter than all but two letters."""
        sealed = record[:1] == bytes([APPLICATION_DATA]) and len(record) - records.HEADER == CLOSE_NOTIFY
        return record[:1] == bytes([ALERT]) or sealed


class RecordSorter:
    """Tells the applications' records from those of an encrypted handshake; tickets (§4.6.1) it takes for words."""

    def __init__(self) -> None:
        self._changed: set[Side] = set()
        self._finished: set[Side] = set()

    def __call__(self, side: Side, record: bytes) -> bool:
        """The next record of that side."""
        kind, length = record[0], len(record) - records.HEADER
        if side in self._finished:
            return kind == APPLICATION_DATA
        if kind == CHANGE_CIPHER_SPEC:
            self._changed.add(side)
        of_1_2 = kind == HANDSHAKE and side in self._changed
        if of_1_2 or (kind == APPLICATION_DATA and length in FINISHED):
            self._finished.add(side)
        return False


RECORDS = Records()


def weakest_offer(flight: bytes) -> bytes:
    """The client's first flight with the last suite alone that the server could take."""
    return client_hello.weakest(flight, ECDSA_SUITES)


def without_tls_1_3(flight: bytes) -> bytes:
    """The client's first flight, offering TLS 1.2 and nothing newer."""
    return client_hello.without_tls13(flight)


def rename(flight: bytes, name: str) -> bytes:
    """The client's first flight, asking for another name."""
    return client_hello.renamed(flight, name)


def decipher(tape: Sequence[Flight], key: PrivateKey) -> bytes:
    """What was said, if the secrets of this conversation went under the server's RSA key; else nothing (§E.1)."""
    client, server = (b"".join(flight.data for flight in tape if flight.sender is side) for side in Side)
    return static_rsa.decipher(client, server, key)
