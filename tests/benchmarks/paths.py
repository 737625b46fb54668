"""Time for one chain: `pki.verify` and cryptography's verifier, in turns in one run; and constraint cases a minute.

    .venv/bin/python -m tests.benchmarks.paths [chains in a round] [rounds]

The library's verifier is written in Rust, and reads no revocation lists; ours explains itself. Quote the ratios.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509 import verification

from pki.path import verify
from pki.store.files import read_certificates, read_crls
from tests.conftest import mint
from tests.pki.cases.test_cases import case_builder
from tests.pki.test_grid import GRID, HOST, constrained, subtrees


def seconds_for_each(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def chains(times: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        certs = mint(Path(folder) / "certs")
        leaf, *others = read_certificates(certs / "server.pem")
        anchors, crls = read_certificates(certs / "root.pem"), read_crls(certs / "crl.pem")
    name, now = x509.DNSName("localhost"), datetime.now(UTC)
    builder = verification.PolicyBuilder().store(verification.Store(list(anchors))).time(now)
    asked = {"intermediates": others, "trust_anchors": anchors, "name": name, "at": now}
    works: dict[str, Callable[[], object]] = {
        "cryptography": lambda: builder.build_server_verifier(name).verify(leaf, others),
        "pki.verify": lambda: verify(leaf, **asked),  # type: ignore[arg-type]  # as `verify` has them
        "pki.verify, with lists": lambda: verify(leaf, crls=crls, **asked),  # type: ignore[arg-type]  # as above
    }
    measured: dict[str, list[float]] = {label: [] for label in works}
    for _ in range(rounds):
        for label, work in works.items():
            measured[label].append(seconds_for_each(work, times))
    fastest = statistics.median(measured["cryptography"])
    for label, each in measured.items():
        middle = statistics.median(each)
        print(f"{label:<24}{middle * 1e3:8.3f} ms for a chain of three   {middle / fastest:5.1f} x cryptography")


def constraints() -> None:
    builder = case_builder("measured")
    served = [
        builder.serve(intermediates=(constrained(subtrees(one, two), subtrees(three, four)),), name=HOST)
        for one, two, three, four, kinds in GRID
        if kinds == ("host",)
    ]
    read = [[x509.load_der_x509_certificate(each) for each in case.chain] for case in served]
    start = time.perf_counter()
    for case in read:
        verify(case[0], intermediates=case[1:], trust_anchors=[builder.root], name=x509.DNSName(HOST), at=builder.now)
    print(f"{'name constraints':<24}{len(read) / (time.perf_counter() - start) * 60:8.0f} cases a minute")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    chains(*(numbers or [300, 5]))
    constraints()
