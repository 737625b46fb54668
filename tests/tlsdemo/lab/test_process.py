"""Programs that misbehave, and what is left of them. Falsehoods caught: a client that outlives its case, one that
fills the memory or drives the terminal, one that hangs us, and a time limit that is none.

After each: no process with our mark, no descriptor, no thread.
"""

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pki.errors import ExitCode, Problem
from tests.conftest import run, tool
from tests.peers.support import DEADLINE, PROMPT
from tests.tlsdemo.lab.trying import bearing, wait_until
from tlsdemo.lab import process
from tlsdemo.lab.process import CHUNK, GRACE, KEPT, MARK, Nursery, OutputEnds, Ran

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")

QUICK = DEADLINE
"""A time limit that none of these reach, unless something is wrong."""
SLACK = PROMPT
"""Seconds that ending a program may take on a loaded machine."""
FOREVER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(999)"


def descriptors() -> set[str]:
    return {f"{entry.name} {os.readlink(entry)}" for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}


@dataclass
class Trial:
    """A nursery, and a name that nobody else's children bear."""

    nursery: Nursery
    name: str

    def __call__(self, *command: str, seconds: float = QUICK, stdin: str = "", **environment: str) -> Ran:
        surrounded = {"PATH": os.environ["PATH"], "TRIAL": self.name, **environment}
        return self.nursery.run(command, surrounded, stdin, seconds)

    def python(self, code: str, *words: str, seconds: float = QUICK, stdin: str = "") -> Ran:
        return self(sys.executable, "-c", code, *words, seconds=seconds, stdin=stdin)

    @property
    def left(self) -> list[str]:
        return bearing(f"TRIAL={self.name}")


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    """Nothing may be left when the nursery is closed."""
    threads = set(threading.enumerate())
    before = descriptors()
    tried = Trial(Nursery(), f"{os.getpid()}-{request.node.name}")
    yield tried
    tried.nursery.close()
    assert tried.left == []
    assert descriptors() - before == set()
    assert set(threading.enumerate()) == threads


# Ending ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 60, 255])
def test_the_exit_code_is_its_own(trial: Trial, code: int) -> None:
    ran = trial.python(f"import sys; print('out'); print('err', file=sys.stderr); sys.exit({code})")
    assert (ran.exit_code, ran.out, ran.err, ran.stopped_at) == (code, "out\n", "err\n", None)
    assert trial.left == []


@pytest.mark.parametrize("signal", [1, 2, 6, 9, 11, 15])
def test_one_that_kills_itself_tells_the_signal(trial: Trial, signal: int) -> None:
    ran = trial.python(f"import os; os.kill(os.getpid(), {signal}); import time; time.sleep(99)")
    assert (ran.exit_code, ran.stopped_at) == (-signal, None)


def test_one_that_never_ends_is_ended_at_its_deadline_though_it_ignores_sigterm(trial: Trial) -> None:
    for seconds in (1.0, 4.0, 16.0):  # a loaded machine needs longer until the program is up
        begun = time.monotonic()
        ran = trial.python(FOREVER, seconds=seconds)
        assert ran.exit_code is None
        assert ran.stopped_at is not None and seconds <= ran.stopped_at - begun < seconds + SLACK
        assert trial.left == []
        if ran.out:
            break
    assert ran.out == "up\n"


def test_one_that_has_stopped_itself_is_ended(trial: Trial) -> None:
    assert trial.python("import os; os.kill(os.getpid(), 19)", seconds=0.5).exit_code is None
    assert trial.left == []


def test_one_that_closes_its_output_and_goes_on_is_waited_for(trial: Trial) -> None:
    ran = trial.python("import os, sys, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(7)")
    assert (ran.exit_code, ran.out, ran.stopped_at) == (7, "", None)
    assert ran.seconds >= 0.3


def test_one_that_closes_its_output_and_never_ends_is_ended(trial: Trial) -> None:
    ran = trial.python("import os, time; os.close(1); os.close(2); time.sleep(999)", seconds=0.5)
    assert ran.exit_code is None
    assert trial.left == []


# Those whom it leaves behind ------------------------------------------------------------------------------------------

DAEMON = """
import os, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
if 'quiet' in sys.argv:
    for each in (0, 1, 2): os.close(each)
else:
    print('gone away', flush=True)
time.sleep(999)
"""


def test_a_program_that_forks_and_ends_leaves_no_process(trial: Trial) -> None:
    ran = trial("sh", "-c", "sleep 999 & echo started; exit 5")
    assert (ran.exit_code, ran.out) == (5, "started\n")
    assert ran.stopped_at is not None, "somebody was ended, and this is not said"
    assert ran.seconds < GRACE + SLACK
    assert trial.left == []


