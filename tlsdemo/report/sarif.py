"""The findings about one client as SARIF 2.1.0, for code scanning.

    rules = the cases that were run       results = the findings       notifications = inconclusive cases

GitHub refuses a SARIF file in which a result has no source file. So each result names a path that stands for the
client, unless a word of the command looks like a file of the repository. GitHub distinguishes the runs of several
clients by `automationDetails.id`.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from pki.errors import printable
from tlsdemo.findings import CaseWords, Finding, Report
from tlsdemo.report import finding as words
from tlsdemo.report.diagnosis import diagnose
from tlsdemo.report.layout import cut

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
TOOL = "tlsdemo check-client"
LEVELS = {"must": "error", "weak": "warning", "informational": "note"}
HARMLESS = {"must": "warning", "weak": "note", "informational": "note"}
"""The levels of a finding, and of a refused valid case, which harms only the client."""
SECURITY_SEVERITY = {"must": "8.1", "weak": "5.3", "informational": "2.0"}
"""CVSS scores for GitHub's high, medium and low."""
CWES = {
    "validity": 298,
    "chain": 296,
    "signature": 347,
    "ca-certificates": 296,
    "host-names": 297,
    "wildcards": 297,
    **dict.fromkeys(("usage", "constraints", "extensions", "strength"), 295),
}
"""CWE numbers by theme: improper certificate validation (295) and its parts."""
SOURCES = (".py", ".sh", ".js", ".mjs", ".ts", ".rb", ".pl", ".php", ".go", ".java", ".jar", ".rs", ".lua", ".cs")
LONGEST = 1000
"""Characters of a message. GitHub shows 1024."""


def as_sarif(report: Report, version: str = "") -> str:
    """One SARIF run as JSON; `version` is the version of tlsdemo."""
    cases = [each.case for each in report.findings]
    place = {case.id: number for number, case in enumerate(cases)}
    wrong = words.gravest_first(each for each in report.findings if each.is_wrong and report.conclusive)
    run = {
        "tool": {"driver": _driver(cases, version)},
        "automationDetails": {"id": f"{_slug(TOOL)}/{_slug(_name(report))}/"},
        "invocations": [_invocation(report)],
        "artifacts": [{"location": {"uri": _uri(report)}, "description": {"text": _text(_described(report))}}],
        "results": [_result(report, each, place[each.case.id]) for each in wrong],
        "properties": {
            "client": printable(report.client),
            "version": printable(report.version),
            "grade": report.grade,
            "checksNoChain": report.checks_no_chain,
            "defects": [each.defect.sentence for each in diagnose(report).defects],
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


# The cases ------------------------------------------------------------------------------------------------------------


def _driver(cases: Sequence[CaseWords], version: str) -> dict[str, Any]:
    known = {"semanticVersion": version} if version else {}
    return {"name": TOOL, **known, "rules": [_rule(case) for case in cases]}


def _rule(case: CaseWords) -> dict[str, Any]:
    link = words.link(case.clause)
    story = [*words.why(case), f"{case.clause}: a strict client would {words.demands(case)}."]
    return {
        "id": case.id,
        "shortDescription": {"text": _text(case.summary)},
        "fullDescription": {"text": _text(" ".join([case.summary, *story]))},
        "help": {
            "text": _text(" ".join([case.summary, *story])),
            "markdown": _braces("\n\n".join([*map(words.markdown, (case.summary, *story)), *_further(case, link)])),
        },
        **({"helpUri": link} if link else {}),
        "defaultConfiguration": {"level": _level(case)},
        "properties": {
            "tags": _tags(case),
            "precision": "very-high",
            "problem.severity": _level(case).replace("note", "recommendation"),
            **({} if case.must == "accept" else {"security-severity": SECURITY_SEVERITY[case.severity]}),
        },
    }


def _further(case: CaseWords, link: str | None) -> list[str]:
    """Links to the clause and the CVE records, as Markdown."""
    links = [(case.clause, link)] if link else []
    links += [(cve, words.cve_link(cve)) for cve in case.cve]
    return [" · ".join(f"[{words.markdown(text)}]({where})" for text, where in links)] if links else []


def _level(case: CaseWords) -> str:
    return (HARMLESS if case.must == "accept" else LEVELS)[case.severity]


def _tags(case: CaseWords) -> list[str]:
    """GitHub recognizes a security rule by the tag `security`, and its weakness by `external/cwe/`."""
    kind = "interoperability" if case.must == "accept" else "security"
    weakness = CWES.get(case.theme) if kind == "security" else None
    return [kind, "tls", case.theme, *([f"external/cwe/cwe-{weakness}"] if weakness else []), *case.cve]


# The findings ---------------------------------------------------------------------------------------------------------


def _result(report: Report, finding: Finding, rule: int) -> dict[str, Any]:
    case, name = finding.case, _name(report)
    did = "; ".join(f"{label}: {value}" for label, value in words.evidence(finding) if label in SHORT)
    identity = hashlib.sha256(f"{name}\0{case.id}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return {
        "ruleId": case.id,
        "ruleIndex": rule,
        "level": _level(case),
        "message": {"text": _text(f"{name} {words.headline(finding)}: {case.summary} {did}.")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(report), "index": 0},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"name": printable(name), "kind": "module"}],
            }
        ],
        **_suppressed(report, finding),
        "partialFingerprints": {"primaryLocationLineHash": f"{identity}:1"},
        "properties": {
            "verdict": finding.verdict.value,
            "outcome": finding.outcome,
            "severity": case.severity,
            "said": list(words.said(finding)),
            "alert": printable(finding.alert) if finding.alert else None,
            "exitCode": finding.exit_code,
            "seconds": finding.seconds,
        },
    }


