"""`tlsdemo mitm`, live: what he reads on which rung with which certificate, and what the two others notice."""

import re
import shlex
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Answer, Command, run, tool
from tests.peers.conftest import StartOnPath
from tests.peers.support import (
    DEADLINE,
    OnPath,
    acting,
    assert_is_refusal,
    heard,
    live,
    live_protocol,
    live_rung,
    ours,
    party_of,
    throw,
)
from tlsdemo import net
from tlsdemo.cli import connect_own
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.events import Agreed, Closed, Refused, Said
from tlsdemo.protocol import Side
from tlsdemo.tls import client
from tlsdemo.tls.context import Verify, client_context, server_context

SHOWING = ("signed", "ca", "mutual", "hybrid", "tls")
CREDENTIALS = ("rogue", "self-signed", "untrusted-ca", "stolen")
SECRET = "PAY 100 to Alice"


def victim(cli: Command, certs: Path, middle: OnPath, protocol: str, message: str = SECRET) -> Answer:
    """`tlsdemo connect` through the man in the middle."""
    return cli(
        "connect", middle.target, "--protocol", protocol, "--trust", certs / "root.pem", "--message", message
    )  # fmt: skip


def wins(protocol: str, credential: str) -> bool:
    """What is expected: nobody asks whose certificate it is, or it is the right one."""
    return protocol not in ("ca", "mutual", "hybrid", "tls") or credential == "stolen"


@contextmanager
def connected(middle: OnPath, certs: Path, rung: str) -> Iterator[net.Link]:
    """A client that has done its handshake with him, and says nothing yet."""
    with net.dial(net.Address("127.0.0.1", middle.port)) as plain:
        link = net.Link(plain, edu(RUNGS[rung]).client(party_of(certs, Side.CLIENT)))
        link.handshake(deadline())
        yield link


def deadline() -> float:
    return time.monotonic() + DEADLINE


# Who wins -----------------------------------------------------------------------------------------------------------


MATRIX = [(protocol, credential) for protocol in (*RUNGS, "tls") for credential in CREDENTIALS]


ASKED = (("mutual", "stolen"), ("hybrid", "stolen"))  # here the server lets nobody in who is not the client


@pytest.mark.parametrize(("protocol", "credential"), [cell for cell in MATRIX if cell not in ASKED])
def test_he_reads_unless_the_client_asks_the_third_party(
    start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str, credential: str
) -> None:
    with live_protocol(protocol, certs) as server:
        words = ("--protocol", protocol, "--credential", credential, "--certs", certs, "--once")
        middle = start_on_path("mitm", *words, before=server.port)
        answer = victim(cli, certs, middle, protocol)
        ended = middle.wait()
        events = server.conversation()
    printed = middle.printed()
    assert ("STOLEN KEY" in printed) is (credential == "stolen" and protocol in SHOWING)
    if wins(protocol, credential):
        assert (ended, answer.code) == (0, 0)
        assert f"READ from the client: '{SECRET}\\n'" in printed
    else:
        assert (ended, answer.code) == (1, 1)
        assert SECRET not in printed
        assert "REFUSED by the client: alert " in printed
        assert "read: nothing" in printed
        assert "sent:       no application data" in answer.err
    assert any(isinstance(event, Said) for event in events) is wins(protocol, credential)
    assert wins(protocol, credential) or not getattr(events[-1], "application_bytes", 0)


def test_with_the_stolen_key_the_attacker_reads_but_the_server_refuses_it(
    start_on_path: StartOnPath, certs: Path
) -> None:
    with live_rung("mutual", certs) as server:
        words = ("--protocol", "mutual", "--credential", "stolen", "--certs", certs, "--once")
        middle = start_on_path("mitm", *words, before=server.port)
        with connected(middle, certs, "mutual") as link:
            (refused,) = server.conversation()
            link.send(SECRET.encode() + b"\n", deadline())
            assert link.receive(deadline()) == b""  # he says goodbye: the client need not know
        assert middle.wait() == 0
    assert isinstance(refused, Refused)
    assert refused.application_bytes == 0
    assert f"READ from the client: '{SECRET}\\n'; not sent on" in middle.printed()
    assert "the server refused the attacker: alert unsupported_certificate" in middle.printed()


