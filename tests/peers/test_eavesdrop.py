"""`tlsdemo eavesdrop`, live: what he makes of each rung, of bytes that are none of ours, and how he ends."""

import json
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.conftest import Answer, Command
from tests.peers.conftest import Serve, StartOnPath
from tests.peers.support import (
    DEADLINE,
    OnPath,
    acting,
    assert_is_refusal,
    live_protocol,
    live_rung,
    reset,
)
from tests.pki.support import first
from tlsdemo.events import Said
from tlsdemo.key_agreement import FiniteField

SECRET = "the key is under the mat"
END = r"closed after \d+ bytes"


def listened_to(cli: Command, certs: Path, eavesdropper: OnPath, *options: str) -> Answer:
    """A client through him; when this returns, the line has ended."""
    answer = cli("connect", eavesdropper.target, "--trust", certs / "root.pem", "--message", SECRET, *options)
    eavesdropper.wait_for(END)
    return answer


def wait_for_several(eavesdropper: OnPath, text: str, number: int) -> None:
    """Until he has said so in so many lines."""
    eavesdropper.wait_until(lambda lines: sum(text in line for line in lines) >= number, wanted=f"{number} x {text}")


# What he reads ------------------------------------------------------------------------------------------------------


def test_against_the_multiplication_of_the_story_it_divides_and_reads(
    serve: Serve, start_on_path: StartOnPath, cli: Command, certs: Path
) -> None:
    eavesdropper = start_on_path("eavesdrop", before=serve("--protocol", "multiply", "--story").port)
    assert listened_to(cli, certs, eavesdropper, "--protocol", "multiply", "--story").code == 0
    for line in (
        "    = the client's secret is 1500 / 300 = 5",
        "    = the shared secret is 5 x 2100 = 10500",
        "    = all keys are derived from it: every record from here on can be decrypted",
        f"    = reads: '{SECRET}\\n'",
    ):
        assert line in eavesdropper.out
    assert any(line.endswith("the eavesdropper read the message") for line in eavesdropper.out)


def test_without_the_story_it_divides_as_well(start_on_path: StartOnPath, cli: Command, certs: Path) -> None:
    with live_rung("multiply", certs) as server:
        eavesdropper = start_on_path("eavesdrop", before=server.port)
        assert listened_to(cli, certs, eavesdropper, "--protocol", "multiply").code == 0
    public, secret = map(int, eavesdropper.wait_for(r"= the client's secret is (\d+) / 300 = (\d+)$").groups())
    assert public == 300 * secret
    assert f"    = reads: '{SECRET}\\n'" in eavesdropper.out


def test_in_a_tiny_group_it_tries_all_exponents_and_reads(
    start_on_path: StartOnPath, cli: Command, certs: Path
) -> None:
    with live_rung("dh", certs, group=FiniteField(1009, 11)) as server:
        eavesdropper = start_on_path("eavesdrop", before=server.port)
        assert listened_to(cli, certs, eavesdropper, "--protocol", "dh", "--group", "1009:11").code == 0
    found = eavesdropper.wait_for(
        r"= p = 1009 is so small that all exponents can be tried: 11\^(\d+) mod 1009 = (\d+)$"
    )
    assert pow(11, int(found[1]), 1009) == int(found[2])
    assert f"    = reads: '{SECRET}\\n'" in eavesdropper.out


def test_on_plain_it_reads_both_sides(start_on_path: StartOnPath, cli: Command, certs: Path) -> None:
    with live_rung("plain", certs) as server:
        eavesdropper = start_on_path("eavesdrop", before=server.port)
        assert listened_to(cli, certs, eavesdropper, "--protocol", "plain").code == 0
    assert f"    = reads: '{SECRET}\\n'" in eavesdropper.out
    eavesdropper.wait_for(r"^    = reads: 'received:  ")
    assert eavesdropper.out.index("    = reads: 'the key is under the mat\\n'") > eavesdropper.out.index(
        '< {"type": "finished"}'
    )


@pytest.mark.parametrize("protocol", ["dh", "signed", "ca", "mutual", "tls"])
def test_against_a_strong_group_it_reads_nothing(
    start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str
) -> None:
    with live_protocol(protocol, certs) as server:
        eavesdropper = start_on_path("eavesdrop", before=server.port)
        assert listened_to(cli, certs, eavesdropper, "--protocol", protocol).code == 0
        assert any(isinstance(event, Said) for event in server.conversation())
    seen = "".join(line.strip() for line in eavesdropper.out)  # without the folds
    assert SECRET not in seen
    assert SECRET.encode().hex() not in seen
    assert "reads:" not in seen
    eavesdropper.wait_for("the eavesdropper saw addresses, times and lengths, and read no message$")