def test_children_without_output_are_ended_too(trial: Trial) -> None:
    ran = trial("sh", "-c", "sleep 999 >/dev/null 2>&1 & exit 5")
    assert ran.exit_code == 5
    assert ran.stopped_at is not None
    assert trial.left == []


def test_those_left_behind_have_a_moment_since_one_may_be_the_client(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", DEADLINE)  # they end long before
    for redirected in ("", ">/dev/null 2>&1"):
        done = tmp_path / f"done{len(redirected)}"
        ran = trial("sh", "-c", f"(sleep 0.3; touch {done}) {redirected} & exit 0")
        assert done.exists()
        assert (ran.exit_code, ran.stopped_at) == (0, None)


def test_one_that_daemonises_and_holds_our_pipe_is_ended_with_its_case(trial: Trial) -> None:
    ran = trial.python(DAEMON)
    assert (ran.exit_code, ran.out) == (0, "gone away\n")
    assert ran.stopped_at is not None
    assert trial.left == []


def test_one_that_daemonises_and_holds_nothing_is_ended_at_the_end(trial: Trial) -> None:
    ran = trial.python(DAEMON, "quiet")
    assert ran.exit_code == 0
    assert len(trial.left) <= 1
    trial.nursery.close()
    assert trial.left == []


def test_one_at_its_deadline_takes_its_daemons_along(trial: Trial) -> None:
    code = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {DAEMON!r}]); time.sleep(999)"
    assert trial.python(code, seconds=1.5).exit_code is None
    assert trial.left == []


def test_those_who_beget_others_are_ended_to_the_last(trial: Trial) -> None:
    breeder = (
        "import os\nfor _ in range(400):\n    if os.fork(): os._exit(0)\n    os.setsid()\nimport time; time.sleep(99)"
    )
    ran = trial.python(breeder)
    assert ran.exit_code == 0
    assert trial.left == []


@dataclass
class Hopping:
    """A /proc in which a marked process forks and exits right after each listing, before it is looked at."""

    folder: Path
    mark: str
    hops: int
    pid: int = 100

    def iterdir(self) -> Iterator[Path]:
        (self.folder / str(self.pid)).mkdir(exist_ok=True)
        (self.folder / str(self.pid) / "environ").write_text(f"PATH=/bin\0{self.mark}1.\0")
        listed = list(self.folder.iterdir())
        if self.hops:
            (self.folder / str(self.pid) / "environ").unlink()
            (self.folder / str(self.pid)).rmdir()
            self.hops, self.pid = self.hops - 1, self.pid + 1
        return iter(listed)


@pytest.mark.parametrize("hops", [0, 1, 5])
def test_one_that_forks_and_exits_while_we_look_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hops: int
) -> None:
    monkeypatch.setattr(process, "PROC", Hopping(tmp_path, MARK, hops))
    assert process._marked(MARK) == [100 + hops]


def test_a_child_of_another_nursery_is_left_alone(trial: Trial) -> None:
    other = Nursery()
    outcome: list[Ran] = []
    thread = threading.Thread(target=lambda: outcome.append(Trial(other, trial.name).python(FOREVER)))
    thread.start()
    wait_until(lambda: bool(trial.left))
    trial.nursery.close()
    assert len(trial.left) == 1
    other.close()
    thread.join(DEADLINE)
    assert outcome[0].exit_code == -9


def test_a_run_that_is_stopped_ends_no_process_of_another_run(trial: Trial, tmp_path: Path) -> None:
    beside: list[Ran] = []
    there, go_on = tmp_path / "there", tmp_path / "go on"
    code = f"""
import os, time
print('here', flush=True)
open({str(there)!r}, 'w').close()
while not os.path.exists({str(go_on)!r}): time.sleep(0.01)
"""
    thread = threading.Thread(target=lambda: beside.append(trial.python(code)))
    thread.start()
    wait_until(there.exists)
    assert trial.python("import time; time.sleep(99)", seconds=0.2).exit_code is None
    go_on.touch()
    thread.join(DEADLINE)
    assert (beside[0].exit_code, beside[0].out) == (0, "here\n")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it lives on, and Python says so
