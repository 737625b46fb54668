"""Somebody in the middle: socat sees every byte and not the message; with the key log, Wireshark reads all of it."""

import re
import shlex
import stat
import struct
import sys
from pathlib import Path

import pytest

from pki.store.files import read_certificates
from tests.conftest import mint, run, tlsdemo, tool
from tests.peers.conftest import Serve, Start
from tests.peers.support import Serving, live, ours, trusting
from tlsdemo import net
from tlsdemo.protocol import Flight, Side
from tlsdemo.tls import client
from tlsdemo.tls.context import client_context

SECRET = "the key is under the mat"


def test_socat_in_the_middle_sees_no_message(serve: Serve, background: Start, certs: Path) -> None:
    server = serve()
    middle = background(
        tool("socat"), "-d", "-d", "-v", "TCP4-LISTEN:0,bind=127.0.0.1,fork", f"TCP:127.0.0.1:{server.port}"
    )
    port = middle.wait_for(r"listening on AF=2 .*:(\d+)", "err").group(1)
    done = tlsdemo("connect", f"127.0.0.1:{port}", "--trust", certs / "root.pem", "--message", SECRET)
    assert done.returncode == 0, done.stderr
    assert server.event("said")["text"] == SECRET
    middle.wait_for(r"< \d{4}/.* length=", "err")
    middle.kill()
    seen = "\n".join(middle.err)
    assert SECRET not in seen
    assert SECRET[:9] not in seen