def test_another_program_gets_each_message_on_one_line(start_on_path: StartOnPath, cli: Command, certs: Path) -> None:
    """Also a certificate and a sealed record: for a terminal, long values are cut and wrapped."""
    with live_rung("ca", certs) as server:
        eavesdropper = start_on_path("eavesdrop", before=server.port)
        assert listened_to(cli, certs, eavesdropper, "--protocol", "ca").code == 0
    eavesdropper.wait_for("closed after")
    messages = [json.loads(line[2:]) for line in eavesdropper.out if line[:2] in ("> ", "< ")]
    types = [message["type"] for message in messages]
    assert {"client_hello", "certificate", "record"} <= set(types)
    (certificate,) = [message for message in messages if message["type"] == "certificate"]
    assert certificate["chain"][0] == first(certs / "server.pem").public_bytes(Encoding.DER).hex()


def test_of_tls_it_prints_types_and_lengths_of_records(start_on_path: StartOnPath, cli: Command, certs: Path) -> None:
    with live_protocol("tls", certs) as server:
        eavesdropper = start_on_path("eavesdrop", before=server.port)
        assert listened_to(cli, certs, eavesdropper).code == 0
    assert re.fullmatch(
        r"> TLS record: handshake, \d+ bytes", next(line for line in eavesdropper.out if line[:1] == ">")
    )
    eavesdropper.wait_for("^< TLS record: ")


def test_in_a_group_that_is_too_large_only_here_it_does_not_claim_that_it_is_strong(
    start_on_path: StartOnPath, cli: Command, certs: Path
) -> None:
    small = 2**31 - 1  # a prime: 2 ** 31 exponents are minutes of work
    with live_rung("dh", certs, group=FiniteField(small, 7)) as server:
        eavesdropper = start_on_path("eavesdrop", before=server.port)
        assert listened_to(cli, certs, eavesdropper, "--protocol", "dh", "--group", f"{small}:7").code == 0
    assert "no computer that exists" not in eavesdropper.printed()


# Bytes that are none of ours ----------------------------------------------------------------------------------------


def echo(connected: socket.socket) -> None:
    """Says again whatever comes."""
    while piece := connected.recv(1 << 16):
        connected.sendall(piece)


def there_and_back(eavesdropper: OnPath, data: bytes) -> bytes:
    """What comes back through him when these bytes are sent."""
    back = b""
    with socket.create_connection(("127.0.0.1", eavesdropper.port), DEADLINE) as plain:
        plain.sendall(data)
        plain.shutdown(socket.SHUT_WR)
        while piece := plain.recv(1 << 16):
            back += piece
    return back


def hello(group: str, share: str) -> bytes:
    return (
        f'{{"type": "client_hello", "rung": "dh", "server_name": "x", "random": "{"00" * 32}", '
        f'"group": "{group}", "share": "{share}"}}\n'.encode()
    )


STRANGE = {
    "all bytes": bytes(range(256)) * 4,
    "an escape sequence": b"\x1b]0;owned\x07\x1b[2J\n\x9b31m\r\n\xe2\x80\xae reversed\n",
    "no newline": b"no newline at all",
    "records that are none": b"\x16\x03\x01\xff\xff" + bytes(70_000),
    "an empty record, and rubbish": b"\x17\x03\x03\x00\x00rubbish\n",
    "a megabyte": b"x" * (1 << 20) + b"\n",
    "nesting": b"[" * 60_000 + b"\n" + b'{"type": {"type": []}}\n',
    "odd data": b'{"type": "data", "text": 7}\n{"type": "data"}\n{"type": "data", "text": "\\u20ac"}\n[]\n7\n\n',
    "escapes in data": b'{"type": "data", "text": "\\u001b[2J\\u009b"}\n',
    "an early answer": b'{"type": "server_hello", "share": "1"}\n',
    "a common number of nothing": hello("multiplication by 0", "1500"),
    "a share that is none": hello("multiplication by 300", "fifteen"),
    "a huge share": hello("multiplication by 300", "9" * 60_000),
    "a group that is none": hello("1000:10", "7"),
    "escapes in a group": hello("\\u001b[2J", "1"),
    "a group of one": hello("1:1", "1"),
    "a record out of the blue": b'{"type": "record", "sealed": "00"}\n{"type": "record", "sealed": null}\n',
}


@pytest.fixture(scope="module")
def eavesdropper_of_all() -> Iterator[OnPath]:
    """One of him for all strange bytes, before a server that echoes: he ends with 0, and without a traceback."""
    with acting(echo) as upstream:
        eavesdropper = OnPath("eavesdrop", before=upstream.port)
        try:
            yield eavesdropper
            eavesdropper.end()
        finally:
            eavesdropper.kill()


@pytest.mark.parametrize("what", STRANGE)
def test_strange_bytes_pass_unchanged_and_are_shown_without_driving_the_terminal(
    eavesdropper_of_all: OnPath, what: str
) -> None:
    ends = sum("closed after " in line for line in eavesdropper_of_all.out)
    assert there_and_back(eavesdropper_of_all, STRANGE[what]) == STRANGE[what]
    wait_for_several(eavesdropper_of_all, "closed after ", ends + 1)
    assert all(line.isprintable() for line in eavesdropper_of_all.out)
    assert not eavesdropper_of_all.err


