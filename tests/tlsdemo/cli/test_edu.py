"""`connect`, `serve` and `mitm` on the rungs, in this process: what a person does wrong, and what a peer does wrong."""

import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.peers.support import (
    Script,
    acting,
    assert_is_refusal,
    heard,
    live_protocol,
    live_rung,
    party_of,
    reset,
)
from tests.tlsdemo.conftest import Answer, Command
from tlsdemo import net
from tlsdemo.cli import connect_own
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import encode
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.edu.records import Content
from tlsdemo.events import Refused, Said
from tlsdemo.protocol import Endpoint, Side

KEYED = tuple(rung for rung in RUNGS if rung != "plain")


# Wrong usage --------------------------------------------------------------------------------------------------------

WRONG = [
    (("connect", "--protocol", "tls", "--group", "x25519"), "--group does not work with --protocol tls"),
    (
        ("connect", "--protocol", "plain", "--group", "x25519"),
        "--group is not possible on this rung: it has no key agreement",
    ),
    (("connect", "--protocol", "multiply", "--group", "23:5"), "--group is not possible on this rung: it multiplies"),
    (("serve", "--protocol", "tls", "--group", "x25519"), "--group does not work with --protocol tls"),
    (("serve", "--protocol", "multiply", "--group", "23:5"), "--group is not possible on this rung: it multiplies"),
    (("mitm", "--protocol", "tls", "--group", "x25519"), "--group does not work with --protocol tls"),
    (
        ("mitm", "--protocol", "plain", "--group", "x25519"),
        "--group is not possible on this rung: it has no key agreement",
    ),
    (("connect", "--protocol", "tls", "--story"), "--story does not work with --protocol tls"),
    (("connect", "--protocol", "dh", "--story"), "--story works with --protocol multiply only"),
    (("connect", "--protocol", "plain", "--story"), "--story works with --protocol multiply only"),
    (("serve", "--protocol", "tls", "--story"), "--story does not work with --protocol tls"),
    (("serve", "--protocol", "dh", "--story"), "--story works with --protocol multiply only"),
    (("connect", "--protocol", "dh", "--keylog", "keys.log"), "--keylog is for tls and tls13"),
    (("serve", "--protocol", "dh", "--keylog", "keys.log"), "--keylog is for tls and tls13"),
    (("serve", "--protocol", "ca", "--require-client-cert"), "--require-client-cert is for tls and tls13"),
    (("serve", "--protocol", "dh", "--explain", "--json"), "--explain and --json are mutually exclusive"),
    (("connect", "--protocol", "tls", "--cipher", "RC4"), "--cipher works with --protocol tls13 only"),
    (("serve", "--protocol", "ca", "--alpn", "h2"), "--alpn works with --protocol tls13 only"),
    (("connect", "--protocol", "tls13", "--group", "x448"), "--group 'x448' is not possible with these protections"),
    (("serve", "--protocol", "tls13", "--cipher", "RC4"), "--cipher 'RC4' is not possible with these protections"),
    (("connect", "--protocol", "tls13", "--alpn", "h2,,"), "--alpn '' is not the name of a protocol"),
    (("connect", "--protocol", "tls13", "--story"), "--story works with --protocol multiply only"),
    (("serve", "--explain", "--json"), "--explain and --json are mutually exclusive"),
    (("serve", "--capture", "same", "--keylog", "same"), "--capture and --keylog name the same file: same"),
    (("connect", "--capture", "same", "--keylog", "same"), "--capture and --keylog name the same file: same"),
    (("serve", "--protocol", "plain", "--rogue"), "plain presents no certificate"),
    (("serve", "--protocol", "multiply", "--credential", "untrusted-ca"), "multiply presents no certificate"),
    (("serve", "--protocol", "dh", "--rogue"), "dh presents no certificate"),
    (("serve", "--protocol", "dh", "--cert", "server.pem"), "dh presents no certificate"),
    (("connect", "--protocol", "dh", "--key", "client.key"), "--key needs --cert"),
    (("connect", "--protocol", "ssl3"), "'--protocol'"),
    (("serve", "--protocol", "quic"), "'--protocol'"),
    (("mitm", "--protocol", "CA"), "'--protocol'"),
    (("mitm", "--credential", "server"), "'--credential'"),
    (("eavesdrop", "--upstream", "localhost:0"), "'0' is not a port"),
    (("eavesdrop", "--upstream", "https://localhost:4433"), "is a URL"),
    (("eavesdrop", "--listen", "nonsense"), "nonsense"),
    (("eavesdrop", "--listen", "65536"), "'65536' is not a port"),
    (("mitm", "--upstream", "[::1"), "is not HOST:PORT"),
    (("mitm", "--listen", "localhost:https"), "'https' is not a port"),
    *((("mitm", "--alter", wrong), f"{wrong!r} is not OLD=NEW") for wrong in ("PAY", "=PAY", "", "=")),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_usage_is_told_with_what_to_do_instead(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], sentence: str
) -> None:
    monkeypatch.chdir(certs.parent)  # the files are there: it is not for them
    assert_is_refusal(cli(*words), 2, sentence)


