"""net.Link: an endpoint on a socket. The deadlines, the alert that still gets out, and lines that break."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest

from pki.keys import KeyType
from tests.conftest import mint
from tests.peers.support import DEADLINE, reset
from tests.tlsdemo.conversations import PROTOCOLS, Parties, parties
from tlsdemo import net
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.protocol import Protection
from tlsdemo.tls import errors
from tlsdemo.violations import ProtocolError, Violation

SOON = 0.05  # seconds: long enough to be waited for, short enough to be waited out
BIG = 4 << 20  # bytes, more than a socket takes while nobody reads

both_kinds = pytest.mark.parametrize("name", ["mutual", "tls"])


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return parties(mint(tmp_path_factory.mktemp("pki") / "certs", KeyType.EC_P256))


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets, over TCP: so that one can be reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), DEADLINE)
        far, _ = listener.accept()
    far.settimeout(DEADLINE)
    with near, far:
        yield near, far


def by(seconds: float = DEADLINE) -> float:
    return time.monotonic() + seconds


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[Future[object]]:
    """Run it on a thread beside this block; what it raises is raised by `result`."""
    future: Future[object] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except Exception as error:
            future.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield future
    finally:
        thread.join(DEADLINE)
        assert not thread.is_alive()


Line = tuple[socket.socket, socket.socket]


def links(people: Parties, line: Line, name: str, other: str | None = None) -> tuple[net.Link, net.Link]:
    """A client's on the near socket, and a server's on the far one."""
    client, server = people.ends(PROTOCOLS[name], PROTOCOLS[other or name])
    return net.Link(line[0], client), net.Link(line[1], server)


def connected(people: Parties, line: Line, name: str) -> tuple[net.Link, net.Link]:
    client, server = links(people, line, name)
    with meanwhile(lambda: server.handshake(by())) as accepted:
        client.handshake(by())
        accepted.result(DEADLINE)
    return client, server


# The good conversation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_conversation_over_sockets(name: str, people: Parties) -> None:
    with_each = socket.socketpair()
    client, server = links(people, with_each, name)

    def serve() -> list[bytes]:
        server.handshake(by())
        heard = [server.receive(by())]
        server.send(b"noon", by())
        heard.append(server.receive(by()))
        server.close(by())
        return heard

    with with_each[0], with_each[1], meanwhile(serve) as served:
        client.handshake(by())
        client.send(b"what time is it?", by())
        assert client.receive(by()) == b"noon"
        client.close(by())
        assert served.result(DEADLINE) == [b"what time is it?", b""]
        assert client.receive(by()) == b""
        assert client.endpoint.ended


@both_kinds
def test_what_is_much_longer_than_a_record_arrives_whole(name: str, people: Parties, line: Line) -> None:
    client, server = connected(people, line, name)
    message = bytes(range(256)) * (BIG // 256)

    def speak() -> None:
        client.send(message, by())
        client.close(by())

    with meanwhile(speak):
        heard = b"".join(iter(lambda: server.receive(by()), b""))
        server.close(by())
    assert heard == message


@both_kinds
def test_what_came_with_the_end_of_the_handshake_is_not_lost(name: str, people: Parties, line: Line) -> None:
    client, server = links(people, line, name)
    with meanwhile(lambda: server.handshake(by())) as accepted:
        while not client.endpoint.accepted:  # by hand, so that Finished and the message leave in one piece
            line[0].sendall(client.endpoint.outgoing())
            client.endpoint.receive(line[0].recv(1 << 16))
        client.send(b"at once", by())
        accepted.result(DEADLINE)
    assert server.receive(by()) == b"at once"


# Deadlines ----------------------------------------------------------------------------------------------------------


@both_kinds
def test_a_handshake_without_an_answer_ends_at_the_deadline(name: str, people: Parties, line: Line) -> None:
    client, _ = links(people, line, name)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        client.handshake(by(SOON))
    assert SOON <= time.monotonic() - began < DEADLINE


@both_kinds
def test_a_deadline_that_has_passed_is_not_waited_for(name: str, people: Parties, line: Line) -> None:
    client, _ = connected(people, line, name)
    for act in (client.receive, lambda deadline: client.send(b"x", deadline)):
        with pytest.raises(TimeoutError):
            act(time.monotonic() - 1)


@both_kinds
def test_a_byte_now_and_then_does_not_put_the_deadline_off(name: str, people: Parties, line: Line) -> None:
    _, server = links(people, line, name)
    client, _ = people.ends(PROTOCOLS[name])
    hello, enough = client.outgoing(), threading.Event()

    def drip() -> None:
        for at in range(len(hello)):
            line[0].sendall(hello[at : at + 1])
            if enough.wait(SOON / 5):
                return

    with meanwhile(drip):
        with pytest.raises(TimeoutError):
            server.handshake(by(SOON))
        enough.set()


@both_kinds
def test_who_does_not_read_is_not_waited_for_beyond_the_deadline(name: str, people: Parties, line: Line) -> None:
    client, _ = connected(people, line, name)
    with pytest.raises(TimeoutError):
        client.send(bytes(4 * BIG), by(SOON))


@both_kinds
def test_a_close_without_an_answer_ends_at_the_deadline_and_is_not_an_error(
    name: str, people: Parties, line: Line
) -> None:
    client, _ = connected(people, line, name)
    client.close(by(SOON))
    assert not client.endpoint.ended


# Errors -------------------------------------------------------------------------------------------------------------


def test_the_other_side_is_told_why_before_the_error_is_raised(people: Parties, line: Line) -> None:
    client, server = links(people, line, "ca", "dh")
    line[0].sendall(client.endpoint.outgoing())
    with pytest.raises(ProtocolError) as error:
        server.handshake(by())
    assert error.value.violation is MessageViolation.OTHER_RUNG
    assert error.value is server.endpoint.error
    line[0].settimeout(DEADLINE)
    alert = line[0].recv(1 << 16)
    assert alert.startswith(b'{"type": "alert", "description": "protocol_version"')
    client.endpoint.receive(alert)
    assert "'dh'" in str(client.endpoint.error)


def test_the_alert_of_tls_is_sent_before_the_error_is_raised(people: Parties, line: Line) -> None:
    _, server = links(people, line, "tls")
    record = bytearray(people.ends(PROTOCOLS["tls"])[0].outgoing())
    record[5] = 2  # a ServerHello, from a client
    line[0].sendall(record)
    with pytest.raises(ssl.SSLError) as error:
        server.handshake(by())
    assert error.value is server.endpoint.error
    line[0].settimeout(DEADLINE)
    assert line[0].recv(1 << 16) == b"\x15\x03\x03\x00\x02\x02\x0a"  # fatal, unexpected_message


@both_kinds
def test_the_error_is_raised_each_time_and_nothing_more_is_read(name: str, people: Parties, line: Line) -> None:
    client, server = connected(people, line, name)
    line[0].sendall(b"garbage\n")
    for _ in range(2):
        with pytest.raises((ProtocolError, ssl.SSLError)) as error:
            server.receive(by())
        assert error.value is server.endpoint.error
    with pytest.raises((ProtocolError, ssl.SSLError)) as error:
        server.send(b"x", by())
    assert error.value is server.endpoint.error
    server.close(by())
    assert client.endpoint.error is None


def test_what_was_said_before_the_error_is_heard_and_then_the_error(people: Parties, line: Line) -> None:
    client, server = connected(people, line, "dh")
    client.endpoint.send(b"good")
    line[0].sendall(client.endpoint.outgoing())
    assert server.receive(by()) == b"good"
    line[0].sendall(b"garbage\n")
    with pytest.raises(ProtocolError):
        server.receive(by())


def test_what_was_said_before_the_error_is_heard_first_although_both_came_in_one_piece(
    people: Parties, line: Line
) -> None:
    client, server = connected(people, line, "dh")
    client.endpoint.send(b"good")
    line[0].sendall(client.endpoint.outgoing() + b"garbage\n")
    assert server.receive(by()) == b"good"
    with pytest.raises(ProtocolError):
        server.receive(by())


# Lines that break -----------------------------------------------------------------------------------------------------

BREAKS: dict[str, Callable[[socket.socket], None]] = {"end of file": socket.socket.close, "reset": reset}
breaks = pytest.mark.parametrize("end", BREAKS.values(), ids=BREAKS)


@breaks
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_line_that_breaks_after_the_handshake_is_what_the_protocol_makes_of_it(
    name: str, end: Callable[[socket.socket], None], people: Parties, line: Line
) -> None:
    client, _ = connected(people, line, name)
    end(line[1])
    if Protection.CLOSURE in PROTOCOLS[name].claims:
        with pytest.raises(ProtocolError) as error:
            client.receive(by())
        assert error.value.violation is Violation.TRUNCATED
    else:
        assert client.receive(by()) == b""
        assert client.endpoint.ended


@breaks
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_line_that_breaks_in_the_handshake_is_the_endpoints_error(
    name: str, end: Callable[[socket.socket], None], people: Parties, line: Line
) -> None:
    client, server = links(people, line, name)
    line[0].sendall(client.endpoint.outgoing()[:50])
    end(line[0])
    with pytest.raises((ProtocolError, ssl.SSLError)) as error:
        server.handshake(by())
    assert error.value is server.endpoint.error
    assert isinstance(error.value, ProtocolError) or errors.is_unexpected_eof(error.value)
    assert not server.endpoint.accepted


@both_kinds
def test_a_line_that_was_reset_before_the_hello_is_the_endpoints_error_too(
    name: str, people: Parties, line: Line
) -> None:
    client, _ = links(people, line, name)
    reset(line[1])
    with pytest.raises((ProtocolError, ssl.SSLError)) as error:
        client.handshake(by())
    assert error.value is client.endpoint.error
    assert isinstance(error.value, ProtocolError) or errors.is_unexpected_eof(error.value)


@both_kinds
def test_the_alert_of_a_peer_that_has_closed_is_read_although_nothing_can_be_sent(
    name: str, people: Parties, line: Line
) -> None:
    """He refused, said why, and left; we were about to speak. What matters is his reason, not our broken pipe."""
    client, server = connected(people, line, name)
    server.endpoint.receive(b"garbage\n")
    line[1].sendall(server.endpoint.outgoing())
    line[1].close()
    with pytest.raises((ProtocolError, ssl.SSLError)) as error:
        for _ in range(100):
            client.send(bytes(1 << 16), by())
    assert error.value is client.endpoint.error


@both_kinds
def test_closing_a_line_that_is_gone_is_no_error(name: str, people: Parties, line: Line) -> None:
    client, _ = connected(people, line, name)
    reset(line[1])
    client.close(by())
