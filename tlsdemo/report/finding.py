"""One finding in words, the same in every format: what is wrong, why it matters, what the client did and printed.

Pure functions of `tlsdemo.findings`. The client's output is untrusted text: it is escaped for the terminal here, and
each format escapes what it must.
"""

import re
import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from pki.errors import printable
from tlsdemo.findings import SEVERITIES, CaseWords, Finding, Report
from tlsdemo.report.layout import cut

MEANINGS = {
    "must": "an attacker can impersonate hosts",
    "weak": "exploitable if a CA errs, too",
    "informational": "standards or policies disagree",
}
"""The meaning of each severity."""

ACCEPTS = {
    "must": "accepts a case that every client must refuse",
    "weak": "accepts a case that clients should refuse",
    "informational": "accepts a case that strict clients refuse",
}
REFUSES = {
    "must": "refuses a valid case",
    "weak": "refuses a valid case",
    "informational": "refuses a case that most clients accept",
}
AS_EXPECTED = {"accept": "accepts it, as it should", "reject": "refuses it, as it should"}
NOTHING_DECIDED = """A client that refuses every certificate shows nothing about its checks, and a case counts as
accepted only if the client sends application data. Check that the command connects to {url} or {host}:{port}, that it
trusts the CA in {ca} or in the environment, and that it sends something; some clients read that from standard input:
`sh -c 'echo hello | ...'`."""


def headline(finding: Finding) -> str:
    """What the client does, compared with a strict one, in a phrase."""
    case = finding.case
    if not finding.verdict.decided:
        return "inconclusive"
    if finding.crashed:
        return f"crashes{_signal(finding.signal or 0)}"
    if not finding.is_wrong:
        return AS_EXPECTED[case.must]
    if case.must == "accept":
        return REFUSES[case.severity]
    return ACCEPTS[case.severity] + (f", {finding.way.value}" if finding.way.value else "")


def why(case: CaseWords) -> tuple[str, ...]:
    """The paragraphs of the story after the summary, each on one line."""
    paragraphs = (" ".join(each.split()) for each in case.story.split("\n\n"))
    return tuple(each for each in paragraphs if each and each != " ".join(case.summary.split()))


def demands(case: CaseWords) -> str:
    """What a strict client does: `accept it`, `refuse it`."""
    return "accept it" if case.must == "accept" else "refuse it"


def alert(finding: Finding) -> str:
    """The alert that the client sent, or `none`."""
    return printable(finding.alert) if finding.alert else "none"


def ending(finding: Finding) -> str:
    """How the client's program ended."""
    code = finding.exit_code
    if code is None:
        return "none: it was stopped at the timeout"
    if code >= 0:
        return str(code)
    return f"none: ended by signal {-code}{_signal(-code)}"


def _signal(number: int) -> str:
    return f" ({signal.Signals(number).name})" if number in {each.value for each in signal.Signals} else ""


def said(finding: Finding) -> tuple[str, ...]:
    """The lines that the client printed, without control characters."""
    lines = (printable(line).rstrip() for line in finding.said.splitlines())
    return tuple(line for line in lines if line)


def evidence(finding: Finding, longest: int | None = None) -> list[tuple[str, str]]:
    """Labels and values, one line each: what the client did and printed, its alert, its exit code."""
    printed = said(finding)
    lines = cut("\n".join(printed), longest).split("\n") if printed else ["nothing"]
    return [
        ("client", printable(finding.did)),
        *(("output" if place == 0 else "", line) for place, line in enumerate(lines)),
        ("alert sent", alert(finding)),
        ("exit code", ending(finding)),
    ]


SCALE = (
    "Grades by the bad cases that a client accepts: A+ none; A only informational ones; B also weak ones; D also ones "
    "of severity must; F a certificate from any CA."
)
"""What decides the grade."""


def next_step(report: Report) -> str:
    """What the user can do next, in a sentence."""
    if not report.graded:
        return "Next: make the client accept the valid certificates, then run the same command again."
    if report.failing:
        return (
            "Next: correct the first defect and run the same command again; `--except CASE=REASON` excuses a finding, "
            "and `--write-baseline FILE` all of them."
        )
    if report.grade == "?":
        return "Next: run the same command with `--all` for a grade."
    return "Next: run the same command in your pipeline (`--junit FILE`, `--sarif FILE`), so that a change is noticed."


def link(clause: str) -> str | None:
    """The URL of the clause, if it is in an RFC."""
    found = re.search(r"RFC (\d+)(?: §((\d+|[A-Z])(?:\.\d+)*))?", clause)
    if not found:
        return None
    number, section, first = found.groups()
    anchor = f"#{'section' if first.isdigit() else 'appendix'}-{section}" if section else ""
    return f"https://www.rfc-editor.org/rfc/rfc{number}{anchor}"


def markdown(text: str) -> str:
    """The text with Markdown and HTML escaped."""
    return "".join(f"&#{ord(sign)};" if sign in MARKUP else sign for sign in printable(text))


MARKUP = "|\\`*_<>&[]#~!"


def cve_link(cve: str) -> str:
    """The URL of the CVE record."""
    return f"https://www.cve.org/CVERecord?id={cve}"


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Accepted bad cases before refused valid ones, each by severity; otherwise in order."""
    return sorted(findings, key=lambda each: (each.case.must == "accept", SEVERITIES.index(each.case.severity)))


class HasCase(Protocol):
    """A finding, or another thing that belongs to a case."""

    @property
    def case(self) -> CaseWords: ...


About = TypeVar("About", bound=HasCase)


def by_theme(entries: Iterable[About]) -> dict[str, list[About]]:
    """The entries under the theme of their case, in their order."""
    found: dict[str, list[About]] = {}
    for each in entries:
        found.setdefault(each.case.theme, []).append(each)
    return found


def stamp(moment: datetime) -> str:
    """RFC 3339, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def counted(number: int, thing: str, things: str | None = None) -> str:
    """`1 case`, `2 cases`."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def exit_reason(report: Report) -> str:
    """The exit code, and what decided it."""
    kind, rule = f"of severity {' or '.join(report.grave)}", f"(--fail-on {report.fail_on})"
    known = [each for each, _ in report.excused if each.case.severity in report.grave]
    besides = f", besides {counted(len(known), 'known finding')}" if known else ""
    match report.exit_code:
        case 1:
            crashes = sum(1 for each in report.failing if each.crashed)
            accepts = len(report.failing) - crashes
            did = [f"accepts {counted(accepts, 'case')} {kind} that it should refuse"] if accepts or not crashes else []
            did += [f"crashes in {counted(crashes, 'case')} {kind}"] if crashes else []
            return f"Exit code 1: it {' and '.join(did)}{besides} {rule}."
        case 3 if not report.conclusive:
            return "Exit code 3: inconclusive, since the valid certificate was not accepted."
        case 3 if not report.graded:
            refused = f"{len(report.refused_good)} of {counted(len(report.good_ones), 'certificate')}"
            return f"Exit code 3: it refuses {refused} that every client must accept, so the result is inconclusive."
        case 3:
            count = sum(1 for each in report.undecided if each.case.severity in report.grave)
            cases = f"{counted(count, 'case')} {kind} {'was' if count == 1 else 'were'}"
            return f"Exit code 3: {cases} inconclusive; no other finding {rule}."
    return f"Exit code 0: it accepts no case {kind} that it should refuse{besides} {rule}."


def not_served(report: Report, severity: str) -> str:
    """How many cases of this severity were not run; empty if all were."""
    number = len(report.not_served(severity))
    return f"; {number} not run" if number else ""
