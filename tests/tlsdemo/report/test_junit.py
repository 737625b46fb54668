"""JUnit XML, as build servers read it. Falsehood caught: a finding that passes, or words that become elements."""

from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any
from xml.etree import ElementTree as xml

import pytest
from hypothesis import given

from tests.conftest import missing
from tests.tlsdemo.report import samples
from tests.tlsdemo.report.samples import CASES, blind, careless, endless, inconclusive, refused, report, strict
from tlsdemo.findings import CaseWords, Finding, Report
from tlsdemo.report.junit import as_junit

SHAPE: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package", "group"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"classname", "time", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    **dict.fromkeys(("skipped", "error", "failure"), (set(), {"message", "type"}, set())),
    **dict.fromkeys(("system-out", "system-err"), (set(), set(), set())),
}
"""Jenkins's junit-10.xsd in short: required attributes, other attributes, children."""


def assert_has_the_shape_of_jenkins(element: xml.Element) -> None:
    required, optional, children = SHAPE[element.tag]
    assert required <= set(element.attrib) <= required | optional, element.attrib
    assert {each.tag for each in element} <= children
    for each in element:
        assert_has_the_shape_of_jenkins(each)


def read(given: Report) -> xml.Element:
    return xml.fromstring(as_junit(given).encode("utf-8"))


def outcomes(given: Report) -> dict[str, str]:
    """By case: what an independent reader makes of it."""
    found = {}
    for test in read(given).iter("testcase"):
        verdicts = [each.tag for each in test if each.tag in ("failure", "error", "skipped")]
        assert len(verdicts) <= 1
        found[test.attrib["name"]] = verdicts[0] if verdicts else "passed"
    return found


@pytest.mark.parametrize("judge", [strict, careless, blind, refused, inconclusive])
def test_the_file_has_the_shape_that_jenkins_reads(judge: samples.Judge) -> None:
    assert_has_the_shape_of_jenkins(read(report(judge)))


@pytest.mark.parametrize("fail_on", ["must", "weak", "informational"])
def test_exactly_the_findings_that_fail_are_failures(fail_on: str) -> None:
    for judge in (strict, careless, blind):
        given = report(judge, fail_on=fail_on)
        failed = {name for name, outcome in outcomes(given).items() if outcome == "failure"}
        assert failed == {each.case.id for each in given.failing}
    assert outcomes(report(blind))["self-signed"] == "failure"


def test_every_case_is_a_test_and_what_is_unknown_is_skipped() -> None:
    given = report(careless)
    found = outcomes(given)
    unserved = {each.case.id for each in given.unserved}
    assert set(found) == {each.case.id for each in given.findings} | unserved
    skipped = {name for name, outcome in found.items() if outcome == "skipped"}
    assert skipped == {each.case.id for each in given.undecided} | unserved


def test_a_client_that_refuses_the_good_one_is_an_error_and_nothing_passes() -> None:
    found = outcomes(report(refused))
    assert found.pop("good") == "error"
    assert set(found.values()) == {"skipped"}
    assert outcomes(report(inconclusive))["good"] == "error"


def test_the_numbers_are_those_of_the_tests() -> None:
    root = read(report(careless))
    suite = root.find("testsuite")
    assert suite is not None
    counts = Counter(outcomes(report(careless)).values())
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        str(number) for number in (counts.total(), counts["failure"], counts["error"], counts["skipped"])
    ]
    assert suite.get("timestamp") == "2026-11-20T09:30:05Z"
    assert suite.get("time") == "4.210"


def test_a_failure_says_what_is_wrong_and_what_the_client_did() -> None:
    test = next(each for each in read(report(careless)).iter("testcase") if each.get("name") == "nul-in-san")
    failure = test.find("failure")
    assert failure is not None
    assert failure.text
    assert failure.get("message") == "nul-in-san: accepts a case that every client must refuse"
    assert test.get("classname") == "host-names"
    assert test.get("time") == "0.031"
    for words in (CASES["nul-in-san"].summary, "CVE-2009-2408", "RFC 5280", "sent 78 bytes", "exit code: 0"):
        assert words in failure.text
    output = test.findtext("system-out")
    assert output
    assert "output: connected" in output


def test_what_is_wrong_but_does_not_fail_is_told_all_the_same() -> None:
    test = next(each for each in read(report(careless)).iter("testcase") if each.get("name") == "no-san-cn-only")
    output = test.findtext("system-out")
    assert output
    assert "accepts a case that clients should refuse" in output


@given(samples.hostile_reports())
def test_it_is_xml_whatever_was_said_and_nothing_becomes_an_element(hostile: Report) -> None:
    root = read(hostile)
    assert_has_the_shape_of_jenkins(root)
    assert len(list(root.iter("testcase"))) == len(hostile.findings) + len(hostile.unserved)
    for text in (*root.itertext(), *(value for each in root.iter() for value in each.attrib.values())):
        assert all(line.isprintable() for line in text.split("\n"))


def test_control_characters_are_written_out() -> None:
    def rude(case: CaseWords) -> Finding:
        return Finding(case, refused(case).verdict, "", "\x1b[31mred\x00\ud800")

    assert "\\x1b[31mred\\x00\\ud800" in as_junit(report(rude, [CASES["expired"]], unserved=()))


def test_a_megabyte_is_no_trouble() -> None:
    assert_has_the_shape_of_jenkins(read(endless()))


@pytest.fixture
def junitparser() -> Any:
    try:
        return import_module("junitparser")
    except ImportError:
        missing("the package junitparser")


def test_junitparser_reads_the_same_verdicts(junitparser: Any) -> None:
    names: Callable[[Any], str] = {
        junitparser.Failure: "failure",
        junitparser.Error: "error",
        junitparser.Skipped: "skipped",
    }.__getitem__
    for judge in (strict, careless, blind, refused):
        given = report(judge)
        suites = junitparser.JUnitXml.fromstring(as_junit(given))
        found = {
            test.name: names(type(test.result[0])) if test.result else "passed" for suite in suites for test in suite
        }
        assert found == outcomes(given)
        assert suites.tests == len(found)
