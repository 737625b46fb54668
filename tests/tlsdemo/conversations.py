"""What the tests of the seam share: every protocol, two parties for them, and attackers who do one thing each."""

import random
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pki import names
from pki.store.files import read_certificates, read_credential, read_crls
from tlsdemo.conversation import Outcome, converse
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.protocol import Endpoint, Flight, Party, Protection, Protocol, Relay, Side
from tlsdemo.tls import errors
from tlsdemo.tls.context import client_context, server_context
from tlsdemo.tls.endpoint import TlsEndpoint
from tlsdemo.tls.protocol import CLAIMS, tls
from tlsdemo.tls13.protocol import tls13


def _tls_1_2() -> Protocol:
    """TLS of which both sides know no newer version than 1.2."""

    def lowered(context: ssl.SSLContext) -> ssl.SSLContext:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    @cache
    def context(side: Side, party: Party) -> ssl.SSLContext:
        if side is Side.CLIENT:
            return lowered(client_context(party.anchors))
        assert party.credential
        return lowered(server_context(party.credential))

    def client(party: Party) -> Endpoint:
        return TlsEndpoint(Side.CLIENT, context(Side.CLIENT, party), "localhost")

    return Protocol("tls", CLAIMS, client, lambda party: TlsEndpoint(Side.SERVER, context(Side.SERVER, party)))


PROTOCOLS: Mapping[str, Protocol] = {
    **{name: edu(claims) for name, claims in RUNGS.items() if name != "hybrid"},  # which is never twice the same
    "tls13": tls13(),
    "tls": tls(),
    "tls-mutual": tls(CLAIMS | {Protection.CLIENT_IDENTITY}),
    "tls-1.2": _tls_1_2(),
}

LINES = (
    (Side.CLIENT, b"pay to bob\n"),
    (Side.SERVER, b"how much?\n"),
    (Side.CLIENT, bytes(range(256))),
    (Side.SERVER, b"paid\n"),
    (Side.SERVER, b"twice\n"),
)


def said(side: Side, lines: Sequence[tuple[Side, bytes]] = LINES) -> bytes:
    """All that one side says in these lines."""
    return b"".join(data for speaker, data in lines if speaker is side)


