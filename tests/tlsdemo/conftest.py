"""Fixtures of the tests of `tlsdemo`: the command in this process, and the background servers of tests/peers."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tests.peers.conftest import background, openssl, serve
from tlsdemo.__main__ import main

__all__ = ["background", "openssl", "serve"]

settings.register_profile("tlsdemo", deadline=None)  # a busy machine is no failure
settings.load_profile("tlsdemo")


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str


class Command:
    """`tlsdemo` called in this process: any exception but the end of the program fails the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: object) -> Answer:
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["tlsdemo", *map(str, words)])
            with pytest.raises(SystemExit) as ended:
                main()
        captured = self._capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Answer(code, captured.out, captured.err)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `tlsdemo`, in this process."""
    return Command(monkeypatch, capsys)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which `tempfile` works now."""
    import tempfile

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
