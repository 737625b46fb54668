"""The defects of one client: the rows of the table that fit its findings, and the findings that fit no row.

Pure functions of a `Report`. Rows are tried in the order of the table. A row counts if its pattern holds and it
explains a finding that no earlier row explains.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tlsdemo.findings import SEVERITIES, ClientVerdict, Finding, Report, Way
from tlsdemo.report.defects import DEFECTS, EVERYTHING, Defect, Pattern


@dataclass(frozen=True)
class Diagnosed:
    """A defect, and the findings that it explains."""

    defect: Defect
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> str:
        """The highest severity of its findings."""
        return SEVERITIES[min(SEVERITIES.index(each.case.severity) for each in self.findings)]

    @property
    def harms(self) -> bool:
        """Whether an attacker gains from it."""
        return any(each.harms for each in self.findings)


@dataclass(frozen=True)
class Diagnosis:
    """The defects of a client, the most severe first, and the findings that fit none."""

    defects: tuple[Diagnosed, ...]
    unexplained: tuple[Finding, ...]

    @property
    def first(self) -> tuple[Diagnosed, ...]:
        """The defects that a report begins with: all but the informational ones."""
        return tuple(each for each in self.defects if each.severity in SEVERITIES[:2])

    @property
    def unexplained_first(self) -> tuple[Finding, ...]:
        """The unexplained findings that are not informational."""
        return tuple(each for each in self.unexplained if each.case.severity in SEVERITIES[:2])


def diagnose(report: Report) -> Diagnosis:
    """The defects that explain how the client differs from a strict one; none if the report is not conclusive."""
    if not report.conclusive:
        return Diagnosis((), ())
    left = {each.case.id: each for each in report.findings if each.is_wrong or _in_the_clear(each)}
    found = []
    for defect in DEFECTS:
        if not fits(defect.pattern, report):
            continue
        explained = [each for each in left.values() if _explains(defect, each)]
        if explained:
            found.append(Diagnosed(defect, tuple(explained)))
            for each in explained:
                del left[each.case.id]
    found.sort(key=lambda each: (not each.harms, SEVERITIES.index(each.severity)))
    return Diagnosis(tuple(found), tuple(left.values()))


def _in_the_clear(finding: Finding) -> bool:
    """Whether the client accepted without TLS, which is a fault even for a valid case."""
    return finding.verdict.takes_it and finding.way is Way.IN_THE_CLEAR


def _explains(defect: Defect, finding: Finding) -> bool:
    pattern = defect.pattern
    if pattern.crashes or finding.crashed:
        return pattern.crashes and finding.crashed
    if finding.verdict.takes_it and finding.way is not pattern.way:
        return False
    refused = not finding.verdict.takes_it
    if refused and not pattern.refuses_good:  # the row is about accepted cases
        return False
    if not refused and pattern.about_good and EVERYTHING not in defect.explains:
        return False
    return defect.explains_case(finding.case.id, finding.case.theme)


def fits(pattern: Pattern, report: Report) -> bool:
    """Whether every condition of the pattern holds."""
    decided = {each.case.id: each for each in report.findings if each.verdict.decided}

    def accepted(case: str) -> bool:
        found = decided.get(case)
        return found is not None and found.verdict is ClientVerdict.ACCEPTED and found.way is pattern.way

    def refused(case: str) -> bool:
        found = decided.get(case)
        return found is not None and not found.verdict.takes_it

    if pattern.crashes:
        return any(each.crashed for each in decided.values())
    if pattern.way is not Way.PLAINLY and not any(accepted(case) for case in decided):
        return False
    return (
        all(map(accepted, pattern.accepts))
        and all(any(map(accepted, group)) for group in pattern.some_of)
        and all(map(refused, pattern.refuses))
        and (not pattern.refuses_good or any(map(refused, pattern.refuses_good)))
    )


PROGRAMS: Mapping[str, str] = {
    "Python": r"python[\d.]*|pypy[\d.]*",
    "Node": r"node|nodejs|npm|npx",
    "Go": r"go",
    "Java": r"java|jshell|gradle|mvn",
    "Ruby": r"ruby[\d.]*",
    "PHP": r"php[\d.]*",
    "curl": r"curl",
    "OpenSSL": r"openssl(-strict)?",
}
"""Names of the programs that run clients of an ecosystem, as patterns."""


def ecosystem(report: Report) -> str | None:
    """The client's ecosystem, from the words of its command or from a preset such as `python-urllib`."""
    for word in report.client.split()[:6]:
        name = PurePosixPath(word.strip("'\"")).name
        for found, programs in PROGRAMS.items():
            if re.fullmatch(programs, name) or re.fullmatch(rf"({programs})-[a-z]+", name):
                return found
    return None
