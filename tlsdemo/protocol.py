"""The terms in which a secure channel is described: protection, endpoint, protocol, party, attacker.

    Endpoint  <---bytes--->  Attacker  <---bytes--->  Endpoint      moved by `conversation`, or on sockets by `net`

A Protocol builds endpoints and lists the protections that it claims. An attack fails exactly when every protection that
it must defeat is present and effective. Sections are from RFC 8446 unless another RFC is named.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol as Interface
from typing import runtime_checkable

from cryptography import x509

from pki import Credential
from pki.keys import KeyType, PrivateKey


class Side(Enum):
    """Client or server."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> "Side":
        """The peer's side."""
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


class Protection(Enum):
    """One thing that a channel can provide: its meaning, its section, and the protections that it rests on."""

    SECRECY = "an eavesdropper does not learn what is sent", "§5.2"
    STRONG_GROUP = "the shared secret cannot be computed from the public values", "§7.4", "SECRECY"
    FORWARD_SECRECY = "a long-term key that is stolen later does not open what was recorded", "§E.1", "STRONG_GROUP"
    POST_QUANTUM = (
        "a quantum computer does not open what was recorded; signatures are not protected",
        "RFC 9794 §5",
        "FORWARD_SECRECY",
    )
    COMPRESSION_SAFETY = "the length of a record depends on the length of its content alone", "§E.3", "SECRECY"
    INTEGRITY = "a changed byte is detected", "§5.2"
    ORDER = "a record that is repeated, left out or moved is detected", "§5.3", "INTEGRITY"
    CLOSURE = "truncation is detected", "§6.1", "INTEGRITY"
    KEY_SEPARATION = "a record that a side sent is not accepted when it comes back", "§7.3"
    POSSESSION = "the peer has the private key of the certificate that it presents", "§4.4.3"
    CHAIN = "the certificate has a path to a trust anchor", "RFC 5280 §6.1", "POSSESSION"
    NAME = "the certificate is valid for the name that the client asked for", "RFC 9525 §6.3", "CHAIN"
    VALIDITY = "the certificate is within its validity period", "RFC 5280 §6.1.3 (a)(2)", "CHAIN"
    REVOCATION = "no certificate of the chain is revoked", "RFC 5280 §6.3", "CHAIN"
    TRANSCRIPT = "client and server saw the same handshake", "§4.4.4"
    FRESHNESS = "a recorded conversation cannot be replayed", "§4.1.2, §4.1.3, §4.2.8"
    CLIENT_IDENTITY = "the client has proved its identity", "§4.3.2", "CHAIN"

    def __init__(self, meaning: str, section: str, *rests_on: str) -> None:
        self.meaning = meaning
        self.section = section
        self._rests_on = rests_on

    @property
    def rests_on(self) -> tuple["Protection", ...]:
        """The protections without which this one has no effect."""
        return tuple(Protection[name] for name in self._rests_on)

    @property
    def readable(self) -> str:
        """`client identity`."""
        return self.name.lower().replace("_", " ")

    def stands(self, claimed: "frozenset[Protection]") -> bool:
        """Whether it is effective in a channel with these claims: it is claimed, and so is all that it rests on."""
        return self in claimed and all(below.stands(claimed) for below in self.rests_on)


@dataclass(frozen=True, eq=False)
class Party:
    """What one side has: credential, trust anchors, CRLs, clock and randomness.

    Parties compare by identity, not by content.
    """

    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    """Returns that many unpredictable bytes."""
    credential: Credential | None = None
    anchors: tuple[x509.Certificate, ...] = ()
    """Known before the connection; they are never received over it."""
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    name: x509.GeneralName | None = None
    """The name that a client asks for (reference identifier, RFC 9525)."""


@runtime_checkable
class Endpoint(Interface):
    """One side of one conversation, sans-IO: bytes in, bytes out."""

    @property
    def side(self) -> Side:
        """Client or server."""

    @property
    def accepted(self) -> bool:
        """Whether this side has finished its handshake and accepted the peer."""

    @property
    def error(self) -> Exception | None:
        """The first error; later ones are consequences of it."""

    @property
    def delivered(self) -> bytes:
        """Bytes handed to the application and not yet taken."""

    @property
    def ended(self) -> bool:
        """Whether the application was told that the peer has sent everything: a normal end."""

    @property
    def negotiated(self) -> Mapping[str, str]:
        """What was negotiated, as this side sees it."""

    def receive(self, data: bytes) -> None:
        """Take bytes from the connection, split anywhere."""

    def take(self) -> bytes:
        """Return `delivered` and empty it: for conversations that are too long to keep."""

    def receive_eof(self) -> None:
        """The stream has ended; no more bytes follow."""

    def send(self, data: bytes) -> None:
        """Send application data. ValueError before the handshake is done, and after `close`."""

    def close(self) -> None:
        """End the stream: the application has sent everything."""

    def outgoing(self) -> bytes:
        """Bytes for the peer; each byte is returned once."""


