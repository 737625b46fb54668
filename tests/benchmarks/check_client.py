"""What `tlsdemo check-client` costs beyond the client itself: all certificate cases with curl, and as many bare curls.

    .venv/bin/python -m tests.benchmarks.check_client [rounds] [jobs]

check-client   all certificate cases, from its start to its end; and the part of it in which curl runs
bare           as many runs of curl, as many at a time, against the good port of a running `tlsdemo lab`
start-up       as many runs of `curl --version`, which never opens a connection

All take turns in one run, so that a machine that slows down slows them all; quote the ratios.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pki.cases import CATALOGUE
from pki.trust.environment import environment

TLSDEMO = (sys.executable, "-m", "tlsdemo")
CURL = ("curl", "-sS")


@contextmanager
def lab() -> Iterator[dict[str, Any]]:
    """A lab in a process of its own, and what it says of itself."""
    with subprocess.Popen((*TLSDEMO, "lab", "--json"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def bare(commands: Sequence[Sequence[str]], jobs: int, surrounded: dict[str, str]) -> float:
    """Seconds for all of them, so many at a time."""

    def run(command: Sequence[str]) -> None:
        subprocess.run(command, env=surrounded, stdin=subprocess.DEVNULL, capture_output=True, check=False)

    begun = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(run, commands))
    return time.perf_counter() - begun


def checked(cases: Sequence[str], jobs: int) -> tuple[float, float, int]:
    """Seconds from the start to the end; those in which curl ran; and how many cases were decided."""
    command = (*TLSDEMO, "check-client", "--json", "--jobs", str(jobs), "--case", ",".join(cases), "--", *CURL, "{url}")
    begun = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - begun
    report = json.loads(ran.stdout)
    return whole, report["seconds"], len(report["findings"])


def measure(rounds: int, jobs: int) -> None:
    cases = [each for each in CATALOGUE if each != "good"]
    measured: dict[str, list[float]] = {}
    with lab() as index:
        ports = {each["case"]: each["port"] for each in index["cases"]}
        ca = Path(index["ca_file"])
        inherited = environment(ca, ca.parent).applied(os.environ)
        served = sum(1 for case in CATALOGUE if ports[case])
        good = [(*CURL, f"https://localhost:{ports['good']}/")] * served
        each_its_own = [(*CURL, f"https://localhost:{ports[case]}/") for case in CATALOGUE if ports[case]]
        works: dict[str, Callable[[], float]] = {
            "bare, all at good": lambda: bare(good, jobs, inherited),
            "bare, each at its own case": lambda: bare(each_its_own, jobs, inherited),
            "bare, --version": lambda: bare([("curl", "--version")] * served, jobs, inherited),
        }
        for _ in range(rounds):
            whole, running, decided = checked(cases, jobs)
            assert decided == served, f"{decided} findings of {served} cases"
            measured.setdefault("check-client", []).append(whole)
            measured.setdefault("  of it, running curl", []).append(running)
            for label, work in works.items():
                measured.setdefault(label, []).append(work())
    base = statistics.median(measured["bare, all at good"])
    print(f"{served} of {len(CATALOGUE)} certificate cases, {jobs} at a time, medians of {rounds} rounds")
    for label, seconds in measured.items():
        middle = statistics.median(seconds)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"{label:<28}{middle:7.2f} s  ({spread})  {middle / base:5.2f} x bare curl at good")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    measure(given[0] if given else 5, given[1] if given[1:] else os.cpu_count() or 1)
