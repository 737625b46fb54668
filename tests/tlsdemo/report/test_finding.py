"""The words for one finding. Falsehood caught: a link to another section, or a sentence that says the opposite."""

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.tlsdemo.report.samples import (
    CASES,
    STARTED,
    Judge,
    accepted,
    careless,
    inconclusive,
    refused,
    report,
    strict,
)
from tlsdemo.findings import ClientVerdict, Finding, Way
from tlsdemo.report import finding as words

RFC = "https://www.rfc-editor.org/rfc/"


@pytest.mark.parametrize(
    ("clause", "address"),
    [
        ("RFC 5280 §6.1.3 (a)(2)", f"{RFC}rfc5280#section-6.1.3"),
        ("RFC 9525 §2", f"{RFC}rfc9525#section-2"),
        ("RFC 8410", f"{RFC}rfc8410"),
        ("RFC 8446 §C.4", f"{RFC}rfc8446#appendix-C.4"),
        ("CA/B Forum BR §6.1.5", None),
    ],
)
def test_a_clause_of_an_rfc_has_an_address(clause: str, address: str | None) -> None:
    assert words.link(clause) == address


def test_every_clause_of_the_catalogue_that_names_an_rfc_is_linked_to_that_section() -> None:
    for case in CASES.values():
        if case.clause.startswith("RFC"):
            link = words.link(case.clause)
            assert link and re.sub(r"\D+", "", case.clause.split(" (")[0]) == re.sub(r"\D+", "", link)


def test_refusing_what_is_good_reads_differently_from_accepting_what_is_bad() -> None:
    assert words.headline(refused(CASES["good-ip"])) == "refuses a valid case"
    assert words.headline(accepted(CASES["expired"])) == "accepts a case that every client must refuse"
    assert words.headline(refused(CASES["serial-zero"])) == "refuses a case that most clients accept"
    assert words.headline(accepted(CASES["good-ip"])) == "accepts it, as it should"
    assert words.headline(refused(CASES["expired"])) == "refuses it, as it should"
    assert words.headline(inconclusive(CASES["expired"])) == "inconclusive"
    in_the_clear = replace(accepted(CASES["expired"]), way=Way.IN_THE_CLEAR)
    assert words.headline(in_the_clear) == "accepts a case that every client must refuse, in the clear"
    assert words.headline(replace(refused(CASES["expired"]), exit_code=-11)) == "crashes (SIGSEGV)"


def test_the_summary_is_not_told_twice() -> None:
    for case in CASES.values():
        assert case.summary not in words.why(case)
        assert " ".join(case.story.split()) == " ".join([case.summary, *words.why(case)])


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, "0"), (60, "60"), (-9, "none: ended by signal 9 (SIGKILL)"), (-4444, "none: ended by signal 4444")],
)
def test_a_signal_is_no_exit_code(code: int, said: str) -> None:
    assert words.ending(replace(accepted(CASES["good"]), exit_code=code)) == said


def test_what_had_to_be_ended_has_no_exit_code() -> None:
    assert words.ending(inconclusive(CASES["expired"])) == "none: it was stopped at the timeout"
    assert words.alert(accepted(CASES["good"])) == "none"


def test_the_gravest_comes_first_and_what_an_impostor_can_use_before_what_is_refused() -> None:
    names = ["serial-zero", "revoked", "leaf-v1", "good-ip", "expired"]
    judge = {"serial-zero": refused, "good-ip": refused}
    found = words.gravest_first(judge.get(name, accepted)(CASES[name]) for name in names)
    assert [each.case.id for each in found] == ["expired", "leaf-v1", "revoked", "good-ip", "serial-zero"]


def test_a_moment_is_told_in_utc() -> None:
    assert words.stamp(STARTED) == "2026-11-20T09:30:05Z"


def test_evidence_is_one_line_each_and_later_lines_have_no_label() -> None:
    finding = Finding(CASES["expired"], ClientVerdict.REFUSED, "a\nb", "one\x1b[0m\r\n\n two \n", "bad\x00", 1)
    assert words.evidence(finding) == [
        ("client", "a\\nb"),
        ("output", "one\\x1b[0m"),
        ("", " two"),
        ("alert sent", "bad\\x00"),
        ("exit code", "1"),
    ]


@pytest.mark.parametrize(
    ("judge", "settings", "step"),
    [
        (careless, {}, "correct the first defect"),
        (strict, {}, "in your pipeline"),
        (strict, {"whole": ("must",)}, "with `--all`"),
        (refused, {}, "accept the valid certificates"),
    ],
)
def test_the_next_step_fits_the_result(judge: Judge, settings: dict[str, Any], step: str) -> None:
    assert step in words.next_step(replace(report(judge), **settings))
