"""One finding in words, the same in every format: what is wrong, why it matters, what the client did and said.

Pure functions of `tlsdemo.findings`. What a client said is hostile text: `printable` where a terminal may read it,
and each format escapes what it must.
"""

import re
import signal
from collections.abc import Iterable
from datetime import UTC, datetime

from pki.errors import printable
from tlsdemo.findings import SEVERITIES, Case, Finding, Report
from tlsdemo.report.layout import cut

MEANINGS = {
    "must": "an attacker can impersonate hosts",
    "weak": "a CA or server must err, too",
    "informational": "standards or policies disagree",
}
"""What a severity says."""

ACCEPTS = {
    "must": "accepts what every client must refuse",
    "weak": "accepts what nobody should",
    "informational": "accepts what strict clients refuse",
}
REFUSES = {
    "must": "refuses what is good",
    "weak": "refuses what is good",
    "informational": "refuses what is good enough",
}
AS_EXPECTED = {"accept": "accepts it, as it should", "reject": "refuses it, as it should"}
NOTHING_DECIDED = """Who refuses everything holds off every attacker, and shows nothing; and what counts is what a
client sends. See that it is told where to go, that it trusts the authority in {ca} or in the environment, and that it
has something to say, on its standard input if that is where it looks: `sh -c 'echo hello | ...'`."""


def headline(finding: Finding) -> str:
    """How the client stands to a strict one, in a phrase."""
    case = finding.case
    if not finding.verdict.decided:
        return "not decided"
    if finding.crashed:
        return f"crashes{_signal(finding.signal or 0)}"
    if not finding.is_wrong:
        return AS_EXPECTED[case.must]
    if case.must == "accept":
        return REFUSES[case.severity]
    return ACCEPTS[case.severity] + (f", {finding.way.value}" if finding.way.value else "")


def why(case: Case) -> tuple[str, ...]:
    """The paragraphs of its story that come after the summary, each on one line."""
    paragraphs = (" ".join(each.split()) for each in case.story.split("\n\n"))
    return tuple(each for each in paragraphs if each and each != " ".join(case.summary.split()))


def demands(case: Case) -> str:
    """What a strict client does with it."""
    return "accept it" if case.must == "accept" else "refuse it"


def alert(finding: Finding) -> str:
    """The alert that it sent, or that there was none."""
    return printable(finding.alert) if finding.alert else "none"


def ending(finding: Finding) -> str:
    """How the client's program ended."""
    code = finding.exit_code
    if code is None:
        return "none: it had to be ended"
    if code >= 0:
        return str(code)
    return f"none: ended by signal {-code}{_signal(-code)}"


def _signal(number: int) -> str:
    return f" ({signal.Signals(number).name})" if number in {each.value for each in signal.Signals} else ""


def said(finding: Finding) -> tuple[str, ...]:
    """The client's words, line by line, without control characters."""
    lines = (printable(line).rstrip() for line in finding.said.splitlines())
    return tuple(line for line in lines if line)


def evidence(finding: Finding, longest: int | None = None) -> list[tuple[str, str]]:
    """Labels and values, each on one line: what it did and said, its alert, its end. Later lines have no label."""
    spoken = said(finding)
    heard = cut("\n".join(spoken), longest).split("\n") if spoken else ["nothing"]
    return [
        ("what it did", printable(finding.did)),
        *(("what it said" if place == 0 else "", line) for place, line in enumerate(heard)),
        ("alert it sent", alert(finding)),
        ("exit code", ending(finding)),
    ]


def grade(report: Report) -> str:
    """The letter, or that there is none."""
    return report.grade


def link(clause: str) -> str | None:
    """Where the clause can be read, if it is one of an RFC."""
    found = re.search(r"RFC (\d+)(?: §((\d+|[A-Z])(?:\.\d+)*))?", clause)
    if not found:
        return None
    number, section, first = found.groups()
    anchor = f"#{'section' if first.isdigit() else 'appendix'}-{section}" if section else ""
    return f"https://www.rfc-editor.org/rfc/rfc{number}{anchor}"


def markdown(text: str) -> str:
    """Text as text: nothing in it is Markdown or HTML."""
    return "".join(f"&#{ord(sign)};" if sign in MARKUP else sign for sign in printable(text))


MARKUP = "|\\`*_<>&[]#~!"


def cve_link(cve: str) -> str:
    """The record of a vulnerability."""
    return f"https://www.cve.org/CVERecord?id={cve}"


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """What an impostor can use before what is merely refused, each by severity; else in their order."""
    return sorted(findings, key=lambda each: (each.case.must == "accept", SEVERITIES.index(each.case.severity)))


def by_theme(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """The findings under the theme of their case, in their order."""
    found: dict[str, list[Finding]] = {}
    for each in findings:
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
            did = [f"it accepts {counted(accepts, 'case')} that it should refuse"] if accepts or not crashes else []
            did += [f"it crashes in {counted(crashes, 'case')}"] if crashes else []
            return f"Exit code 1: {kind} {' and '.join(did)}{besides} {rule}."
        case 3 if not report.conclusive:
            return "Exit code 3: the good certificate was not accepted, so that nothing is decided."
        case 3 if not report.graded:
            refused = f"{len(report.refused_good)} of {counted(len(report.good_ones), 'certificate')}"
            return f"Exit code 3: it refuses {refused} that every client must accept, so that nothing is decided."
        case 3:
            number = counted(sum(1 for each in report.undecided if each.case.severity in report.grave), "case")
            return f"Exit code 3: {kind} {number} could not be decided, and nothing else was found {rule}."
    return f"Exit code 0: {kind} it accepts nothing that it should refuse{besides} {rule}."


def not_served(report: Report, severity: str) -> str:
    """How many cases of that severity were not run; empty where all were."""
    number = len(report.not_served(severity))
    return f"; {number} not run" if number else ""
