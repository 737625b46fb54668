"""From what a client accepted to its defects. Falsehoods caught: a row that no client can fit, a row that explains
cases which do not exist, a sentence for a fault that the evidence does not show, and findings that are lost.
"""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tlsdemo.report.samples import CASES, accepted, blind, refused, report, strict
from tlsdemo.findings import SEVERITIES, CaseWords, ClientVerdict, Finding, Report, Way
from tlsdemo.lab import catalogue
from tlsdemo.lab.case import Family
from tlsdemo.report.defects import DEFECTS, EVERYTHING, Defect
from tlsdemo.report.diagnosis import Diagnosis, diagnose, ecosystem, fits
from tlsdemo.report.fixes import ECOSYSTEMS

OTHERS = {case: each for case, each in catalogue.CASES.items() if each.family is not Family.CERTIFICATE}
ALL: dict[str, CaseWords] = {**CASES, **OTHERS}
BY_ID = {each.id: each for each in DEFECTS}


def client(
    accepts: Iterable[str] = (), refuses_good: Iterable[str] = (), way: Way = Way.PLAINLY, crashes: Iterable[str] = ()
) -> Report:
    """A strict client, but for these cases."""
    taken, left, crashed = set(accepts), set(refuses_good), set(crashes)

    def judge(case: CaseWords) -> Finding:
        if case.id in crashed:
            return Finding(case, ClientVerdict.CRASHED, "was ended by signal 11", exit_code=-11)
        if case.id in taken:
            return replace(accepted(case), way=way)
        return refused(case) if case.id in left else strict(case)

    return report(judge, ALL.values(), unserved=())


def typical(defect: Defect) -> Report:
    """A client that has this defect and no other: it does what the pattern says, and nothing more."""
    pattern = defect.pattern
    if pattern.crashes:
        return client(crashes=["expired"])
    accepts = {*pattern.accepts, *(group[0] for group in pattern.some_of)}
    if pattern.way is not Way.PLAINLY and not accepts:
        accepts = {"untrusted-root", "expired"}
    return client(accepts, pattern.refuses_good[:1], pattern.way)


def ids(diagnosis: Diagnosis) -> list[str]:
    return [each.defect.id for each in diagnosis.defects]


@pytest.mark.parametrize("row", BY_ID)
def test_a_client_that_does_what_a_row_says_has_that_defect(row: str) -> None:
    given = typical(BY_ID[row])
    assert fits(BY_ID[row].pattern, given)
    found = diagnose(given)
    assert not found.unexplained
    if BY_ID[row].known:
        assert ids(found) == [row]


@pytest.mark.parametrize("row", [row for row, each in BY_ID.items() if not each.known])
def test_a_row_without_a_known_pattern_says_so(row: str) -> None:
    assert "the pattern is unknown" in BY_ID[row].sentence


def test_what_fits_no_precise_row_falls_to_the_row_of_its_theme_which_says_so() -> None:
    """Prefix and suffix, but not in the middle: no comparison of the table does that."""
    assert ids(diagnose(client(["host-as-prefix", "host-as-suffix"]))) == ["some-names"]
    assert ids(diagnose(client(["expired-1963", "validity-inverted"]))) == ["some-dates"]


def test_what_fits_nothing_is_named_and_not_explained_away() -> None:
    found = diagnose(client(["san-malformed-der", "duplicate-extension"]))
    assert [each.case.id for each in found.unexplained] == ["san-malformed-der", "duplicate-extension"]
    assert not found.defects


@pytest.mark.parametrize("row", BY_ID)
def test_the_cases_of_a_row_exist_and_its_fix_is_there_for_every_ecosystem(row: str) -> None:
    defect = BY_ID[row]
    pattern, themes = defect.pattern, {each.theme for each in ALL.values()}
    named = {
        *pattern.accepts,
        *pattern.refuses,
        *pattern.refuses_good,
        *(each for group in pattern.some_of for each in group),
    }
    assert named <= set(ALL)
    assert {ALL[each].must for each in (*pattern.refuses,)} <= {"reject"}
    assert {ALL[each].must for each in pattern.refuses_good} <= {"accept"}
    for each in defect.explains - {EVERYTHING}:
        assert each in ALL or each.removeprefix("theme:") in themes, each
    assert defect.sentence.startswith("It ") and defect.sentence.endswith(".")
    assert defect.harm.endswith(".") and defect.fix.general.endswith(".")
    assert tuple(defect.fix.by_ecosystem) == ECOSYSTEMS
    assert all(text.endswith(".") for text in defect.fix.by_ecosystem.values())


def test_ids_and_sentences_are_of_one_row_each() -> None:
    assert len({each.id for each in DEFECTS}) == len({each.sentence for each in DEFECTS}) == len(DEFECTS)


