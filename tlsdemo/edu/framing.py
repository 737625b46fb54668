"""The educational protocol as an attacker sees it: lines of JSON, some of which carry a body that can be replaced.

These functions change bytes without any key. Whether the receiver detects the change is up to the receiver.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tlsdemo.edu.messages import NAMES, Alert, ClientHello, Data, Message, Record, encode, missing, read
from tlsdemo.edu.records import CLOSE_NOTIFY, Content
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError

TAGS = (8, 16)  # bytes that AES-128-CCM-8 and ChaCha20-Poly1305 add
BLOCK = 16  # bytes, of AES in CBC mode: an initialization vector in front, and padding


@dataclass(frozen=True)
class Lines:
    """A Framing: a record is a line."""

    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]
    """Compression, as the channel does it, and its inverse."""

    @property
    def close(self) -> bytes:
        """The close_notify alert, packed, and the content type."""
        return self.pack(CLOSE_NOTIFY.encode()) + bytes([Content.ALERT.value])

    def inside(self, said: bytes) -> bytes:
        """The application data, packed, and the content type."""
        return self.pack(said) + bytes([Content.DATA.value])

    def split(self, data: bytes) -> list[bytes]:
        """The lines, each with its newline."""
        return [line + b"\n" for line in data.split(b"\n")[:-1]]

    def body(self, record: bytes) -> bytes | None:
        """The bytes of a record, or the text of a data message; None for any other message."""
        match _message(record):
            case Record(sealed):
                return sealed
            case Data(text):
                return text.encode("latin-1")
        return None

    def with_body(self, record: bytes, body: bytes) -> bytes:
        """The same line with another body."""
        if isinstance(_message(record), Record):
            return encode(Record(body))
        return encode(Data(body.decode("latin-1")))

    def words(self, body: bytes) -> bytes:
        """The body decompressed; unchanged if that fails."""
        try:
            return self.unpack(body)
        except ProtocolError:
            return body

    def label(self, record: bytes) -> str:
        """`client_hello`; for a record also its length."""
        message, body = _message(record), self.body(record)
        kind = NAMES[type(message)] if message else "other data"
        return kind if body is None else f"{kind} ({len(body)} bytes)"

    def listener(self) -> Callable[[Side, bytes], bool]:
        """Whether a record has a body: in this protocol the message type shows it."""
        return lambda side, record: self.body(record) is not None

    def may_be_the_end(self, record: bytes) -> bool:
        """Whether it is an alert, a record that begins with close_notify in the clear, or a record of that length."""
        message, body = _message(record), self.body(record) or b""
        length = len(self.close)
        lengths = {length + tag for tag in TAGS} | {BLOCK + (length // BLOCK + 1) * BLOCK}
        is_record = isinstance(message, Record)
        return isinstance(message, Alert) or (is_record and (body.startswith(self.close) or len(body) in lengths))


def downgrade(flight: bytes) -> bytes:
    """The client's first flight, reduced to the last of its ciphers."""
    return _edited(flight, lambda hello: replace(hello, ciphers=hello.ciphers[-1:]))


def rename(flight: bytes, name: str) -> bytes:
    """The client's first flight with another server name."""
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
