"""What a terminal gets. Falsehood caught: colours in a pipe or under NO_COLOR, words cut at the edge."""

import os
import pty
import re
import struct
import termios
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.conftest import run


def on_a_terminal(columns: int, *words: str | Path, **variables: str) -> str:
    """What `pki` prints on a terminal of that width, with the lines of both streams."""
    import subprocess
    import sys

    terminal, child = pty.openpty()
    ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "TERM")}
    with subprocess.Popen(
        [sys.executable, "-m", "pki", *map(str, words)],
        stdin=subprocess.DEVNULL, stdout=child, stderr=child, env={**environment, "TERM": "xterm", **variables},
    ):  # fmt: skip
        os.close(child)
        found = b""
        while True:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # Linux, at the end
                break
            if not part:
                break
            found += part
    os.close(terminal)
    return found.decode().replace("\r\n", "\n")


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_verdicts_are_coloured_on_a_terminal_only(certs: Path) -> None:
    import sys

    words = ("verify", certs / "rogue/server.pem", "--dir", certs)
    shown = on_a_terminal(80, *words)
    assert "\x1b[31m\x1b[1mFAILED" in shown and "\x1b[31m\x1b[1mREFUSED" in shown
    piped = run(sys.executable, "-m", "pki", *words).stdout
    assert "\x1b" not in piped and "REFUSED" in piped
    for variable in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_a_terminal(80, *words, **variable)


@pytest.mark.parametrize("columns", [50, 80, 132])
def test_output_is_wrapped_at_the_width_of_the_terminal_between_words(certs: Path, columns: int) -> None:
    words = ("verify", certs / "server.pem", "--dir", certs, "--name", "evil.test")
    lines = without_colours(on_a_terminal(columns, *words)).splitlines()
    checks = [line for line in lines if line.startswith("  ")]
    assert max(map(len, checks)) <= columns
    whole = " ".join(" ".join(checks).split())
    assert "issue one with `pki issue evil.test`" in whole
    if columns == 132:
        assert max(map(len, checks)) > 80


def test_an_error_is_wrapped_between_words(tmp_path: Path) -> None:
    lines = without_colours(on_a_terminal(50, "verify", "none.pem", "--at", "yesterday")).splitlines()
    assert lines[0] == "error: 'yesterday' is not a valid time"
    assert all(len(line) <= 50 for line in lines)
    assert "such as 2026-11-24T12:00:00Z" in " ".join(" ".join(lines).split())
