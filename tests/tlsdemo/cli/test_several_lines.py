"""`tlsdemo connect` with several lines: each is answered before the next, over one connection.

Falsehoods caught: a line that is lost, joined with another or sent twice; an answer that waits for the end of the
input; a server that is gone, and is taken for one that answered; an input that cannot be sent, told too late or not.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers.conftest import Serve, Start
from tests.peers.support import Background, Live, acting, live_protocol, ours, reset, trusting
from tests.tlsdemo.conftest import Command
from tlsdemo.application import SEVERAL_LINES
from tlsdemo.edu.protocol import RUNGS
from tlsdemo.events import Closed, Ending, Refused, Said
from tlsdemo.protocol import Protection

PROTOCOLS = ("tls", *(rung for rung in RUNGS if not RUNGS[rung] & {Protection.CLIENT_IDENTITY}), "mutual")
FACTS = 3  # lines about the channel, before the first answer


def command(target: object, certs: Path, *more: str) -> list[str]:
    trust = ["--trust", str(certs / "root.pem"), "--name", "localhost"]
    return [sys.executable, "-m", "tlsdemo", "connect", str(target), *trust, *more]


def piped(
    target: object, certs: Path, content: bytes, *more: str, output: str | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`connect` with this on its standard input."""
    if output:
        words = ["bash", "-c", f'"$@" {output}', "-", *command(target, certs, *more)]
        return subprocess.run(words, input=content, capture_output=True, timeout=100)
    return subprocess.run(command(target, certs, *more), input=content, capture_output=True, timeout=100)


