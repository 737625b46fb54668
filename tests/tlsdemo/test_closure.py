"""A connection that ends without close_notify, where Python's default is lenient (Python 3.11.2 of Debian 12).

Falsehood caught: CLOSURE is claimed, and the default of one interpreter takes it away. All tests give every new
SSLContext that default first, so that they can fail under every interpreter.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pki.store.files import read_certificates
from tests.peers.support import DEADLINE, ours, trusting
from tests.tlsdemo.conversations import Parties, parties
from tlsdemo import net
from tlsdemo.application import Talk
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.matrix import try_attack, undisturbed
from tlsdemo.attack.real_world import world
from tlsdemo.events import Closed, Ending, Event
from tlsdemo.lab.context import lab_context
from tlsdemo.lab.conversation import over_tls
from tlsdemo.lab.visit import Visit, VisitEnd
from tlsdemo.protocol import Protection, Side
from tlsdemo.tls import client, errors
from tlsdemo.tls.connection import serve
from tlsdemo.tls.context import Ciphers, Verify, client_context, server_context
from tlsdemo.tls.protocol import CLAIMS, CONFIGURATIONS, configuration, tls

pytestmark = [
    pytest.mark.usefixtures("lenient_python"),
    pytest.mark.skipif(not hasattr(ssl, "OP_IGNORE_UNEXPECTED_EOF"), reason="only OpenSSL 3 has this option"),
]

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)


def is_lenient(context: ssl.SSLContext) -> bool:
    return bool(context.options & ssl.OP_IGNORE_UNEXPECTED_EOF)


def test_the_fixture_makes_python_lenient() -> None:
    assert is_lenient(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    assert is_lenient(ssl.create_default_context())


# Contexts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verify", Verify, ids=lambda verify: verify.name)
def test_no_context_of_a_client_is_lenient(verify: Verify, certs: Path) -> None:
    assert not is_lenient(client_context(read_certificates(certs / "root.pem"), verify=verify))


def test_no_context_of_a_server_is_lenient(certs: Path) -> None:
    assert not is_lenient(ours(certs))
    assert not is_lenient(server_context(None, ciphers=Ciphers.ANONYMOUS_FOR_THE_DEMO))


def test_no_context_of_the_lab_is_lenient(certs: Path) -> None:
    shown = (certs / "server.pem").read_bytes(), (certs / "server.key").read_bytes()
    assert not is_lenient(lab_context(shown))


def test_no_other_option_of_the_default_is_lost(certs: Path) -> None:
    default = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).options
    assert trusting(certs).options | ssl.OP_IGNORE_UNEXPECTED_EOF == default


# Endpoints ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(certs: Path) -> Parties:
    return parties(certs)


@pytest.mark.parametrize("closure", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, None], ids=["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_a_cut_is_an_error_exactly_where_closure_is_claimed(
    side: Side, newest: ssl.TLSVersion | None, closure: bool, people: Parties
) -> None:
    claims = CLAIMS | {Protection.CLOSURE} if closure else CLAIMS
    end = people.connected(tls(claims, version=newest))[side]
    end.receive_eof()
    assert (end.ended, errors.is_gone(end.error)) == (not closure, closure)


@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_a_cut_within_the_handshake_is_an_error(side: Side, people: Parties) -> None:
    end = people.ends(tls())[0 if side is Side.CLIENT else 1]
    end.receive_eof()
    assert (end.ended, end.accepted, errors.is_gone(end.error)) == (False, False, True)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_truncation_is_measured_as_predicted(name: str) -> None:
    protocol = configuration(name)
    people = world(protocol.key_type)
    found = try_attack(BY_ID["truncation"], protocol, people, undisturbed(protocol, people))
    assert not found.is_surprise
    assert bool(found.damage) == (Protection.CLOSURE not in protocol.claims)


# Sockets: what users copy, with a context of their own ----------------------------------------------------------------


def own_contexts(certs: Path, version: ssl.TLSVersion) -> Mapping[Side, ssl.SSLContext]:
    """The standard library alone, as in a user's program."""
    theirs = {
        Side.CLIENT: ssl.create_default_context(cafile=str(certs / "root.pem")),
        Side.SERVER: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
    }
    theirs[Side.SERVER].load_cert_chain(certs / "server.pem", certs / "server.key")
    for each in theirs.values():
        each.maximum_version = version
        assert is_lenient(each)
    return theirs


