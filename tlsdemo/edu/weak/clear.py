"""SECRECY and INTEGRITY removed: records in the clear.

An attacker on the path reads all data, and changes it without being detected. It needs no handshake of its own.
Attacks: `eavesdropper`, `bit-flip`.

`weaken` removes the two and keeps the handshake, which now protects nothing. The rest of this module builds the rung
`plain`: no key agreement, no random number, an empty Finished, and an end of TCP that counts as the end of the data.
"""

from dataclasses import dataclass, replace

from tlsdemo.edu.key_schedule import Secrets
from tlsdemo.edu.machine import Machine, Parts
from tlsdemo.edu.messages import NO_CIPHER, Alert, Data, Message
from tlsdemo.edu.records import Cipher, Content, RecordChannel, Rules
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError, Violation


@dataclass(frozen=True)
class Clear:
    """A cipher that changes nothing."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes, header: bytes = b"") -> bytes:
        """The plaintext."""
        return plaintext

    def open(self, key: bytes, nonce: bytes, sealed: bytes, header: bytes = b"") -> bytes:
        """The bytes that came, changed or not."""
        return sealed

    def sealed_length(self, length: int) -> int:
        return length


CLEAR = {NO_CIPHER: Clear()}


def weaken(parts: Parts) -> Parts:
    """Records without encryption and without a tag."""
    return replace(parts, ciphers=CLEAR)


# The rung `plain` ---------------------------------------------------------------------------------------------------


def no_secret(machine: Machine) -> int:
    """Zero, since this replacement agrees on nothing."""
    return 0


def no_random(machine: Machine) -> bytes:
    """Empty: the hellos have no random number."""
    return b""


def no_hash(transcript: bytes) -> bytes:
    """Empty: without a key, a hash of the transcript would prove nothing."""
    return b""


def no_verify_data(finished_key: bytes, transcript_hash: bytes) -> bytes:
    """Empty: Finished only ends the handshake."""
    return b""


OMITTED = frozenset({"ciphers", "cipher", "random", "group", "share", "verify_data"})
"""Fields that the messages do not have."""


class ClearChannel(RecordChannel):
    """Sends the application's data as text, without records."""

    longest = 1 << 13

    def __init__(self, side: Side, secrets: Secrets, cipher: Cipher, rules: Rules) -> None:
        """Secrets, cipher and rules are not used."""

    def seal(self, content: Content, data: bytes) -> Message:
        """A message with one character for each byte."""
        if content is Content.DATA:
            return Data(data.decode("latin-1"))
        description, _, detail = data.decode("latin-1").partition(": ")
        return Alert(description, detail)

    def open(self, message: Message) -> tuple[Content, bytes]:
        """The content of a message; its sender is not verified. ProtocolError for a handshake message."""
        match message:
            case Data(text):
                return Content.DATA, text.encode("latin-1")
            case Alert(description, detail):
                return Content.ALERT, (f"{description}: {detail}" if detail else description).encode("latin-1")
        raise ProtocolError(Violation.UNEXPECTED_MESSAGE, f"{type(message).__name__} after the handshake")

    def end_of_stream(self) -> None:
        """Accept the end of TCP as the end of the data."""
