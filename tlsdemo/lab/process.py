"""Runs a program until it ends or until a timeout, and ends all processes that it started. EDGE: runs programs.

The program has no terminal, its own session, and a mark in its environment. Signalling the session's process group ends
the group; the mark finds processes that have left the group. The beginning and the end of its output are kept.

    it ends; no process of its group runs, none holds its output     done
    it ends; other processes still run                               they get a moment, then they are killed
    timeout                                                          the program and the others are killed
"""

import itertools
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pki.errors import Problem

KEPT = 1 << 12  # bytes of the beginning of the output, and as many of its end
CHUNK = 1 << 16
LOOK = 0.05  # seconds between two checks of a program whose output another process holds
GLANCE = 0.01  # seconds between two checks of processes that are about to end
GRACE = 1.0  # seconds for processes that outlive the program
DYING = 10.0  # seconds until killed processes are gone, on a loaded machine
MARK = "TLSDEMO_CHILD_OF"


@dataclass(frozen=True)
class Ran:
    """How a program ended."""

    exit_code: int | None
    """Negative: the signal that ended it. None: it was killed at the timeout."""
    out: str
    err: str
    seconds: float
    stopped_at: float | None = None
    """When it, or a process that it had started, was killed, on the monotonic clock. None: all ended by themselves."""


@dataclass
class OutputEnds:
    """The beginning and the end of a stream."""

    beginning: bytearray = field(default_factory=bytearray)
    end: bytearray = field(default_factory=bytearray)
    count: int = 0

    def add(self, data: bytes) -> None:
        """Append output."""
        self.count += len(data)
        room = KEPT - len(self.beginning)
        self.beginning += data[:room]
        self.end = (self.end + data[room:])[-KEPT:]

    @property
    def text(self) -> str:
        """The kept output, and the number of bytes left out."""
        left_out = self.count - len(self.beginning) - len(self.end)
        gap = f"\n[{left_out} bytes left out]\n".encode() if left_out else b""
        return (self.beginning + gap + self.end).decode("utf-8", "replace")