@pytest.mark.parametrize("side", ["server", "client"])
def test_the_key_log_is_readable_by_its_owner_alone(serve: Serve, certs: Path, tmp_path: Path, side: str) -> None:
    keylog = tmp_path / "keys.log"
    server = serve(*(("--keylog", keylog) if side == "server" else ()))
    mine = ("--keylog", keylog) if side == "client" else ()
    assert tlsdemo("connect", server.target, "--trust", certs / "root.pem", *mine).returncode == 0
    assert stat.S_IMODE(keylog.stat().st_mode) == 0o600
    labels = {line.split()[0] for line in keylog.read_text().splitlines() if not line.startswith("#")}
    assert {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"} <= labels


def test_wireshark_reads_the_conversation_with_the_key_log_and_only_with_it(certs: Path, tmp_path: Path) -> None:
    tshark = tool("tshark")
    keylog, pcap = tmp_path / "keys.log", tmp_path / "line.pcap"
    context = client_context(read_certificates(certs / "root.pem"), keylog=keylog)
    with live(ours(certs)) as server, net.Tap(net.Address("127.0.0.1", server.port)) as tap:
        with net.dial(net.Address("127.0.0.1", tap.port)) as plain, client.wrap(plain, context, "localhost") as tls:
            client.ask(tls, SECRET)
        server.conversation()
    pcap.write_bytes(capture(tap.tape))
    command = (tshark, "-r", pcap, "-d", "tcp.port==4433,tls", "-q", "-z", "follow,tls,ascii,0")
    assert SECRET not in run(*command).stdout
    assert f"{SECRET}\n" in run(*command, "-o", f"tls.keylog_file:{keylog}").stdout


def capture(tape: list[Flight]) -> bytes:
    """A pcap file with the flights as TCP segments between ports 50000 and 4433 (LINKTYPE_RAW, IPv4)."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    sequence = {Side.CLIENT: 1000, Side.SERVER: 9000}
    ports = {Side.CLIENT: 50000, Side.SERVER: 4433}
    pieces = [(Side.CLIENT, b"", 0x02), (Side.SERVER, b"", 0x12), (Side.CLIENT, b"", 0x10)]
    pieces += [
        (flight.sender, flight.data[start : start + 1400], 0x18)
        for flight in tape
        for start in range(0, len(flight.data), 1400)
    ]
    for number, (side, data, flags) in enumerate(pieces):
        tcp = struct.pack(
            "!HHIIBBHHH", ports[side], ports[side.other], sequence[side], sequence[side.other], 0x50, flags, 65535, 0, 0
        )
        source, target = (b"\x0a\0\0\1", b"\x0a\0\0\2") if side is Side.CLIENT else (b"\x0a\0\0\2", b"\x0a\0\0\1")
        packet = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(data), number, 0, 64, 6, 0) + source + target + tcp + data
        out += struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet
        sequence[side] += len(data) + (1 if flags & 0x02 else 0)
    return out


# The lines that the server prints -----------------------------------------------------------------------------------


def printed(server: Serving) -> list[str]:
    """The commands that it tells a person to try."""
    server.wait_for(r"^    tlsdemo connect .*$")
    server.wait_for("^    socat")
    server.wait_for("^    openssl")
    return [line.strip() for line in server.out if re.match(r"^    (tlsdemo|openssl|socat) ", line)]


@pytest.mark.parametrize(
    "options", [(), ("--require-client-cert",), ("--host", "127.0.0.1"), ("--host", "::1")], ids=" ".join
)
def test_the_lines_to_try_work_as_printed(serve: Serve, certs: Path, openssl: str, options: tuple[str, ...]) -> None:
    server = serve(*options, as_json=False)
    connect, s_client, *_ = printed(server)
    by_us = run(*our(connect))
    assert by_us.returncode == 0, by_us.stderr
    by_openssl = run(*shlex.split(s_client), "-ign_eof", stdin=None, input="typed by hand\n")
    assert by_openssl.returncode == 0, by_openssl.stderr
    assert "received:  typed by hand" in by_openssl.stdout


@pytest.mark.parametrize("options", [(), ("--host", "::1")], ids=" ".join)
def test_the_person_in_the_middle_works_as_printed(serve: Serve, background: Start, options: tuple[str, ...]) -> None:
    tool("socat")
    socat, through = printed(serve(*options, as_json=False))[2:4]
    line = re.search(r"-LISTEN:(\d+)", socat)
    assert line and f":{line[1]}" in through
    # The next port is free for a person with one server, not beside other tests: here socat takes any, and says which.
    words = shlex.split(socat.replace(f"-LISTEN:{line[1]}", "-LISTEN:0"), comments=True)
    middle = background(words[0], "-d", "-d", *words[1:])
    port = middle.wait_for(r"listening on .*:(\d+)$", "err")[1]
    done = run(*our(through.replace(f":{line[1]}", f":{port}")), "--message", SECRET)
    assert done.returncode == 0, done.stderr
    middle.kill()
    assert SECRET not in "\n".join(middle.err)


@pytest.mark.parametrize("name", ["web1", "fe80::a", "a.example.test", "*.example.test"])
def test_the_lines_to_try_ask_for_a_name_that_the_certificate_has(
    serve: Serve, openssl: str, tmp_path: Path, name: str
) -> None:
    own = mint(tmp_path / "certs", alternative_names=[name])
    connect, s_client, *_ = printed(serve(certs=own, as_json=False))
    assert run(*our(connect)).returncode == 0, connect
    by_openssl = run(*shlex.split(s_client), "-ign_eof", stdin=None, input="typed by hand\n")
    assert by_openssl.returncode == 0, (s_client, by_openssl.stderr)


def our(line: str) -> list[str]:
    """`tlsdemo ...` as a command of this very interpreter."""
    return [sys.executable, "-m", *shlex.split(line, comments=True)]


def test_the_lines_to_try_survive_a_folder_with_blanks(serve: Serve, openssl: str, tmp_path: Path) -> None:
    own = mint(tmp_path / "my 'certs' & more")
    connect, s_client, *_ = printed(serve(certs=own, as_json=False))
    assert run(*our(connect)).returncode == 0, connect
    assert run(*shlex.split(s_client)).returncode == 0, s_client


def test_client_trusts_only_its_trust_anchors(certs: Path) -> None:
    with live(ours(certs)) as server, server.dial() as plain, client.wrap(plain, trusting(certs), "localhost") as tls:
        assert b"received:  hello" in client.ask(tls, "hello")
