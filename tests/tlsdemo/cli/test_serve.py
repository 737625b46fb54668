"""`tlsdemo serve` as a process: how it ends, and every reason why it does not begin."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import mint, pki, run_as_nobody, tlsdemo
from tests.peers.conftest import Serve, Start
from tests.peers.support import DEADLINE, trusting
from tests.tlsdemo.cli.test_connect import assert_is_refusal
from tests.tlsdemo.conftest import Command
from tlsdemo.tls import client


@pytest.fixture
def private(certs: Path, tmp_path: Path) -> Path:
    """A copy of the PKI that this test may change."""
    return Path(shutil.copytree(certs, tmp_path / "certs"))


# How it ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_it_with_0(serve: Serve, number: int) -> None:
    serve().end(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_in_the_middle_of_conversations_ends_it_with_0(serve: Serve, certs: Path, number: int) -> None:
    server = serve()
    silent, half, talking = (socket.create_connection(("127.0.0.1", server.port), DEADLINE) for _ in range(3))
    half.sendall(b"\x16\x03\x01")
    with silent, half, client.wrap(talking, trusting(certs), "localhost") as tls:
        tls.sendall(b"half a l")
        server.event("agreed")
        server.end(number)
        with suppress(OSError):  # a reset or a cut
            assert tls.recv(1) == b""


def test_two_signals_at_once_are_no_traceback(serve: Serve) -> None:
    server = serve()
    server.signal(signal.SIGTERM)
    server.end(signal.SIGINT)


def test_it_can_be_started_again_at_once_on_the_same_port(serve: Serve, certs: Path) -> None:
    first = serve()
    assert tlsdemo("connect", first.target, "--trust", certs / "root.pem").returncode == 0
    first.end()
    again = serve("--port", str(first.port))
    assert again.port == first.port


@pytest.mark.parametrize(("trust", "code"), [("root.pem", 0), ("rogue/ca.pem", 1)], ids=["talked", "refused"])
def test_once_is_0_when_it_talked_and_1_when_it_was_refused(serve: Serve, certs: Path, trust: str, code: int) -> None:
    server = serve("--once")
    done = tlsdemo("connect", server.target, "--trust", certs / trust)
    assert done.returncode == code
    assert server.wait() == code
    assert "Traceback" not in "\n".join(server.err)


def test_once_takes_no_notice_of_who_leaves_without_a_word(serve: Serve, certs: Path) -> None:
    server = serve("--once")
    socket.create_connection(("127.0.0.1", server.port), DEADLINE).close()
    assert tlsdemo("connect", server.target, "--trust", certs / "root.pem").returncode == 0
    assert server.wait() == 0


def test_once_is_1_for_garbage_and_for_a_cut_line(serve: Serve) -> None:
    for rubbish in (b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01"):
        server = serve("--once")
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as plain:
            plain.sendall(rubbish)
            plain.shutdown(socket.SHUT_WR)
            assert server.wait() == 1


def test_a_conversation_is_told_line_by_line(serve: Serve, certs: Path) -> None:
    server = serve(as_json=False)
    assert tlsdemo("connect", server.target, "--trust", certs / "root.pem", "--message", "a\x1b[31mb").returncode == 0
    server.wait_for(r"^\S+:\d+  connected with TLSv1\.3, TLS_\w+; the client is not authenticated$")
    server.wait_for(r"^\S+:\d+  received: a\\x1b\[31mb$")
    server.wait_for(r"^\S+:\d+  answered, and closed; 8 application bytes received$")


# Where its output goes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["lines", "json"])
def test_a_full_disk_for_its_output_ends_it_with_3(background: Start, certs: Path, as_json: tuple[str, ...]) -> None:
    command = f'exec "{sys.executable}" -m tlsdemo serve --port 0 --certs "{certs}" {" ".join(as_json)} >/dev/full'
    process = background("bash", "-c", command)
    assert process.wait() == 3  # nobody will ever learn the port
    assert any(line.startswith("error: cannot write the output") for line in process.err)


def test_a_reader_that_has_gone_ends_it_at_the_next_conversation(background: Start, certs: Path) -> None:
    command = (
        f'"{sys.executable}" -m tlsdemo serve --port 0 --json --certs "{certs}" | head -n 1; echo "${{PIPESTATUS[0]}}"'
    )
    process = background("bash", "-c", command)
    port = json.loads(process.wait_for("listening").string)["port"]
    for _ in range(2):  # the first message may still have fitted into the pipe
        with socket.socket() as plain:
            plain.settimeout(DEADLINE)
            with suppress(ConnectionError):  # the server may have ended, or end just now
                plain.connect(("127.0.0.1", port))
                plain.sendall(b"garbage")
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(100):
                    pass
    assert process.wait() == 0
    assert process.out[-1] == "3"
    assert "Traceback" not in "\n".join(process.err)


def test_without_a_stdout_it_serves_and_ends_quietly(background: Start, certs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f'exec "{sys.executable}" -m tlsdemo serve --host 127.0.0.1 --port {port} --once --certs "{certs}" >&-'
    process = background("bash", "-c", command)
    done = None
    while done is None or done.returncode == 3:  # until it listens
        assert process.process.poll() is None
        done = tlsdemo("connect", f"127.0.0.1:{port}", "--trust", certs / "root.pem")
    assert done.returncode == 0
    assert process.wait() == 0, process.err
    assert process.err == []


def test_a_terminal_of_another_encoding_gets_valid_json(serve: Serve, certs: Path) -> None:
    server = serve(environment={"PYTHONIOENCODING": "ascii"})
    assert tlsdemo("connect", server.target, "--trust", certs / "root.pem", "--message", "Grüße 😀").returncode == 0
    server.wait_for('"closed"')
    assert server.event("said")["text"] == "Grüße 😀"


# Why it does not begin ----------------------------------------------------------------------------------------------


def test_a_port_in_use_is_3_with_a_hint(serve: Serve, certs: Path) -> None:
    port = serve().port
    done = tlsdemo("serve", "--port", str(port), "--certs", certs)
    assert done.returncode == 3
    assert "error: cannot listen on 127.0.0.1:" in done.stderr
    assert "Address already in use" in done.stderr
    assert "hint: stop the program that uses the port" in done.stderr
    assert done.stdout == ""


def damage(private: Path, what: str) -> tuple[str, ...]:
    """Break one thing; the words that the error must have."""
    match what:
        case "no folder":
            shutil.rmtree(private)
            return "server.pem", "hint: `pki init --dir"
        case "no key":
            (private / "server.key").unlink()
            return "server.key", "No such file", "hint: "
        case "garbage certificate":
            (private / "server.pem").write_text("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
            return "server.pem", "contains no readable certificate"
        case "empty certificate":
            (private / "server.pem").write_bytes(b"")
            return ("server.pem", "contains no certificate")
        case "garbage key":
            (private / "server.key").write_text("rubbish")
            return "server.key", "no private key"
        case "key of another":
            shutil.copy(private / "client.key", private / "server.key")
            return "server.key", "does not belong to", "server.pem"
        case "folder instead of certificate":
            (private / "server.pem").unlink()
            (private / "server.pem").mkdir()
            return ("server.pem",)
        case "pipe instead of key":
            (private / "server.key").unlink()
            os.mkfifo(private / "server.key")
            return ("server.key", "regular file")
        case "endless certificate":
            (private / "server.pem").unlink()
            (private / "server.pem").symlink_to("/dev/zero")
            return ("server.pem", "regular file")
        case "loop":
            (private / "server.pem").unlink()
            (private / "server.pem").symlink_to("server.pem")
            return ("server.pem", "symbolic links")
    raise AssertionError(what)


@pytest.mark.parametrize(
    "what",
    [
        "no folder", "no key", "garbage certificate", "empty certificate", "garbage key", "key of another",
        "folder instead of certificate", "pipe instead of key", "endless certificate", "loop",
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_3(cli: Command, private: Path, what: str) -> None:
    words = damage(private, what)
    assert_is_refusal(cli("serve", "--port", "0", "--once", "--certs", private), 3, *words)


@pytest.mark.parametrize("missing", ["root.pem", "crl.pem"])
def test_what_only_client_certificates_need_may_be_missing_without_them(
    serve: Serve, cli: Command, private: Path, missing: str
) -> None:
    (private / missing).unlink()
    serve(certs=private).end()
    if missing == "root.pem":
        assert_is_refusal(
            cli("serve", "--port", "0", "--once", "--require-client-cert", "--certs", private), 3, missing
        )


def test_the_key_of_the_rogue_is_expected_in_its_folder(cli: Command, private: Path) -> None:
    shutil.rmtree(private / "rogue")
    assert_is_refusal(cli("serve", "--port", "0", "--once", "--rogue", "--certs", private), 3, "rogue/server.pem")


def test_a_key_that_we_may_not_read_is_3(certs: Path, tmp_path: Path) -> None:
    own = mint(tmp_path / "certs")
    for folder in (own, *tmp_path.parents, tmp_path):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    done = run_as_nobody("-m", "tlsdemo", "serve", "--port", "0", "--once", "--certs", own)
    assert done.returncode == 3, done.stderr
    assert "server.key" in done.stderr
    assert "Permission denied" in done.stderr


def test_an_expired_certificate_is_served_with_a_note(serve: Serve, tmp_path: Path) -> None:
    old = mint(tmp_path / "certs", now=datetime.now(UTC) - timedelta(days=100))
    server = serve(certs=old)
    server.wait_for("note: .* is valid from .* only:", "err")
    server.wait_for("clients that check validity reject it", "err")
    done = tlsdemo("connect", server.target, "--trust", old / "root.pem")
    assert done.returncode == 1
    assert server.event("refused")["application_bytes"] == 0


@pytest.mark.parametrize("keylog", ["missing/keys.log", "."])
def test_a_key_log_that_cannot_be_written_is_3(cli: Command, certs: Path, tmp_path: Path, keylog: str) -> None:
    answer = cli("serve", "--port", "0", "--once", "--certs", certs, "--keylog", tmp_path / keylog)
    assert_is_refusal(answer, 3, "cannot write the key log")


def test_a_key_log_on_a_full_disk_is_told_before_anything_is_served(cli: Command, certs: Path) -> None:
    answer = cli("serve", "--port", "0", "--once", "--certs", certs, "--keylog", "/dev/full")
    assert_is_refusal(answer, 3, "cannot write the key log")


@pytest.mark.parametrize(
    "words",
    [
        ("--rogue", "--credential", "untrusted-ca"), ("--credential", "nobody"), ("--port", "65536"), ("--port", "-1"),
        ("--port", "https"), ("--protocol", "ssl3"), ("--nonsense",), ("extra",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_2(cli: Command, certs: Path, words: tuple[str, ...]) -> None:
    assert_is_refusal(cli("serve", "--certs", certs, "--once", *words), 2)


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
def test_what_cannot_be_a_host_is_wrong_usage(cli: Command, certs: Path, host: str) -> None:
    assert_is_refusal(cli("serve", "--port", "0", "--once", "--certs", certs, "--host", host), 2, "is not a host")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_3(cli: Command, certs: Path, host: str) -> None:
    assert_is_refusal(cli("serve", "--port", "0", "--once", "--certs", certs, "--host", host), 3, "cannot listen")


def test_rogue_is_short_for_the_credential(serve: Serve, certs: Path) -> None:
    for options in (("--rogue",), ("--credential", "rogue"), ("--rogue", "--credential", "rogue")):
        server = serve(*options)
        done = tlsdemo("connect", server.target, "--trust", certs / "root.pem")
        assert "verify code 7" in done.stderr
        server.end()


def test_the_folder_of_the_environment_is_used(background: Start, certs: Path, tmp_path: Path) -> None:
    process = background(
        sys.executable, "-m", "tlsdemo", "serve", "--port", "0", environment={"TLSDEMO_CERTS": str(certs)}, cwd=tmp_path
    )
    process.wait_for("^listening on ")
    process.signal(signal.SIGINT)
    assert process.wait() == 0


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("0.0.0.0", "0.0.0.0"), ("::", "[::]")]
)
def test_the_host_can_be_chosen(serve: Serve, host: str, shown: str) -> None:
    server = serve("--host", host, as_json=False)
    first = server.out[0]
    assert first == f"listening on {shown}:{server.port} (tls)"
    if host in ("0.0.0.0", "::"):
        server.wait_for(f"WARNING: listening on {host}: other machines can connect", "err")
    else:
        assert not any("WARNING" in line for line in server.err)


def test_an_untrusted_ca_in_a_folder_that_cannot_be_written_is_3(certs: Path, tmp_path: Path, cli: Command) -> None:
    (tmp_path / "certs").write_text("a file")
    answer = cli("serve", "--port", "0", "--once", "--credential", "untrusted-ca", "--certs", tmp_path / "certs")
    assert_is_refusal(answer, 3)


def test_the_lines_come_at_once_through_a_pipe(certs: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tlsdemo", "serve", "--port", "0", "--certs", str(certs)], stdout=subprocess.PIPE
    )
    assert process.stdout
    try:
        assert process.stdout.readline().startswith(b"listening on 127.0.0.1:")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 0


def test_a_certificate_that_was_issued_is_served(serve: Serve, tmp_path: Path) -> None:
    own = mint(tmp_path / "certs")
    assert pki("issue", "shop.example", "--dir", own).returncode == 0
    server = serve("--cert", own / "shop.example.pem", certs=own)
    named = ("--trust", own / "root.pem", "--name", "shop.example")
    assert tlsdemo("connect", server.target, *named).returncode == 0
    assert tlsdemo("connect", server.target, "--trust", own / "root.pem").returncode == 1


@pytest.mark.parametrize("words", [("--cert", "a.pem", "--rogue"), ("--key", "a.key")], ids=" ".join)
def test_a_certificate_of_ones_own_excludes_the_others(cli: Command, certs: Path, words: tuple[str, ...]) -> None:
    assert_is_refusal(cli("serve", "--port", "0", "--once", "--certs", certs, *words), 2)


def test_a_key_log_without_a_reader_does_not_hang(cli: Command, certs: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    answer = cli("serve", "--port", "0", "--once", "--certs", certs, "--keylog", tmp_path / "fifo")
    assert_is_refusal(answer, 3, "cannot write the key log")