def test_a_process_that_cannot_be_ended_is_a_problem_and_does_not_hang(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_yours(number: int, signal: int) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:  # as with `sudo` for whoever is not root
        patch.setattr(os, "killpg", not_yours)
        patch.setattr(os, "kill", not_yours)
        begun = time.monotonic()
        with pytest.raises(Problem, match="cannot end") as problem:
            trial.python("import time; time.sleep(99)", seconds=0.3)
        assert time.monotonic() - begun < 0.3 + 3 * GRACE + SLACK
    assert problem.value.code is ExitCode.CANNOT
    trial.nursery.close()
    del problem
    gc.collect()


def test_where_there_is_no_proc_ps_finds_them(trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, whose `ps -AEww` is `ps axeww` here."""
    real = tool("ps")
    fake = tmp_path / "ps"
    fake.write_text(f'#!/bin/sh\ntest "$1" = -AEww || exit 1\nshift\nexec {real} axeww "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(process, "PROC_TELLS", False)
    trial.python(DAEMON, "quiet")
    trial.nursery.close()
    assert trial.left == []


# What it prints -------------------------------------------------------------------------------------------------------


def test_a_hundred_megabytes_are_read_and_not_kept(trial: Trial) -> None:
    ran = trial("sh", "-c", "echo first; head -c 100000000 /dev/zero; echo; echo last; echo oops >&2")
    assert ran.exit_code == 0
    assert ran.out.startswith("first\n")
    assert ran.out.endswith("\nlast\n")
    assert "bytes left out" in ran.out
    assert len(ran.out) < 2 * KEPT + 100
    assert ran.err == "oops\n"


@pytest.mark.parametrize("stream", [1, 2])
def test_one_that_prints_without_end_is_ended_at_its_deadline(trial: Trial, stream: int) -> None:
    ran = trial("sh", "-c", f"yes >&{stream}", seconds=0.7)
    assert ran.exit_code is None
    assert ran.seconds < 0.7 + SLACK
    assert len(ran.out) + len(ran.err) < 2 * KEPT + 100
    assert trial.left == []


def test_one_that_ends_while_another_prints_without_end_is_not_read_for_ever(trial: Trial) -> None:
    ran = trial("sh", "-c", "yes & exit 3")
    assert ran.exit_code == 3
    assert ran.seconds < GRACE + SLACK
    assert trial.left == []


@pytest.mark.parametrize("sizes", [[1], [KEPT], [KEPT + 1], [2 * KEPT], [2 * KEPT + 1], [1] * 50, [CHUNK] * 5, []])
def test_what_is_kept_is_the_beginning_and_the_end(sizes: list[int]) -> None:
    kept, whole = OutputEnds(), bytearray()
    for number, size in enumerate(sizes):
        piece = bytes([65 + number % 26]) * size
        kept.add(piece)
        whole += piece
        assert len(kept.beginning) <= KEPT
        assert len(kept.end) <= KEPT
    assert kept.count == len(whole)
    text = whole.decode()
    if len(text) <= 2 * KEPT:
        assert kept.text == text
    else:
        assert kept.text == f"{text[:KEPT]}\n[{len(text) - 2 * KEPT} bytes left out]\n{text[-KEPT:]}"


def test_what_is_no_utf_8_becomes_marks_of_replacement(trial: Trial) -> None:
    ran = trial.python(r"import os; os.write(1, b'\xff\xfe\x80ok\xc3'); os.write(2, b'\xf0\x28\x8c\x28')")
    assert ran.exit_code == 0
    assert "ok" in ran.out
    assert "\N{REPLACEMENT CHARACTER}" in ran.out and "\N{REPLACEMENT CHARACTER}" in ran.err


# What it is given -----------------------------------------------------------------------------------------------------


def test_without_a_word_to_read_its_input_is_at_its_end(trial: Trial) -> None:
    assert trial.python("import sys; print(repr(sys.stdin.read()))").out == "''\n"


def test_what_is_typed_to_us_is_not_for_it() -> None:
    """Our own input is left open here, and who reads it waits for ever."""
    code = """
import os, sys
from tlsdemo.lab.process import Nursery
print(Nursery().run([sys.executable, '-c', 'import sys; print(repr(sys.stdin.read()))'], os.environ, '', 9).out)
"""
    reader, writer = os.pipe()
    ran = run(sys.executable, "-c", code, stdin=reader)
    os.close(reader)
    os.close(writer)
    assert (ran.stdout, ran.stderr) == ("''\n\n", "")


def test_what_is_typed_is_read_to_its_end(trial: Trial) -> None:
    typed = "GET / HTTP/1.0\r\n\r\n"
    assert trial.python("import sys; print(sys.stdin.buffer.read())", stdin=typed).out == f"{typed.encode()!r}\n"


@pytest.mark.parametrize("code", ["pass", "import os; os.close(0)", "import os, time; os.close(0); time.sleep(0.1)"])
def test_one_that_does_not_read_its_input_does_not_disturb(trial: Trial, code: str) -> None:
    for _ in range(3):
        ran = trial.python(code, stdin="GET / HTTP/1.0\r\n\r\n")
        assert (ran.exit_code, ran.err) == (0, "")


def test_there_is_no_terminal(trial: Trial) -> None:
    ran = trial.python("open('/dev/tty')")
    assert ran.exit_code == 1
    assert "No such device or address" in ran.err
    assert trial("stty", "size").exit_code not in (0, None)
    ran = trial("sh", "-c", "printf 'password: ' >/dev/tty; read word </dev/tty; echo got $word")
    assert ran.exit_code != 0 or ran.out == "got\n"
    assert ran.stopped_at is None, "it waited for somebody to type"


def test_it_is_the_leader_of_a_session_of_its_own(trial: Trial) -> None:
    ran = trial.python("import os; print(os.getsid(0) == os.getpgrp() == os.getpid(), os.getppid())")
    assert ran.out == f"True {os.getpid()}\n"


def test_it_has_the_environment_that_it_is_given_and_the_mark_and_no_descriptor_of_ours(trial: Trial) -> None:
    with open(os.devnull) as ours:
        os.set_inheritable(ours.fileno(), True)
        ran = trial.python("import os; print(sorted(os.environ)); print(len(os.listdir('/proc/self/fd')))")
    names, count = ran.out.splitlines()
    assert set(eval(names)) - {"LC_CTYPE"} == {"PATH", "TRIAL", MARK}
    assert count == "4"  # three, and that of the look


# What cannot be run ---------------------------------------------------------------------------------------------------


@pytest.fixture
def cannot_run(tmp_path: Path) -> dict[str, tuple[str, ...]]:
    (tmp_path / "text").write_text("no program")
    (tmp_path / "script").write_text("#!/no/such/interpreter\n")
    (tmp_path / "rubbish").write_text("\x00\x01\x02")
    for name in ("script", "rubbish"):
        (tmp_path / name).chmod(0o755)
    return {
        "missing": (str(tmp_path / "missing"),),
        "not on the path": ("no-such-program-anywhere",),
        "a folder": (str(tmp_path),),
        "not executable": (str(tmp_path / "text"),),
        "no such interpreter": (str(tmp_path / "script"),),
        "no format that runs": (str(tmp_path / "rubbish"),),
        "a NUL": ("echo", "a\0b"),
        "no name": ("",),
        "too long": ("echo", "a" * (1 << 22)),
    }


@pytest.mark.parametrize(
    "what",
    ["missing", "not on the path", "a folder", "not executable", "no such interpreter", "no format that runs", "a NUL",
     "no name", "too long"],
)  # fmt: skip
def test_what_cannot_be_run_is_a_problem(trial: Trial, cannot_run: dict[str, tuple[str, ...]], what: str) -> None:
    if what == "not executable" and os.access(cannot_run[what][0], os.X_OK):
        pytest.skip("this user may run everything")
    with pytest.raises(Problem, match="cannot run") as problem:
        trial(*cannot_run[what])
    assert problem.value.code is ExitCode.CANNOT
    assert problem.value.evidence[0]
    assert len(str(problem.value)) < 1000


# Closing --------------------------------------------------------------------------------------------------------------


def test_closing_ends_what_runs_in_another_thread_and_nothing_starts_any_more(trial: Trial, tmp_path: Path) -> None:
    outcomes: list[Ran | BaseException] = []

    def work() -> None:
        try:
            outcomes.append(trial.python(FOREVER, seconds=99))
        except BaseException as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(trial.left) == 3)
    begun = time.monotonic()
    trial.nursery.close()
    for thread in threads:
        thread.join(DEADLINE)
    assert time.monotonic() - begun < SLACK
    assert [outcome.exit_code for outcome in outcomes if isinstance(outcome, Ran)] == [-9] * 3
    with pytest.raises(KeyboardInterrupt):
        trial("touch", str(tmp_path / "started"))
    assert not (tmp_path / "started").exists()


def test_closing_twice_is_no_more_than_once(trial: Trial) -> None:
    trial.nursery.close()
    trial.nursery.close()


def test_an_interrupt_ends_what_runs(trial: Trial) -> None:
    """Ctrl-C comes while the main thread watches."""
    code = f"""
import os, signal, sys, threading
from tlsdemo.lab.process import Nursery
nursery = Nursery()
def interrupt():
    while not nursery._running: pass
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    nursery.run([sys.executable, '-c', {FOREVER!r}], dict(os.environ), '', 99)
except KeyboardInterrupt:
    print('interrupted')
"""
    ran = run(sys.executable, "-c", code, env={**os.environ, "TRIAL": trial.name})
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "interrupted\n", "")
    assert trial.left == []
