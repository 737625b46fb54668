"""Our TLS 1.3 on sockets before peers that do not speak it, behind relays, and with a key log.

Falsehoods caught: a server that one bad client stops, an error without a sentence, a relay that breaks a long hello, a
key log that does not open the records.
"""

import socket
import time
from pathlib import Path

import pytest

from tests.conftest import Command, run, tool
from tests.peers.conftest import Serve, StartOnPath
from tests.peers.support import (
    DEADLINE,
    acting,
    assert_is_refusal,
    heard,
    live_tls13,
    party_of,
    throw,
)
from tests.peers.test_line import capture
from tests.peers.tls13 import TLS13, Standing
from tlsdemo import net
from tlsdemo.cli import key_log
from tlsdemo.edu import client
from tlsdemo.events import Refused
from tlsdemo.protocol import Protection, Side
from tlsdemo.tls13.protocol import ALL, tls13
from tlsdemo.wire.records import ALERT

SECRET = "the key is under the mat"
ONE_SIDED = ALL - {Protection.CLIENT_IDENTITY}

BAD = {
    "an HTTP request": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 10, "not a TLS record", "HTTP"),
    "an SSH banner": (b"SSH-2.0-OpenSSH_9.2\r\n", 10, "not a TLS record", "SSH"),
    "garbage": (bytes(range(256)), 10, "not a TLS record", ""),
    "a record that is too long": (bytes.fromhex("1603017fff"), 22, "longer than 2^14 bytes", "32767"),
    "an empty handshake record": (bytes.fromhex("1603010000"), 10, "is empty", ""),
    "data before the handshake": (bytes.fromhex("1703030001 00"), 10, "before the keys are known", ""),
    "a ClientHello of TLS 1.2": (
        bytes.fromhex("16030100310100002d0303") + bytes(32) + bytes.fromhex("00 0002c02f 0100 0002 0000"), 50, "", "",
    ),
}  # fmt: skip
"""Bytes of a bad client, the number of the alert, and words of the server's sentence."""


@pytest.mark.parametrize("what", BAD)
def test_a_bad_client_receives_an_alert_and_the_server_goes_on(
    standing13: Standing, cli: Command, certs: Path, what: str
) -> None:
    data, number, *words = BAD[what]
    server = standing13()
    peer, answer = throw(server.port, data)
    (end,) = server.of(peer)
    assert (end["event"], end["by"], end["application_bytes"]) == ("refused", "server", 0)
    for word in words:
        assert word in end["reason"]
    assert answer == bytes((ALERT, 3, 3, 0, 2, 2, number))
    assert cli("connect", server.target, *TLS13, "--trust", certs / "root.pem").code == 0


def test_half_a_hello_and_then_silence_is_refused_at_the_deadline(certs: Path) -> None:
    with live_tls13(certs, ONE_SIDED, deadline=0.2) as server, server.dial() as plain:
        plain.sendall(bytes.fromhex("16030101000100"))
        ending = server.ending()
    assert isinstance(ending, Refused)
    assert ending.reason == "the peer did not finish in time"


def test_a_hybrid_hello_that_arrives_byte_by_byte_is_read(standing13: Standing, certs: Path) -> None:
    endpoint = tls13(ONE_SIDED).client(party_of(certs, Side.CLIENT))
    hello = endpoint.outgoing()
    assert len(hello) > 1400
    with socket.create_connection(("127.0.0.1", standing13().port), DEADLINE) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        for byte in hello:
            plain.sendall(bytes([byte]))
        link = net.Link(plain, endpoint)
        link.handshake(time.monotonic() + DEADLINE)
        assert endpoint.negotiated["group"] == "X25519MLKEM768"
        assert client.ask(link, "byte by byte").startswith(b"received:  byte by byte\n")


def test_two_clients_at_once_are_both_answered(standing13: Standing, cli: Command, certs: Path) -> None:
    server = standing13()
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as first:
        link = net.Link(first, tls13(ONE_SIDED).client(party_of(certs, Side.CLIENT)))
        link.handshake(time.monotonic() + DEADLINE)
        answer = cli("connect", server.target, *TLS13, "--trust", certs / "root.pem", "--message", "the second")
        assert answer.out.startswith("received:  the second\n")
        assert client.ask(link, "the first").startswith(b"received:  the first\n")


def test_ctrl_c_ends_the_server_while_a_client_is_connected(serve: Serve, certs: Path) -> None:
    server = serve(*TLS13)
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as plain:
        link = net.Link(plain, tls13(ONE_SIDED).client(party_of(certs, Side.CLIENT)))
        link.handshake(time.monotonic() + DEADLINE)
        server.event("agreed")
        server.end()  # asserts exit code 0, and no traceback


