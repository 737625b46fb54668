"""What happens at a server, as plain values: one conversation is a few of these, in order.

    Agreed -> Said -> Closed          the good one
    Refused                           one of the two did not go on, and why
    Silent                            nothing came before the deadline

`report.events` turns them into lines for people or JSON for programs.
"""

from dataclasses import dataclass
from enum import Enum

from tlsdemo.protocol import Side


@dataclass(frozen=True)
class Listening:
    """The server can be reached: the first event."""

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
    """The names in the client's certificate; None where none was asked for.

    Of a certificate without names, its subject; empty where they cannot be read."""
    unreadable: str = ""
    """Why the names cannot be read, where they cannot."""
    proved: bool = True
    """Whether the client has proved to have the key of that certificate, and the server has checked who issued it."""


@dataclass(frozen=True)
class Said:
    """The client's whole message has come."""

    peer: str
    text: str


class Ending(Enum):
    """How a conversation ended."""

    ANSWERED = "answered"
    LEFT = "left"
    """By the client, with a proper close, before it had finished a message."""
    CUT = "cut"
    """The line ended without a close (RFC 8446 §6.1): something may be missing."""


@dataclass(frozen=True)
class Closed:
    """The end, where neither side refused the other."""

    peer: str
    ending: Ending
    application_bytes: int


@dataclass(frozen=True)
class Refused:
    """One side did not go on."""

    peer: str
    by: Side
    alert: str | None
    """The alert that the client sent, as in RFC 8446 §6; None where it sent none, or where we refused."""
    reason: str
    application_bytes: int


@dataclass(frozen=True)
class Silent:
    """A connection that said nothing until its deadline."""

    peer: str
    seconds: float


@dataclass(frozen=True)
class Warned:
    """Something of the server itself that its operator should know; serving goes on."""

    sentence: str


@dataclass(frozen=True)
class Dropped:
    """So many lines of this report are missing here: its reader did not keep up."""

    lines: int


Event = Listening | Agreed | Said | Closed | Refused | Silent | Warned | Dropped
