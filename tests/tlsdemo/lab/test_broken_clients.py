"""Clients that are broken on purpose, each with one fault, as a user tries them: the first screen names the fault.

They are in `broken_clients/`, in Python, Node, Java and C, with a correct one in each language as control. Falsehoods
caught: a fault that the report calls by another name, a second fault that is not there, and a correct client that is
blamed.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.conftest import Command, missing, run, tool
from tlsdemo.cli import check_client as commands
from tlsdemo.lab import tester as checking

HERE = Path(__file__).with_name("broken_clients")
ARGUMENTS = ("{address}", "{port}", "{host}", "{ca}", "{dir}")
SCREEN = 24  # lines of a terminal
TELLING = (
    "good-renewed", "good-ip", "good-no-cn", "good-san-case", "self-signed", "untrusted-root-sent", "bad-signature",
    "replaced-key", "rogue-same-name", "incomplete-chain", "expired", "not-yet-valid", "expired-intermediate",
    "leaf-signs-leaf", "intermediate-no-bc", "eku-client-only", "wrong-host", "host-as-prefix", "host-as-suffix",
    "host-inside", "subdomain", "san-mismatch-cn-match", "parent-domain", "nul-in-san",
)  # fmt: skip
"""Those that tell the defects apart: a client in Java takes half a second for each case."""


@dataclass(frozen=True)
class Broken:
    """A client, and what the report has to call its fault; None for a correct one."""

    source: str
    defect: str | None
    sentence: str = ""
    macro: str = "CONTROL"
    """For C: what is compiled into it."""

    def __str__(self) -> str:
        return self.source if self.macro == "CONTROL" else f"{self.source}-{self.macro}"


CLIENTS = (
    Broken("correct.py", None),
    Broken("no_name_check.py", "no-name-check", "It does not check the host name."),
    Broken("insecure_retry.py", "insecure-retry", "It tries again without the check"),
    Broken("plaintext_fallback.py", "plaintext-fallback", "It falls back to plaintext"),
    Broken("trust_on_first_use.py", "trust-on-first-use", "It trusts on first use"),
    Broken("correct.js", None),
    Broken("cn_only.js", "common-name-only", "It compares the common name and ignores subjectAltName."),
    Broken("substring.js", "name-by-substring", "It compares names by substring"),
    Broken("suffix.js", "name-by-suffix", "It compares names by suffix"),
    Broken("late_check.js", "late-check", "It checks too late"),
    Broken("Correct.java", None),
    Broken("NoNameCheck.java", "no-name-check", "It does not check the host name."),
    Broken("SentRoot.java", "sent-root", "It trusts a root certificate that the server sent."),
    Broken("Expired.java", "accepts-expired", "It accepts expired certificates."),
    Broken("client.c", None),
    Broken("client.c", "name-by-prefix", "It compares names by prefix", "PREFIX"),
    Broken("client.c", "any-ca", "It accepts certificates from any CA.", "ANY_CA"),
    Broken("client.c", "ignores-basic-constraints", "It ignores basicConstraints", "NO_BASIC_CONSTRAINTS"),
    Broken("client.c", "ignores-extended-key-usage", "It ignores extended key usage", "NO_EXTENDED_KEY_USAGE"),
    Broken("client.c", "crash", "It crashes", "CRASH"),
)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what is compiled lies."""
    return tmp_path_factory.mktemp("built")


@pytest.fixture
def check(cli: Command, tester: checking.Tester, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`tlsdemo` in this process, with the lab that is open already."""

    @contextmanager
    def _open(*_: object) -> Iterator[checking.Tester]:
        yield replace(tester)

    monkeypatch.setattr(commands, "_open", _open)
    return cli


def command(client: Broken, built: Path) -> list[str]:
    """How it is run, compiled if it must be; a skip where a compiler or an interpreter is missing."""
    source = HERE / client.source
    match source.suffix:
        case ".py":
            return [sys.executable, str(source)]
        case ".js":
            return [tool("node"), str(source)]
        case ".java":
            if not (built / "Correct.class").exists():
                done = run(tool("javac"), "-d", built, *HERE.glob("*.java"))
                assert done.returncode == 0, done.stderr
            return [tool("java"), "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", str(built), source.stem]
    program = built / client.macro
    compiler = shutil.which("cc") or tool("gcc")
    if run(compiler, "-fsyntax-only", "-x", "c", "-", stdin=None, input="#include <openssl/ssl.h>\n").returncode != 0:
        missing("libssl-dev")
    warnings = ("-Wall", "-Wextra", "-Werror", "-O1")
    done = run(compiler, *warnings, f"-D{client.macro}", "-o", program, source, "-lssl", "-lcrypto")
    assert done.returncode == 0, done.stderr
    return [str(program)]


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_the_first_screen_names_the_fault_and_no_other(client: Broken, check: Command, built: Path) -> None:
    words = command(client, built)
    cases = ("--case", ",".join(TELLING)) if client.source.endswith(".java") else ()
    ended = check("check-client", *cases, "--", *words, *ARGUMENTS)
    screen = " ".join(" ".join(ended.out.splitlines()[:SCREEN]).split())
    if client.defect is None:
        assert ended.code == 0, ended.out
        assert ended.out.startswith("TLS client report")
        return
    nothing_shown = client.defect == "trust-on-first-use"  # its refusals say nothing
    assert ended.code == (3 if nothing_shown else 1), ended.out
    assert screen.startswith("1 defect in this client"), screen
    assert f"1. {client.sentence}" in screen


def test_every_language_has_a_correct_client_and_at_least_three_broken_ones() -> None:
    for suffix in (".py", ".js", ".java", ".c"):
        found = [each.defect for each in CLIENTS if each.source.endswith(suffix)]
        assert found.count(None) == 1
        assert len(set(found)) >= 4


def test_what_the_screen_says_is_in_the_data_with_a_fix_for_every_ecosystem(check: Command, built: Path) -> None:
    words = command(Broken("no_name_check.py", "no-name-check"), built)
    document = json.loads(check("check-client", "--json", "--", *words, *ARGUMENTS).out)
    (defect,) = document["defects"]["known"]
    assert (defect["defect"], document["defects"]["unexplained_cases"]) == ("no-name-check", [])
    assert "check_hostname" in defect["fix"]["Python"]
    assert "wrong-host" in defect["cases"]
