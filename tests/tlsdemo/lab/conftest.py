"""A lab that stays open for all tests of a session, and the command in this process."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import Command, tool
from tests.peers.support import DEADLINE
from tests.tlsdemo.lab.visiting import Lab, lab_of
from tlsdemo.__main__ import main
from tlsdemo.lab import server as laboratories
from tlsdemo.lab.catalogue import CASES
from tlsdemo.lab.lifecycle import laboratory
from tlsdemo.lab.tester import Tester, open_tester


@pytest.fixture(scope="session")
def tester() -> Iterator[Tester]:
    """Everything is minted once; whoever uses it counts its own visits alone."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(laboratories, "SETTLING", DEADLINE)  # a loaded machine needs longer for the end of a visit
        with warnings.catch_warnings():  # the library remarks on certificates that are broken on purpose
            warnings.simplefilter("ignore")
            lab = stack.enter_context(laboratory(list(CASES.values())))
        yield stack.enter_context(open_tester(lab))


@pytest.fixture
def curl() -> str:
    """The program, or a skip."""
    return tool("curl")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `tlsdemo`, in this process."""
    return Command("tlsdemo", main, monkeypatch, capsys)


@pytest.fixture(scope="session")
def lab(tester: Tester, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The same lab, with what it says of itself, and with its files."""
    return lab_of(tester, tmp_path_factory.mktemp("lab"))
