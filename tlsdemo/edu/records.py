"""The channel: application data in protected records (RFC 8446 §5).

    record = AEAD(key of this direction, iv XOR sequence number, content + content type)

One key per direction: a side does not accept its own records. One sequence number per record, counted and not sent: a
record that is repeated, dropped or moved does not open. close_notify is a record, too: a truncated stream is detected.
Each of these is one of the `Rules`, or the cipher. `edu.weak` removes a protection by replacing one of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305

from tlsdemo.edu.key_schedule import Secrets
from tlsdemo.edu.messages import Message, Record
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError, Violation
from tlsdemo.wire.key_schedule13 import TrafficKeys
from tlsdemo.wire.protection13 import Aead as AeadOfKey

CLOSE_NOTIFY = "close_notify"


class Content(Enum):
    """The content type: the last byte of the plaintext, as in TLS 1.3 (§5.2)."""

    ALERT = 21
    DATA = 23


# Ciphers ------------------------------------------------------------------------------------------------------------


class Cipher(Protocol):
    """Seals and opens one record. Keys have 32 bytes, of which a cipher uses as many as it needs; nonces have 12."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes, header: bytes = b"") -> bytes:
        """The bytes of the record. The header is authenticated, too, and not part of them."""

    def open(self, key: bytes, nonce: bytes, sealed: bytes, header: bytes = b"") -> bytes:
        """The plaintext; ProtocolError if the record was not sealed with this key and nonce, or was changed."""

    def sealed_length(self, length: int) -> int:
        """The bytes of a record whose plaintext has that length."""


@dataclass(frozen=True)
class Aead:
    """Encrypts, and adds a tag over nonce, content and the header of the record (RFC 5116).

    A line of JSON has no header; a record of TLS has one (§5.2).
    """

    make: Callable[[bytes], AeadOfKey]
    """Makes the AEAD of a key."""
    tag: int = 16
    """Bytes."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes, header: bytes = b"") -> bytes:
        """The ciphertext and the tag."""
        return self.make(key).encrypt(nonce, plaintext, header)

    def open(self, key: bytes, nonce: bytes, sealed: bytes, header: bytes = b"") -> bytes:
        """The plaintext. ProtocolError, and no part of the plaintext, if the tag is wrong."""
        try:
            return self.make(key).decrypt(nonce, sealed, header)
        except (InvalidTag, ValueError):  # ValueError: too short to have a tag
            raise ProtocolError(Violation.BAD_RECORD) from None

    def sealed_length(self, length: int) -> int:
        return length + self.tag


CIPHERS: Mapping[str, Cipher] = {
    "ChaCha20-Poly1305": Aead(ChaCha20Poly1305),  # RFC 8439
    "AES-128-CCM-8": Aead(
        lambda key: AESCCM(key[:16], tag_length=8), 8
    ),  # RFC 6655: for small devices; a tag of 8 bytes
}
"""The ciphers that are offered, the strongest first (§B.4)."""


# The channel --------------------------------------------------------------------------------------------------------


def counted(number: int) -> int:
    """The sequence number itself: 0 for the first record, then 1, 2, ... (§5.3)."""
    return number


def of_its_own(traffic: Mapping[Side, TrafficKeys], sender: Side) -> TrafficKeys:
    """The sender's own keys: each direction has its keys (§7.3)."""
    return traffic[sender]


def as_it_is(data: bytes) -> bytes:
    """The data, not compressed: the length of a record depends on the length of its content alone."""
    return data


def not_an_end() -> None:
    """Report truncation: the connection was closed without close_notify (§6.1)."""
    raise ProtocolError(Violation.TRUNCATED)


@dataclass(frozen=True)
class Rules:
    """The parts of a channel, besides its cipher."""

    number: Callable[[int], int] = counted
    keys: Callable[[Mapping[Side, TrafficKeys], Side], TrafficKeys] = of_its_own
    pack: Callable[[bytes], bytes] = as_it_is
    unpack: Callable[[bytes], bytes] = as_it_is
    end_of_stream: Callable[[], None] = not_an_end


class Direction:
    """One direction: its keys, and the number of records so far."""

    def __init__(self, cipher: Cipher, keys: TrafficKeys, number: Callable[[int], int]) -> None:
        self._cipher = cipher
        self._key = keys.key
        self._iv = int.from_bytes(keys.iv)
        self._number = number
        self._passed = 0

    def _nonce(self) -> bytes:
        """The next nonce. With `counted`, each is used once (§5.3)."""
        nonce = self._iv ^ self._number(self._passed)
        self._passed += 1
        return nonce.to_bytes(12)

    def seal(self, plaintext: bytes, header: bytes = b"") -> bytes:
        """The next record to send."""
        return self._cipher.seal(self._key, self._nonce(), plaintext, header)

    def open(self, sealed: bytes, header: bytes = b"") -> bytes:
        """The plaintext of the next record that was received."""
        return self._cipher.open(self._key, self._nonce(), sealed, header)


class RecordChannel:
    """Both directions, as one side sees them."""

    longest = 1 << 14  # bytes that one record carries (§5.1)

    def __init__(self, side: Side, secrets: Secrets, cipher: Cipher, rules: Rules) -> None:
        self._sending = Direction(cipher, rules.keys(secrets.traffic, side), rules.number)
        self._receiving = Direction(cipher, rules.keys(secrets.traffic, side.other), rules.number)
        self._rules = rules

    def seal(self, content: Content, data: bytes) -> Message:
        """The next record to send."""
        return Record(self._sending.seal(self._rules.pack(data) + bytes([content.value])))

    def open(self, message: Message) -> tuple[Content, bytes]:
        """Content type and content of a received record. ProtocolError if it does not open, or is not a record."""
        if not isinstance(message, Record):
            raise ProtocolError(Violation.UNEXPECTED_MESSAGE, f"{type(message).__name__} after the handshake")
        plaintext = self._receiving.open(message.sealed)
        try:
            return Content(plaintext[-1]), self._rules.unpack(plaintext[:-1])
        except (ValueError, IndexError):
            detail = f"content type {plaintext[-1]}" if plaintext else "no content type"
            raise ProtocolError(Violation.BAD_CONTENT, detail) from None

    def end_of_stream(self) -> None:
        """TCP was closed without close_notify: ProtocolError, unless the rules accept that as the end of the data."""
        self._rules.end_of_stream()
