"""TlsEndpoint beside a default SSLSocket: the same contexts, the same line, and the same outcome on both sides.

Falsehood caught: that `ssl` over two MemoryBIOs tells an application something else than `wrap_socket` would.
Certificates are Ed25519 here: then a handshake has the same length each time, and can be cut at the same byte.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from pki.keys import KeyType
from pki.store.files import read_certificates, read_credential
from tests.conftest import mint
from tests.peers.support import DEADLINE
from tests.tlsdemo.conversations import Cut, DefaultSocket, Flip, Instead, exchange, length, sampled
from tlsdemo import net
from tlsdemo.conversation import Outcome, converse
from tlsdemo.protocol import Attacker, Endpoint, Relay, Side
from tlsdemo.tls.context import client_context, server_context
from tlsdemo.tls.endpoint import TlsEndpoint

LINES = ((Side.CLIENT, b"a message of some length\n"), (Side.SERVER, b"an answer of some length\n"))
SAYS = dict(LINES)
CHUNK = 1 << 14

Contexts = Mapping[Side, ssl.SSLContext]
either_side = pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
versions = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2], ids=lambda version: version.name
)


@dataclass(frozen=True)
class Told:
    """What an application was told; its error in words that do not depend on where it was raised."""

    accepted: bool
    delivered: bytes
    ended: bool
    error: tuple[type[Exception], str | None, int | None] | None

    @classmethod
    def of(cls, endpoint: Endpoint) -> "Told":
        return cls(endpoint.accepted, endpoint.delivered, endpoint.ended, in_words(endpoint.error))


def in_words(error: Exception | None) -> tuple[type[Exception], str | None, int | None] | None:
    if error is None:
        return None
    return type(error), getattr(error, "reason", None), getattr(error, "verify_code", None)


# The scenarios ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mint(tmp_path_factory.mktemp("pki") / "certs", KeyType.ED25519)


def contexts(folder: Path, version: ssl.TLSVersion, credential: str = "good") -> Contexts:
    """The contexts for both sides, as the project builds them; neither knows a newer version."""
    shown = folder / "rogue" if credential == "rogue" else folder
    anchors = read_certificates(folder / "root.pem")
    demanded = anchors if credential == "missing" else ()
    server = server_context(read_credential(shown / "server.pem", shown / "server.key"), client_trust=demanded)
    both = {Side.CLIENT: client_context(anchors), Side.SERVER: server}
    for each in both.values():
        each.maximum_version = version
    return both


def name(side: Side) -> str | None:
    return "localhost" if side is Side.CLIENT else None


def in_memory(given: Contexts, attacker: Attacker | None = None) -> Outcome:
    """The conversation of two TlsEndpoints."""
    client, server = (TlsEndpoint(side, given[side], name(side)) for side in Side)
    return converse(client, server, attacker, LINES)


PLAIN: Mapping[Side, Callable[[], Attacker]] = {
    Side.CLIENT: lambda: Instead(Side.CLIENT, b"GET / HTTP/1.1\r\n\r\n"),
    Side.SERVER: lambda: Instead(Side.SERVER, b"220 smtp.example ESMTP\r\n"),
}


# A default SSLSocket in the place of an endpoint ----------------------------------------------------------------------


def same(given: Contexts, on_line: Callable[[], Attacker] = Relay) -> dict[Side, Told]:
    """Both applications are told the same by both; and what."""
    ours = in_memory(given, on_line())
    with (
        DefaultSocket(Side.CLIENT, given[Side.CLIENT]) as client,
        DefaultSocket(Side.SERVER, given[Side.SERVER]) as server,
    ):
        theirs = converse(client, server, on_line(), LINES)
        for side in Side:
            assert Told.of(ours[side]) == Told.of(theirs[side]), on_line
    return {side: Told.of(ours[side]) for side in Side}


@versions
def test_a_good_conversation_is_the_same(version: ssl.TLSVersion, folder: Path) -> None:
    told = same(contexts(folder, version))
    assert told == {side: Told(True, SAYS[side.other], True, None) for side in Side}


@versions
@either_side
def test_a_cut_anywhere_is_the_same(version: ssl.TLSVersion, side: Side, folder: Path) -> None:
    given = contexts(folder, version)
    good = in_memory(given)
    handshake = length(good, side, until=1)
    for position in {*sampled(length(good, side), 100), handshake, handshake + 10}:
        told = same(given, partial(Cut, {side: position}))
        assert told[side.other].ended == told[side.other].accepted, f"cut at {position}"  # ragged, or an error


@versions
def test_a_cut_of_both_directions_after_the_handshake_is_the_same(version: ssl.TLSVersion, folder: Path) -> None:
    given = contexts(folder, version)
    good = in_memory(given)
    told = same(given, lambda: Cut({side: length(good, side, until=1) for side in Side}))
    assert told == {side: Told(True, b"", True, None) for side in Side}


@versions
@either_side
def test_a_flipped_bit_anywhere_is_the_same(version: ssl.TLSVersion, side: Side, folder: Path) -> None:
    given = contexts(folder, version)
    for position in sampled(length(in_memory(given), side), 200):
        same(given, partial(Flip, side, position, position % 8))


@versions
@either_side
def test_plain_bytes_are_the_same(version: ssl.TLSVersion, side: Side, folder: Path) -> None:
    told = same(contexts(folder, version), PLAIN[side])
    reason = "HTTP_REQUEST" if side is Side.CLIENT else "WRONG_VERSION_NUMBER"
    assert told[side.other].error == (ssl.SSLError, reason, None)


@versions
def test_the_refusal_of_a_rogue_is_the_same(version: ssl.TLSVersion, folder: Path) -> None:
    told = same(contexts(folder, version, "rogue"))
    assert told[Side.CLIENT].error == (ssl.SSLCertVerificationError, "CERTIFICATE_VERIFY_FAILED", 7)
    assert told[Side.SERVER].error == (ssl.SSLError, "TLSV1_ALERT_DECRYPT_ERROR", None)


@versions
def test_the_refusal_of_a_client_without_certificate_is_the_same(version: ssl.TLSVersion, folder: Path) -> None:
    told = same(contexts(folder, version, "missing"))
    newer = version is ssl.TLSVersion.TLSv1_3  # there a client believes that it is connected, until its next read
    assert told[Side.CLIENT].accepted == newer
    assert told[Side.SERVER].error == (ssl.SSLError, "PEER_DID_NOT_RETURN_A_CERTIFICATE", None)
    alert = "TLSV13_ALERT_CERTIFICATE_REQUIRED" if newer else "SSLV3_ALERT_HANDSHAKE_FAILURE"
    assert told[Side.CLIENT].error == (ssl.SSLError, alert, None)


# Where they differ ----------------------------------------------------------------------------------------------------


@versions
def test_only_the_close_that_answers_ours_is_told_by_a_socket_as_an_exception(
    version: ssl.TLSVersion, folder: Path
) -> None:
    given = contexts(folder, version)
    with DefaultSocket(Side.CLIENT, given[Side.CLIENT]) as client:
        server = TlsEndpoint(Side.SERVER, given[Side.SERVER])
        exchange(client, server)
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.unwrap()
        server.close()
        client.line.sendall(server.outgoing())
        with pytest.raises(ssl.SSLZeroReturnError):
            client.tls.recv(1)


# A default SSLSocket on a thread --------------------------------------------------------------------------------------


def on_socket(side: Side, context: ssl.SSLContext, connected: socket.socket) -> Told:
    """What a plain, blocking program is told: the client asks and reads to the end, the server answers and closes."""
    accepted, delivered, ended = False, b"", False
    error: Exception | None = None
    with context.wrap_socket(
        connected, server_side=side is Side.SERVER, server_hostname=name(side), do_handshake_on_connect=False
    ) as tls:
        try:
            tls.do_handshake()
            accepted = True
            if side is Side.CLIENT:
                tls.sendall(SAYS[side])
            while (side is Side.CLIENT or delivered != SAYS[side.other]) and (data := tls.recv(CHUNK)):
                delivered += data
            if side is Side.SERVER:
                tls.sendall(SAYS[side])
            tls.unwrap()  # returns when both have said close_notify
            ended = True
        except ssl.SSLError as refused:
            error = refused
        net.blocking(net.Connection(tls, "", 0).drain(DEADLINE))  # so that our alert is not destroyed by a reset
    return Told(accepted, delivered, ended, in_words(error))


def on_sockets(given: Contexts, attacker: Attacker) -> dict[Side, Told]:
    """The same conversation between two programs, and the attacker on a live line between them."""
    told: dict[Side, Told] = {}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = net.Address("127.0.0.1", listener.getsockname()[1])
        middle = net.Middle(upstream, net.listen(("127.0.0.1",)), lambda peer: attacker)

        def serve() -> None:
            accepted, _ = listener.accept()
            accepted.settimeout(DEADLINE)
            told[Side.SERVER] = on_socket(Side.SERVER, given[Side.SERVER], accepted)

        threads = [threading.Thread(target=middle.run), threading.Thread(target=serve, daemon=True)]
        for thread in threads:
            thread.start()
        try:
            connected = socket.create_connection(("127.0.0.1", middle.listener.port), DEADLINE)
            told[Side.CLIENT] = on_socket(Side.CLIENT, given[Side.CLIENT], connected)
            threads[1].join(DEADLINE)
        finally:
            middle.stop()
            threads[0].join(DEADLINE)
    return told


@versions
@pytest.mark.parametrize("credential", ["good", "rogue", "missing"])
def test_two_blocking_programs_are_told_the_same(version: ssl.TLSVersion, credential: str, folder: Path) -> None:
    given = contexts(folder, version, credential)
    outcome = in_memory(given)
    assert on_sockets(given, Relay()) == {side: Told.of(outcome[side]) for side in Side}


@versions
@either_side
def test_two_blocking_programs_are_told_the_same_of_plain_bytes(
    version: ssl.TLSVersion, side: Side, folder: Path
) -> None:
    given = contexts(folder, version)
    outcome = in_memory(given, PLAIN[side]())
    assert on_sockets(given, PLAIN[side]()) == {side: Told.of(outcome[side]) for side in Side}