GROUPS = {
    "nonsense": "is not a group",
    "x448": "is not a group",
    "X25519": "is not a group",
    "": "is not a group",
    "23": "is not a group",
    "23:": "is not a group",
    "-23:5": "is not a group",
    "0x17:5": "is not a group",
    "23:5:1": "is not a group",
    "٢٣:5": "is not a group",
    "9" * 1301 + ":5": "is not a group",
    "23:1": "is not a group: p from 5",
    "23:22": "is not a group: p from 5",
    "23:23": "is not a group: p from 5",
    "3:2": "is not a group: p from 5",
    "0:0": "is not a group: p from 5",
    "1000:11": "1000 is not a prime number",
    "561:50": "561 is not a prime number",  # a Carmichael number: it passes Fermat's test with most bases
    "9" * 1300 + ":5": "is not a group: p from 5",
}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: ascii(group[:10]))
@pytest.mark.parametrize("command", ["connect", "serve", "mitm"])
def test_what_is_no_group_is_wrong_usage(cli: Command, command: str, group: str) -> None:
    assert_is_refusal(
        cli(command, "--protocol", "dh", "--group", group), 2, GROUPS[group], "the groups are: x25519, ffdhe2048"
    )


# Files --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which there is no certificate at all."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


MISSING = [
    (("connect", "--protocol", "ca"), "certs/root.pem"),
    (("connect", "--protocol", "mutual"), "certs/root.pem"),
    (("connect", "--protocol", "tls"), "certs/root.pem"),
    (("serve", "--protocol", "signed"), "certs/server.pem"),
    (("serve", "--protocol", "ca", "--rogue"), "certs/rogue/server.pem"),
    (("mitm", "--protocol", "signed"), "certs/rogue/server.pem"),
    (("mitm", "--protocol", "ca", "--credential", "stolen"), "certs/server.pem"),
    (("mitm", "--protocol", "signed", "--credential", "untrusted-ca"), "certs"),
    (("mitm", "--protocol", "tls", "--credential", "self-signed"), "certs/root.pem"),
]


@pytest.mark.parametrize(("words", "file"), MISSING, ids=[" ".join(words) for words, _ in MISSING])
def test_a_missing_file_is_named_with_the_way_to_one(
    cli: Command, elsewhere: Path, words: Sequence[str], file: str
) -> None:
    assert_is_refusal(cli(*words), 3, f"cannot read {file}", "`pki init")


def test_a_missing_client_certificate_is_named(cli: Command, certs: Path, elsewhere: Path) -> None:
    (elsewhere / "alone.pem").write_bytes((certs / "root.pem").read_bytes())
    answer = cli("connect", "localhost:1", "--protocol", "mutual", "--trust", "alone.pem")
    assert_is_refusal(answer, 3, "cannot read client.pem")


