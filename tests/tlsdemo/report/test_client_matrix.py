"""Several clients side by side. Falsehood caught: a cell under the wrong client, or a difference that is not marked."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from tests.tlsdemo.report import samples
from tests.tlsdemo.report.samples import CASES, careless, comparison, endless, refused, report, strict
from tlsdemo.findings import Comparison, Report
from tlsdemo.report.client_matrix import LETTERS, as_data, as_markdown, as_text, summary_markdown


def grid(given: Comparison) -> dict[str, tuple[bool, str]]:
    """What the text says: by case, whether it is marked, and the signs; of all its blocks."""
    found: dict[str, tuple[bool, str]] = {}
    for line in as_text(given):
        if row := re.fullmatch(r"([* ]) (\S+) +((?:  \S)+)", line):
            before = found.get(row[2], (False, ""))[1]
            found[row[2]] = row[1] == "*", before + row[3].replace(" ", "")
    return found


def tables(text: str) -> list[list[str]]:
    """The cells as an independent reader of Markdown sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level > 2:
            rows[-1].append("".join(each.content for each in token.children or []))
    return rows


def assert_cells_are_those_of(given: Comparison, found: dict[str, tuple[bool, str]]) -> None:
    assert list(found) == [case.id for case in given.cases]
    for case in given.cases:
        marked, signs = found[case.id]
        assert marked == given.differs(case)
        for made, sign in zip(given.reports, signs, strict=True):
            finding = given.finding(made, case)
            assert finding
            assert sign.lower() == LETTERS[finding.verdict]
            assert sign.isupper() == finding.is_wrong


def test_every_cell_is_what_that_client_did() -> None:
    assert_cells_are_those_of(comparison(), grid(comparison()))


def test_many_clients_are_shown_in_blocks_of_80_columns() -> None:
    many = Comparison(tuple(report(careless if each % 3 else strict, client=f"client-{each}") for each in range(40)))
    lines = list(as_text(many))
    assert max(map(cell_len, lines)) <= 80
    assert_cells_are_those_of(many, grid(many))


def test_the_summary_comes_first() -> None:
    given = comparison()
    first, *_ = as_text(given)
    differing = sum(given.differs(case) for case in given.cases)
    assert first == f"3 clients on {len(given.cases)} cases; they disagree on {differing} of them."


def test_the_legend_says_what_the_signs_are_that_occur() -> None:
    told = " ".join(as_text(comparison()))
    for words in ("a accepted", "r refused", "l refused late", "? inconclusive", "a capital letter:"):
        assert words in told
    assert "s no SNI" not in told
    assert "capital" not in " ".join(as_text(Comparison((report(strict),))))


def test_who_could_not_be_run_is_named() -> None:
    for told in ("\n".join(as_text(comparison())), as_markdown(comparison()), summary_markdown(comparison())):
        assert "java" in told


def test_who_refuses_the_good_one_as_well_is_no_disagreement() -> None:
    broken = report(refused, client="broken")
    given = Comparison((report(strict), broken))
    assert not any(given.differs(case) for case in given.cases)
    assert {signs[1] for _, signs in grid(given).values()} == {"?"}
    *_, last = tables(summary_markdown(given))
    assert last[0] == "broken"
    assert set(last[2:]) == {"-"}


def test_a_case_that_one_client_was_not_asked_has_a_sign_of_its_own() -> None:
    given = Comparison((report(strict), report(strict, [CASES["good"]])))
    assert grid(given)["expired"] == (False, "r·")
    assert "· not run" in " ".join(as_text(given))


def test_the_markdown_is_a_table_of_the_same_cells() -> None:
    given = comparison()
    head, grades, *rows = tables(as_markdown(given))
    assert head == ["case", "must", "curl", "gnutls-cli", "openssl"]
    assert grades == ["grade", "", *(each.grade for each in given.reports)]
    cases = [row for row in rows if row[1]]
    assert_cells_are_those_of(
        given, {row[0].removesuffix(" ≠"): (row[0].endswith(" ≠"), "".join(row[2:])) for row in cases}
    )
    assert [row[1] for row in cases] == [case.must for case in given.cases]


def test_the_summary_by_theme_counts_accepted_bad_cases() -> None:
    given = comparison()
    (_, _, *themes), *rows = tables(summary_markdown(given))
    undisputed = [case for case in given.cases if case.must == "reject" and case.severity != "informational"]
    assert themes == list(dict.fromkeys(case.theme for case in undisputed))
    for made, (client, grade, *counts) in zip(given.reports, rows, strict=True):
        assert (client, grade) == (made.client, made.grade)
        holes = [each.case.theme for each in made.findings if each.case in undisputed and each.verdict.takes_it]
        assert counts == [str(holes.count(theme)) for theme in themes]


def test_the_data_hold_every_cell_in_the_order_of_the_clients() -> None:
    given = comparison()
    data = json.loads(json.dumps(as_data(given)))
    assert [each["client"] for each in data["clients"]] == ["curl", "gnutls-cli", "openssl"]
    assert data["missing"] == [{"client": "java", "reason": "no program `java` on the path"}]
    expired = next(each for each in data["cases"] if each["case"] == "expired")
    assert expired["differs"]
    assert [each["verdict"] for each in expired["verdicts"]] == ["refused", "refused", "accepted"]
    assert [each["is_wrong"] for each in expired["verdicts"]] == [False, False, True]
    assert data["disagreements"] == sum(each["differs"] for each in data["cases"])


@given(st.lists(samples.hostile_reports(), max_size=3), samples.words(), samples.words())
def test_hostile_words_stay_in_their_cells(reports: list[Report], name: str, reason: str) -> None:
    hostile = Comparison(tuple(reports), ((name, reason),))
    for line in as_text(hostile):
        assert cell_len(line) <= 80
        assert line.isprintable()
    for text in (as_markdown(hostile), summary_markdown(hostile)):
        tokens = MarkdownIt("commonmark").enable("table").parse(text)
        inline = [child.type for token in tokens for child in token.children or []]
        assert {each.type for each in tokens}.isdisjoint({"html_block", "fence", "code_block"}), text
        assert set(inline) <= {"text", "text_special", "softbreak", "strong_open", "strong_close"}, text
        assert len({len(row) for row in tables(text)}) == 1
    assert json.loads(json.dumps(as_data(hostile), ensure_ascii=False).encode())


@pytest.mark.parametrize("size", [1_000_000])
def test_a_megabyte_does_not_make_it_wide(size: int) -> None:
    long = Comparison((endless(size), replace(report(strict), client="x" * size)), (("y" * size, "z" * size),))
    lines = list(as_text(long))
    assert max(map(len, lines)) <= 80
    assert len(lines) < 300
