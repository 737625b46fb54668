"""What a port speaks that is not TLS, and what a client sent that is not: told with the first bytes as evidence."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.support import acting, live, live_rung, ours, party_of, throw
from tests.tlsdemo.cli.test_connect import assert_is_refusal
from tests.tlsdemo.conftest import Command
from tlsdemo import first_bytes
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.events import Refused
from tlsdemo.protocol import Side
from tlsdemo.tls.protocol import tls

SERVERS = {
    b"SSH-2.0-example\r\n": ("'SSH-2.0-example': SSH", "ssh"),
    b"SSH-1.99-Cisco\r\n": (": SSH", ""),
    b"220 mail.example ESMTP Postfix\r\n": (": mail (SMTP", "STARTTLS (RFC 3207)"),
    b"220-mail.example\r\n220 ESMTP\r\n": (": mail (SMTP, RFC 5321) or FTP", "STARTTLS (RFC 3207)"),
    b"220 (vsFTPd 3.0.5)\r\n": (": FTP", "AUTH TLS (RFC 4217"),
    b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n": (": mail (IMAP", "RFC 9051 §6.2.1"),
    b"* PREAUTH IMAP4rev1\r\n": (": mail (IMAP", ""),
    b"+OK POP3 ready <1896.697@example>\r\n": (": mail (POP3", "STLS (RFC 2595"),
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n": ("'HTTP/1.1 400 Bad Request': HTTP", "http://"),
    b"J\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00abcdefgh\x00": (": MySQL", "greeting"),
    b"Y\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB\x00": (": MySQL or MariaDB", ""),
    b"E\x00\x00\x00\x8cSFATAL\x00VFATAL\x00C0A000\x00": (": PostgreSQL", "SSLRequest"),
    b"EFATAL:  unsupported frontend protocol\x00": (": PostgreSQL", ""),
    b"-ERR unknown command\r\n": (": Redis", "tls-port"),
    b"-DENIED Redis is running in protected mode\r\n": (": Redis", ""),
    b"RFB 003.008\n": (": VNC", ""),
    b"AMQP\x00\x00\x09\x01": (": AMQP", ""),
    b"\xff\xfd\x18\xff\xfd\x20": (": Telnet", ""),
    b"<?xml version='1.0'?><stream:stream id='1'>": (": XMPP", "STARTTLS"),
    b"200 news.example InterNetNews NNRP ready\r\n": (": news (NNTP", "STARTTLS"),
    b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64": (": HTTP/2 without TLS", ""),
    b'{"type": "alert", "description": "decode_error", "detail": ""}\n': (": the educational", "--protocol"),
    b"\x00\x01\x02\x03\x04\x05\x06\x07": ("'\\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07', which is not a TLS record", ""),
    b"hello there\r\n": ("'hello there', which is not a TLS record", ""),
    b"\x1b]0;owned\x07\x1b[2J": ("'\\x1b]0;owned\\x07\\x1b[2J', which is not a TLS record", ""),
}  # fmt: skip
CLIENTS = {
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n": "'GET / HTTP/1.1': an HTTP request without TLS",
    b"POST /login HTTP/1.0\r\n\r\n": ": an HTTP request without TLS",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": ": an HTTP request without TLS",
    b"CONNECT example.com:443 HTTP/1.1\r\n\r\n": ": a request to a proxy",
    b"SSH-2.0-OpenSSH_9.2\r\n": ": SSH",
    b"EHLO client.example\r\n": ": mail (SMTP",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n": ": the PROXY protocol",
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c": ": the PROXY protocol",
    b"\x00\x00\x00\x08\x04\xd2\x16\x2f": ": PostgreSQL",
    b"*1\r\n$4\r\nPING\r\n": ": Redis",
    b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37): "SSL 2.0",
    bytes(range(200, 256)): "which is not a TLS record",
}


def greeting(data: bytes) -> Callable[[socket.socket], None]:
    """A server that speaks first."""

    def script(connected: socket.socket) -> None:
        connected.sendall(data)
        connected.shutdown(socket.SHUT_WR)
        while connected.recv(1 << 14):
            pass

    return script


def answering(data: bytes) -> Callable[[socket.socket], None]:
    """A server that waits for a ClientHello, and answers something else."""

    def script(connected: socket.socket) -> None:
        connected.recv(1 << 14)
        greeting(data)(connected)

    return script


@pytest.mark.parametrize("script", [greeting, answering])
@pytest.mark.parametrize("data", SERVERS, ids=lambda data: ascii(data[:12]))
def test_connect_says_what_the_server_speaks(
    cli: Command, certs: Path, data: bytes, script: Callable[[bytes], Callable[[socket.socket], None]]
) -> None:
    sentence, hint = SERVERS[data]
    with acting(script(data)) as address:
        answer = cli("connect", address, "--name", "localhost", "--trust", certs / "root.pem")
    assert_is_refusal(answer, 1, "did not complete a TLS handshake: received data begins with ", sentence, hint)


def test_one_connection_is_enough_to_say_it(cli: Command, certs: Path) -> None:
    came = 0

    def script(connected: socket.socket) -> None:
        nonlocal came
        came += 1
        greeting(b"SSH-2.0-example\r\n")(connected)

    with acting(script) as address:
        cli("connect", address, "--name", "localhost", "--trust", certs / "root.pem")
    assert came == 1


def test_chain_says_it_too(cli: Command) -> None:
    with acting(greeting(b"220 mail.example ESMTP\r\n")) as address:
        assert_is_refusal(cli("chain", address), 1, ": mail (SMTP", "STARTTLS")


@pytest.mark.parametrize("data", CLIENTS, ids=lambda data: ascii(data[:12]))
def test_a_tls_server_says_what_the_client_sent(certs: Path, data: bytes) -> None:
    with live(ours(certs)) as server:
        throw(server.port, data)
        ending = server.ending()
    assert isinstance(ending, Refused)
    assert ending.by is Side.SERVER
    assert ending.reason.startswith("received data begins with ")
    assert CLIENTS[data] in ending.reason


@pytest.mark.parametrize("rung", ["plain", "dh"])
def test_a_tls_server_names_the_educational_client(certs: Path, rung: str) -> None:
    hello = edu(RUNGS[rung]).client(party_of(certs, Side.CLIENT)).outgoing()
    with live(ours(certs)) as server:
        throw(server.port, hello)
        ending = server.ending()
    assert isinstance(ending, Refused)
    assert "the educational handshake of this program" in ending.reason


def test_an_educational_client_at_a_tls_port_is_told_so_and_so_is_the_server(cli: Command, certs: Path) -> None:
    with live(ours(certs)) as server:
        answer = cli("connect", f"localhost:{server.port}", "--protocol", "dh")
        ending = server.ending()
    assert_is_refusal(answer, 1, "the peer uses TLS", "--protocol tls")
    assert isinstance(ending, Refused)
    assert "educational" in ending.reason


def test_a_tls_client_at_an_educational_port_is_told_so_and_so_is_the_server(cli: Command, certs: Path) -> None:
    with live_rung("dh", certs) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", certs / "root.pem")
        ending = server.ending()
    assert_is_refusal(answer, 1, "the educational handshake of this program", "--protocol")
    assert isinstance(ending, Refused)
    assert "the peer uses TLS" in ending.reason


@pytest.mark.parametrize("data", [*SERVERS, *CLIENTS], ids=lambda data: ascii(data[:12]))
def test_the_educational_sides_say_it_too(certs: Path, data: bytes) -> None:
    if data.startswith(b"{"):
        return  # that is theirs
    end = edu(RUNGS["dh"]).client(party_of(certs, Side.CLIENT))
    end.receive(data)
    assert end.error
    spoken = first_bytes.identify(data)
    assert f"it begins with {first_bytes.quoted(data)}" in str(end.error)
    assert spoken is None or spoken.name in str(end.error)


def test_what_tls_says_is_not_taken_for_anything_else(certs: Path) -> None:
    hello = tls().client(party_of(certs, Side.CLIENT)).outgoing()
    server = tls().server(party_of(certs, Side.SERVER))
    server.receive(hello)
    for data in (hello, server.outgoing(), b"\x15\x03\x03\x00\x02\x02\x28"):
        assert first_bytes.may_be_tls(data)
        assert first_bytes.identify(data) is None


@given(st.binary(max_size=400))
def test_any_bytes_give_a_line_of_evidence(data: bytes) -> None:
    line = first_bytes.evidence(data)
    assert line.isprintable()
    assert line.isascii() or "…" in line or "§" in line
    assert len(line) < 400
    json.dumps(line)
