"""Without secrecy and integrity: the open line.

What is wrong: everything. Whoever sits on the line reads, and changes what he likes, and nobody notices (attacks:
`eavesdropper`, `bit-flip`; the man in the middle, who has no work at all).
`clear` takes the two away, and leaves whatever else was agreed on standing on nothing. `open_line` is the rung `plain`:
there is no agreement, no random number, nothing in Finished, and a cut line is taken for an end.
"""

from dataclasses import dataclass, replace

from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.key_agreement import Nothing
from tlsdemo.edu.key_schedule import Secrets
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.messages import NO_CIPHER, Alert, Data, Message
from tlsdemo.edu.records import Cipher, Content, RecordChannel, Rules
from tlsdemo.protocol import Protection, Side

MADE_OF_A_KEY = frozenset(
    {
        Protection.SECRECY,
        Protection.COMPRESSION_SAFETY,
        Protection.INTEGRITY,
        Protection.ORDER,
        Protection.CLOSURE,
        Protection.KEY_SEPARATION,
        Protection.TRANSCRIPT,
        Protection.FRESHNESS,
    }
)
"""What two have as soon as they have a common secret, however they came by it."""


@dataclass(frozen=True)
class Clear:
    """A cipher that is none."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        """As it is."""
        return plaintext

    def open(self, key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        """Whatever came."""
        return sealed


def clear(parts: Parts) -> Parts:
    """Records that anybody reads and writes."""
    return replace(parts, ciphers={NO_CIPHER: Clear()})


class ClearChannel(RecordChannel):
    """What is said, as it is said: not even records."""

    longest = 1 << 13

    def __init__(self, side: Side, secrets: Secrets, cipher: Cipher, rules: Rules) -> None:
        """There are no secrets."""

    def seal(self, content: Content, data: bytes) -> Message:
        """One character for each byte."""
        if content is Content.DATA:
            return Data(data.decode("latin-1"))
        description, _, detail = data.decode("latin-1").partition(": ")
        return Alert(description, detail)

    def open(self, message: Message) -> tuple[Content, bytes]:
        """Whatever came, from whomever."""
        match message:
            case Data(text):
                return Content.DATA, text.encode("latin-1")
            case Alert(description, detail):
                return Content.ALERT, (f"{description}: {detail}" if detail else description).encode("latin-1")
        raise ProtocolError(Violation.UNEXPECTED_MESSAGE, f"{type(message).__name__} in the middle of the talk")

    def end_of_line(self) -> None:
        """As good an end as any."""


def open_line(parts: Parts) -> Parts:
    """Nothing to agree on, nothing to keep."""
    return replace(
        clear(parts),
        group=Nothing(),
        secret=dict.fromkeys(Side, lambda machine: 0),
        random=dict.fromkeys(Side, lambda machine: b""),
        transcript_hash=lambda transcript: b"",
        verify_data=lambda finished_key, transcript_hash: b"",
        channel=ClearChannel,
        rules=Rules(),
        omitted=parts.omitted | {"ciphers", "cipher", "random", "group", "share", "verify_data"},
    )
