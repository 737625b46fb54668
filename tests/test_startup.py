"""What each command loads before it does anything. Falsehood caught: a quick command that waits for what it never uses.

Rooms are packages, as in the import table. What is not listed must not be loaded.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

START = {"pki.__main__", "pki.start", "pki.console", "pki.errors", "pki.help_page", "pki.cli"}
BASE = START | {"pki.keys", "pki.malformed", "pki.names"}
ISSUES = BASE | {"pki.authority", "pki.profiles"}
READS = ISSUES | {"pki.asn1", "pki.objects", "pki.store"}
WRITES = ISSUES | {"pki.store.ca", "pki.store.folder", "pki.store.transaction"}
VALIDATES = READS | {"pki.budget", "pki.path", "pki.revocation", "pki.verdict"}

MAY_LOAD = {
    "pki --help": START,
    "pki init --help": START,
    "pki list": READS,
    "pki init": WRITES,
    "pki issue a.test": READS,
    "pki env": READS | {"pki.trust"},
    "pki trust": READS | {"pki.trust"},
    "pki untrust": READS | {"pki.trust"},
    "pki show none.pem": READS | {"pki.show"},
    "pki diff none.pem none.pem": READS | {"pki.show"},
    "pki verify none.pem": VALIDATES | {"pki.show", "pki.verifiers"},
    "pki bundle none.pem": READS | {"pki.budget"},
    "pki export server --der x.der": READS | {"pki.budget"},
    "pki rogue list": VALIDATES - {"pki.store"} | {"pki.cases", "pki.show", "pki.verifiers"},
    "tlsdemo --help": START | {"tlsdemo.__main__", "tlsdemo.cli.main", "tlsdemo.cli.lab_app"},
}
LIBRARIES = {
    "cryptography", "h11", "idna", "jinja2", "publicsuffixlist", "pydantic", "rich", "ssl", "trustme", "typer",
}  # fmt: skip


def loaded(command: str, folder: Path) -> set[str]:
    """The modules that are loaded when the command has ended, by `-X importtime`."""
    program, *rest = command.split()
    environment = {**os.environ, "PKI_DIR": str(folder / "certs"), "PYTHONPATH": os.pathsep.join(sys.path)}
    (folder / "certs").mkdir()
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", program, *rest],
        capture_output=True, text=True, cwd=folder, env=environment, timeout=60,
    )  # fmt: skip
    return set(re.findall(r"(?m)^import time: .*\| +([\w.]+)$", ran.stderr))


@pytest.mark.parametrize("command", MAY_LOAD)
def test_a_command_loads_what_it_needs(command: str, tmp_path: Path) -> None:
    packages = {"pki", "tlsdemo", "tlsdemo.cli", "pki.cli", "pki.store"}
    ours = {each for each in loaded(command, tmp_path) if each.split(".")[0] in ("pki", "tlsdemo")} - packages
    allowed = MAY_LOAD[command]
    assert ours, "nothing of ours was seen"
    assert not {each for each in ours if not any(each == room or each.startswith(f"{room}.") for room in allowed)}


@pytest.mark.parametrize(
    ("command", "libraries"),
    [
        ("pki --help", {"typer"}),
        ("tlsdemo --help", {"typer"}),
        ("pki init", {"typer", "cryptography", "idna"}),
        ("pki list", {"typer", "cryptography", "idna"}),
        ("pki show none.pem", {"typer", "cryptography", "idna"}),
    ],
)
def test_a_command_loads_few_libraries(command: str, libraries: set[str], tmp_path: Path) -> None:
    found = {each.split(".")[0] for each in loaded(command, tmp_path)} & LIBRARIES
    assert found == libraries