def test_a_mark_in_the_data_is_not_taken_for_a_note_of_the_eavesdropper(eavesdropper_of_all: OnPath) -> None:
    data = b'{"type": "data", "text": "a\\n    = reads: nothing"}\n'
    assert there_and_back(eavesdropper_of_all, data) == data
    note = "    = reads: 'a\\n    = reads: nothing'"
    assert eavesdropper_of_all.wait_until(lambda lines: note in lines)


# Until the end ------------------------------------------------------------------------------------------------------


def half_a_conversation(eavesdropper: OnPath) -> socket.socket:
    """A client that has begun, and whose server says nothing."""
    plain = socket.create_connection(("127.0.0.1", eavesdropper.port), DEADLINE)
    plain.sendall(b'{"type": "client_hello"')
    eavesdropper.wait_for("> 23 bytes of an incomplete line")
    return plain


def hush(connected: socket.socket) -> None:
    """Listens, and says nothing."""
    while connected.recv(1 << 16):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_a_conversation_hangs(start_on_path: StartOnPath, number: int) -> None:
    with acting(hush) as upstream:
        eavesdropper = start_on_path("eavesdrop", before=upstream.port)
        with half_a_conversation(eavesdropper):
            eavesdropper.end(number)


def test_several_conversations_at_once_are_kept_apart(start_on_path: StartOnPath, cli: Command, certs: Path) -> None:
    with live_rung("multiply", certs) as server:
        eavesdropper = start_on_path("eavesdrop", before=server.port)
        with half_a_conversation(eavesdropper):
            for _ in range(2):
                assert cli("connect", eavesdropper.target, "--protocol", "multiply", "--message", SECRET).code == 0
            wait_for_several(eavesdropper, "the eavesdropper read the message", 2)


def test_several_lines_in_one_piece_are_told_one_by_one(start_on_path: StartOnPath) -> None:
    with acting(echo) as upstream:
        eavesdropper = start_on_path("eavesdrop", before=upstream.port)
        lines = [b'{"type": "data", "text": "%d"}\n' % number for number in range(3)]
        there_and_back(eavesdropper, b"".join(lines))
        eavesdropper.wait_for(END)
    assert [line for line in eavesdropper.out if "= reads: " in line] == [
        f"    = reads: '{number}'" for number in range(3)
    ] * 2


def test_a_line_in_several_pieces_is_told_once(start_on_path: StartOnPath) -> None:
    with acting(hush) as upstream:
        eavesdropper = start_on_path("eavesdrop", before=upstream.port)
        with half_a_conversation(eavesdropper) as plain:
            plain.sendall(b', "rung": "x"}\n')
            assert eavesdropper.wait_for("^> {").string == '> {"type": "client_hello", "rung": "x"}'


def test_a_missing_server_is_reported_and_it_continues(start_on_path: StartOnPath, cli: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    eavesdropper = start_on_path("eavesdrop", before=port)
    for number in (1, 2):
        assert_is_refusal(cli("connect", eavesdropper.target, "--protocol", "dh"), 3, "closed the connection")
        wait_for_several(eavesdropper, f"not connected: cannot connect to localhost:{port}", number)


def test_a_reset_on_either_side_ends_one_conversation(start_on_path: StartOnPath) -> None:
    def reset_at_once(connected: socket.socket) -> None:
        connected.recv(1)
        reset(connected)

    with acting(reset_at_once) as upstream:
        eavesdropper = start_on_path("eavesdrop", before=upstream.port)
        for number in (1, 2):
            with (
                socket.create_connection(("127.0.0.1", eavesdropper.port), DEADLINE) as plain,
                suppress(ConnectionError),
            ):
                plain.sendall(b"x\n")
                assert plain.recv(1) == b""
            wait_for_several(eavesdropper, "closed after ", number)


def test_his_port_may_be_taken(cli: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = cli("eavesdrop", "--listen", f"127.0.0.1:{port}")
    assert_is_refusal(answer, 3, f"cannot listen on 127.0.0.1:{port}", "Address already in use")


@pytest.mark.parametrize("option", ["--upstream", "--listen"])
@pytest.mark.parametrize(
    "address",
    [
        "localhost:65536", "localhost:https", "[::1", "https://localhost:1",
        "localhost:1:1",
    ],
)  # fmt: skip
def test_what_is_no_address_is_wrong_usage(cli: Command, option: str, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that he ends in any case
        other = ("--listen", f"127.0.0.1:{taken.getsockname()[1]}") if option == "--upstream" else ()
        answer = cli("eavesdrop", option, address, *other)
    assert_is_refusal(answer, 2, "hint: use --upstream HOST:PORT and --listen PORT")