class Dice:
    """Randomness that can be begun anew: then the educational handshake is the same, byte for byte."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._random = random.Random("dice")

    def __call__(self, length: int) -> bytes:
        return self._random.randbytes(length)


@dataclass(frozen=True)
class Parties:
    """A client and a server who trust the same authority, and have what every protocol asks for."""

    dice: Dice
    party: Mapping[Side, Party]

    def ends(self, protocol: Protocol, other: Protocol | None = None) -> tuple[Endpoint, Endpoint]:
        """The client of a protocol, and the server of the same, or of the other one."""
        self.dice.restart()
        return protocol.client(self.party[Side.CLIENT]), (other or protocol).server(self.party[Side.SERVER])

    def converse(
        self, protocol: Protocol, attacker: Relay | None = None, lines: Sequence[tuple[Side, bytes]] = LINES
    ) -> Outcome:
        """A whole conversation."""
        return converse(*self.ends(protocol), attacker, lines)

    def connected(self, protocol: Protocol) -> Mapping[Side, Endpoint]:
        """Both ends, the handshake done, and nothing on the line."""
        client, server = self.ends(protocol)
        exchange(client, server)
        assert client.accepted
        assert server.accepted
        return {Side.CLIENT: client, Side.SERVER: server}


def exchange(client: Endpoint, server: Endpoint) -> None:
    """Let them have what the other one wants on the line, until both are silent."""
    while (there := client.outgoing()) + (back := server.outgoing()):
        if there:
            server.receive(there)
        if back:
            client.receive(back)


def parties(folder: Path) -> Parties:
    """Those of a minted PKI, at this moment for ever."""
    now, dice = datetime.now(UTC), Dice()

    def party(who: str, name: str | None) -> Party:
        return Party(
            clock=lambda: now,
            random=dice,
            credential=read_credential(folder / f"{who}.pem", folder / f"{who}.key"),
            anchors=read_certificates(folder / "root.pem"),
            crls=read_crls(folder / "crl.pem"),
            name=names.reference(name) if name else None,
        )

    return Parties(dice, {Side.CLIENT: party("client", "localhost"), Side.SERVER: party("server", None)})


# Attackers ----------------------------------------------------------------------------------------------------------


class OneAtATime(Relay):
    """Each byte comes alone."""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        return [(flight.sender.other, flight.data[at : at + 1]) for at in range(len(flight.data))]


class Cut(Relay):
    """From each side named so many bytes pass, and nothing after them; then the line ends."""

    def __init__(self, passes: Mapping[Side, int]) -> None:
        self._left = dict(passes)

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        left = self._left.get(flight.sender, len(flight.data))
        passed = flight.data[:left]
        if flight.sender in self._left:
            self._left[flight.sender] -= len(passed)
        return [(flight.sender.other, passed)] if passed else []


class Flip(Relay):
    """One bit of one byte of what one side sends is changed."""

    def __init__(self, sender: Side, position: int, bit: int) -> None:
        self._sender, self._position, self._bit = sender, position, bit

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        data = bytearray(flight.data)
        if flight.sender is self._sender:
            if 0 <= self._position < len(data):
                data[self._position] ^= 1 << self._bit
            self._position -= len(data)
        return [(flight.sender.other, bytes(data))]


class Instead(Relay):
    """What one side sends is replaced by something that is no TLS."""

    def __init__(self, sender: Side, data: bytes) -> None:
        self._sender, self._data = sender, data

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        if flight.sender is not self._sender:
            return [(flight.sender.other, flight.data)]
        instead, self._data = self._data, b""
        return [(flight.sender.other, instead)] if instead else []


def length(outcome: Outcome, sender: Side, until: int | None = None) -> int:
    """Bytes that one side put on the line; `until` that line, and not in it."""
    flights = (flight for flight in outcome.tape if until is None or flight.line < until)
    return sum(len(flight.data) for flight in flights if flight.sender is sender)


def sampled(total: int, most: int) -> Iterable[int]:
    """About so many positions at most, spread evenly, the first and the last among them."""
    step = -(-total // most) | 1  # odd: it falls on either digit of hex, and goes through all bits
    return sorted({*range(0, total, step), max(total - 1, 0)})


# A default SSLSocket ------------------------------------------------------------------------------------------------


class DefaultSocket:
    """A real SSLSocket, non-blocking on a socketpair, in the place of an Endpoint: then every byte is in our hands.

    It does what `suppress_ragged_eofs=True` promises. Python 3.11.2 keeps that promise only with
    OP_IGNORE_UNEXPECTED_EOF, which the contexts here do not have; so this class keeps it there.
    """

    def __init__(self, side: Side, context: ssl.SSLContext) -> None:
        self.side = side
        self.accepted, self.ended, self.delivered = False, False, b""
        self.error: Exception | None = None
        self.negotiated: Mapping[str, str] = {}
        near, self.line = socket.socketpair()
        near.setblocking(False)
        self.tls = context.wrap_socket(
            near,
            server_side=side is Side.SERVER,
            server_hostname="localhost" if side is Side.CLIENT else None,
            do_handshake_on_connect=False,
        )
        self._advance()

    def __enter__(self) -> "DefaultSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.tls.close()
        self.line.close()

    def receive(self, data: bytes) -> None:
        with suppress(BrokenPipeError):  # nothing comes after an end of file
            self.line.sendall(data)
        self._advance()

    def take(self) -> bytes:
        taken, self.delivered = self.delivered, b""
        return taken

    def receive_eof(self) -> None:
        self.line.shutdown(socket.SHUT_WR)
        self._advance()

    def send(self, data: bytes) -> None:
        self.tls.sendall(data)

    def close(self) -> None:
        if self.accepted and not self.error:
            with suppress(ssl.SSLError):
                self.tls.unwrap()

    def outgoing(self) -> bytes:
        with suppress(BlockingIOError):
            return self.line.recv(1 << 20, socket.MSG_DONTWAIT)
        return b""

    def _advance(self) -> None:
        if self.error or self.ended:
            return
        try:
            if not self.accepted:
                self.tls.do_handshake()
                self.accepted = True
            while data := self.tls.recv(1 << 14):
                self.delivered += data
            self.ended = True
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:  # how recv() tells a close_notify once we have sent ours (Python's manual)
            self.ended = True
        except ssl.SSLError as error:
            if self.accepted and errors.is_unexpected_eof(error) and not isinstance(error, ssl.SSLEOFError):
                self.ended = True  # only Python 3.11.2 comes here
            else:
                self.error = error
