"""How the tests try a client in the shared lab."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.peers.support import DEADLINE
from tlsdemo.findings import ClientVerdict, Report
from tlsdemo.lab.client import ClientCommand, own, preset
from tlsdemo.lab.tester import Tester, TestOptions, chosen

CURL = ("curl", "-sS", "{url}")


def tried(
    tester: Tester,
    client: ClientCommand | Sequence[str] | str,
    *cases: str,
    everything: bool = False,
    timeout: float = DEADLINE,
    jobs: int = 2,
    controls: bool = False,
    fail_on: str = "must",
) -> Report:
    """A report of a client: ready, a preset by its name, or a command."""
    if not isinstance(client, ClientCommand):
        client = preset(client) if isinstance(client, str) else own(client)
    wanted = chosen(cases, everything)
    settings = TestOptions(fail_on, timeout, jobs, controls)
    return tester.check(client, wanted, settings, datetime.now(UTC), lambda done, total, last: None)


def verdicts(report: Report) -> dict[str, ClientVerdict]:
    """By case."""
    return {each.case.id: each.verdict for each in report.findings}


def python(code: str, *words: str) -> tuple[str, ...]:
    """A client in Python; the words are `sys.argv[1:]`."""
    return (sys.executable, "-c", code, *words)


def bearing(mark: str) -> list[str]:
    """The command lines of all processes whose environment has it; found without the code under test."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found


def wait_until(true: Callable[[], bool]) -> None:
    """Until it is so; an AssertionError if it never is."""
    end = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end
        os.sched_yield()
