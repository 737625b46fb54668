"""Fixtures for whoever needs a `tlsdemo serve`, or another program, in the background."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pki.keys import KeyType
from tests.conftest import Command, mint, tool
from tests.peers.support import Background, OnPath, Serving
from tests.peers.tls13 import TLS13, Keyed, Standing
from tlsdemo.__main__ import main

Serve = Callable[..., Serving]
Start = Callable[..., Background]
StartOnPath = Callable[..., OnPath]


@pytest.fixture
def serve(certs: Path) -> Iterator[Serve]:
    """`serve(*options)` starts a server; whatever still runs at the end gets SIGINT and must end with 0, quietly."""
    started: list[Serving] = []

    def start(*options: str | Path, certs: Path = certs, **settings: object) -> Serving:
        started.append(Serving(*options, certs=certs, **settings))  # type: ignore[arg-type]  # passed on as they came
        return started[-1]

    yield start
    try:
        for each in started:
            if each.process.stdout and not each.process.stdout.closed:
                each.end()
    finally:
        for each in started:
            each.kill()


@pytest.fixture
def start_on_path() -> Iterator[StartOnPath]:
    """`start_on_path(command, *options, before=port)` starts `eavesdrop` or `mitm`; SIGINT must end it, as a server."""
    started: list[OnPath] = []

    def start(*words: str | Path, before: int, **settings: object) -> OnPath:
        started.append(OnPath(*words, before=before, **settings))  # type: ignore[arg-type]  # passed on as they came
        return started[-1]

    yield start
    try:
        for each in started:
            if each.process.stdout and not each.process.stdout.closed:
                each.end()
    finally:
        for each in started:
            each.kill()


@pytest.fixture
def background() -> Iterator[Start]:
    """`background(*command)` starts any program; it is killed at the end."""
    started: list[Background] = []

    def start(*command: str | Path, **settings: object) -> Background:
        started.append(Background(*command, **settings))  # type: ignore[arg-type]  # passed on as they came
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `tlsdemo`, in this process: where there are too many calls for a process each."""
    return Command("tlsdemo", main, monkeypatch, capsys)


@pytest.fixture
def openssl() -> str:
    """The program, or a skip."""
    return tool("openssl")


# TLS 1.3 of our own -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def keyed(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Keyed:
    """`keyed(type)` is a PKI with keys of that type, made once."""
    made = {KeyType.EC_P256: certs}

    def of(key_type: KeyType) -> Path:
        if key_type not in made:
            made[key_type] = mint(tmp_path_factory.mktemp("pki") / "certs", key_type)
        return made[key_type]

    return of


@pytest.fixture(scope="module")
def standing13(certs: Path) -> Iterator[Standing]:
    """`standing13(*options)` is a server of TLS 1.3 of our own for all tests of a file. At the end it ends with 0."""
    started: dict[tuple[object, ...], Serving] = {}

    def server(*options: str | Path, certs: Path = certs) -> Serving:
        key = (certs, *options)
        if key not in started:
            started[key] = Serving(*TLS13, *options, certs=certs)
        return started[key]

    yield server
    try:
        for each in started.values():
            each.end()
    finally:
        for each in started.values():
            each.kill()
