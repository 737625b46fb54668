"""What all tests share: peers that may be missing, data that a user's checkout has not, and a freshly minted PKI."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from pki import names
from pki.keys import KeyType
from pki.store import ca

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")

ROOT = Path(__file__).parent.parent
"""Where README.md, `pki` and `tlsdemo` are."""

REQUIRE = os.environ.get("TLSDEMO_REQUIRE_TOOLS") == "1"


def missing(what: str) -> None:
    """Skip, with the reason; under TLSDEMO_REQUIRE_TOOLS=1, where everything must be there, fail."""
    if REQUIRE:
        pytest.fail(f"{what} is missing, and TLSDEMO_REQUIRE_TOOLS=1 demands it")
    pytest.skip(f"{what} is not installed")


def tool(name: str, *proof: str) -> str:
    """The path of a peer's program, or a skip (a failure where tools are required).

    Where the program also needs a module of its own, `proof` are arguments with which it must exit with 0.
    """
    path = shutil.which(name)
    if path is None or (proof and run(path, *proof).returncode != 0):
        missing(" ".join([name, *proof]))
    assert path is not None
    return path


COMPILER = ("--describe-module", "jdk.compiler")
"""The proof for a `java` that runs a source file: a JRE does not have the compiler."""


def module(name: str) -> None:
    """A skip (a failure where tools are required) if this Python does not have the module."""
    try:
        importlib.import_module(name)
    except ImportError:
        missing(f"the Python module {name}")


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with captured text output and no inherited standard input."""
    settings: dict[str, object] = {"stdin": subprocess.DEVNULL, "timeout": 110, **options}
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **settings)  # type: ignore[call-overload,no-any-return]  # options are subprocess.run's


def pki(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run `pki` as a user would, in a process of its own."""
    return run(sys.executable, "-m", "pki", *arguments, **options)


def tlsdemo(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run `tlsdemo` as a user would, in a process of its own."""
    return run(sys.executable, "-m", "tlsdemo", *arguments, **options)


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """A program called in this process: any exception but its own end fails the test."""

    program: str
    main: Callable[[], None]
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: object) -> Answer:
        self.capsys.readouterr()
        with self.monkeypatch.context() as patch:
            patch.setattr(sys, "argv", [self.program, *map(str, words)])
            with pytest.raises(SystemExit) as ended:
                self.main()
        captured = self.capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Answer(code, captured.out, captured.err)


def run_as_nobody(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """This Python as user 65534; skipped where we are not root, or where that user cannot reach the interpreter."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    python = (tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable)
    if run(*python, "-c", "import tlsdemo.cli.main", cwd="/").returncode != 0:
        pytest.skip("user 65534 cannot run this interpreter")
    return run(*python, *words, cwd="/")


@pytest.fixture(autouse=True)
def signals_as_they_were() -> Iterator[None]:
    """Each test, and each program that it starts, begins with the default handlers.

    A server that was ended by a signal ignores further ones, also when it ran in this very process. A shell starts
    background jobs with SIGINT ignored, and nohup ignores SIGHUP; programs inherit that.
    """
    default: dict[signal.Signals, Callable[..., object] | signal.Handlers] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.getsignal(number) for number in default}
    for number in before:
        if before[number] is signal.SIG_IGN:
            signal.signal(number, default[number])
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colours, no settings of the person who runs the tests."""
    for name in ("PKI_DIR", "PKI_PASSPHRASE_FILE", "TLSDEMO_CERTS", "FORCE_COLOR", "GITHUB_ACTIONS", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")


def mint(
    directory: Path,
    key_type: KeyType = KeyType.EC_P256,
    alternative_names: Sequence[str] = ca.DEFAULT_SAN,
    now: datetime | None = None,
    days: int = 90,
) -> Path:
    """`pki init` without the process."""
    ca.init(
        directory,
        name=ca.DEFAULT_NAME,
        alternative_names=[names.parse(name) for name in alternative_names],
        key_type=key_type,
        days=days,
        now=now or datetime.now(UTC),
        existing=ca.Existing.REFUSE,
    )
    return directory


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PKI that no test may change."""
    return mint(tmp_path_factory.mktemp("pki") / "certs")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of TLSDEMO_DATA: measured cases and captures, which a user's checkout does not have."""
    folder = os.environ.get("TLSDEMO_DATA")
    if not folder or not Path(folder).is_dir():
        missing("the data folder named by TLSDEMO_DATA")
    assert folder
    return Path(folder)
