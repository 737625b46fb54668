"""The proxy that leads every name here. Falsehoods caught: a way to somebody else, bytes that get lost at the seam
between the proxy and what is behind it, and a client that makes it stumble.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import run, tool
from tests.peers.support import DEADLINE, live, ours, reset
from tlsdemo import net


@dataclass(frozen=True)
class Led:
    """A tunnel that leads to an echo, and to nobody else who listens."""

    port: int
    echo: int
    stranger: int
    closed: int

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def say(self, said: bytes) -> bytes:
        """All that it answers; for whoever hangs up after it."""
        with self.dial() as plain:
            plain.sendall(said)
            plain.shutdown(socket.SHUT_WR)
            return everything(plain)

    def connect(self, port: object, name: str = "good.lab.example") -> bytes:
        return self.say(f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\nhello".encode())


def everything(plain: socket.socket) -> bytes:
    found = b""
    while data := plain.recv(1 << 16):
        found += data
    return found


async def echo(connection: net.Connection) -> None:
    while data := await connection.receive(1 << 16):
        await connection.send(data)
    await connection.send(b"<end>")


@pytest.fixture
def led(monkeypatch: pytest.MonkeyPatch) -> Iterator[Led]:
    bugs: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", bugs.append)
    with socket.create_server(("127.0.0.1", 0)) as stranger, socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()[1]
        gone.close()
        behind = net.AcceptLoop(net.listen(("127.0.0.1",)), echo)
        tunnel = net.Tunnel(net.listen(("127.0.0.1",)), {behind.listener.port, closed})
        threads = [threading.Thread(target=each.run) for each in (behind, tunnel)]
        for each in threads:
            each.start()
        try:
            yield Led(tunnel.listener.port, behind.listener.port, stranger.getsockname()[1], closed)
        finally:
            for server in (behind, tunnel):
                server.stop()
            for each in threads:
                each.join(DEADLINE)
                assert not each.is_alive()
    assert bugs == []


CONNECTED = b"HTTP/1.1 200 Connected\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("name", ["good.lab.example", "localhost", "127.0.0.1", "192.0.2.1", "[2001:db8::1]", "a_b.c"])
def test_every_name_leads_here(led: Led, name: str) -> None:
    assert led.connect(led.echo, name) == CONNECTED + b"hello<end>"


def test_what_was_sent_right_after_the_request_is_not_lost(led: Led) -> None:
    for said in (b"early", b"\r\n", b"CONNECT x:1 HTTP/1.1\r\n\r\n", bytes(range(256)) * 1000):
        head = b"CONNECT a.example:%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % led.echo
        assert led.say(head + said) == CONNECTED + said + b"<end>"


def test_the_request_may_come_byte_by_byte(led: Led) -> None:
    head = b"CONNECT a.example:%d HTTP/1.1\r\nHost: a.example\r\n\r\nx" % led.echo
    with led.dial() as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(head)):
            plain.sendall(head[place : place + 1])
        plain.shutdown(socket.SHUT_WR)
        assert everything(plain) == CONNECTED + b"x<end>"


def test_http_1_0_and_its_fields_do_not_matter(led: Led) -> None:
    head = b"CONNECT a.example:%d HTTP/1.0\r\nUser-Agent: x\r\nProxy-Connection: keep-alive\r\n\r\n" % led.echo
    assert led.say(head).startswith(CONNECTED)


def test_it_connects_to_the_lab_only(led: Led) -> None:
    for port in (led.stranger, led.port, 22, 0, 65536, -1, "", "http", "+1", f"{led.echo}x", "１", "9" * 5000):
        assert led.connect(port) == FORBIDDEN, port
    assert led.connect(f"{led.echo:08}") == FORBIDDEN


def test_it_refuses_where_no_server_listens(led: Led) -> None:
    assert led.connect(led.closed) == FORBIDDEN


@pytest.mark.parametrize(
    "said",
    [
        b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT HTTP/1.1\r\n\r\n",
        b"CONNECT a.example:1 HTTP/1.1\r\n",  # not complete
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"\xff" * 100 + b"\n\n",
        b"CONNECT a:1 HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"A" * 100_000,
    ],
)
def test_what_is_no_request_to_a_proxy_is_answered_with_no(led: Led, said: bytes) -> None:
    with led.dial() as plain:
        plain.sendall(said)
        plain.shutdown(socket.SHUT_WR)
        assert everything(plain) == FORBIDDEN


@pytest.mark.parametrize("said", [b"GARBAGE\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"CONNECT ", b"x" * 100_000])
def test_a_reset_before_the_answer_does_not_end_the_proxy(led: Led, said: bytes) -> None:
    for _ in range(30):
        plain = led.dial()
        plain.sendall(said)
        reset(plain)
    assert led.connect(led.echo).startswith(CONNECTED)


def test_who_hangs_up_behind_it_is_gone_before_it_too(led: Led) -> None:
    with led.dial() as plain:
        plain.sendall(b"CONNECT a:%d HTTP/1.1\r\nHost: a\r\n\r\nhello" % led.echo)
        received = b""
        while len(received) < len(CONNECTED) + 5:
            received += plain.recv(100)
        assert received == CONNECTED + b"hello"
        plain.shutdown(socket.SHUT_WR)
        assert everything(plain) == b"<end>"


def test_who_says_nothing_more_does_not_hold_up_stop() -> None:
    tunnel = net.Tunnel(net.listen(("127.0.0.1",)), ())
    thread = threading.Thread(target=tunnel.run)
    thread.start()
    with socket.create_connection(("127.0.0.1", tunnel.listener.port), DEADLINE) as plain:
        plain.sendall(b"CONNECT ")
        tunnel.server.settle(0.1, tunnel.listener.port)
        began = time.monotonic()
        tunnel.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()
        assert time.monotonic() - began < net.HANDSHAKE_DEADLINE


def test_curl_reaches_a_name_that_does_not_resolve(certs: Path) -> None:
    with live(ours(certs)) as server:
        tunnel = net.Tunnel(net.listen(("127.0.0.1",)), (server.port,))
        thread = threading.Thread(target=tunnel.run)
        thread.start()
        try:
            proxy = f"http://127.0.0.1:{tunnel.listener.port}"
            url = f"https://no-such-host.invalid:{server.port}/"
            done = run(tool("curl"), "-sS", "--cacert", certs / "root.pem", "--proxy", proxy, url)
            assert "no alternative certificate subject name matches" in done.stderr  # it has seen the certificate
            done = run(tool("curl"), "-sS", "-k", "--proxy", proxy, url)
            assert "received:" in done.stdout
            context = ssl.create_default_context(cafile=str(certs / "root.pem"))
            with socket.create_connection(("127.0.0.1", tunnel.listener.port), DEADLINE) as plain:
                plain.sendall(b"CONNECT x.invalid:%d HTTP/1.1\r\nHost: x\r\n\r\n" % server.port)
                assert plain.recv(len(CONNECTED)) == CONNECTED
                with context.wrap_socket(plain, server_hostname="localhost") as tls:
                    tls.sendall(b"hello\n")
                    assert tls.recv(100).startswith(b"received:  hello")
        finally:
            tunnel.stop()
            thread.join(DEADLINE)