def received(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """The lines that the server answered."""
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().split("\n")[:-1]
    assert [line.split(":")[0] for line in lines[:FACTS]] == ["version", "cipher", "you are"]
    assert all(line.startswith("received:  ") for line in lines[FACTS:])
    return [line.removeprefix("received:  ") for line in lines[FACTS:]]


def said(server: Live) -> list[str]:
    """What the server heard in one conversation, which ended well."""
    *events, closed = server.conversation()
    assert isinstance(closed, Closed)
    assert closed.ending is Ending.ANSWERED
    return [each.text for each in events if isinstance(each, Said)]


# Answered -----------------------------------------------------------------------------------------------------------

INPUTS = {
    b"one\ntwo\n": ["one", "two"],
    b"one\ntwo": ["one", "two"],
    b"one\r\ntwo\r\n": ["one", "two"],
    b"one\n\nthree\n\n": ["one", "", "three", ""],
    b"\n\n": ["", ""],
    "ü€😀\na\tb\n".encode(): ["ü€😀", "a\tb"],
    b"GET / HTTP/1.1\nHost: localhost\n": ["GET / HTTP/1.1", "Host: localhost"],
    f"{SEVERAL_LINES}\n{SEVERAL_LINES}\n".encode(): [SEVERAL_LINES, SEVERAL_LINES],
    b"x" * 65535 + b"\r\n" + b"y" * 65535: ["x" * 65535, "y" * 65535],
}


@pytest.mark.parametrize("content", INPUTS, ids=lambda content: ascii(content[:20]))
def test_each_line_of_a_pipe_is_sent_as_it_is_and_answered(certs: Path, content: bytes) -> None:
    with live_protocol("tls", certs) as server:
        shown = [line.replace("\t", "\\t") for line in INPUTS[content]]
        assert received(piped(f"localhost:{server.port}", certs, content)) == shown
        assert said(server) == INPUTS[content]
        assert server.events.empty()  # one connection


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_several_lines_work_with_each_protocol(certs: Path, protocol: str) -> None:
    with live_protocol(protocol, certs) as server:
        done = piped(f"localhost:{server.port}", certs, b"a\nb\nc\n", "--protocol", protocol)
        assert received(done) == ["a", "b", "c"]
        assert said(server) == ["a", "b", "c"]


@pytest.mark.parametrize("protocol", ["tls", "ca"])
def test_ten_thousand_lines_are_answered_in_order(certs: Path, protocol: str) -> None:
    lines = [f"line {number}" for number in range(10_000)]
    with live_protocol(protocol, certs) as server:
        done = piped(f"localhost:{server.port}", certs, "\n".join(lines).encode(), "--protocol", protocol)
        assert received(done) == lines
        assert b"lines sent: 10000; answered: 10000\n" in done.stderr


@pytest.mark.parametrize(("content", "heard"), [(b"", []), (b"one\n", ["one"]), (b"-\n", ["-"])], ids=ascii)
def test_a_hyphen_stands_for_the_lines_of_standard_input_however_few(
    certs: Path, content: bytes, heard: list[str]
) -> None:
    with live_protocol("tls", certs) as server:
        done = piped(f"localhost:{server.port}", certs, content, "--message", "-")
        assert received(done) == heard
    assert (b"standard input is empty: no line was sent" in done.stderr) is (not heard)


@pytest.mark.parametrize("protocol", ["tls", "ca"])
def test_a_line_is_answered_before_the_next_is_written(background: Start, certs: Path, protocol: str) -> None:
    with live_protocol(protocol, certs) as server:
        process = background(
            *command(f"localhost:{server.port}", certs, "--protocol", protocol, "--message", "-"), stdin=subprocess.PIPE
        )
        for word in ("first", "second", "third"):
            process.write(f"{word}\n")
            process.wait_for(f"^received:  {word}$")
        assert process.wait() == 0
        assert said(server) == ["first", "second", "third"]


def test_another_client_is_served_while_one_sends_lines(background: Start, serve: Serve, certs: Path) -> None:
    server = serve()
    process = background(*command(server.target, certs, "--message", "-"), stdin=subprocess.PIPE)
    process.write("first\n")
    process.wait_for("^received:  first$")
    assert piped(server.target, certs, b"the other\n").returncode == 0
    process.write("second\n")
    process.wait_for("^received:  second$")
    assert process.wait() == 0


# Not sent -----------------------------------------------------------------------------------------------------------

WRONG: dict[bytes, str] = {
    b"x" * 65536: "is longer than 65535 bytes",
    b"x" * 200_000: "is longer than 65535 bytes",
    b"\xff\xfe": "is not UTF-8",
    b"a\rb": "contains a carriage return",
}


@pytest.mark.parametrize("position", [1, 2, 3])
@pytest.mark.parametrize("line", WRONG, ids=lambda line: WRONG[line][:15])
def test_a_line_that_cannot_be_sent_is_named_by_its_number(certs: Path, line: bytes, position: int) -> None:
    content = b"good\n" * (position - 1) + line + b"\nafter\n"
    with live_protocol("tls", certs) as server:
        done = piped(f"localhost:{server.port}", certs, content)
        assert done.returncode == 2, done.stderr
        assert f"error: line {position} of standard input {WRONG[line]}".encode() in done.stderr
        if position == 3:  # the first two tell that there are several: they are read before it connects
            assert b"lines sent: 2; answered: 2\n" in done.stderr
            assert said(server) == ["good", "good"]
        assert server.events.empty()


def test_a_standard_input_that_cannot_be_read_is_told(certs: Path) -> None:
    with live_protocol("tls", certs) as server:
        words = command(f"localhost:{server.port}", certs, "--message", "-")
        done = subprocess.run(
            ["bash", "-c", '"$@" 0> /dev/null', "-", *words], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 3
    assert "error: cannot read standard input\n  Bad file descriptor\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_that_cannot_be_written_is_told(certs: Path) -> None:
    with live_protocol("tls", certs) as server:
        done = piped(f"localhost:{server.port}", certs, b"a\nb\n", output=">/dev/full")
    assert done.returncode == 3
    assert b"error: cannot write the output\n  No space left on device\n" in done.stderr


# Not answered -------------------------------------------------------------------------------------------------------


def answering(certs: Path, count: int, end: Callable[[socket.socket], object]) -> Callable[[socket.socket], None]:
    """A TLS server that answers so many lines, and then ends."""
    context = ours(certs)

    def script(connected: socket.socket) -> None:
        with context.wrap_socket(connected, server_side=True, suppress_ragged_eofs=True) as tls:
            assert tls.recv(1 << 14) == SEVERAL_LINES.encode() + b"\n"
            tls.sendall(b"version:   x\n\n")
            for _ in range(count):
                tls.recv(1 << 14)
                tls.sendall(b"received:  it\n")
            tls.recv(1 << 14)
            end(tls)

    return script


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("how", ["close", "cut", "reset"])
def test_a_server_that_closes_in_the_middle_is_told(certs: Path, how: str, count: int) -> None:
    ends: dict[str, Callable[..., object]] = {
        "close": lambda tls: tls.unwrap(),
        "cut": lambda tls: None,
        "reset": reset,
    }
    with acting(answering(certs, count, ends[how])) as address:
        done = piped(address, certs, b"a\nb\nc\nd\n")
    assert done.returncode == 3, done.stderr
    assert b"closed the connection" in done.stderr
    if how == "close":
        assert f"closed the connection before it answered line {count + 1}".encode() in done.stderr
    assert f"lines sent: {count + 1}; answered: {count}".encode() in done.stderr
    assert done.stdout == b"version:   x\n" + b"received:  it\n" * count


def test_a_server_that_stops_is_told(background: Start, serve: Serve, certs: Path) -> None:
    server = serve()
    process = background(*command(server.target, certs, "--message", "-"), stdin=subprocess.PIPE)
    process.write("before\n")
    process.wait_for("^received:  before$")
    server.end()
    process.write("after\n")
    assert process.wait() == 3
    assert "lines sent: 2; answered: 1" in process.err


def test_a_server_for_one_line_is_told(certs: Path, cli: Command, background: Start, openssl: str) -> None:
    server = background(
        openssl, "s_server", "-rev", "-accept", "127.0.0.1:0", "-cert", certs / "server.pem", "-key",
        certs / "server.key", "-cert_chain", certs / "server.pem",
    )  # fmt: skip
    port = server.wait_for(r"^ACCEPT 127\.0\.0\.1:(\d+)").group(1)
    done = piped(f"127.0.0.1:{port}", certs, b"a\nb\n")
    assert done.returncode == 1, done.stderr
    assert b"does not answer several lines" in done.stderr
    assert b"wollof senil lareves :omedslt" in done.stderr


def interrupted(process: Background) -> None:
    process.signal(signal.SIGINT)
    assert process.wait() == 130
    assert "Traceback" not in "\n".join(process.err)


@pytest.mark.parametrize("protocol", ["tls", "ca"])
def test_ctrl_c_between_two_lines_is_130(background: Start, certs: Path, protocol: str) -> None:
    with live_protocol(protocol, certs) as server:
        process = background(
            *command(f"localhost:{server.port}", certs, "--protocol", protocol, "--message", "-"), stdin=subprocess.PIPE
        )
        process.write("first\n")
        process.wait_for("^received:  first$")
        interrupted(process)
        closed = server.ending()
        assert isinstance(closed, Closed)
        assert closed.ending is Ending.CUT


def test_a_client_without_a_certificate_is_refused_before_its_first_line(serve: Serve, certs: Path) -> None:
    server = serve("--require-client-cert")
    done = piped(server.target, certs, b"a\nb\n")
    assert done.returncode == 1
    assert b"alert certificate_required" in done.stderr
    assert server.event("refused")["application_bytes"] == 0


# What a client of another make can do to the server ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "ending"),
    [
        (b"a\nb\n", Ending.ANSWERED), (b"a\nhalf", Ending.LEFT), (b"", Ending.LEFT), (b"half", Ending.LEFT),
        (b"a\n\xff\n", None), (b"a\n" + b"x" * 70_000, None),
    ],
    ids=["whole", "half a line", "nothing", "half the first", "not UTF-8", "too long"],
)  # fmt: skip
def test_the_server_says_how_the_lines_ended(certs: Path, sent: bytes, ending: Ending | None) -> None:
    with live_protocol("tls", certs) as server:
        with trusting(certs).wrap_socket(server.dial(), server_hostname="localhost") as tls:
            tls.sendall(SEVERAL_LINES.encode() + b"\n" + sent)
            if ending is not None:
                count = FACTS + 1 + sent.count(b"\n")
                answer = b""
                while answer.count(b"\n") < count:
                    answer += tls.recv(1 << 14)
                tls.unwrap()
            else:
                answer = b""
                while data := tls.recv(1 << 14):
                    answer += data
                assert answer.split(b"\n")[-2].startswith(b"refused:   the line is ")
        ended = server.ending()
    if ending is None:
        assert isinstance(ended, Refused)
    else:
        assert isinstance(ended, Closed)
        assert ended.ending is ending
