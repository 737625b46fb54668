"""The channel: what the application says, in sealed records (RFC 8446 §5).

    record = AEAD(key of this direction, iv XOR sequence number, what is said + what kind it is)

One key per direction: what I said cannot come back to me. One number per record, counted and never sent: a record that
is repeated, dropped or moved does not open. An end that is itself a record: a cut line is not an end.
"""

from enum import Enum
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tlsdemo.edu.messages import Message, Record
from tlsdemo.edu.schedule import Secrets, TrafficKeys
from tlsdemo.edu.violations import ProtocolError, Violation
from tlsdemo.protocol import Side

CLOSE_NOTIFY = "close_notify"


class Content(Enum):
    """What kind of thing is in a record: the byte after what is said, as in TLS 1.3 (§5.2)."""

    ALERT = 21
    DATA = 23


class Direction:
    """One direction: its keys, and the number of the next record, which never comes again (§5.3)."""

    def __init__(self, keys: TrafficKeys) -> None:
        self._aead = ChaCha20Poly1305(keys.key)
        self._iv = int.from_bytes(keys.iv)
        self._sequence = 0

    def _nonce(self) -> bytes:
        """A number that is used once (§5.3)."""
        nonce = self._iv ^ self._sequence
        self._sequence += 1
        return nonce.to_bytes(12)

    def seal(self, plaintext: bytes) -> bytes:
        """Encrypt, and add the tag: 16 bytes that only this key, this number and these bytes give.

        TLS authenticates the record's header with them (§5.2); a line of JSON has none that is not checked anyway.
        """
        return self._aead.encrypt(self._nonce(), plaintext, None)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt; ProtocolError unless the tag is right."""
        try:
            return self._aead.decrypt(self._nonce(), sealed, None)
        except InvalidTag:
            raise ProtocolError(Violation.BAD_RECORD) from None


class Channel:
    """Both directions, as one side sees them."""

    cipher = "ChaCha20-Poly1305"
    longest = 1 << 14  # bytes that one record carries (§5.1)

    def __init__(self, side: Side, secrets: Secrets) -> None:
        self._sending = Direction(secrets.traffic[side])
        self._receiving = Direction(secrets.traffic[side.other])

    def seal(self, content: Content, data: bytes) -> Message:
        """A record for the line."""
        return Record(self._sending.seal(data + bytes([content.value])))

    def open(self, message: Message) -> tuple[Content, bytes]:
        """What is in a record from the line."""
        if not isinstance(message, Record):
            raise ProtocolError(Violation.UNEXPECTED_MESSAGE, f"{type(message).__name__} outside of a record")
        plaintext = self._receiving.open(message.sealed)
        try:
            return Content(plaintext[-1]), plaintext[:-1]
        except ValueError:
            raise ProtocolError(Violation.BAD_CONTENT, f"type {plaintext[-1]}") from None

    def end_of_line(self) -> NoReturn:
        """The line has ended, and the other side had not said that it would (§6.1)."""
        raise ProtocolError(Violation.TRUNCATED)
