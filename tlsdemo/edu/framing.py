"""The educational protocol as an attacker sees it: lines of JSON, and in some of them a body that he may exchange.

He changes bytes; whether the other side notices is another matter. Nothing here has a key.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tlsdemo.edu.errors import ProtocolError
from tlsdemo.edu.messages import NAMES, Alert, ClientHello, Data, Message, Record, encode, missing, read
from tlsdemo.edu.records import CLOSE_NOTIFY, Content
from tlsdemo.protocol import Side

TAGS = (8, 16)  # bytes that AES-128-CCM-8 and ChaCha20-Poly1305 add
BLOCK = 16  # bytes, of AES in CBC mode: a vector in front, and padding


@dataclass(frozen=True)
class Lines:
    """A Framing: a record is a line."""

    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]
    """Compression, as the channel does it, and its inverse."""

    @property
    def close(self) -> bytes:
        """The close_notify alert, packed, and the byte that says that it is an alert."""
        return self.pack(CLOSE_NOTIFY.encode()) + bytes([Content.ALERT.value])

    def inside(self, said: bytes) -> bytes:
        """The words, packed, and the byte that says that they are application data."""
        return self.pack(said) + bytes([Content.DATA.value])

    def split(self, data: bytes) -> list[bytes]:
        """The lines, each with its newline."""
        return [line + b"\n" for line in data.split(b"\n")[:-1]]

    def body(self, record: bytes) -> bytes | None:
        """Of a sealed record its bytes, of an open one its text."""
        match _message(record):
            case Record(sealed):
                return sealed
            case Data(text):
                return text.encode("latin-1")
        return None

    def with_body(self, record: bytes, body: bytes) -> bytes:
        """The same line around other bytes."""
        if isinstance(_message(record), Record):
            return encode(Record(body))
        return encode(Data(body.decode("latin-1")))

    def words(self, body: bytes) -> bytes:
        """Unpacked, where it is packed."""
        try:
            return self.unpack(body)
        except ProtocolError:
            return body

    def label(self, record: bytes) -> str:
        """`client_hello`; of a record how long it is."""
        message, body = _message(record), self.body(record)
        kind = NAMES[type(message)] if message else "something else"
        return kind if body is None else f"{kind} ({len(body)} bytes)"

    def listener(self) -> Callable[[Side, bytes], bool]:
        """Records come after the handshake, and say what they are."""
        return lambda side, record: self.body(record) is not None

    def may_be_the_end(self, record: bytes) -> bool:
        """An alert; a record that begins like one in the clear; or a sealed record of that length."""
        message, body = _message(record), self.body(record) or b""
        length = len(self.close)
        lengths = {length + tag for tag in TAGS} | {BLOCK + (length // BLOCK + 1) * BLOCK}
        is_record = isinstance(message, Record)
        return isinstance(message, Alert) or (is_record and (body.startswith(self.close) or len(body) in lengths))


def downgrade(flight: bytes) -> bytes:
    """The client's first flight, with the last of its ciphers alone."""
    return _edited(flight, lambda hello: replace(hello, ciphers=hello.ciphers[-1:]))


def rename(flight: bytes, name: str) -> bytes:
    """The client's first flight, asking for another server."""
    return _edited(flight, lambda hello: replace(hello, server_name=name))


def _edited(flight: bytes, edit: Callable[[ClientHello], ClientHello]) -> bytes:
    first, _, rest = flight.partition(b"\n")
    hello = _message(first)
    return encode(edit(hello), missing(first)) + rest if isinstance(hello, ClientHello) else flight


def _message(record: bytes) -> Message | None:
    """None for a line that is not a message of this protocol."""
    try:
        return read(record.removesuffix(b"\n"))
    except ProtocolError:
        return None
