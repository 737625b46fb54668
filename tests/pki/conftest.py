"""Fixtures of the tests of `pki`: one tree for each key type, and the command line without the cost of a process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pki.__main__ import main
from pki.keys import KeyType
from tests.conftest import Answer, Command, mint

__all__ = ["Answer", "Command"]


@pytest.fixture(scope="session")
def tree(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[KeyType], Path]:
    """A PKI of the requested key type, created once in a session; no test may change it."""
    minted = {KeyType.EC_P256: certs}

    def of(key_type: KeyType) -> Path:
        if key_type not in minted:
            minted[key_type] = mint(tmp_path_factory.mktemp(key_type.value) / "certs", key_type)
        return minted[key_type]

    return of


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `pki`, in this process."""
    return Command("pki", main, monkeypatch, capsys)
