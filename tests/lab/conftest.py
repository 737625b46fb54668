"""A lab that stays open for all tests of a session, and the command in this process."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import Command
from tlsdemo.__main__ import main
from tlsdemo.commands.lab import laboratory
from tlsdemo.lab.check import Tester, open_tester


@pytest.fixture(scope="session")
def tester() -> Iterator[Tester]:
    """Everything is minted once; whoever uses it counts its own visits alone."""
    with ExitStack() as stack:
        with warnings.catch_warnings():  # the library remarks on certificates that are broken on purpose
            warnings.simplefilter("ignore")
            collection, lab = stack.enter_context(laboratory())
        yield stack.enter_context(open_tester(collection, lab))


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `tlsdemo`, in this process."""
    return Command("tlsdemo", main, monkeypatch, capsys)