@dataclass(frozen=True)
class Flight:
    """Bytes sent in one piece, their sender, and the number of the application line (0: handshake)."""

    sender: Side
    data: bytes
    line: int = 0


class Framing(Interface):
    """How a byte stream is cut into records. Attackers know it: the protocol is public, only keys are secret."""

    @property
    def close(self) -> bytes:
        """The content of the record that ends the stream."""

    def inside(self, said: bytes) -> bytes:
        """The content of the record that carries this application data."""

    def split(self, data: bytes) -> list[bytes]:
        """The complete records at the beginning of the bytes; bytes that are not records are one piece."""

    def body(self, record: bytes) -> bytes | None:
        """The part that carries application data, still encrypted; None in a handshake message."""

    def with_body(self, record: bytes, body: bytes) -> bytes:
        """The record with another body."""

    def words(self, body: bytes) -> bytes:
        """The application data of a body that is not encrypted; of an encrypted body, noise."""

    def label(self, record: bytes) -> str:
        """A short description of the record."""

    def listener(self) -> "Callable[[Side, bytes], bool]":
        """A function for one conversation: given its records in order, whether each carries application data."""

    def may_be_the_end(self, record: bytes) -> bool:
        """Whether the record may end the stream. Of an encrypted record, only the length is known."""


@dataclass(frozen=True)
class Deciphered:
    """What an attacker decrypted of a recording."""

    words: bytes = b""
    how: tuple[str, ...] = ()
    """How, in sentences."""


@dataclass(frozen=True)
class Hooks:
    """What an attacker may need from a protocol. If a hook is None, attacks that need it are not applicable.

    The last four take a recording and return what they can read of it.
    """

    framing: Framing | None = None
    visible: Callable[[Sequence[Flight]], tuple[str, ...]] | None = None
    """What stays visible of an encrypted conversation, in sentences."""
    downgrades: tuple[Callable[[bytes], bytes], ...] | None = None
    """Reduce the client's first flight to its weakest offer."""
    rename: Callable[[bytes, str], bytes] | None = None
    """Change the server name in the client's first flight."""
    reckon: Callable[[Sequence[Flight]], Deciphered] | None = None
    """By computing the secret from the public values."""
    confine: Callable[[Sequence[Flight], Callable[[bytes], bytes]], Deciphered] | None = None
    """By sending the server first flights with public values of small order."""
    decipher: Callable[[Sequence[Flight], PrivateKey], bytes] | None = None
    """With the private key of the server's certificate, stolen afterwards."""
    solve: Callable[[Sequence[Flight], Collection[bytes]], bytes] | None = None
    """With the discrete logarithms of the public values. They cannot be computed; they are taken from the parties."""


@dataclass(frozen=True)
class Protocol:
    """A protocol: its name, the protections that it claims, and functions that build its endpoints."""

    name: str
    claims: frozenset[Protection]
    client: Callable[[Party], Endpoint]
    server: Callable[[Party], Endpoint]
    hooks: Hooks = Hooks()
    family: str = ""
    """The educational handshake, our own TLS 1.3, or `ssl`; used in tables only."""
    key_type: KeyType = KeyType.EC_P256
    """The key type that its certificates need."""

    def endpoint(self, side: Side, party: Party) -> Endpoint:
        """The endpoint of that side."""
        return self.client(party) if side is Side.CLIENT else self.server(party)

    def __str__(self) -> str:
        return self.name


class Attacker(Interface):
    """An on-path attacker: decides what is delivered."""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """What to deliver, and to which side, when one side has sent a flight. Empty bytes end the stream."""

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """Which sides see the end of the stream when `sender` has closed."""


class Relay:
    """Passes everything on unchanged: no attack."""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Deliver it unchanged."""
        return [(flight.sender.other, flight.data)]

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """End the stream of the other side."""
        return [sender.other]
