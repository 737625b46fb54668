"""A visit: one connection to the lab, and what the client did on it."""

from dataclasses import dataclass
from enum import Enum


class VisitEnd(Enum):
    """How a connection ended."""

    TALKED = "the client sent application bytes"
    LEFT = "the client completed its handshake and sent nothing"
    REFUSED = "the client did not complete its handshake"
    UNFIT = "the client offers nothing that fits this server"
    """For example, it does not support the type of the server's key, so the server could not continue."""
    TURNED_AWAY = "the server refused the client"
    """For its certificate, or since it does not speak TLS."""
    WAITED = "the client was still waiting when the server closed the connection"
    SILENT = "the client connected and sent nothing"
    """It waited for the server to send first, or closed the connection."""


IN_THE_CLEAR = "in the clear"
"""`Visit.why` of a client that sent its application bytes without TLS."""


@dataclass(frozen=True)
class Visit:
    """One connection."""

    case: str
    peer: str
    end: VisitEnd
    asked_for: str | None = None
    """The server_name that it sent (RFC 6066 §3)."""
    agreed: str = ""
    """Version and cipher suite, after the handshake."""
    alert: str | None = None
    """The alert that the client sent (RFC 8446 §6)."""
    why: str = ""
    """Details about the end, if there are any."""
    said: bytes = b""
    """The first application bytes of the client."""
    count: int = 0
    """The number of application bytes until the server answered."""
    agent: str = ""
    """Its User-Agent, if it speaks HTTP."""
    client: str = ""
    """The names in the client's certificate, as text, if it proved possession of the key."""
    moment: float = 0.0
    """The end of the connection, on the monotonic clock."""
    began: float = 0.0
    """The arrival of its first byte, on the same clock. A connection may end after one that began later."""