# Servers that do not speak TLS 1.3 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "sentence", "number"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the received bytes are not a TLS record", 10),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the received bytes are not a TLS record", 10),
        (bytes(range(40)), "the received bytes are not a TLS record", 10),
        (bytes.fromhex("16030300080200000403030000"), "ServerHello", 50),
    ],
    ids=["HTTP", "SSH", "garbage", "half a ServerHello"],
)
def test_our_client_names_what_a_bad_server_sent(
    cli: Command, certs: Path, said: bytes, sentence: str, number: int
) -> None:
    alerts: list[bytes] = []

    def script(connected: socket.socket) -> None:
        heard(connected)
        connected.sendall(said)
        alerts.append(heard(connected))

    with acting(script) as where:
        answer = cli("connect", where, *TLS13, "--trust", certs / "root.pem")
    assert_is_refusal(answer, 1, f"{where} is refused: ", sentence, "no application data")
    assert alerts == [bytes((ALERT, 3, 3, 0, 2, 2, number))]


def test_a_server_that_closes_at_once_is_named(cli: Command, certs: Path) -> None:
    with acting(lambda connected: None) as where:
        answer = cli("connect", where, *TLS13, "--trust", certs / "root.pem")
    assert_is_refusal(answer, 3, f"{where} closed the connection", "during the handshake")


# Behind relays ------------------------------------------------------------------------------------------------------


def test_a_hybrid_hello_passes_an_eavesdropper_that_reads_nothing(
    serve: Serve, start_on_path: StartOnPath, cli: Command, certs: Path
) -> None:
    server = serve(*TLS13)
    middle = start_on_path("eavesdrop", before=server.port)
    answer = cli("connect", middle.target, *TLS13, "--trust", certs / "root.pem", "--message", SECRET)
    assert answer.code == 0, answer
    assert "connected with TLSv1.3, X25519MLKEM768, " in answer.err
    middle.wait_for("closed after .* read no message$")
    hello = middle.wait_for(r"^> TLS record: handshake, (\d+) bytes$")
    assert int(hello[1]) > 1300  # more than one TCP segment
    assert SECRET not in middle.printed()


@pytest.mark.parametrize(("credential", "read"), [("rogue", False), ("stolen", True)])
def test_a_hybrid_hello_reaches_a_man_in_the_middle(
    serve: Serve, start_on_path: StartOnPath, cli: Command, certs: Path, credential: str, read: bool
) -> None:
    server = serve(*TLS13)
    middle = start_on_path("mitm", *TLS13, "--credential", credential, "--certs", certs, before=server.port)
    answer = cli("connect", middle.target, *TLS13, "--trust", certs / "root.pem", "--message", SECRET)
    if read:
        assert answer.code == 0, answer
        middle.wait_for(SECRET)
    else:
        assert_is_refusal(answer, 1, "did not sign", "no application data")
        assert SECRET not in middle.printed()
    middle.end()


# Key logs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [(), (0x001D,), (0x0017,)], ids=["X25519MLKEM768", "x25519", "secp256r1"])
def test_wireshark_reads_the_conversation_with_the_key_log_and_only_with_it(
    certs: Path, tmp_path: Path, groups: tuple[int, ...]
) -> None:
    tshark = tool("tshark")
    keys, pcap = tmp_path / "keys.log", tmp_path / "conversation.pcap"
    protocol = tls13(ONE_SIDED, groups=groups, log=key_log.writer(keys, pytest.fail))
    with live_tls13(certs, ONE_SIDED) as server, net.Tap(net.Address("127.0.0.1", server.port)) as tap:
        with net.dial(net.Address("127.0.0.1", tap.port)) as plain:
            link = net.Link(plain, protocol.client(party_of(certs, Side.CLIENT)))
            link.handshake(time.monotonic() + DEADLINE)
            client.ask(link, f"GET /{SECRET.replace(' ', '-')} HTTP/1.0\r\n\r")
        server.conversation()
    pcap.write_bytes(capture(tap.tape))
    command = (tshark, "-r", pcap, "-d", "tcp.port==4433,tls", "-d", "tls.port==4433,http", "-T", "fields")
    fields = ("-e", "http.request.uri", "-e", "http.response.code", "-e", "tls.handshake.type")
    without = run(*command, *fields)
    opened = run(*command, *fields, "-o", f"tls.keylog_file:{keys}")
    assert "the-key-is-under-the-mat" not in without.stdout
    assert "/the-key-is-under-the-mat" in opened.stdout
    assert "200" in opened.stdout
    types = [number for line in opened.stdout.splitlines() for number in line.split("\t")[2].split(",") if number]
    assert types == ["1", "2", "8", "11", "15", "20", "20"]


def test_a_server_whose_key_log_is_full_warns_once_and_goes_on(serve: Serve, cli: Command, certs: Path) -> None:
    server = serve(*TLS13, "--keylog", "/dev/full")
    for _ in range(2):
        assert cli("connect", server.target, *TLS13, "--trust", certs / "root.pem").code == 0
    server.event("closed", 2)
    server.end()
    assert len([line for line in server.err if "/dev/full" in line]) == 1


def test_a_client_whose_key_log_is_full_notes_it_once_and_goes_on(
    standing13: Standing, cli: Command, certs: Path
) -> None:
    answer = cli("connect", standing13().target, *TLS13, "--trust", certs / "root.pem", "--keylog", "/dev/full")
    assert answer.code == 0, answer
    assert answer.err.count("/dev/full") == 1
