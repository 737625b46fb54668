"""`--capture` and `--explain` of `serve` and `connect`. Caught: a conversation that the recording changes or loses.

The judge of a capture is tshark: it decrypts with the keys in the file.
"""

import os
import re
import socket
import ssl
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Command, tool
from tests.peers.conftest import Serve
from tests.peers.support import acting, reset
from tlsdemo.edu.protocol import RUNGS
from tlsdemo.wire import captures

BOTH = pytest.mark.parametrize("protocol", ["tls", "tls13"])


def connected(cli: Command, certs: Path, target: str, protocol: str, *options: object) -> str:
    """What `connect` prints beside the answer, which it gets as ever."""
    answer = cli("connect", target, "--protocol", protocol, "--trust", certs / "root.pem", "--message", "hi", *options)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("received:  hi\n")
    return answer.err


def decrypted(capture: Path, field: str) -> list[str]:
    """The values of a field, in the order of the packets, as tshark decrypts the capture."""
    found = subprocess.run(
        [tool("tshark"), "-r", str(capture), "-T", "fields", "-e", field], capture_output=True, text=True, check=True
    )
    return [each for line in found.stdout.splitlines() for each in line.split(",") if each]


def messages(capture: Path) -> list[int]:
    return [int(each) for each in decrypted(capture, "tls.handshake.type")]


# connect ------------------------------------------------------------------------------------------------------------


@BOTH
def test_connect_explains_every_byte_and_prints_the_answer(
    serve: Serve, cli: Command, certs: Path, protocol: str
) -> None:
    told = connected(cli, certs, serve("--protocol", protocol).target, protocol, "--explain")
    explained, total = re.findall(r"explained +([\d,]+) of ([\d,]+) bytes", told)[0]
    assert explained == total
    assert "✗" not in told
    assert told.count("✓ recomputed: ") >= 3
    assert "ending      normal: close_notify from server and client" in told


def test_connect_explains_a_refusal_before_the_error(serve: Serve, cli: Command, certs: Path) -> None:
    answer = cli("connect", serve("--rogue").target, "--trust", certs / "root.pem", "--explain")
    assert answer.code == 1
    assert answer.err.index("check chain fails: ") < answer.err.index("error: ")
    assert "explained" in answer.err