def test_the_client_is_not_left_waiting_when_the_server_refuses_the_attacker_after_the_message(
    start_on_path: StartOnPath, cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_late(plain: socket.socket) -> None:
        server = edu(RUNGS["mutual"]).server(party_of(certs, Side.SERVER))
        server.receive(heard(plain))
        plain.sendall(server.outgoing())
        lines = b""
        while b'"record"' not in lines:
            lines += heard(plain)
        server.receive(lines)
        plain.sendall(server.outgoing())

    monkeypatch.setattr(connect_own, "PATIENCE", 1.0)
    with acting(refuse_late) as upstream:
        words = ("--protocol", "mutual", "--credential", "stolen", "--certs", certs)
        middle = start_on_path("mitm", *words, before=upstream.port)
        assert "did not answer in time" not in victim(cli, certs, middle, "mutual").err


def test_a_client_that_refuses_does_not_end_the_attacker(start_on_path: StartOnPath, cli: Command, certs: Path) -> None:
    with live_rung("ca", certs) as server:
        middle = start_on_path("mitm", "--protocol", "ca", "--certs", certs, before=server.port)
        for _ in range(2):
            assert victim(cli, certs, middle, "ca").code == 1
            server.conversation()


def test_a_client_of_another_rung_is_refused_by_the_attacker(
    start_on_path: StartOnPath, cli: Command, certs: Path
) -> None:
    with live_rung("dh", certs) as server:
        middle = start_on_path("mitm", "--protocol", "dh", "--once", before=server.port)
        assert_is_refusal(victim(cli, certs, middle, "multiply"), 1, "'multiply'", "'dh'")
        assert middle.wait() == 1


# Altering -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["plain", "dh", "tls"])
def test_the_server_receives_the_altered_message(
    start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str
) -> None:
    with live_protocol(protocol, certs) as server:
        words = ("--credential", "stolen", "--certs", certs, "--alter", "PAY 100=PAY 900")
        middle = start_on_path("mitm", "--protocol", protocol, *words, before=server.port)
        answer = victim(cli, certs, middle, protocol)
        said = server.conversation()[1]
    assert answer.code == 0
    assert isinstance(said, Said)
    assert said.text == "PAY 900 to Alice"
    assert "received:  PAY 100 to Alice" in answer.out  # he puts it back in the answer
    assert "900" not in answer.out
    middle.wait_for(r"READ from the client: 'PAY 100 to Alice\\n', SENT ON as 'PAY 900 to Alice\\n'$")


@pytest.mark.parametrize(
    ("alterations", "heard"),
    [
        (("100=900", "Alice=Mallory"), "PAY 900 to Mallory"),
        (("Alice=Mallory", "Mallory=Trudy"), "PAY 100 to Trudy"),
        ((" to Alice=",), "PAY 100"),
        (("100=a=b", "Alice=Zoë €"), "PAY a=b to Zoë €"),
    ],
    ids=str,
)
def test_several_alterations_are_made_in_order(
    start_on_path: StartOnPath, cli: Command, certs: Path, alterations: tuple[str, ...], heard: str
) -> None:
    with live_rung("plain", certs) as server:
        options = [word for each in alterations for word in ("--alter", each)]
        middle = start_on_path("mitm", "--protocol", "plain", *options, before=server.port)
        assert victim(cli, certs, middle, "plain").code == 0
        said = server.conversation()[1]
    assert isinstance(said, Said)
    assert said.text == heard


@pytest.mark.parametrize("protocol", ["plain", "dh"])
def test_the_answer_is_altered_as_well(start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str) -> None:
    with live_rung(protocol, certs) as server:
        middle = start_on_path("mitm", "--protocol", protocol, "--alter", "received=refused", before=server.port)
        answer = victim(cli, certs, middle, protocol)
    assert answer.out.startswith(f"refused:  {SECRET}")


@pytest.mark.parametrize(("protocol", "record"), [("plain", 1 << 13), ("dh", 1 << 14)])
def test_the_text_to_alter_may_come_in_two_records(
    start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str, record: int
) -> None:
    before = "x" * (record - 5)
    with live_rung(protocol, certs) as server:
        middle = start_on_path("mitm", "--protocol", protocol, "--alter", "PAY 100=PAY 900", before=server.port)
        assert victim(cli, certs, middle, protocol, before + SECRET).code == 0
        said = server.conversation()[1]
    assert isinstance(said, Said)
    assert said.text == before + "PAY 900 to Alice"


def test_the_text_to_alter_may_come_in_two_segments(start_on_path: StartOnPath, certs: Path) -> None:
    def listening(plain: socket.socket) -> None:
        server = edu(RUNGS["dh"]).server(party_of(certs, Side.SERVER))
        while not server.ended:
            server.receive(heard(plain))
            plain.sendall(server.outgoing())

    with acting(listening) as upstream:
        middle = start_on_path("mitm", "--protocol", "dh", "--alter", "PAY 100=PAY 900", before=upstream.port)
        with connected(middle, certs, "dh") as link:
            link.send(b"Dear Bob,\nPAY 1", deadline())
            middle.wait_for(r"READ from the client: 'Dear Bob,\\n'$")  # so he has the rest, too, and holds it back
            link.send(b"00 to Alice\n", deadline())
            middle.wait_for(r"READ from the client: 'PAY 100 to Alice\\n', SENT ON as 'PAY 900 to Alice\\n'$")


# At once, and until the end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", ["plain", "signed"])
def test_messages_are_printed_while_the_conversation_continues(
    start_on_path: StartOnPath, certs: Path, rung: str
) -> None:
    with live_rung(rung, certs) as server:
        middle = start_on_path("mitm", "--protocol", rung, "--certs", certs, before=server.port)
        with connected(middle, certs, rung) as link:
            link.send(b"half a li", deadline())
            middle.wait_for("READ from the client: 'half a li'")
            link.send(b"ne\n", deadline())
            middle.wait_for(r"READ from the client: 'ne\\n'")
            middle.wait_for("READ from the server: 'received:  half a line")
            assert not any("talked to the attacker" in line for line in middle.out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_he_ends_by_a_signal_in_the_middle_of_a_conversation(
    start_on_path: StartOnPath, certs: Path, number: int
) -> None:
    with live_rung("dh", certs) as server:
        middle = start_on_path("mitm", "--protocol", "dh", before=server.port)
        with connected(middle, certs, "dh") as link:
            link.send(b"half a li", deadline())
            middle.wait_for("READ from the client")
            middle.end(number)


def test_a_server_that_is_not_there_is_told_and_is_3_with_once(
    start_on_path: StartOnPath, cli: Command, certs: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    middle = start_on_path("mitm", "--protocol", "dh", "--once", before=port)
    assert_is_refusal(victim(cli, certs, middle, "dh"), 3, "closed the connection")
    assert middle.wait() == 3
    assert f"not connected: cannot connect to localhost:{port}" in middle.printed()
    assert any(line.startswith(f"error: cannot connect to localhost:{port}") for line in middle.err)


@pytest.mark.parametrize(
    "protocol",
    [
        "dh",
        "ca",
        "tls",
    ],
)
def test_the_line_to_try_works_as_printed(
    start_on_path: StartOnPath,
    cli: Command,
    certs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with live_protocol(protocol, certs) as server:
        middle = start_on_path(
            "mitm", "--protocol", protocol, "--credential", "stolen", "--certs", certs, before=server.port
        )
        line = middle.wait_for("^    tlsdemo (connect .*)$")[1]
        assert cli(*shlex.split(line)).code == 0


# Without certificates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", ["plain", "multiply", "dh"])
def test_the_first_rungs_need_no_certificates(
    start_on_path: StartOnPath, cli: Command, certs: Path, tmp_path: Path, rung: str
) -> None:
    with live_rung(rung, certs) as server:
        middle = start_on_path("mitm", "--protocol", rung, "--once", before=server.port, cwd=tmp_path)
        assert victim(cli, certs, middle, rung).code == 0
        assert middle.wait() == 0


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("protocol", SHOWING)
def test_a_missing_certificate_is_reported_with_the_command_that_makes_it(
    cli: Command, tmp_path: Path, protocol: str, credential: str
) -> None:
    answer = cli("mitm", "--protocol", protocol, "--credential", credential, "--certs", tmp_path / "none")
    assert_is_refusal(answer, 3, "cannot read ", "`pki init")


# Other victims ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checks", [True, False], ids=["checking", "insecure"])
def test_curl_is_read_only_if_it_does_not_check(start_on_path: StartOnPath, certs: Path, checks: bool) -> None:
    how = ("--cacert", certs / "root.pem") if checks else ("--insecure",)
    with live(ours(certs)) as server:
        middle = start_on_path("mitm", "--certs", certs, "--once", before=server.port)
        done = run(tool("curl"), "-sS", "--noproxy", "*", *how, f"https://{middle.target}/my-secret")
        assert middle.wait() == (1 if checks else 0)
        events = server.conversation()
    assert (done.returncode == 0) is not checks
    assert ("READ from the client: 'GET /my-secret HTTP/1.1" in middle.printed()) is not checks
    assert any(isinstance(event, Said) for event in events) is not checks


@pytest.mark.parametrize("checks", [True, False], ids=["checking", "insecure"])
def test_s_client_is_read_only_if_it_checks_nothing(
    start_on_path: StartOnPath, openssl: str, certs: Path, checks: bool
) -> None:
    how = ("-CAfile", certs / "root.pem", "-verify_return_error") if checks else ()
    with live(ours(certs)) as server:
        middle = start_on_path("mitm", "--certs", certs, "--once", before=server.port)
        command = (openssl, "s_client", "-quiet", "-connect", middle.target, *how)
        done = run(*command, stdin=None, input="my secret\n")
        assert middle.wait() == (1 if checks else 0)
        events = server.conversation()
    assert ("READ from the client: 'my secret\\n'" in middle.printed()) is not checks
    assert ("received:  my secret" in done.stdout) is not checks
    assert any(isinstance(event, Said) for event in events) is not checks


@pytest.mark.parametrize("credential", ["rogue", "stolen"])
def test_a_tls_server_that_requests_a_certificate_refuses_the_attacker(
    start_on_path: StartOnPath, certs: Path, credential: str
) -> None:
    own = party_of(certs, Side.SERVER)
    assert own.credential
    careless = client_context((), verify=Verify.NOTHING_FOR_THE_DEMO)
    with live(server_context(own.credential, client_trust=own.anchors, crls=own.crls)) as server:
        middle = start_on_path("mitm", "--credential", credential, "--certs", certs, "--once", before=server.port)
        with net.dial(net.Address("127.0.0.1", middle.port)) as plain, client.wrap(plain, careless, "localhost") as tls:
            (refused,) = server.conversation()
            assert client.ask(tls, SECRET) == b""
        assert middle.wait() == 0
    assert isinstance(refused, Refused)
    assert refused.application_bytes == 0
    assert f"READ from the client: '{SECRET}\\n'; not sent on" in middle.printed()
    assert "the server refused the attacker: " in middle.printed()


# A victim who misbehaves --------------------------------------------------------------------------------------------

GARBAGE = {"bytes": bytes(range(256)), "HTTP": b"GET / HTTP/1.1\r\n\r\n", "a megabyte": b"{" + b"x" * (1 << 20)}


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("protocol", ["dh", "tls"])
def test_garbage_from_the_client_ends_one_conversation(
    start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str, what: str
) -> None:
    with live_protocol(protocol, certs) as server:
        middle = start_on_path(
            "mitm", "--protocol", protocol, "--credential", "stolen", "--certs", certs, before=server.port
        )
        throw(middle.port, GARBAGE[what])
        middle.wait_for("read: nothing$")
        assert victim(cli, certs, middle, protocol, "\x1b]0;owned\x07\x9b31m").code == 0
    assert all(line.isprintable() for line in middle.out)
    assert not middle.err or middle.err[0].startswith("note: ")


@pytest.mark.parametrize("data", [b"garbage\n", b'{"type": "client_hello"'], ids=["garbage", "cut"])
def test_only_an_alert_of_the_client_is_its_refusal(start_on_path: StartOnPath, certs: Path, data: bytes) -> None:
    with live_rung("dh", certs) as server:
        middle = start_on_path("mitm", "--protocol", "dh", before=server.port)
        throw(middle.port, data)
        assert "REFUSED by the client" not in middle.wait_for("read: nothing$").string


def test_a_client_that_cuts_the_line_is_not_taken_for_a_server_that_refuses(
    start_on_path: StartOnPath, certs: Path
) -> None:
    with live_rung("dh", certs) as server:
        middle = start_on_path("mitm", "--protocol", "dh", before=server.port)
        with connected(middle, certs, "dh") as link:
            link.send(b"half a li", deadline())
            assert isinstance(server.events.get(timeout=DEADLINE), Agreed)  # it has let him in
        ending = middle.wait_for("neither side noticed|refused the attacker|failed").string
        assert isinstance(server.ending(), Closed)
    assert "the server refused the attacker" not in ending


@pytest.mark.parametrize("data", [b"SSH-2.0-example\r\n", b"EHLO client.example\r\n"])
def test_he_says_what_came_that_is_not_tls(start_on_path: StartOnPath, certs: Path, data: bytes) -> None:
    with live(ours(certs)) as server:
        attacker = start_on_path("mitm", "--certs", certs, "--credential", "stolen", before=server.port)
        throw(attacker.port, data)
        attacker.wait_for(r"received data begins with '(SSH-2.0-example': SSH|EHLO client.example': mail)")


# For any name -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shop.example", "localhost", "203.0.113.7", "a.b.xn--bcher-kva.example"])
@pytest.mark.parametrize("protocol", ["tls", "ca"])
def test_with_the_stolen_ca_the_attacker_has_every_name_that_is_asked_for(
    start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str, name: str
) -> None:
    """Falsehood caught: a certificate for the server's own names alone. (Without SNI nothing says which name.)"""
    with live_protocol(protocol, certs) as server:
        words = ("--credential", "stolen-ca", "--certs", certs)
        middle = start_on_path("mitm", "--protocol", protocol, *words, before=server.port)
        options = ("--protocol", protocol, "--trust", certs / "root.pem", "--name", name, "--message", SECRET)
        answer = cli("connect", f"localhost:{middle.port}", *options)
        if protocol == "tls" and name[0].isdigit():  # no SNI for an address (RFC 6066 §3)
            assert_is_refusal(answer, 1, "is refused")
            return
        assert answer.code == 0, answer.err
    middle.wait_for(re.escape(f"READ from the client: '{SECRET}"))


@pytest.mark.parametrize("protocol", ["plain", "tls"])
def test_the_client_sees_no_trace_of_the_alteration(
    start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str
) -> None:
    with live_protocol(protocol, certs) as server:
        words = ("--credential", "stolen", "--certs", certs, "--alter", "100=900", "--alter", "Alice=Mallory")
        middle = start_on_path("mitm", "--protocol", protocol, *words, before=server.port)
        answer = victim(cli, certs, middle, protocol)
        said = server.conversation()[1]
    assert isinstance(said, Said)
    assert said.text == "PAY 900 to Mallory"
    assert f"received:  {SECRET}" in answer.out
    assert not re.search("900|Mallory", answer.out)
