"""What a CA costs: whole commands beside their peers, and a folder of 10,000 certificates.

    python -m tests.benchmarks.ca [CERTIFICATES [ROUNDS]]

Every line is the median wall time of a whole process. All programs of a group run once in each round, so that a busy
machine slows all of them. Compare within one run only.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import mint

PKI = (sys.executable, "-m", "pki")


def seconds(words: tuple[str | Path, ...], folder: Path) -> float:
    """The wall time of one process."""
    begin = time.perf_counter()
    ran = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, check=False)
    assert ran.returncode == 0, (words, ran.stderr.decode()[-400:])
    return time.perf_counter() - begin


def create_ca(scratch: Path, rounds: int) -> None:
    """`pki init` and `pki issue` whole, against programs that do part of it."""
    programs: dict[str, Callable[[Path, int], tuple[str | Path, ...]]] = {
        "pki init (root, intermediate, 3 leaves, rogue CA, CRLs)": lambda folder, n: (*PKI, "init", "--dir", f"i{n}"),
        "pki issue (1 leaf)": lambda folder, n: (*PKI, "issue", f"h{n}.test", "--dir", scratch / "certs"),
        "pki list": lambda folder, n: (*PKI, "list", "--dir", scratch / "certs"),
        "pki revoke": lambda folder, n: (*PKI, "revoke", f"h{n}.test", "--dir", scratch / "certs"),
        "python -m trustme (root, 1 leaf; not synced)": lambda folder, n: (sys.executable, "-m", "trustme", "-q"),
        "openssl req -x509 (1 self-signed leaf)": lambda folder, n: (
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=x", "-keyout", "k.pem", "-out", "c.pem",
        ),
    }  # fmt: skip
    if shutil.which("mkcert"):
        programs["mkcert (1 leaf)"] = lambda folder, n: ("mkcert", f"h{n}.test")
    else:
        print("mkcert is not installed")
    mint(scratch / "certs")
    times: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds):
        for name, words in programs.items():
            times[name].append(seconds(words(scratch, number), scratch))
    for name, found in times.items():
        print(f"{statistics.median(found) * 1000:8.0f} ms  {name}")


def large_folder(scratch: Path, certificates: int) -> None:
    """Thousands of certificates in one transaction, and what the folder costs afterwards."""
    folder = mint(scratch / "large")
    (scratch / "names").write_text("".join(f"h{n}.test www.h{n}.test\n" for n in range(certificates)))
    took = seconds((*PKI, "issue", "--from-file", scratch / "names", "--dir", folder), scratch)
    rate = f"{certificates / took:,.0f} a second, durable"
    print(f"{took:8.2f} s   pki issue --from-file, {certificates:,} certificates: {rate}")
    for words in (("list",), ("revoke", "h7.test"), ("renew", "h8.test"), ("crl",)):
        took = seconds((*PKI, *words, "--dir", folder), scratch)
        print(f"{took:8.2f} s   pki {' '.join(words)}, in that folder")


def main(certificates: int = 10_000, rounds: int = 7) -> None:
    """Print both groups."""
    with tempfile.TemporaryDirectory() as name:
        create_ca(Path(name), rounds)
        large_folder(Path(name), certificates)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
