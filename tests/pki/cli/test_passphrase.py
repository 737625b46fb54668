"""Passphrases typed on a terminal. Falsehood caught: a prompt that hangs, echoes, or accepts a typing error."""

import os
import pty
import select
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki.errors import ExitCode
from tests.conftest import mint, pki


def on_a_terminal(answers: list[str], *words: str | Path) -> tuple[int, str]:
    """Run `pki` on a terminal of its own and answer each prompt: the exit code, and what the terminal shows."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "pki", *map(str, words)])
    shown, waiting = b"", list(answers)
    while select.select([terminal], [], [], 60)[0]:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # Linux says so when the program has ended
            break
        if not piece:
            break
        shown += piece
        if waiting and shown.rstrip(b" ").endswith(b":"):
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
            shown += b"\n"
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A folder that a test may change."""
    return mint(tmp_path / "certs")


def test_a_new_passphrase_is_typed_twice_and_never_shown(fresh: Path) -> None:
    code, shown = on_a_terminal(["correct horse", "correct horse"], "issue", "a.test", "--encrypt", "--dir", fresh)
    assert code == 0, shown
    assert "correct" not in shown
    assert load_pem_private_key((fresh / "a.test.key").read_bytes(), b"correct horse")


@pytest.mark.parametrize("answers", [["one", "two"], [""]], ids=["different", "empty"])
def test_a_typing_error_issues_nothing(fresh: Path, answers: list[str]) -> None:
    code, shown = on_a_terminal(answers, "issue", "a.test", "--encrypt", "--dir", fresh)
    assert code == ExitCode.CANNOT and "error: " in shown
    assert not (fresh / "a.test.key").exists()


def test_an_encrypted_key_is_asked_for(fresh: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    (tmp_path / "secret").chmod(0o600)
    made = pki("issue", "a.test", "--encrypt", "--passphrase-file", tmp_path / "secret", "--dir", fresh)
    assert made.returncode == 0, made.stderr
    words = ("issue", "b.test", "--key", fresh / "a.test.key", "--dir", fresh)
    code, shown = on_a_terminal(["wrong"], *words)
    assert code == ExitCode.CANNOT and "wrong passphrase" in shown
    code, shown = on_a_terminal(["correct horse"], *words)
    assert code == 0, shown


def test_without_a_terminal_there_is_no_prompt(fresh: Path) -> None:
    ran = pki("issue", "a.test", "--encrypt", "--dir", fresh)
    assert ran.returncode == ExitCode.CANNOT
    assert "--passphrase-file" in ran.stderr
