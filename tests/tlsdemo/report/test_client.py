"""What is told of one client. Falsehood caught: a report that hides the worst, that is too wide, drives a terminal."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from rich.cells import cell_len

from tests.tlsdemo.report import samples
from tests.tlsdemo.report.samples import (
    CASES,
    accepted,
    blind,
    careless,
    endless,
    inconclusive,
    refused,
    report,
    strict,
)
from tlsdemo.findings import SEVERITIES, CaseWords, Finding, Report
from tlsdemo.report.client import as_data, as_text
from tlsdemo.report.finding import counted


def text(given: Report) -> str:
    return "\n".join(as_text(given))


def paragraph(given: Report) -> str:
    return " ".join(text(given).split())


def assert_fits_a_terminal(lines: Iterator[str]) -> None:
    for line in lines:
        assert cell_len(line) <= 80, line
        assert line.isprintable(), line
        assert line == line.rstrip()


@pytest.mark.parametrize("judge", [strict, careless, blind, refused, inconclusive])
def test_every_report_fits_a_terminal(judge: samples.Judge) -> None:
    assert_fits_a_terminal(as_text(report(judge)))


@given(samples.hostile_reports())
def test_nothing_that_a_client_says_reaches_the_terminal_unescaped_or_makes_it_scroll(hostile: Report) -> None:
    assert_fits_a_terminal(as_text(hostile))


def test_a_megabyte_is_cut_and_the_text_says_so() -> None:
    begin = time.process_time()
    lines = list(as_text(endless()))
    assert time.process_time() - begin < 5
    assert len(lines) < 800
    assert "more characters]" in " ".join(lines)


def test_it_opens_with_the_worst() -> None:
    first, _, sentence, *_ = as_text(report(blind))
    assert first == "1 defect in this client"
    assert sentence.startswith("1. It accepts any certificate.")
    assert "Grade F" in text(report(blind))


def test_a_strict_client_is_not_told_of_a_defect() -> None:
    assert "What is wrong" not in text(report(strict))
    assert "efect" not in text(report(strict))


def test_what_is_wrong_is_told_in_full() -> None:
    case = next(each for each in CASES.values() if each.id == "nul-in-san")
    told = paragraph(report(careless))
    for words in (case.summary, *case.story.split("\n\n"), *case.cve, case.clause):
        assert " ".join(words.split()) in told
    assert "client sent 78 bytes: GET / HTTP/1.1 output connected" in told
    assert "alert sent none exit code 0" in told


def test_refusing_what_is_good_is_a_finding_too() -> None:
    told = paragraph(report(careless))
    assert "good-1000-sans: refuses a valid case test case The subjectAltName contains 1,000 names" in told
    assert "alert sent certificate_expired exit code 60" in told


@pytest.mark.parametrize("judge", [strict, careless, blind])
def test_every_case_is_named_somewhere(judge: samples.Judge) -> None:
    told = text(report(judge))
    assert [name for name in CASES if name not in told] == []


def test_the_gravest_finding_is_the_first() -> None:
    given = report(careless)
    told = list(as_text(given))
    begin = next(place for place, line in enumerate(told) if line.startswith("Differences from a strict client"))
    end = next(place for place, line in enumerate(told) if line.startswith("Summary: "))
    numbered = [line for line in told[begin:end] if re.match(r"\d+\. ", line)]
    cases = [CASES[re.split(r"[ :]+", line)[1]] for line in numbered]
    assert len(numbered) == sum(each.is_wrong for each in given.findings)
    places = [("reject", "accept").index(each.must) * 3 + SEVERITIES.index(each.severity) for each in cases]
    assert places == sorted(places)
    assert len(set(places)) == 5


def test_the_cases_that_follow_from_one_defect_are_one_paragraph() -> None:
    """A client that checks nothing: a person reads one sentence, not one entry for each case."""
    given = report(blind)
    told = paragraph(given)
    explained = next(each for each in as_data(given)["defects"]["known"] if each["defect"] == "any-certificate")[
        "cases"
    ]
    assert f"It accepts any certificate. This explains {len(explained)} cases: {', '.join(explained)}." in told
    assert not [case for case in explained if f"{case}: " in told]


@pytest.mark.parametrize("judge", [careless, blind])
def test_the_end_repeats_the_grade_and_the_defects(judge: samples.Judge) -> None:
    given = report(judge)
    told = text(given)
    begin, _, end = told.partition("TLS client report")
    defects = begin.partition("─\n")[2].strip()
    assert f"Summary: grade {given.grade}" in end
    assert defects and defects in end.partition("Summary: ")[2]


def test_the_defects_count_the_cases_of_each_severity_as_the_table_does() -> None:
    given = report(careless)
    begin = " ".join(text(given).partition("TLS client report")[0].split())
    must = sum(each.case.severity == "must" for each in given.findings if each.is_wrong)
    weak = sum(each.case.severity == "weak" for each in given.findings if each.is_wrong)
    found = weak_found = 0
    for cases, of_them, all_weak in re.findall(r"\((\d+) cases?(?:, (\d+) of them weak)?(, weak)?", begin):
        found += int(cases)
        weak_found += int(of_them or (cases if all_weak else 0))
    assert (found - weak_found, weak_found) == (must, weak)


def test_a_strict_client_has_no_findings() -> None:
    told = text(report(strict))
    assert "Grade A+" in told
    assert "Differences from" not in told
    last = "Exit code 0: it accepts no case of severity must that it should refuse (--fail-on must)."
    assert paragraph(report(strict)).endswith(last)


def test_the_counts_are_those_of_the_report() -> None:
    given = report(careless)
    for severity in ("must", "weak", "informational"):
        assert f"{severity} {len(given.wrong(severity))} of {given.count(severity)} " in paragraph(given)
    only = report(strict, [CASES["good"]], unserved=())
    assert "weak not run" in paragraph(only)


@pytest.mark.parametrize("fail_on", ["must", "weak", "informational"])
def test_the_last_line_says_what_the_exit_code_is(fail_on: str) -> None:
    given = report(careless, fail_on=fail_on)
    assert given.exit_code == 1
    number = counted(len(given.failing), "case")
    assert f"Exit code 1: it accepts {number} of severity {' or '.join(given.grave)} that it" in paragraph(given)
    assert f"(--fail-on {fail_on})" in paragraph(given)


def test_what_could_not_be_decided_is_no_success() -> None:
    def lame(case: CaseWords) -> Finding:
        return inconclusive(case) if case.id == "expired" else strict(case)

    given = report(lame)
    assert given.exit_code == 3
    assert "Inconclusive: 1" in text(given)
    assert "neither accepted nor refused the case before it was stopped after 10 s: expired" in paragraph(given)
    assert "Exit code 3: 1 case of severity must was inconclusive" in paragraph(given)
    assert report(lambda case: inconclusive(case) if case.severity == "weak" else strict(case)).exit_code == 0


def test_who_refuses_everything_gets_no_grade_and_no_praise() -> None:
    told = text(report(refused))
    assert told.startswith("Inconclusive: this client does not accept the valid certificate")
    assert "rade" not in told
    assert "As a strict client" not in told
    assert report(refused).exit_code == 3
    assert "Exit code 3" in told
    assert as_data(report(refused))["grade"] is None


def test_the_same_reason_is_told_once() -> None:
    given = report(unserved=("rsa512", "revoked"))
    assert "cannot be served here: this OpenSSL does not load it: rsa512, revoked" in paragraph(given)


def test_the_data_hold_every_finding_with_its_evidence() -> None:
    given = report(careless)
    data = json.loads(json.dumps(as_data(given)))
    assert data["grade"] == "D"
    assert data["started"] == "2026-11-20T09:30:05Z"
    wrong, not_run = len(given.wrong("must")), len(given.not_served("must"))
    assert data["counts"]["must"] == {"cases": given.count("must"), "wrong": wrong, "not_run": not_run}
    assert [each["case"] for each in data["findings"]] == [each.case.id for each in given.findings]
    expired = next(each for each in data["findings"] if each["case"] == "expired")
    assert expired.pop("said").startswith("curl: (60)")
    assert expired == {
        "case": "expired",
        "theme": "validity",
        "wrong": CASES["expired"].summary,
        "why": CASES["expired"].story,
        "clause": CASES["expired"].clause,
        "cve": [],
        "expect": "reject",
        "severity": "must",
        "verdict": "refused",
        "way": None,
        "outcome": "refused",
        "signal": None,
        "is_wrong": False,
        "did": "sent the alert certificate_expired",
        "alert": "certificate_expired",
        "exit_code": 60,
        "seconds": 0.029,
        "verify_codes": [10],
    }
    assert {each["case"] for each in data["unserved"]} == {each.case.id for each in given.unserved}


@given(samples.hostile_reports())
def test_the_data_are_json_in_utf_8_whatever_was_said(hostile: Report) -> None:
    written = json.dumps(as_data(hostile), ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert len(json.loads(written)["findings"]) == len(hostile.findings)


def test_the_version_is_left_out_if_it_was_not_requested() -> None:
    assert not [line for line in as_text(replace(report(accepted), version="")) if line.startswith("version")]
