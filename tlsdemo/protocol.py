"""The words in which a secure channel is described, and the seam between two parties and whoever sits between them.

    Endpoint  <---bytes--->  Attacker  <---bytes--->  Endpoint          `conversation` moves them; `net` does, live

A Protocol builds endpoints. It says of itself which protections it has; an attack is held exactly when every protection
that it must get past is there and stands. Sections are those of RFC 8446 unless another is named.
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
    """One of the two parties."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> "Side":
        """The party at the far end."""
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


class Protection(Enum):
    """One thing that a channel can provide: what it means, where that is written, and what it rests on."""

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
        """What must stand for this one to mean anything."""
        return tuple(Protection[name] for name in self._rests_on)

    @property
    def readable(self) -> str:
        """`client identity`."""
        return self.name.lower().replace("_", " ")

    def stands(self, claimed: "frozenset[Protection]") -> bool:
        """Whether a channel with these claims really has it: it is claimed, and so is all that it rests on."""
        return self in claimed and all(below.stands(claimed) for below in self.rests_on)


@dataclass(frozen=True, eq=False)
class Party:
    """What one side brings along: what it can prove, whom it trusts, the time, and its randomness.

    Each is itself and no other: parties compare by identity.
    """

    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    """That many bytes nobody can guess."""
    credential: Credential | None = None
    anchors: tuple[x509.Certificate, ...] = ()
    """Known beforehand: they never come over the line."""
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    name: x509.GeneralName | None = None
    """Whom a client asks for (the reference identifier of RFC 9525)."""


@runtime_checkable
class Endpoint(Interface):
    """One side of one conversation, sans-IO: bytes in, bytes out."""

    @property
    def side(self) -> Side:
        """Which of the two parties."""

    @property
    def accepted(self) -> bool:
        """Whether this side has finished its handshake, and believes what it was shown."""

    @property
    def error(self) -> Exception | None:
        """The first thing that went wrong; what comes after it is only its echo."""

    @property
    def delivered(self) -> bytes:
        """All that was handed to the application, except what it has taken."""

    @property
    def ended(self) -> bool:
        """Whether the application was told that the other side has said all: a normal end."""

    @property
    def negotiated(self) -> Mapping[str, str]:
        """What was agreed on, as this side believes."""

    def receive(self, data: bytes) -> None:
        """Bytes from the line, cut anywhere."""

    def take(self) -> bytes:
        """What `delivered` holds, which is empty afterwards: for conversations too long to be kept whole."""

    def receive_eof(self) -> None:
        """The line has ended: nothing comes any more."""

    def send(self, data: bytes) -> None:
        """The application says something; ValueError before the handshake is done, and after `close`."""

    def close(self) -> None:
        """The application has said all."""

    def outgoing(self) -> bytes:
        """What is to be put on the line; each byte is given out once."""


@dataclass(frozen=True)
class Flight:
    """Bytes that passed the wire in one piece: who sent them, and during which line (0: the handshake)."""

    sender: Side
    data: bytes
    line: int = 0


class Framing(Interface):
    """How records are told apart in what passes. An attacker knows it: a protocol is no secret, only keys are."""

    @property
    def close(self) -> bytes:
        """What stands inside the record that says: I have said all."""

    def inside(self, said: bytes) -> bytes:
        """What stands inside the record that carries those words."""

    def split(self, data: bytes) -> list[bytes]:
        """The whole records at the beginning of some bytes; of what are no records, one piece."""

    def body(self, record: bytes) -> bytes | None:
        """What carries the application's words, sealed as it is; None in a message of the handshake."""

    def with_body(self, record: bytes, body: bytes) -> bytes:
        """The record with another body."""

    def words(self, body: bytes) -> bytes:
        """What a reader makes of a body that is not sealed; of a sealed one it is noise."""

    def label(self, record: bytes) -> str:
        """A few words for whoever looks on."""

    def listener(self) -> "Callable[[Side, bytes], bool]":
        """For one conversation: told its records in order, it says of each whether it is one of the talk."""

    def may_be_the_end(self, record: bytes) -> bool:
        """Whether it may be the one that says: I have said all. Of what is sealed, only the length tells."""


@dataclass(frozen=True)
class Deciphered:
    """What somebody has made of a recording."""

    words: bytes = b""
    how: tuple[str, ...] = ()
    """How he came to them, in sentences."""


@dataclass(frozen=True)
class Hooks:
    """What an attacker may need to know of a protocol. Where one is None, what needs it is not applicable.

    The last four get a recording, and give what they can read of it.
    """

    framing: Framing | None = None
    visible: Callable[[Sequence[Flight]], tuple[str, ...]] | None = None
    """What anybody sees of a conversation that is sealed, in sentences."""
    downgrades: tuple[Callable[[bytes], bytes], ...] | None = None
    """The client's first flight, with the weakest of its offers alone."""
    rename: Callable[[bytes, str], bytes] | None = None
    """The client's first flight, asking for another name."""
    reckon: Callable[[Sequence[Flight]], Deciphered] | None = None
    """By arithmetic on the public values."""
    confine: Callable[[Sequence[Flight], Callable[[bytes], bytes]], Deciphered] | None = None
    """By asking the server, which answers first flights, with public values of small order."""
    decipher: Callable[[Sequence[Flight], PrivateKey], bytes] | None = None
    """With the key of the server's certificate, stolen afterwards."""
    solve: Callable[[Sequence[Flight], Collection[bytes]], bytes] | None = None
    """With the discrete logarithms of what was sent. Nobody can compute them: they are found in what was drawn."""


@dataclass(frozen=True)
class Protocol:
    """A way to talk: its name, the protections that it claims, and how its two endpoints are made."""

    name: str
    claims: frozenset[Protection]
    client: Callable[[Party], Endpoint]
    server: Callable[[Party], Endpoint]
    hooks: Hooks = Hooks()
    family: str = ""
    """Whether it is the educational handshake or real TLS: for tables, and for nothing else."""
    key_type: KeyType = KeyType.EC_P256
    """What keys its certificates need."""

    def endpoint(self, side: Side, party: Party) -> Endpoint:
        """One side of a conversation."""
        return self.client(party) if side is Side.CLIENT else self.server(party)

    def __str__(self) -> str:
        return self.name


class Attacker(Interface):
    """Whoever sits on the line, and decides what arrives."""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """What is delivered, and to whom, when one side has sent something; no bytes: the line has ended there."""

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """Who is told that the line has ended, when one side has hung up."""


class Relay:
    """The attacker who does nothing: an honest line."""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Deliver it as it is."""
        return [(flight.sender.other, flight.data)]

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """Tell the other side."""
        return [sender.other]