# What other clients do ------------------------------------------------------------------------------------------------

SEVERAL = {
    "no name check on OpenSSL": (
        [case for case, each in CASES.items() if each.theme in ("host-names", "wildcards") and each.must == "reject"]
        + ["nc-excluded-vs-wildcard", "leaf-v1"],
        {"no-name-check", "constraints-miss-wildcards", "common-name-fallback"},
    ),
    "a search for the host in all of the certificate": (
        ["host-as-prefix", "host-as-suffix", "host-inside", "subdomain", "san-mismatch-cn-match", "no-san-cn-only"],
        {"name-by-substring", "common-name-too"},
    ),
    "either contains the other": (
        ["host-as-prefix", "host-as-suffix", "host-inside", "subdomain", "host-beginning", "host-ending"],
        {"name-by-substring", "host-contains-name"},
    ),
    "a wildcard as in the shell": (
        ["wildcard-two-labels", "wildcard-partial", "wildcard-middle", "wildcard-double", "wildcard-bare"],
        {"wildcard-for-several-labels", "wildcard-anywhere"},
    ),
    "dates of nothing, purposes of nothing": (
        ["expired", "not-yet-valid", "expired-intermediate", "eku-client-only", "eku-codesigning", "ku-certsign-only"],
        {"no-validity-check", "ignores-both-key-usages"},
    ),
    "any chain, right name": (
        ["untrusted-root", "self-signed", "bad-signature", "expired", "leaf-signs-leaf", "eku-client-only"],
        {"no-path-validation"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEVERAL)
def test_several_defects_are_several_sentences(name: str) -> None:
    accepts, expected = SEVERAL[name]
    found = diagnose(client(accepts))
    assert set(ids(found)) <= expected
    assert ids(found)[0] in expected
    assert not found.unexplained


def test_a_client_that_checks_nothing_has_one_defect() -> None:
    assert ids(diagnose(report(blind)))[0] == "any-certificate"


def test_ways_are_told_apart_in_one_client() -> None:
    """It does not check names, and where it refuses a chain it falls back."""

    def judge(case: CaseWords) -> Finding:
        if case.theme in ("host-names", "wildcards"):
            return accepted(case)
        return strict(case) if case.must == "accept" else replace(accepted(case), way=Way.IN_THE_CLEAR)

    assert set(ids(diagnose(report(judge)))) == {"plaintext-fallback", "no-name-check"}


def test_a_client_without_tls_has_that_defect_alone() -> None:
    assert ids(diagnose(report(lambda case: replace(accepted(case), way=Way.IN_THE_CLEAR)))) == ["no-tls"]


def test_a_strict_client_has_no_defect_and_one_that_refuses_everything_none_that_is_known() -> None:
    assert diagnose(report(strict)) == Diagnosis((), ())
    assert diagnose(report(refused)) == Diagnosis((), ())


def test_evidence_that_was_not_gathered_is_not_invented() -> None:
    """With the prefix alone one cannot tell a prefix from a substring."""
    few = [CASES[case] for case in ("good", "untrusted-root", "host-as-prefix")]
    found = diagnose(report(lambda case: accepted(case) if case.id != "untrusted-root" else refused(case), few))
    assert ids(found) == ["some-names"]


@given(st.sets(st.sampled_from(sorted(ALL))), st.sets(st.sampled_from(sorted(ALL)), max_size=5), st.sampled_from(Way))
def test_every_finding_is_in_one_defect_or_said_to_be_unexplained(taken: set[str], crashed: set[str], way: Way) -> None:
    given = client({*taken, "good"} - crashed, (), way, crashed - {"good"})
    found = diagnose(given)
    explained = [each for one in found.defects for each in one.findings]
    everything = [*explained, *found.unexplained]
    assert len(everything) == len({each.case.id for each in everything})
    assert {each.case.id for each in given.findings if each.is_wrong} <= {each.case.id for each in everything}
    graveness = [(not each.harms, SEVERITIES.index(each.severity)) for each in found.defects]
    assert graveness == sorted(graveness)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("python3 client.py {url}", "Python"), ("/usr/bin/python3.11 -m client {url}", "Python"),
        ("python-urllib", "Python"),
        ("node --require x client.js {url}", "Node"), ("node-fetch", "Node"), ("java -cp . Get {url}", "Java"),
        ("curl -sS {url}", "curl"), ("sh -c 'curl -k {url}'", "curl"), ("go run . {url}", "Go"),
        ("ruby x.rb {url}", "Ruby"),
        ("php x.php {url}", "PHP"), ("openssl-strict", "OpenSSL"), ("./client {url}", None), ("", None), ("git", None),
    ],
)  # fmt: skip
def test_the_ecosystem_is_that_of_the_program(command: str, found: str | None) -> None:
    assert ecosystem(report(strict, client=command)) == found