@contextmanager
def line() -> Iterator[tuple[socket.socket, net.Connection]]:
    """The two ends of a TCP connection: a client's socket, and the connection as a server of ours gets it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), DEADLINE)
        far, _ = listener.accept()
    far.settimeout(DEADLINE)
    connection = net.Connection(far, "peer", time.monotonic() + DEADLINE)
    try:
        yield near, connection
    finally:
        near.close()
        connection.socket.close()


def cut(tls_socket: ssl.SSLSocket) -> None:
    """End the TCP connection without close_notify."""
    socket.socket.shutdown(tls_socket, socket.SHUT_WR)


@VERSIONS
def test_a_client_with_any_context_notices_that_its_answer_was_cut(certs: Path, version: ssl.TLSVersion) -> None:
    given = own_contexts(certs, version)

    def answer_half(connection: net.Connection) -> None:
        connection.socket.settimeout(DEADLINE)
        with given[Side.SERVER].wrap_socket(connection.socket, server_side=True) as theirs:
            theirs.recv(1 << 14)
            theirs.sendall(b"half an answ")
            cut(theirs)

    with line() as (near, connection):
        thread = threading.Thread(target=answer_half, args=(connection,))
        thread.start()
        with client.wrap(near, given[Side.CLIENT], "localhost") as tls_socket, pytest.raises(ssl.SSLError) as error:
            client.ask(tls_socket, "tell me all", DEADLINE)
        thread.join(DEADLINE)
    assert errors.is_unexpected_eof(error.value)


def cut_after_the_handshake(near: socket.socket, context: ssl.SSLContext, said: bytes) -> None:
    with context.wrap_socket(near, server_hostname="localhost") as theirs:
        if said:
            theirs.sendall(said)
        cut(theirs)
        theirs.settimeout(DEADLINE)
        with suppress(ssl.SSLError):  # the alert decode_error, which OpenSSL sends after an unexpected end
            while theirs.recv(1 << 14):
                pass


@VERSIONS
@pytest.mark.parametrize("said", [b"", b"half a l"], ids=["nothing", "half a line"])
def test_a_server_with_any_context_tells_a_cut_from_a_close(certs: Path, version: ssl.TLSVersion, said: bytes) -> None:
    given = own_contexts(certs, version)
    endings: queue.Queue[Event] = queue.Queue()
    with line() as (near, connection):
        conversation = serve(connection, given[Side.SERVER], lambda event: None)
        thread = threading.Thread(target=lambda: endings.put(net.blocking(conversation)))
        thread.start()
        cut_after_the_handshake(near, given[Side.CLIENT], said)
        assert endings.get(timeout=DEADLINE) == Closed("peer", Ending.CUT, len(said))
        thread.join(DEADLINE)


@VERSIONS
def test_the_lab_tells_a_cut_from_a_close(certs: Path, version: ssl.TLSVersion) -> None:
    given = own_contexts(certs, version)
    shown = (certs / "server.pem").read_bytes(), (certs / "server.key").read_bytes()
    with line() as (near, connection):
        visits: queue.Queue[Visit] = queue.Queue()
        show = over_tls(lab_context(shown), lambda visit: Talk([]))
        thread = threading.Thread(target=lambda: visits.put(net.blocking(show(connection))))
        thread.start()
        cut_after_the_handshake(near, given[Side.CLIENT], b"")
        visit = visits.get(timeout=DEADLINE)
        thread.join(DEADLINE)
    assert (visit.end, visit.why) == (VisitEnd.LEFT, "the connection was closed early")
