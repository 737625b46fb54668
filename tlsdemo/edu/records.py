"""The channel: what the application says, in sealed records (RFC 8446 §5).

    record = AEAD(key of this direction, iv XOR sequence number, what is said + what kind it is)

One key per direction: what I said cannot come back to me. One number per record, counted and never sent: a record that
is repeated, dropped or moved does not open. An end that is itself a record: a cut line is not an end.
Each of these is one of the `Rules`, or the cipher; a rung does without by another in its place (`edu.weak`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305

from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.key_schedule import Secrets, TrafficKeys
from tlsdemo.edu.messages import Message, Record
from tlsdemo.protocol import Side

CLOSE_NOTIFY = "close_notify"


class Content(Enum):
    """What kind of thing is in a record: the byte after what is said, as in TLS 1.3 (§5.2)."""

    ALERT = 21
    DATA = 23


# Ciphers ------------------------------------------------------------------------------------------------------------


class Cipher(Protocol):
    """Seals one record and opens it; keys have 32 bytes, of which it takes what it needs, nonces have 12."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        """What goes on the line."""

    def open(self, key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        """What was sealed; ProtocolError if it was not sealed so."""


@dataclass(frozen=True)
class Aead:
    """Encrypts, and adds a tag that only this key, this number and these bytes give (RFC 5116).

    TLS authenticates the record's header with them (§5.2); a line of JSON has none that is not checked anyway.
    """

    make: Callable[[bytes], ChaCha20Poly1305 | AESCCM]

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        """The ciphertext and the tag."""
        return self.make(key).encrypt(nonce, plaintext, None)

    def open(self, key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        """Nothing of it is given out unless the tag is right."""
        try:
            return self.make(key).decrypt(nonce, sealed, None)
        except (InvalidTag, ValueError):  # ValueError: too short to have a tag
            raise ProtocolError(Violation.BAD_RECORD) from None


CIPHERS: Mapping[str, Cipher] = {
    "ChaCha20-Poly1305": Aead(ChaCha20Poly1305),  # RFC 8439; a tag of 16 bytes
    "AES-128-CCM-8": Aead(lambda key: AESCCM(key[:16], tag_length=8)),  # RFC 6655: for small devices, half a tag
}
"""What is offered, the best first (§B.4)."""


# The channel --------------------------------------------------------------------------------------------------------


def counted(number: int) -> int:
    """The first record has number 0, and each one after it the next (§5.3)."""
    return number


def of_its_own(secrets: Secrets, sender: Side) -> TrafficKeys:
    """Each direction has its keys (§7.3)."""
    return secrets.traffic[sender]


def as_it_is(data: bytes) -> bytes:
    """Not compressed: the length depends on nothing but the length."""
    return data


def not_an_end() -> None:
    """The line has ended, and the other side had not said that it would (§6.1)."""
    raise ProtocolError(Violation.TRUNCATED)


@dataclass(frozen=True)
class Rules:
    """What a channel is built of, besides its cipher."""

    number: Callable[[int], int] = counted
    keys: Callable[[Secrets, Side], TrafficKeys] = of_its_own
    pack: Callable[[bytes], bytes] = as_it_is
    unpack: Callable[[bytes], bytes] = as_it_is
    end_of_line: Callable[[], None] = not_an_end


class Direction:
    """One direction: its keys, and how many records have passed."""

    def __init__(self, cipher: Cipher, keys: TrafficKeys, number: Callable[[int], int]) -> None:
        self._cipher = cipher
        self._key = keys.key
        self._iv = int.from_bytes(keys.iv)
        self._number = number
        self._passed = 0

    def _nonce(self) -> bytes:
        """A number that is used once (§5.3)."""
        nonce = self._iv ^ self._number(self._passed)
        self._passed += 1
        return nonce.to_bytes(12)

    def seal(self, plaintext: bytes) -> bytes:
        """The next record to send."""
        return self._cipher.seal(self._key, self._nonce(), plaintext)

    def open(self, sealed: bytes) -> bytes:
        """The next record that came."""
        return self._cipher.open(self._key, self._nonce(), sealed)


class RecordChannel:
    """Both directions, as one side sees them."""

    longest = 1 << 14  # bytes that one record carries (§5.1)

    def __init__(self, side: Side, secrets: Secrets, cipher: Cipher, rules: Rules) -> None:
        self._sending = Direction(cipher, rules.keys(secrets, side), rules.number)
        self._receiving = Direction(cipher, rules.keys(secrets, side.other), rules.number)
        self._rules = rules

    def seal(self, content: Content, data: bytes) -> Message:
        """A record for the line."""
        return Record(self._sending.seal(self._rules.pack(data) + bytes([content.value])))

    def open(self, message: Message) -> tuple[Content, bytes]:
        """What is in a record from the line."""
        if not isinstance(message, Record):
            raise ProtocolError(Violation.UNEXPECTED_MESSAGE, f"{type(message).__name__} outside of a record")
        plaintext = self._receiving.open(message.sealed)
        try:
            return Content(plaintext[-1]), self._rules.unpack(plaintext[:-1])
        except (ValueError, IndexError):
            detail = f"type {plaintext[-1]}" if plaintext else "no type"
            raise ProtocolError(Violation.BAD_CONTENT, detail) from None

    def end_of_line(self) -> None:
        """The line has ended, and nobody had said that it would; ProtocolError unless that is taken for an end."""
        self._rules.end_of_line()