@pytest.mark.parametrize("rung", ["plain", "multiply", "dh"])
def test_without_any_certificate_the_first_rungs_talk(cli: Command, certs: Path, elsewhere: Path, rung: str) -> None:
    with live_rung(rung, certs) as server:
        assert cli("connect", f"127.0.0.1:{server.port}", "--protocol", rung).code == 0
        assert isinstance(server.conversation()[1], Said)


# The wrong peer -----------------------------------------------------------------------------------------------------

PAIRS = [(here, there) for here in (*RUNGS, "tls") for there in (*RUNGS, "tls") if here != there]


def dialled(cli: Command, certs: Path, here: str, port: int) -> Answer:
    """A client of the protocol `here`."""
    return cli("connect", f"127.0.0.1:{port}", "--protocol", here, "--trust", certs / "root.pem")


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_two_different_protocols_refuse_each_other_at_once(cli: Command, certs: Path, here: str, there: str) -> None:
    began = time.monotonic()
    with live_protocol(there, certs) as server:
        answer = dialled(cli, certs, here, server.port)
        ending = server.ending()
    assert time.monotonic() - began < net.HANDSHAKE_DEADLINE
    assert_is_refusal(answer, 1)
    assert isinstance(ending, Refused)
    assert ending.application_bytes == 0
    assert "TLS" in answer.err if here == "tls" else True
    assert "--protocol tls" in answer.err if there == "tls" else True


@pytest.mark.parametrize(("here", "there"), [pair for pair in PAIRS if "tls" not in pair])
def test_two_different_rungs_are_both_named_to_both(cli: Command, certs: Path, here: str, there: str) -> None:
    with live_protocol(there, certs) as server:
        answer = dialled(cli, certs, here, server.port)
        ending = server.ending()
    assert isinstance(ending, Refused)
    for text in (answer.err, ending.reason):
        assert f"{here!r}" in text
        assert f"{there!r}" in text
    assert "start both sides with the same --protocol" in answer.err


@pytest.mark.parametrize(("ours", "theirs"), [("dh", "plain"), ("plain", "dh")])
def test_both_terminals_name_the_same_side(cli: Command, certs: Path, ours: str, theirs: str) -> None:
    """The alert repeats the sentence of the side that refuses."""
    sentence = f"the client uses '{ours}', the server '{theirs}'"
    with live_rung(theirs, certs) as server:
        assert sentence in dialled(cli, certs, ours, server.port).err
        ending = server.ending()
    assert isinstance(ending, Refused) and sentence in ending.reason


# A server that misbehaves -------------------------------------------------------------------------------------------

Lines = list[bytes]


def greeting(rung: str, certs: Path, connected: socket.socket) -> tuple[Endpoint, Lines]:
    """A server's end that has heard the ClientHello, and what it would answer, line by line."""
    endpoint = edu(RUNGS[rung]).server(party_of(certs, Side.SERVER))
    while not (lines := endpoint.outgoing().splitlines(keepends=True)):
        endpoint.receive(heard(connected))
    return endpoint, lines


def answering(rung: str, certs: Path, spoil: Callable[[Lines], bytes]) -> Script:
    """It answers, not quite as it should, hangs up, and reads on."""

    def script(connected: socket.socket) -> None:
        connected.sendall(spoil(greeting(rung, certs, connected)[1]))
        connected.shutdown(socket.SHUT_WR)
        while connected.recv(1 << 14):
            pass

    return script


def another_digit(lines: Lines) -> bytes:
    """The last hex digit of Finished."""
    before, digit, after = lines[-1][:-4], lines[-1][-4:-3], lines[-1][-3:]
    return b"".join(lines[:-1]) + before + (b"1" if digit == b"0" else b"0") + after


