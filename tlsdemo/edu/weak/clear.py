"""Without secrecy, integrity, and all that rests on a key: the open line.

What is wrong: everything. Whoever sits on the line reads, and changes what he likes, and nobody notices (attacks: the
eavesdropper; the man in the middle, who has no work at all). There is no agreement, no random number, nothing in
Finished; a cut line is taken for an end.
"""

from dataclasses import replace

from tlsdemo.edu.agreement import Nothing
from tlsdemo.edu.channel import Channel, Content
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.messages import Alert, Data, Message
from tlsdemo.edu.schedule import Secrets
from tlsdemo.edu.violations import ProtocolError, Violation
from tlsdemo.protocol import Protection, Side

MADE_OF_A_KEY = frozenset(
    {
        Protection.SECRECY,
        Protection.INTEGRITY,
        Protection.ORDER,
        Protection.CLOSURE,
        Protection.KEY_SEPARATION,
        Protection.TRANSCRIPT,
        Protection.FRESHNESS,
    }
)
"""What two have as soon as they have a common secret, however they came by it."""


class ClearChannel(Channel):
    """What is said, as it is said."""

    cipher = "no cipher"
    longest = 1 << 13

    def __init__(self, side: Side, secrets: Secrets) -> None:
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

    def end_of_line(self) -> None:  # type: ignore[override]  # the strong one never returns
        """As good an end as any."""


def weaken(parts: Parts) -> Parts:
    """Nothing to agree on, nothing to keep."""
    return replace(
        parts,
        group=Nothing(),
        verify_data=lambda finished_key, transcript_hash: b"",
        channel=ClearChannel,
        omitted=parts.omitted | {"random", "group", "share", "verify_data"},
    )
