"""`tlsdemo chain`: the certificates as OpenSSL's client sees them, and fit for `pki verify -`."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Command, run, tool
from tests.peers.conftest import Serve
from tests.peers.support import acting, assert_is_refusal

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def test_it_prints_what_openssl_sees(serve: Serve, cli: Command, certs: Path) -> None:
    server = serve()
    answer = cli("chain", server.target)
    assert answer.code == 0
    shown = run(tool("openssl"), "s_client", "-connect", server.target, "-showcerts", input="", stdin=None)
    assert PEM.findall(answer.out) == PEM.findall(shown.stdout)
    assert PEM.findall(answer.out) == PEM.findall((certs / "server.pem").read_text())
    assert "nothing was checked" in answer.err


@pytest.mark.parametrize(("credential", "code"), [("server", 0), ("rogue", 1)])
def test_it_can_be_judged(serve: Serve, cli: Command, certs: Path, credential: str, code: int) -> None:
    server = serve("--credential", credential)
    chain = cli("chain", server.target).out
    command = [sys.executable, "-m", "pki", "verify", "-", "--name", "localhost", "--dir", str(certs)]
    done = subprocess.run(command, input=chain, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_the_server_logs_the_connection(serve: Serve, cli: Command) -> None:
    server = serve()
    assert cli("chain", server.target).code == 0
    assert server.event("closed")["application_bytes"] == 0


def test_where_there_is_no_tls_it_says_so(cli: Command) -> None:
    def garbage(connected: socket.socket) -> None:
        connected.recv(1 << 16)
        connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with acting(garbage) as address:
        assert_is_refusal(cli("chain", str(address)), 1, "presents no certificate")


@pytest.mark.parametrize(("address", "code"), [("localhost:1", 3), ("localhost:0", 2), ("https://a.test", 2)])
def test_bad_addresses(cli: Command, address: str, code: int) -> None:
    assert_is_refusal(cli("chain", address), code)