WRONG_ANSWERS: dict[str, tuple[Callable[[Lines], bytes], int, str]] = {
    "garbage": (lambda lines: bytes(range(256)), 1, "not a line of JSON"),
    "HTTP": (lambda lines: b"HTTP/1.1 400 Bad Request\r\n\r\n", 1, "not a line of JSON"),
    "a number": (lambda lines: b"7\n", 1, "not a line of JSON"),
    "an alert of TLS": (lambda lines: b"\x15\x03\x03\x00\x02\x02\x28", 1, "the peer uses TLS"),
    "in reverse order": (lambda lines: b"".join(reversed(lines)), 1, "unexpected message"),
    "the first line twice": (lambda lines: b"".join([lines[0], *lines]), 1, "unexpected message"),
    "without the first line": (lambda lines: b"".join(lines[1:]), 1, "unexpected message"),
    "an endless line": (lambda lines: b'{"type": "' + b"x" * (1 << 20), 1, "a line is too long"),
    "deep nesting": (lambda lines: b'{"a": ' + b"[" * 60_000 + b"\n", 1, "a field is neither text nor a list of texts"),
    "no such message": (lambda lines: b'{"type": "key_update"}\n', 1, "unknown message type"),
    "an alert": (
        lambda lines: b'{"type": "alert", "description": "internal_error", "detail": "no"}\n',
        1,
        "refused the connection",
    ),
    "a goodbye": (
        lambda lines: b'{"type": "alert", "description": "close_notify", "detail": ""}\n',
        3,
        "closed the connection",
    ),
    "half a line": (lambda lines: lines[0][:-20], 3, "closed the connection"),
    "one line": (lambda lines: lines[0], 3, "closed the connection"),
    "nothing": (lambda lines: b"", 3, "closed the connection"),
}


@pytest.mark.parametrize("what", WRONG_ANSWERS)
@pytest.mark.parametrize("rung", RUNGS)
def test_a_server_that_answers_wrongly_is_told_of_and_has_no_message(
    cli: Command, certs: Path, rung: str, what: str
) -> None:
    spoil, code, sentence = WRONG_ANSWERS[what]
    with acting(answering(rung, certs, spoil)) as address:
        answer = dialled(cli, certs, rung, address.port)
    assert_is_refusal(answer, code, sentence)
    assert "sent:       no application data" in answer.err or "during the handshake" in answer.err


@pytest.mark.parametrize("rung", KEYED)
def test_a_digit_changed_on_the_way_is_found(cli: Command, certs: Path, rung: str) -> None:
    with acting(answering(rung, certs, another_digit)) as address:
        answer = dialled(cli, certs, rung, address.port)
    assert_is_refusal(answer, 1, "did not see the same handshake", "an attacker on the path may change messages")


def test_a_message_that_was_not_sent_is_not_said_to_be(cli: Command, certs: Path) -> None:
    said = b""

    def script(connected: socket.socket) -> None:
        nonlocal said
        endpoint, lines = greeting("dh", certs, connected)
        assert isinstance(endpoint, Machine)
        connected.sendall(b"".join(lines) + encode(endpoint.channel.seal(Content.ALERT, b"internal_error")))
        while piece := connected.recv(1 << 16):
            said += piece

    with acting(script) as address:
        answer = dialled(cli, certs, "dh", address.port)
    assert_is_refusal(answer, 1, "refused the connection: alert internal_error")
    assert ("sent:       the message, before this came" in answer.err) is (b'"record"' in said)


def test_a_reset_is_a_line_that_was_cut(cli: Command, certs: Path) -> None:
    def script(connected: socket.socket) -> None:
        greeting("dh", certs, connected)
        reset(connected)

    with acting(script) as address:
        assert_is_refusal(dialled(cli, certs, "dh", address.port), 3, "closed the connection")


def test_a_server_that_says_nothing_is_left_after_a_while(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net, "HANDSHAKE_DEADLINE", 0.2)
    with acting(hush) as address:
        assert_is_refusal(dialled(cli, certs, "dh", address.port), 3, "did not answer in time")


