"""The guide to the lab: its example for pytest runs, its numbers are those of the catalogue. Caught: a stale guide."""

import os
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from pki.cases import CATALOGUE
from pki.cli import case_text
from tests import guides
from tests.conftest import run
from tlsdemo.lab.catalogue import CASES
from tlsdemo.lab.presets import PRESETS

PAGE = "tlsdemo/lab/README.md"
TEXT = " ".join(guides.text(PAGE).split())
CHECKED = "ssl.create_default_context(cafile=ca_file)"
UNCHECKED = "ssl._create_unverified_context()"


def outcomes(folder: Path, example: str) -> dict[str, str]:
    """The outcome of each case in the example, by its id."""
    (folder / "test_my_client.py").write_text(example)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = run(
        sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-vv", "-c", "/dev/null",
        "--rootdir", folder, "test_my_client.py", cwd=folder, env={**os.environ, "PATH": path},
    )  # fmt: skip
    found = dict(re.findall(r"test_(?:accepts|refuses)\[([\w-]+)\] (PASSED|FAILED|ERROR)", done.stdout))
    assert found, done.stdout + done.stderr
    return found


@pytest.fixture
def example() -> str:
    (block,) = guides.blocks(PAGE, "python")
    return block.body


def test_the_example_passes_for_a_client_that_checks(example: str, tmp_path: Path) -> None:
    found = outcomes(tmp_path, example)
    assert len(found) > 5
    assert set(found.values()) == {"PASSED"}


def test_the_example_fails_for_a_client_that_checks_nothing(example: str, tmp_path: Path) -> None:
    assert CHECKED in example
    found = outcomes(tmp_path, example.replace(CHECKED, UNCHECKED))
    assert {name for name, outcome in found.items() if outcome == "FAILED"} == {
        name for name in found if CASES[name].must == "reject"
    }


def test_the_guide_counts_the_test_certificates_as_they_are() -> None:
    themes = Counter(each.theme for each in CATALOGUE.values())
    assert f"By theme: {', '.join(f'{theme} {count}' for theme, count in themes.items())}." in TEXT
    assert f"The catalogue of test certificates has {case_text.counts()}" in TEXT


def test_the_cases_and_clients_that_the_guide_names_exist() -> None:
    examples = re.findall(r"^\| `(?:must|weak|informational)` \|.*\| (.*) \|$", guides.text(PAGE), re.MULTILINE)
    named = [name for each in examples for name in re.findall(r"`([\w-]+)`", each)]
    severities = [CASES[name].severity for name in named]
    assert severities == ["must"] * 3 + ["weak"] * 2 + ["informational"]
    head, *rows = table(SUMMARY)
    assert {row[0] for row in rows} <= set(PRESETS)
    assert set(head[2:]) <= {each.theme for each in CASES.values()}
    assert f"What {len(rows)} clients accept" in TEXT


def test_the_guide_counts_the_handshakes_as_they_are() -> None:
    cases = [each for each in CASES.values() if each.theme == "handshake"]
    counts = Counter(each.severity if each.must == "reject" else each.must for each in cases)
    assert (
        f"These are {len(cases)} cases: {len(cases) - counts['accept']} to reject ({counts['must']} `must`, "
        f"{counts['weak']} `weak`, {counts['informational']} `informational`) and {counts['accept']} to accept."
    ) in TEXT


def test_the_table_of_handshakes_names_bad_cases_and_clients_that_exist() -> None:
    head, *rows = table(HANDSHAKES)
    assert head == ["case", "severity", "accepted by"]
    assert len(rows) > 5
    for case, severity, clients in rows:
        found = CASES[case.strip("`")]
        assert (found.theme, found.must, found.severity) == ("handshake", "reject", severity)
        assert set(clients.split(", ")) <= set(PRESETS)


HANDSHAKES = guides.text(PAGE).partition("\n### Handshakes\n")[2].partition("\n## ")[0]


def test_both_tables_of_clients_count_the_same() -> None:
    _, *rows = table(SUMMARY)
    counts = {client: sum(map(int, numbers)) for client, _, *numbers in rows}
    _, *cases = table(ACCEPTED)
    accepted = Counter(client for *_, clients in cases for client in clients.split(", "))
    assert all(CASES[case.strip("`")].severity == severity for case, severity, _ in cases)
    assert accepted == {client: counts[client] for client in counts if client not in ("openssl", "perl-http-tiny")}


SUMMARY, _, ACCEPTED = guides.text(PAGE).partition("clients accept\n")[2].partition("\nWhich cases")


def table(text: str) -> list[list[str]]:
    """The rows of a table in Markdown, the head included, without bold type."""
    rows = re.findall(r"^\| (.*) \|$", text.replace("*", ""), re.MULTILINE)
    return [row.split(" | ") for row in rows]
