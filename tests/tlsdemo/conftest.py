"""Fixtures of the tests of `tlsdemo`: the command in this process, background servers, one world and one matrix."""

import ssl
from pathlib import Path

import pytest

from pki.keys import KeyType
from tests.conftest import Answer, Command
from tests.peers.conftest import background, openssl, serve
from tlsdemo.__main__ import main
from tlsdemo.attack.matrix import Matrix, measure
from tlsdemo.attack.real_world import world as world_of
from tlsdemo.attack.world import World
from tlsdemo.compare.protocols import all_protocols

__all__ = ["Answer", "Command", "background", "openssl", "serve"]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `tlsdemo`, in this process."""
    return Command("tlsdemo", main, monkeypatch, capsys)


@pytest.fixture
def lenient_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every new SSLContext has OP_IGNORE_UNEXPECTED_EOF, as in Python 3.11.2 of Debian 12."""
    original = ssl.SSLContext.__new__

    def make(cls: type[ssl.SSLContext], *arguments: int) -> ssl.SSLContext:
        context = original(cls, *arguments)
        context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
        return context

    monkeypatch.setattr(ssl.SSLContext, "__new__", make)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which `tempfile` works now."""
    import tempfile

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="session")
def world() -> World:
    """The two honest parties of the attacks, with P-256 keys; one for all tests of a process."""
    return world_of(KeyType.EC_P256)


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    """Every attack on every protocol, measured once for all tests of a process."""
    return measure(all_protocols(), world_of)
