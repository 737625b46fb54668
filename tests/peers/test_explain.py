"""`tlsdemo explain` against real servers and captures. Caught: a failure without an explanation, a secret in sight."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command, run, tool
from tests.peers.conftest import Serve, Start
from tests.peers.support import Script, acting, reset
from tests.tlsdemo.wire.support import Conversation, certificate, contexts
from tlsdemo.wire import captures

OPTIONS = {
    "tls": (),
    "tls12": ("--tls1.2",),
    "tls13": ("--protocol", "tls13"),
}


def explained(cli: Command, *words: object) -> dict[str, Any]:
    answer = cli("explain", *words, "--json")
    assert not answer.err or answer.err.startswith("note: ")
    found = json.loads(answer.out)
    if "--capture" in words:
        (found,) = found["connections"]
    assert answer.code == (1 if found["ending"]["failed"] else 0)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_byte_of_a_connection_is_explained(
    serve: Serve, cli: Command, certs: Path, options: tuple[str, ...]
) -> None:
    found = explained(cli, serve().target, "--trust", certs / "root.pem", *options)
    assert found["explained_bytes"] == found["bytes"] > 1500
    assert found["ending"]["sentences"] == [
        "normal: close_notify from server and client",
        "the server's certificate chain is valid with the given trust anchors, for localhost",
    ]
    checks = [check["passed"] for entry in found["entries"] for check in entry["checks"]]
    assert len(checks) >= 3
    assert all(checks)


@pytest.mark.parametrize("protocol", ["tls", "tls13"])
def test_our_own_server_is_explained_like_any_other(serve: Serve, cli: Command, certs: Path, protocol: str) -> None:
    found = explained(cli, serve("--protocol", protocol).target, "--trust", certs / "root.pem", "--protocol", "tls13")
    assert found["explained_bytes"] == found["bytes"]
    assert next(entry["title"] for entry in found["entries"] if entry["kind"] == "keys") == "key schedule"


def test_openssl_as_the_server(background: Start, cli: Command, certs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = background(
        tool("openssl"), "s_server", "-accept", str(port), "-cert", certs / "server.pem", "-key", certs / "server.key",
        "-cert_chain", certs / "server.pem", "-www",
    )  # fmt: skip
    server.wait_for("ACCEPT")
    found = explained(cli, f"localhost:{port}", "--trust", certs / "root.pem")
    assert found["explained_bytes"] == found["bytes"]
    data = [bytes.fromhex(entry["bytes"]) for entry in found["entries"] if entry["kind"] == "data"]
    assert data[0].startswith(b"GET / HTTP/1.0\r\n")
    assert b"HTTP/1.0 200" in b"".join(data)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_refused_certificate_is_explained_to_the_end(
    serve: Serve, cli: Command, certs: Path, options: tuple[str, ...]
) -> None:
    found = explained(cli, serve("--rogue").target, "--trust", certs / "root.pem", *options)
    refusal, *more = found["ending"]["sentences"]
    assert re.fullmatch(r"the client refused: alert \w+ \(\d+\), about Certificate of the server", refusal)
    assert any(sentence.startswith("check chain fails: ") and "did not sign" in sentence for sentence in more)
    assert found["ending"]["hint"]


def test_another_name_is_the_check_that_fails(serve: Serve, cli: Command, certs: Path) -> None:
    found = explained(cli, serve().target, "--trust", certs / "root.pem", "--name", "shop.example")
    assert any(sentence.startswith("check name fails: ") for sentence in found["ending"]["sentences"])


def test_the_name_for_a_capture_needs_no_trust_anchors(serve: Serve, cli: Command, certs: Path, tmp_path: Path) -> None:
    """The client asks for an address, which is not in ClientHello; --name tells it."""
    file = tmp_path / "saved.pcapng"
    refused = cli(
        "explain", serve().target, "--trust", certs / "root.pem", "--name", "192.0.2.1", "--brief", "--save", file
    )
    assert refused.code == 1
    unknown = "\n".join(explained(cli, "--capture", file)["ending"]["sentences"])
    assert "ClientHello has no server_name" in unknown
    assert "check name fails" not in unknown
    known = "\n".join(explained(cli, "--capture", file, "--name", "192.0.2.1")["ending"]["sentences"])
    assert "check name fails: the certificate is not valid for '192.0.2.1'; presented: DNS:localhost" in known
    assert "is not known here: give --trust" in known


def test_a_server_that_wants_a_certificate_refuses(serve: Serve, cli: Command, certs: Path) -> None:
    found = explained(cli, serve("--require-client-cert").target, "--trust", certs / "root.pem")
    assert found["ending"]["sentences"][0] == (
        "the server refused: alert certificate_required (116), about Certificate of the client"
    )


def test_as_the_attacker_neither_request_nor_certificate_is_shown(serve: Serve, cli: Command, certs: Path) -> None:
    answer = cli("explain", serve().target, "--trust", certs / "root.pem", "--as", "attacker")
    assert "GET /" not in answer.out
    assert "recomputed" not in answer.out
    assert "localhost" in answer.out  # SNI
    assert "certificate 1" not in answer.out


def test_http_is_not_explained_as_tls(cli: Command) -> None:
    def http(connected: socket.socket) -> None:
        connected.recv(1 << 16)
        connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with acting(http) as address:
        answer = cli("explain", str(address), "--brief")
    assert "the server sent 28 bytes that are not a whole record" in answer.out
    assert "Traceback" not in answer.err


def test_a_capture_that_is_written_is_read_by_us_and_by_tshark(
    serve: Serve, cli: Command, certs: Path, tmp_path: Path
) -> None:
    """Our writer, judged by tshark: the messages of a conversation, decrypted with the key log in the file."""
    found = explained(cli, serve().target, "--trust", certs / "root.pem")
    client, server = captures.Place("127.0.0.1", 40000), captures.Place("127.0.0.1", 443)
    records = [entry for entry in found["entries"] if entry["kind"] == "record"]
    chunks = tuple(captures.Chunk(each["sender"], bytes.fromhex(each["bytes"]), 1.5) for each in records)
    derived = {each["name"]: each["value"] for entry in found["entries"] for each in entry["derived"]}
    hello = next(entry for entry in found["entries"] if entry["title"] == "ClientHello")
    random = hello["bytes"][12:76]
    log = "".join(f"{name} {random} {value}\n" for name, value in derived.items() if "TRAFFIC_SECRET" in name)
    file = tmp_path / "traffic.pcapng"
    file.write_bytes(captures.write([captures.Connection(client, server, chunks, has_beginning=True)], log))
    again = explained(cli, "--capture", file)
    assert again["explained_bytes"] == again["bytes"] == found["bytes"]
    fields = ("-T", "fields", "-e", "tls.handshake.type")
    seen = run(tool("tshark"), "-r", str(file), "-d", "tcp.port==443,tls", *fields).stdout.split()
    assert ",".join(seen).split(",") == ["1", "2", "8", "11", "15", "20", "20", "4"]


def test_a_connection_that_is_saved_is_decrypted_by_tshark(
    serve: Serve, cli: Command, certs: Path, tmp_path: Path
) -> None:
    file = tmp_path / "saved.pcapng"
    port = serve().port
    assert cli("explain", f"localhost:{port}", "--trust", certs / "root.pem", "--brief", "--save", file).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    seen = run(tool("tshark"), "-r", str(file), "-d", f"tcp.port=={port},tls", "-T", "fields", "-e", "http.request.uri")
    assert "/" in seen.stdout.split()
    again = explained(cli, "--capture", file, "--trust", certs / "root.pem")
    assert again["explained_bytes"] == again["bytes"]
    refused = cli("explain", "--save", certs / "server.key", "--force")
    assert refused.code == 1
    assert b"PRIVATE KEY" in (certs / "server.key").read_bytes()


def test_a_capture_of_static_rsa_is_decrypted_with_the_servers_key(cli: Command, tmp_path: Path) -> None:
    talk = Conversation(*contexts("AES256-GCM-SHA384")).say(b"a line", b"an answer")
    chunks = tuple(captures.Chunk(sender, data, 1.5) for sender, data in talk.chunks if data)
    client, server = captures.Place("127.0.0.1", 40000), captures.Place("127.0.0.1", 443)
    file, key = tmp_path / "traffic.pcapng", tmp_path / "server.key"
    file.write_bytes(captures.write([captures.Connection(client, server, chunks, has_beginning=True)]))
    key.write_bytes(certificate().private_key_pem.bytes())
    key.chmod(0o600)
    found = explained(cli, "--capture", file, "--server-key", key)
    assert found["explained_bytes"] == found["bytes"]
    data = [bytes.fromhex(entry["bytes"]) for entry in found["entries"] if entry["kind"] == "data"]
    assert data == [b"a line", b"an answer"]
    missing = cli("explain", "--capture", file, "--server-key", tmp_path / "absent.key")
    assert missing.code == 3
    assert "absent.key" in missing.err


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"", "the file is empty"),
        (b"GET / HTTP/1.0\r\n", "not a pcap or pcapng file: it begins with 47455420"),
        (b"\xd4\xc3\xb2\xa1" + bytes(4), "the file ends within its header"),
        (b"\xd4\xc3\xb2\xa1" + bytes(20), "has no TCP connection with data"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "the header of the pcapng file is damaged"),
    ],
)
def test_a_file_that_is_not_a_capture_is_refused(cli: Command, tmp_path: Path, content: bytes, fact: str) -> None:
    file = tmp_path / "traffic"
    file.write_bytes(content)
    answer = cli("explain", "--capture", file)
    assert answer.code == 3
    assert fact in answer.err


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("--protocol", "ca", "--by-hand", "1"), "--by-hand does not work with --protocol ca"),
        (("--protocol", "dh", "--map"), "--map does not work with --protocol dh"),
        (("--as", "server"), "--as 'server' is not 'attacker'"),
        (("--keylog", "keys"), "--keylog needs --capture"),
        (("--server-key", "key"), "--server-key needs --capture"),
        (("--filter", "1"), "--filter needs --capture"),
        (("--save", "x", "--capture", "y"), "--save and --capture are mutually exclusive"),
        (("--capture", "y", "localhost:4433"), "HOST:PORT and --capture are mutually exclusive"),
        (("--capture", "y", "--tls1.2"), "--tls1.2 and --capture are mutually exclusive"),
        (("--capture", "y", "--message", "hi"), "--message and --capture are mutually exclusive"),
        (("--capture", "y", "--cert", "c.pem"), "--cert and --capture are mutually exclusive"),
        (("--html", "x", "--save", "x"), "--html and --save name the same file: x"),
        (("--json", "--map"), "--json and --map are mutually exclusive"),
        (("--json", "--html", "x"), "--json and --html are mutually exclusive"),
        (("--as", "attacker", "--by-hand", "4"), "--as attacker and --by-hand are mutually exclusive"),
        (("--as", "attacker", "--map"), "--as attacker and --map are mutually exclusive"),
        (("--brief", "--der"), "--brief and --der are mutually exclusive"),
        (("--group", "x25519"), "--group does not work with --protocol tls"),
        (("--tls1.2", "--protocol", "tls13"), "--tls1.2 and --protocol tls13 are mutually exclusive"),
    ],
)
def test_options_that_would_be_ignored_are_wrong_usage(cli: Command, words: tuple[str, ...], fact: str) -> None:
    answer = cli("explain", *words)
    assert answer.code == 2
    assert fact in answer.err


def test_a_record_without_numbers_is_told(cli: Command, serve: Serve, certs: Path) -> None:
    server = serve().target
    assert cli("explain", server, "--trust", certs / "root.pem", "--by-hand", "99").code == 2
    first = cli("explain", server, "--trust", certs / "root.pem", "--by-hand", "1")
    assert first.code == 1
    assert "has no numbers to compute with" in first.err


def http(connected: socket.socket) -> None:
    connected.recv(1 << 16)
    connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def closes(connected: socket.socket) -> None:
    connected.recv(1 << 16)


def resets(connected: socket.socket) -> None:
    connected.recv(1 << 16)
    reset(connected)


@pytest.mark.parametrize("protocol", ["tls", "tls13", "ca"])
@pytest.mark.parametrize(
    ("script", "how"),
    [
        (http, "did not complete a TLS handshake: received data begins with 'HTTP/1.1 400 Bad Request'"),
        (closes, "closed the connection during the handshake"),
        (resets, "closed the connection during the handshake"),
    ],
)
def test_a_server_that_does_not_answer_with_tls_is_named(
    cli: Command, certs: Path, script: Script, how: str, protocol: str
) -> None:
    with acting(script) as address:
        found = explained(cli, str(address), "--protocol", protocol, "--trust", certs / "root.pem")
    assert found["ending"]["failed"]
    if script is http and protocol == "ca":  # the client of ours has its own words
        told = " ".join(found["ending"]["sentences"])
        assert "it begins with 'HTTP/1.1 400 Bad Request': HTTP without TLS" in told
        return
    (sentence,) = found["ending"]["sentences"]
    assert sentence.startswith(f"{address} {how}")
    assert found["ending"]["hint"]


def test_the_rungs_are_explained_like_tls(serve: Serve, cli: Command, certs: Path) -> None:
    found = explained(cli, serve("--protocol", "multiply", "--story").target, "--protocol", "multiply", "--story")
    assert found["explained_bytes"] == found["bytes"]
    text = json.dumps(found)
    assert "300 x 5 = 1500" in text
    shared = next(each for entry in found["entries"] for each in entry["derived"] if each["name"] == "shared secret")
    assert int(shared["value"], 16) == 10500


def test_several_connections_of_a_capture_are_one_json_document(
    serve: Serve, cli: Command, certs: Path, tmp_path: Path
) -> None:
    file = tmp_path / "traffic.pcapng"
    server = serve("--capture", file)
    for _ in range(3):
        assert cli("connect", server.target, "--trust", certs / "root.pem").code == 0
    server.end()
    found = json.loads(cli("explain", "--capture", file, "--json").out)
    assert [each["explained_bytes"] == each["bytes"] for each in found["connections"]] == 3 * [True]
    assert cli("explain", "--capture", file, "--by-hand", "4").code == 2
    assert "nonce" in cli("explain", "--capture", file, "--filter", "2", "--by-hand", "6").out
    assert cli("explain", "--capture", file, "--filter", "4").code == 2
