"""`serve` and `connect` on each rung: the good conversation, the wrong certificate, the wrong peer, bad bytes."""

import json
import re
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pki.authority import Authority
from pki.store.files import read_credential
from tests.conftest import Command, mint, run, tlsdemo, tool
from tests.peers.conftest import Serve, Start
from tests.peers.support import (
    DEADLINE,
    Serving,
    assert_is_refusal,
    live,
    live_rung,
    ours,
    received_nothing,
    throw,
)
from tests.pki.support import pem
from tlsdemo.events import Refused
from tlsdemo.protocol import Side

RUNGS = ("plain", "multiply", "dh", "signed", "ca", "mutual")
SECRET = "the key is under the mat"

Standing = Callable[[str], Serving]


@pytest.fixture(scope="module")
def standing(certs: Path) -> Iterator[Standing]:
    """`standing(protocol)` is a server for all tests of this file. In the end it ends with 0, without a traceback."""
    started: dict[str, Serving] = {}

    def server(protocol: str) -> Serving:
        if protocol not in started:
            started[protocol] = Serving("--protocol", protocol, certs=certs)
        return started[protocol]

    yield server
    try:
        for each in started.values():
            each.end()
    finally:
        for each in started.values():
            each.kill()


@pytest.fixture
def private(certs: Path, tmp_path: Path) -> Path:
    """A copy of the PKI that this test may change."""
    return Path(shutil.copytree(certs, tmp_path / "certs"))


# The good conversation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_talks_and_the_server_reports_every_step(serve: Serve, certs: Path, rung: str) -> None:
    server = serve("--protocol", rung)
    done = tlsdemo(
        "connect", server.target, "--protocol", rung, "--trust", certs / "root.pem", "--message", SECRET
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"received:  {SECRET}\nversion:   {rung}\n")
    assert server.event("closed")["ending"] == "answered"
    assert server.event("closed")["application_bytes"] == len(SECRET) + 1  # the newline
    assert [event["event"] for event in server.events] == ["listening", "agreed", "said", "closed"]
    assert server.event("listening")["protocol"] == server.event("agreed")["version"] == rung
    assert server.event("agreed")["client"] == (["DNS:client"] if rung == "mutual" else None)
    assert server.event("said")["text"] == SECRET


SHOWN = {
    "plain": {"client_hello", "server_hello", "finished", "data", "alert"},
    "multiply": {"client_hello", "server_hello", "finished", "record"},
    "dh": {"client_hello", "server_hello", "finished", "record"},
    "signed": {"client_hello", "server_hello", "certificate", "certificate_verify", "finished", "record"},
    "ca": {"client_hello", "server_hello", "certificate", "certificate_verify", "finished", "record"},
    "mutual": {"client_hello", "server_hello", "certificate", "certificate_verify", "finished", "record"},
}


@pytest.mark.parametrize("rung", RUNGS)
def test_socat_in_the_middle_reads_the_handshake_and_from_multiply_on_no_message(
    cli: Command, standing: Standing, background: Start, certs: Path, rung: str
) -> None:
    upstream = f"TCP:127.0.0.1:{standing(rung).port}"
    middle = background(tool("socat"), "-d", "-d", "-v", "TCP4-LISTEN:0,bind=127.0.0.1,fork", upstream)
    port = middle.wait_for(r"listening on AF=2 .*:(\d+)", "err").group(1)
    command = ("connect", f"127.0.0.1:{port}", "--protocol", rung, "--trust", certs / "root.pem")
    assert cli(*command, "--message", SECRET).code == 0
    middle.kill()
    seen = "\n".join(middle.err)
    assert set(re.findall(r'^\{"type": "(\w+)"', seen, re.MULTILINE)) == SHOWN[rung]
    assert (SECRET in seen) is (rung == "plain")
    assert SECRET.encode().hex() not in seen


def test_a_tiny_group_and_a_large_one_are_agreed_on_by_both_sides(serve: Serve, cli: Command, certs: Path) -> None:
    for group in ("1009:11", "ffdhe2048"):
        server = serve("--protocol", "dh", "--group", group)
        answer = cli("connect", server.target, "--protocol", "dh", "--group", group)
        assert answer.code == 0
        assert f"cipher:    {group}, ChaCha20-Poly1305" in answer.out


def test_another_group_is_refused_with_both_groups(cli: Command, certs: Path) -> None:
    with live_rung("dh", certs) as server:
        answer = cli("connect", f"127.0.0.1:{server.port}", "--protocol", "dh", "--group", "1009:11")
        assert_is_refusal(answer, 1, "'1009:11'", "'x25519'", "hint: start both sides with the same --group")
        assert isinstance(server.ending(), Refused)


@pytest.mark.parametrize("rung", ["plain", "ca"])
def test_once_is_0_when_it_talked_and_1_when_it_refused(serve: Serve, cli: Command, certs: Path, rung: str) -> None:
    server = serve("--protocol", rung, "--once")
    assert cli("connect", server.target, "--protocol", rung, "--trust", certs / "root.pem").code == 0
    assert server.wait() == 0
    server = serve("--protocol", rung, "--once")
    throw(server.port, b"garbage\n")
    assert server.wait() == 1
    assert server.events[-1]["event"] == "refused"


