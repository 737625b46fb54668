"""Fixtures of the tests of `pki`: one tree for each key type, and the command line without the cost of a process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from pki.__main__ import main
from pki.keys import KeyType
from tests.conftest import mint

settings.register_profile("pki", deadline=None)  # a busy machine is no failure
settings.load_profile("pki")


@pytest.fixture(scope="session")
def tree(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[KeyType], Path]:
    """A PKI of the key type asked for, minted once in a session; no test may change it."""
    minted = {KeyType.EC_P256: certs}

    def of(key_type: KeyType) -> Path:
        if key_type not in minted:
            minted[key_type] = mint(tmp_path_factory.mktemp(key_type.value) / "certs", key_type)
        return minted[key_type]

    return of


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str


class Command:
    """`pki` called in this process: any exception but the end of the program fails the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> Answer:
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["pki", *map(str, words)])
            with pytest.raises(SystemExit) as ended:
                main()
        captured = self._capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Answer(code, captured.out, captured.err)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `pki`, in this process."""
    return Command(monkeypatch, capsys)
