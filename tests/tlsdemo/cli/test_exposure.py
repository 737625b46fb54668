"""Listening beyond this machine is said loudly. Falsehood caught: a test server that everybody can reach in silence."""

import signal
import sys
from pathlib import Path

import pytest

from tests.peers.conftest import Start
from tlsdemo.cli.exposure import warn_if_exposed

HERE = ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1")
BEYOND = ("0.0.0.0", "::", "192.0.2.7", "2001:db8::7", "fe80::1%eth0", "::ffff:0.0.0.0", "169.254.1.1")


@pytest.mark.parametrize("host", HERE)
def test_on_this_machine_alone_there_is_nothing_to_warn_of(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    warn_if_exposed([host])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", BEYOND)
def test_what_others_can_reach_is_said(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    warn_if_exposed(["127.0.0.1", host])
    assert capsys.readouterr().err.startswith(f"WARNING: listening on {host}: other machines can connect\n")


@pytest.mark.parametrize(
    "words", [("mitm", "--listen", "0.0.0.0:0"), ("eavesdrop", "--listen", "[::]:0")], ids=" ".join
)
def test_the_commands_in_the_middle_say_it_too(background: Start, certs: Path, words: tuple[str, ...]) -> None:
    more = ("--certs", certs) if words[0] == "mitm" else ()
    process = background(sys.executable, "-m", "tlsdemo", *words, *more)
    process.wait_for("WARNING: listening on .*: other machines can connect", "err")
    process.signal(signal.SIGINT)
    assert process.wait() == 0