def test_ctrl_c_while_it_waits_is_130_and_quiet(background: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(DEADLINE)
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        process = background(sys.executable, "-m", "tlsdemo", "connect", address, "--protocol", "dh")
        accepted, _ = silent.accept()
        with accepted:
            accepted.settimeout(DEADLINE)
            assert accepted.recv(1)  # its ClientHello: now it waits for an answer
            process.signal(signal.SIGINT)
            assert process.wait() == 130
    assert "Traceback" not in "\n".join(process.err)


@pytest.mark.parametrize(
    ("rung", "options"),
    [
        *((rung, ()) for rung in RUNGS), ("multiply", ("--story",)), ("dh", ("--group", "1009:11")),
        ("ca", ("--credential", "untrusted-ca")),
        ("mutual", ("--credential", "untrusted-ca")),
    ],
    ids=str,
)  # fmt: skip
def test_the_line_to_try_works_as_printed(
    serve: Serve, cli: Command, private: Path, rung: str, options: tuple[str, ...]
) -> None:
    server = serve("--protocol", rung, *options, certs=private, as_json=False)
    line = server.wait_for(r"^    (tlsdemo connect .*--explain)$")[1]
    answer = cli(*shlex.split(line)[1:])
    assert answer.code == 0, answer.err


@pytest.mark.parametrize(
    "rung",
    [
        "dh",
        "ca",
    ],
)
def test_the_man_in_the_middle_works_as_printed(
    serve: Serve, background: Start, certs: Path, tmp_path: Path, rung: str
) -> None:
    line = serve("--protocol", rung, as_json=False).wait_for(r"^    (tlsdemo mitm .*)$")[1]
    words = shlex.split(re.sub(r"--listen \d+", "--listen 0", line), comments=True)
    background(sys.executable, "-m", *words, cwd=tmp_path).wait_for(r"^listening on ")


# Whose certificate --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", ["ca", "mutual"])
def test_the_rogue_is_refused_for_the_same_reason_as_in_tls(serve: Serve, cli: Command, certs: Path, rung: str) -> None:
    server = serve("--rogue", "--protocol", rung)
    command = ("--trust", certs / "root.pem", "--message", SECRET)
    answer = cli("connect", server.target, "--protocol", rung, *command)
    assert_is_refusal(answer, 1, f"error: {server.target} is refused: ", "sent:       no application data")
    received_nothing(server)
    assert server.event("refused")["alert"] == "bad_certificate"  # RFC 8446 §6.2
    with live(ours(certs, rogue=True)) as real:
        in_tls = cli("connect", f"localhost:{real.port}", *command)
    section = re.compile(r"^  check: .*\((RFC [^()]*(?:\(\w+\))*)\)$", re.MULTILINE)
    assert section.findall(answer.err) == section.findall(in_tls.err) == ["RFC 5280 §6.1.3 (a)(1)"]


@pytest.mark.parametrize("rung", ["ca", "mutual"])
def test_the_rogue_is_accepted_under_its_own_root_and_the_missing_revocation_check_is_reported(
    serve: Serve, cli: Command, certs: Path, rung: str
) -> None:
    server = serve("--rogue", "--protocol", rung)
    command = ("connect", server.target, "--protocol", rung, "--trust", certs / "rogue/ca.pem")
    answer = cli(*command, "--cert", certs / "client.pem", "--message", SECRET)
    assert answer.code == 0, answer.err  # the control: nothing but the signer is wrong with it
    assert "not checked: revocation" in answer.err
    assert server.event("said")["text"] == SECRET


def test_the_untrusted_ca_is_refused_under_our_root_and_accepted_under_its_own(
    serve: Serve, cli: Command, private: Path
) -> None:
    server = serve("--credential", "untrusted-ca", "--protocol", "ca", certs=private)
    command = ("connect", server.target, "--protocol", "ca", "--message", SECRET, "--trust")
    answer = cli(*command, private / "root.pem")
    assert_is_refusal(answer, 1, "neither trusted nor present", "check:      chain (RFC 5280 §6.1)")
    received_nothing(server)
    answer = cli(*command, private / "untrusted-ca/ca.pem")
    assert answer.code == 0, answer.err
    assert server.event("said")["text"] == SECRET


@pytest.mark.parametrize("rung", ["plain", "multiply", "dh", "signed"])
def test_a_rung_without_authentication_says_so(standing: Standing, cli: Command, certs: Path, rung: str) -> None:
    answer = cli("connect", standing(rung).target, "--protocol", rung)
    assert answer.code == 0
    assert ("which is not checked" if rung == "signed" else "the server is not authenticated") in answer.err


def stale(certs: Path) -> bytes:
    """Lists that were due to be renewed yesterday, well signed."""
    then = datetime.now(UTC) - timedelta(2)
    authorities = (Authority(read_credential(certs / f"{name}.pem", certs / f"{name}.key"))
                   for name in ("root", "intermediate"))  # fmt: skip
    return b"".join(pem(each.crl(number=2, this_update=then, next_update=then + timedelta(1))) for each in authorities)


def of_another_authority(folder: Path) -> bytes:
    """Lists of the same names, signed by other keys."""
    return (mint(folder.parent / "another") / "crl.pem").read_bytes()


@pytest.mark.parametrize("rung", ["ca", "mutual"])
@pytest.mark.parametrize("lists", [stale, of_another_authority])
def test_a_list_that_cannot_be_relied_on_refuses_the_server(
    standing: Standing, cli: Command, private: Path, rung: str, lists: Callable[[Path], bytes]
) -> None:
    (private / "crl.pem").write_bytes(lists(private))
    answer = cli("connect", standing(rung).target, "--protocol", rung, "--trust", private / "root.pem")
    assert_is_refusal(answer, 1, "check:      revocation (RFC 5280 §", "sent:       no application data")


def test_another_name_is_refused(standing: Standing, cli: Command, certs: Path) -> None:
    command = ("connect", standing("ca").target, "--protocol", "ca", "--trust", certs / "root.pem")
    answer = cli(*command, "--name", "shop.example")
    assert_is_refusal(answer, 1, "check:      name (RFC 9525", "asked for:  shop.example", "presented:  DNS:localhost")


# The client's certificate -------------------------------------------------------------------------------------------


def test_the_client_shows_the_certificate_that_it_is_given(standing: Standing, cli: Command, private: Path) -> None:
    done = run(sys.executable, "-m", "pki", "issue", "alice.example", "--client", "--dir", private)
    assert done.returncode == 0, done.stderr
    command = ("connect", standing("mutual").target, "--protocol", "mutual", "--trust", private / "root.pem")
    answer = cli(*command, "--cert", next(private.rglob("alice.example*.pem")))
    assert answer.code == 0, answer.err
    assert "you are:   DNS:alice.example\n" in answer.out


@pytest.mark.parametrize(
    ("file", "alert", "reason"),
    [
        ("another/client.pem", "bad_certificate", "a certificate is not signed by the CA that it names"),
        ("certs/server.pem", "unsupported_certificate", "is not valid for a client"),
    ],
)
def test_a_certificate_that_will_not_do_lets_the_client_not_in(
    cli: Command, private: Path, file: str, alert: str, reason: str
) -> None:
    mint(private.parent / "another")
    with live_rung("mutual", private) as server:
        command = ("connect", f"localhost:{server.port}", "--protocol", "mutual", "--trust", private / "root.pem")
        answer = cli(*command, "--cert", private.parent / file)
        (refused,) = server.conversation()
    assert_is_refusal(answer, 1, f"refused the connection: alert {alert}: ", reason)
    assert isinstance(refused, Refused)
    assert (refused.by, refused.application_bytes) == (Side.SERVER, 0)
    assert reason in refused.reason


def test_without_lists_the_server_says_that_it_does_not_look_for_revocation(
    serve: Serve, cli: Command, private: Path
) -> None:
    (private / "crl.pem").unlink()
    server = serve("--protocol", "mutual", certs=private)
    assert server.wait_for("client certificates are not checked for revocation", "err")
    assert cli("connect", server.target, "--protocol", "mutual", "--trust", private / "root.pem").code == 0


# Bad bytes ----------------------------------------------------------------------------------------------------------


BAD = {
    "garbage": bytes(range(256)),
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a ClientHello of TLS": bytes.fromhex("16030100350100003103 03")
    + bytes(32)
    + bytes.fromhex("00 0002 1301 0100 0006 002b 0002 0304"),
    "a megabyte without a newline": b'{"type": "' + b"x" * (1 << 20),
    "deep nesting": b'{"type": ' + b"[" * 60_000 + b"\n",
    "a message out of turn": b'{"type": "certificate", "chain": ["00"]}\n',
    "a goodbye before anything": b'{"type": "alert", "description": "close_notify", "detail": ""}\n',
    "half a line": b'{"type": "client_hello", "rung',
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("rung", RUNGS)
def test_bad_bytes_end_one_conversation_and_not_the_server(
    standing: Standing, cli: Command, certs: Path, rung: str, what: str
) -> None:
    server = standing(rung)
    peer, answer = throw(server.port, BAD[what])
    cut = what in ("half a line", "a goodbye before anything")
    (ending,) = server.of(peer)
    assert (ending["event"], ending.get("ending")) == (("closed", "cut") if cut else ("refused", None))
    assert ending["application_bytes"] == 0
    assert cut or json.loads(answer)["type"] == "alert"
    assert cli("connect", server.target, "--protocol", rung, "--trust", certs / "root.pem").code == 0


@pytest.mark.parametrize("rung", RUNGS)
def test_half_a_line_and_then_silence_is_refused_when_the_time_is_over(certs: Path, rung: str) -> None:
    with live_rung(rung, certs, deadline=0.2) as server, server.dial() as plain:
        plain.sendall(BAD["half a line"])
        ending = server.ending()
    assert isinstance(ending, Refused)
    assert ending.reason == "the peer did not finish in time"
