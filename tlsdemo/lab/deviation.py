"""What a server of our TLS 1.3 does otherwise than RFC 8446 requires, as a value.

    EncryptedExtensions -> instead(EncryptedExtensions, ...) -> the messages that are sent in its place

This module and `misbehaving_cases` import no part of the handshake: a catalogue that is only listed need not wait for
it. The server that carries out a deviation is `misbehaving.Misbehaving`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlsdemo.lab.misbehaving import Misbehaving

Edit = Callable[["Misbehaving", Any], Iterable[Any]]
"""From the server and the message that a strict server sends now, to the messages that this server sends."""
Frame = Callable[[int, bytes], Iterable[tuple[int, bytes]]]
"""From the content type and the content of a record, to those of the records that this server sends."""
PADDING_TYPE = 0
"""The content type of a record whose type and padding are in its content. A record with zeros alone has no type."""


def in_one_record(content_type: int, content: bytes) -> Iterable[tuple[int, bytes]]:
    """The record as it is."""
    return [(content_type, content)]


def do_nothing(server: "Misbehaving") -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """The deviation of a server. With the defaults, the server is strict."""

    instead: Mapping[type, Edit] = field(default_factory=dict)
    """The edits by the class of the message; a message without one is sent as it is."""
    frame: Frame = in_one_record
    afterwards: Callable[["Misbehaving"], None] = do_nothing
    """Called after the server's flight."""
    retries: int = 0
    """The number of HelloRetryRequests."""
    has_rsa_key: bool = False
    """Whether the certificate is for an RSA key; it is for a P-256 key otherwise."""
    tls12_marker: bytes | None = None
    """If it is not None, the server selects TLS 1.2, and its random value ends with these bytes (`downgraded`)."""
    silence: float | None = None
    """Seconds after which a server that has nothing more to send closes the connection; None: as any other server."""


def instead(kind: type, edit: Edit, **also: Any) -> Deviation:
    """A server that sends other messages in place of those of this class. `also` are further fields of Deviation."""
    return Deviation(instead={kind: edit}, **also)


def without(*kinds: type, **also: Any) -> Deviation:
    """A server that omits messages of these classes. `also` are further fields of Deviation."""
    return Deviation(instead=dict.fromkeys(kinds, lambda server, message: []), **also)
