"""Fixtures of the tests of `tlsdemo`: the command in this process, and the background servers of tests/peers."""

from pathlib import Path

import pytest

from tests.conftest import Answer, Command
from tests.peers.conftest import background, openssl, serve
from tlsdemo.__main__ import main

__all__ = ["Answer", "Command", "background", "openssl", "serve"]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `tlsdemo`, in this process."""
    return Command("tlsdemo", main, monkeypatch, capsys)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which `tempfile` works now."""
    import tempfile

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