def _suppressed(report: Report, finding: Finding) -> dict[str, Any]:
    """A known finding is suppressed, with its reason (§3.27.23)."""
    known = report.excuse(finding)
    if known is None:
        return {}
    why = known.reason or f"known by {known.origin}"
    return {"suppressions": [{"kind": "external", "status": "accepted", "justification": _text(why)}]}


SHORT = ("client", "alert sent", "exit code")
"""The labels of the evidence in a message; the client's output is a property."""


def _invocation(report: Report) -> dict[str, Any]:
    notes = [(each.case, f"{each.verdict.value}: {each.did}") for each in report.undecided]
    return {
        "executionSuccessful": report.conclusive,
        "exitCode": report.exit_code,
        "startTimeUtc": words.stamp(report.started),
        "endTimeUtc": words.stamp(report.started + timedelta(seconds=report.seconds)),
        "toolExecutionNotifications": [
            {"level": "warning", "associatedRule": {"id": case.id}, "message": {"text": _text(f"{case.id}: {why}.")}}
            for case, why in notes
        ],
    }


# The client -----------------------------------------------------------------------------------------------------------


def _name(report: Report) -> str:
    """The name of the client's program."""
    first = (report.client.split() or ["client"])[0]
    return cut(PurePosixPath(first).name or first, LONGEST // 10)


def _uri(report: Report) -> str:
    """A file of the repository that the command names, or else a path that stands for the client."""
    for word in report.client.split():
        path = word.removeprefix("./")
        inside = re.fullmatch(r"[\w.+-]+(/[\w.+-]+)*", path) and ".." not in path.split("/")
        if inside and len(path) < LONGEST and ("/" in word or path.endswith(SOURCES)):
            return quote(path)
    return f"tls-clients/{_slug(_name(report))}"


def _described(report: Report) -> str:
    version = f", version {report.version}" if report.version else ""
    return f"The TLS client started by {report.client}{version}."


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "client"


def _text(text: str) -> str:
    """Text as a plain message: SARIF uses brackets for links and braces for placeholders (§3.11.5, §3.11.6)."""
    return _braces(re.sub(r"([\\\[\]])", r"\\\1", printable(cut(text, LONGEST))))


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def is_ours(content: bytes) -> bool:
    """Whether `as_sarif` wrote this file."""
    try:
        return bool(json.loads(content)["runs"][0]["tool"]["driver"]["name"] == TOOL)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return False