@BOTH
def test_tshark_decrypts_the_capture_of_connect(
    serve: Serve, cli: Command, certs: Path, tmp_path: Path, protocol: str
) -> None:
    file = tmp_path / "traffic.pcapng"
    server = serve("--protocol", protocol)
    for _ in range(2):
        assert "written: " in connected(cli, certs, server.target, protocol, "--capture", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert messages(file) == 2 * [1, 2, 8, 11, 15, 20, 20, 4]
    assert decrypted(file, "tls.alert_message.desc") == 4 * ["0"]  # close_notify of both sides
    assert len(captures.read(file.read_bytes()).connections) == 2


@pytest.mark.parametrize("rung", RUNGS)
def test_the_educational_handshake_is_captured_too(
    serve: Serve, cli: Command, certs: Path, tmp_path: Path, rung: str
) -> None:
    file = tmp_path / "traffic.pcapng"
    connected(cli, certs, serve("--protocol", rung).target, rung, "--capture", file)
    (found,) = captures.read(file.read_bytes()).connections
    assert found.chunks[0].data.startswith(b'{"type": "client_hello"')
    assert all(each.data.endswith(b"}\n") for each in found.chunks)
    assert f"negotiated  {rung}, " in cli("explain", "--capture", file).out


def test_a_key_log_gets_the_keys_as_well(serve: Serve, cli: Command, certs: Path, tmp_path: Path) -> None:
    file, log = tmp_path / "traffic.pcapng", tmp_path / "keys.log"
    connected(cli, certs, serve().target, "tls", "--capture", file, "--keylog", log)
    keys = [line for line in log.read_text().splitlines() if not line.startswith("#")]
    assert sorted(keys) == sorted(captures.read(file.read_bytes()).key_log.splitlines())
    assert len(keys) >= 4


@pytest.mark.parametrize("content", [b"notes of mine\n", b"\xd4\xc3\xb2\xa1" + bytes(20)], ids=["text", "pcap"])
def test_a_file_that_is_no_pcapng_is_not_appended_to(
    serve: Serve, cli: Command, certs: Path, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "mine"
    file.write_bytes(content)
    server = serve()
    answer = cli("connect", server.target, "--trust", certs / "root.pem", "--capture", file)
    assert answer.code == 1
    assert answer.err.startswith("error: ")
    assert file.read_bytes() == content


def test_a_server_that_resets_is_recorded_up_to_the_reset(cli: Command, certs: Path, tmp_path: Path) -> None:
    file = tmp_path / "traffic.pcapng"

    def script(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        reset(peer)

    with acting(script) as address:
        answer = cli("connect", str(address), "--trust", certs / "root.pem", "--capture", file)
    assert answer.code == 3
    assert "closed the connection" in answer.err
    (found,) = captures.read(file.read_bytes()).connections
    assert [each.sender for each in found.chunks] == ["client"]


# serve --------------------------------------------------------------------------------------------------------------


@BOTH
def test_a_server_captures_connections_that_run_at_once(
    serve: Serve, certs: Path, tmp_path: Path, protocol: str
) -> None:
    file = tmp_path / "traffic.pcapng"
    server = serve("--protocol", protocol, "--capture", file)
    url, root = f"https://localhost:{server.port}/", str(certs / "root.pem")
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda _: run(["curl", "-s", "--http1.1", "--cacert", root, url]), range(8)))
    assert all("received:" in page for page in pages)
    assert "SSL" in run(["curl", "-sS", url], code=60)  # does not trust the root
    server.end()
    assert messages(file).count(20) == 8 * 2 + 1  # Finished of both sides, and of the server that was refused
    assert decrypted(file, "http.request.method") == 8 * ["GET"]
    assert decrypted(file, "tls.alert_message.desc").count("48") == 1  # unknown_ca


def run(command: list[str], code: int = 0) -> str:
    tool(command[0])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@BOTH
def test_a_server_explains_each_connection(serve: Serve, cli: Command, certs: Path, protocol: str) -> None:
    server = serve("--protocol", protocol, "--explain", as_json=False)
    connected(cli, certs, server.target, protocol)
    server.wait_for("ending      normal: close_notify from server and client")
    assert any("GET" not in line and "received:  hi" in line for line in server.out)
    assert sum("✓ recomputed: " in line for line in server.out) >= 3


def test_a_server_that_is_stopped_has_recorded_the_open_connection(serve: Serve, certs: Path, tmp_path: Path) -> None:
    file = tmp_path / "traffic.pcapng"
    server = serve("--capture", file)
    context = ssl.create_default_context(cafile=certs / "root.pem")
    with (
        socket.create_connection(("localhost", server.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        server.wait_for("agreed")
        server.end()
    assert messages(file)[:6] == [1, 2, 8, 11, 15, 20]


def test_a_capture_that_cannot_be_written_is_an_error_at_the_start(cli: Command, certs: Path, tmp_path: Path) -> None:
    answer = cli("serve", "--certs", certs, "--port", "0", "--once", "--capture", tmp_path / "missing" / "file")
    assert answer.code == 3
    assert answer.err.startswith("error: ")
    assert os.listdir(tmp_path) == []


@BOTH
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_does_not_end_the_connection(serve: Serve, cli: Command, certs: Path, protocol: str) -> None:
    told = connected(cli, certs, serve("--protocol", protocol).target, protocol, "--explain", "--keylog", "/dev/full")
    assert "note: the key log /dev/full cannot be written" in told
    assert "ending      normal: " in told


def test_the_mode_that_is_told_is_that_of_the_file(serve: Serve, cli: Command, certs: Path, tmp_path: Path) -> None:
    """An empty file of the user's own keeps its mode, and a device has none that counts."""
    file = tmp_path / "mine.pcapng"
    file.touch(0o644)
    server = serve()
    told = connected(cli, certs, server.target, "tls", "--capture", file)
    assert f"other users can read the secrets in {file} (mode 0644)" in told
    assert f"written: {file} (mode 0644; it has the keys of the connection)" in told
    assert "written: /dev/null\n" in connected(cli, certs, server.target, "tls", "--capture", "/dev/null")