def hush(connected: socket.socket) -> None:
    """Listens, and says nothing."""
    while connected.recv(1 << 14):
        pass


def talking(rung: str, certs: Path, then: Callable[[Endpoint, socket.socket], None]) -> Script:
    """It does its handshake, hears the message, and then does what it wants."""

    def script(connected: socket.socket) -> None:
        endpoint, lines = greeting(rung, certs, connected)
        connected.sendall(b"".join(lines))
        while not endpoint.delivered:
            endpoint.receive(heard(connected))
        then(endpoint, connected)

    return script


def half_an_answer(endpoint: Endpoint, connected: socket.socket) -> None:
    endpoint.send(b"received:  pay 10")
    connected.sendall(endpoint.outgoing())


def an_endless_answer(endpoint: Endpoint, connected: socket.socket) -> None:
    while True:
        endpoint.send(b"more\n" * 1000)
        connected.sendall(endpoint.outgoing())


def a_nasty_answer(endpoint: Endpoint, connected: socket.socket) -> None:
    endpoint.send(b"\x1b[2Jgone\xff\r\nnext\x9b\x07\n")
    endpoint.close()
    connected.sendall(endpoint.outgoing())


@pytest.mark.parametrize("rung", KEYED)
def test_an_answer_without_a_goodbye_is_not_taken_for_whole(cli: Command, certs: Path, rung: str) -> None:
    with acting(talking(rung, certs, half_an_answer)) as address:
        answer = dialled(cli, certs, rung, address.port)
    assert_is_refusal(answer, 3, "closed the connection", "the answer may be incomplete")


def test_in_plain_an_answer_without_a_goodbye_is_taken_for_whole(cli: Command, certs: Path) -> None:
    with acting(talking("plain", certs, half_an_answer)) as address:
        answer = dialled(cli, certs, "plain", address.port)
    assert answer.code == 0  # CLOSURE is one of the protections that this rung has not
    assert answer.out == "received:  pay 10\n"


@pytest.mark.parametrize("rung", RUNGS)
def test_an_endless_answer_is_cut_off(cli: Command, certs: Path, rung: str) -> None:
    with acting(talking(rung, certs, an_endless_answer)) as address:
        assert_is_refusal(
            dialled(cli, certs, rung, address.port), 1, "sent more than 1048576 bytes without close_notify"
        )


@pytest.mark.parametrize("rung", RUNGS)
def test_an_answer_is_shown_without_driving_the_terminal(cli: Command, certs: Path, rung: str) -> None:
    with acting(talking(rung, certs, a_nasty_answer)) as address:
        answer = dialled(cli, certs, rung, address.port)
    assert answer.code == 0
    assert answer.out == "\\x1b[2Jgone\ufffd\nnext\ufffd\\x07\n"


def test_an_answer_that_never_comes_is_not_waited_for_for_ever(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect_own, "PATIENCE", 0.3)
    with acting(talking("dh", certs, lambda endpoint, connected: hush(connected))) as address:
        assert_is_refusal(dialled(cli, certs, "dh", address.port), 3, "did not answer in time")


@pytest.mark.parametrize(
    "message", ["", "ü€😀", "\x1b[31mred", "\u202ereversed", "\0", "x" * 65535, "ÿ" * 30000], ids=ascii
)
@pytest.mark.parametrize("rung", ["plain", "dh"])
def test_any_line_is_delivered_as_it_is_and_shown_without_driving_the_terminal(
    cli: Command, certs: Path, rung: str, message: str
) -> None:
    with live_rung(rung, certs) as server:
        answer = cli("connect", f"127.0.0.1:{server.port}", "--protocol", rung, "--message", message)
        said = server.conversation()[1]
    assert answer.code == 0, answer.err
    assert isinstance(said, Said)
    assert said.text == message
    assert all(line.isprintable() for line in (answer.out + answer.err).splitlines())
    assert len(answer.out.splitlines()) == 4
