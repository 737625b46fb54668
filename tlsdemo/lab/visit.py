"""A visit: what one connection to the lab was shown, and what the visitor did."""

from dataclasses import dataclass
from enum import Enum


class VisitEnd(Enum):
    """How far it came."""

    TALKED = "it sent application bytes"
    LEFT = "it finished its handshake, and left without a word"
    REFUSED = "it did not finish its handshake"
    UNFIT = "nothing that it offers fits what is shown here"
    """Such as a key of a kind that it does not know: the server could not go on."""
    TURNED_AWAY = "this server did not let it in"
    """Where clients show certificates, or speak no TLS."""
    WAITED = "it was still waiting when it was sent away"
    SILENT = "it connected, and sent nothing"
    """It waited for the server to speak first, or closed without a word."""


IN_THE_CLEAR = "in the clear"
"""`Visit.why` of one that sent its application bytes without TLS."""


@dataclass(frozen=True)
class Visit:
    """One connection."""

    case: str
    peer: str
    end: VisitEnd
    asked_for: str | None = None
    """The server_name that it sent (RFC 6066 §3)."""
    agreed: str = ""
    """Version and suite, once the handshake was done."""
    alert: str | None = None
    """As the visitor sent it (RFC 8446 §6)."""
    why: str = ""
    """A sentence on the end, where there is more to say."""
    said: bytes = b""
    """The beginning of its application bytes."""
    count: int = 0
    """How many there were, until it was answered."""
    agent: str = ""
    """How it calls itself, if it speaks HTTP."""
    client: str = ""
    """What its certificate says that it is, in text, where it was asked for one and has its key."""
    moment: float = 0.0
    """When it ended, on the monotonic clock."""
    began: float = 0.0
    """When its first byte came, on the same clock: a connection may end after one that began later."""
