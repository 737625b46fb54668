"""The events of a server, as plain values. One conversation is a sequence of them:

    Agreed -> Said -> Closed          a complete conversation
    Refused                           one side refused, with the reason
    Silent                            the client sent nothing before the deadline

`report.events` turns them into lines for people or JSON for programs.
"""

from dataclasses import dataclass
from enum import Enum

from tlsdemo.protocol import Side


@dataclass(frozen=True)
class Listening:
    """The server accepts connections: the first event."""

    protocol: str
    host: str
    port: int


@dataclass(frozen=True)
class Agreed:
    """The handshake is done, as the server sees it."""

    peer: str
    version: str
    cipher: str
    client: tuple[str, ...] | None
    """The names in the client's certificate; None if the server requested none.

    The subject if the certificate has no names; empty if the names cannot be read."""
    unreadable: str = ""
    """Why the names cannot be read; empty if they can be read."""
    proved: bool = True
    """Whether the client proved possession of the certificate's key, and the server checked the chain."""


@dataclass(frozen=True)
class Said:
    """The client's message is complete."""

    peer: str
    text: str


class Ending(Enum):
    """How a conversation ended."""

    ANSWERED = "answered"
    LEFT = "left"
    """By the client, with close_notify, before its message was complete."""
    CUT = "cut"
    """The connection ended without close_notify (RFC 8446 §6.1): data may be missing."""


@dataclass(frozen=True)
class Closed:
    """The end of a conversation in which neither side refused."""

    peer: str
    ending: Ending
    application_bytes: int


@dataclass(frozen=True)
class Refused:
    """One side refused to continue."""

    peer: str
    by: Side
    alert: str | None
    """The alert that the client sent (RFC 8446 §6); None if it sent none, or if the server refused."""
    reason: str
    application_bytes: int


@dataclass(frozen=True)
class Silent:
    """The client sent nothing until the deadline."""

    peer: str
    seconds: float


@dataclass(frozen=True)
class Warned:
    """A warning about the server itself; it continues to serve."""

    sentence: str


@dataclass(frozen=True)
class Dropped:
    """That many lines of this report are missing, because its reader did not keep up."""

    lines: int


Event = Listening | Agreed | Said | Closed | Refused | Silent | Warned | Dropped