class Nursery:
    """Runs programs, from any thread. `close` ends all that still run."""

    def __init__(self) -> None:
        self._mark = f"{MARK}={os.getpid()}-{time.monotonic_ns()}."
        self._count = itertools.count()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        self._lock = threading.Lock()

    def run(self, command: Sequence[str], environment: Mapping[str, str], stdin: str, seconds: float) -> Ran:
        """Run the command until it ends, at most for `seconds`. Raises Problem if it cannot be started or ended."""
        started = time.monotonic()
        mark = f"{self._mark}{next(self._count)}."
        try:
            process = self._start(command, environment, stdin, mark)
        except OSError as error:
            hint = "is it installed, and in a folder of PATH?" if isinstance(error, FileNotFoundError) else None
            raise Problem(f"cannot run {command[0]}", error.strerror or str(error), hint=hint) from error
        except ValueError as error:  # a NUL in an argument
            raise Problem(f"cannot run {command[0]}", str(error)) from error
        out, err, stopped_at = OutputEnds(), OutputEnds(), None
        try:
            all_gone = _watch(process, out, err, started + seconds)
            code = process.returncode
            if not all_gone:
                stopped_at = time.monotonic()
                self._stop(process, mark)
        except BaseException:
            _signal_group(process)
            raise
        finally:
            self._forget(process)
        if process.returncode is None:
            hint = "run the client as your own user, so that it can be ended at the timeout"
            raise Problem(f"cannot end {command[0]}", "it runs as another user", hint=hint)
        return Ran(code, out.text, err.text, time.monotonic() - started, stopped_at)

    def close(self) -> None:
        """End all running programs, prevent new ones, and then end processes that have left their group."""
        with self._lock:
            self._closed = True
            for process in self._running:
                _signal_group(process)
        self.end_runaways()

    def end_runaways(self) -> None:
        """End processes that have left their group and closed their output. Call it when no program runs."""
        _end_marked(self._mark)

    def _start(
        self, command: Sequence[str], environment: Mapping[str, str], stdin: str, mark: str
    ) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise KeyboardInterrupt
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environment, MARK: mark.removeprefix(f"{MARK}=")},
                start_new_session=True,
            )
            self._running.add(process)
        if process.stdin:
            with suppress(OSError):  # the program does not read it
                process.stdin.write(stdin.encode())  # a few lines fit into a pipe
                process.stdin.close()
        return process

    def _stop(self, process: "subprocess.Popen[bytes]", mark: str) -> None:
        """End the program, its group, and marked processes that have left the group."""
        may_end_it = _signal_group(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(DYING if may_end_it else 0)
        _end_marked(mark)

    def _forget(self, process: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            self._running.discard(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def _watch(process: "subprocess.Popen[bytes]", out: OutputEnds, err: OutputEnds, deadline: float) -> bool:
    """Read the output until the program and its group have ended. False: some must be killed.

    Processes of its group, or with its output, get a moment more after its end: one of them may be the client.
    """
    ended_at: float | None = None
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((process.stdout, out), (process.stderr, err)):
            assert stream
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, kept)
        while True:
            now = time.monotonic()
            if ended_at is None and process.poll() is not None:
                ended_at, deadline = now, min(deadline, now + GRACE)
            if ended_at is not None and not selector.get_map() and not _lives(process.pid):
                return True
            if now >= deadline:
                return False
            if selector.get_map():
                for key, _ in selector.select(min(LOOK, deadline - now)):
                    _read(key.fileobj, key.data, selector)  # type: ignore[arg-type]  # we registered streams alone
            elif ended_at is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(deadline - now)
            else:
                time.sleep(min(GLANCE, deadline - now))


def _read(stream: IO[bytes], kept: OutputEnds, selector: selectors.BaseSelector) -> None:
    try:
        data = os.read(stream.fileno(), CHUNK)
    except BlockingIOError:
        return
    if data:
        kept.add(data)
    else:
        selector.unregister(stream)


def _lives(group: int) -> bool:
    """Whether a process of this group runs. Zombies do not count, where /proc shows them."""
    try:
        with suppress(PermissionError):  # one runs, as another user
            os.killpg(group, 0)
    except ProcessLookupError:
        return False
    if not PROC_TELLS:
        return True
    for entry in _processes():
        with suppress(OSError):
            state, _, belongs_to = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:3]
            if int(belongs_to) == group and state not in DEAD:
                return True
    return False


def _signal_group(process: "subprocess.Popen[bytes]") -> bool:
    """Kill the process group; its number is not reused while one of its processes exists. False: not permitted."""
    return _permitted(os.killpg, process.pid)


def _end_marked(mark: str) -> None:
    """Kill all processes with that mark until none is left, since a process may fork before it is killed."""
    end = time.monotonic() + DYING
    while (found := _marked(mark)) and time.monotonic() < end:
        permitted = [_permitted(os.kill, pid) for pid in found]  # all of them are signalled
        if not any(permitted):
            return
        time.sleep(GLANCE)


def _permitted(kill: Callable[[int, int], None], number: int) -> bool:
    """Send SIGKILL. False if this user may not, because the process is another user's."""
    try:
        with suppress(ProcessLookupError):
            kill(number, signal.SIGKILL)
    except PermissionError:
        return False
    return True


def _marked(mark: str) -> list[int]:
    """The processes with this mark in their environment, from /proc or, without it (macOS), from `ps`."""
    if not PROC_TELLS:
        listed = subprocess.run(["ps", "-AEww", "-o", "pid=,command="], capture_output=True, text=True, check=False)
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if mark in line]
    found = []
    for entry in _processes():
        with suppress(OSError):
            if any(each.startswith(mark.encode()) for each in (entry / "environ").read_bytes().split(b"\0")):
                found.append(int(entry.name))
    return found


PROC = Path("/proc")
PROC_TELLS = (PROC / "self/environ").exists()
DEAD = "ZX"  # states of proc(5)


def _processes() -> Iterator[Path]:
    """The folders of all processes in /proc.

    It is listed again until a listing has nothing new: a process may fork and exit between the listing and the look at
    it, and its child is in none of the earlier listings.
    """
    seen: set[str] = set()
    while new := [each for each in PROC.iterdir() if each.name.isdigit() and each.name not in seen]:
        seen.update(each.name for each in new)
        yield from new
