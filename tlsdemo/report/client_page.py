"""The report about one client as one self-contained page; each case can be unfolded, linked to and printed.

A URL that ends in `#case-expired` unfolds this case: the id is inside the folded part, which browsers then unfold. The
page needs no script.
"""

from dataclasses import dataclass

from tlsdemo.findings import GRADES, SEVERITIES, CaseWords, Finding, Report
from tlsdemo.report import finding as words
from tlsdemo.report import html
from tlsdemo.report.diagnosis import diagnose, ecosystem
from tlsdemo.report.fixes import ECOSYSTEMS

LONGEST_WORDS = 4000
"""Characters of the client's output that the page shows."""


@dataclass(frozen=True)
class PageEntry:
    """One case and its finding."""

    case: CaseWords
    finding: Finding | None
    """None: the case was not run."""
    kind: str
    """Its CSS class: broken, moot, held, none."""
    sign: str
    headline: str
    reason: str = ""
    """Why the case was not run."""

    @property
    def anchor(self) -> str:
        """The id of its element in the page."""
        return f"case-{self.case.id}"

    @property
    def why(self) -> tuple[str, ...]:
        """The paragraphs that say why the case matters."""
        return words.why(self.case)

    @property
    def aliases(self) -> list[str]:
        """The aliases of the case."""
        return [each for each in self.case.aliases if each != self.case.id]

    @property
    def clause(self) -> str | None:
        """The URL of the clause."""
        return words.link(self.case.clause)

    @property
    def vulnerabilities(self) -> list[tuple[str, str]]:
        """The CVE numbers, each with its URL."""
        return [(each, words.cve_link(each)) for each in self.case.cve]

    @property
    def evidence(self) -> list[tuple[str, list[str]]]:
        """The labels of the evidence, each with the lines of its value."""
        found: list[tuple[str, list[str]]] = []
        for label, line in words.evidence(self.finding, LONGEST_WORDS) if self.finding else []:
            if label:
                found.append((label, [line]))
            else:
                found[-1][1].append(line)
        return found

    @property
    def outcome(self) -> str:
        """The verdict, the alert and the exit code, as far as there are any."""
        if not self.finding:
            return "not run"
        code = self.finding.exit_code
        parts = self.finding.outcome, self.finding.alert, f"exit {code}" if code is not None else "ended"
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Section:
    """A part of the cases, under a heading."""

    id: str
    heading: str
    about: str
    entries: tuple[PageEntry, ...]
    unfolded: bool = False


def as_html(report: Report) -> str:
    """The page."""
    entries = _entries(report)
    return html.render(
        "client.html",
        "page.css",
        "client.css",
        report=report,
        grade=report.grade,
        meaning=f"It {GRADES[report.grade]}." if report.conclusive else "",
        scale=words.SCALE,
        next_step=words.next_step(report),
        colour={"A": "held", "B": "moot", "?": "none", "n": "none"}.get(report.grade[0], "broken")
        if report.conclusive
        else "none",
        diagnosis=diagnose(report),
        ecosystems=[known] if (known := ecosystem(report)) else list(ECOSYSTEMS),
        nothing_decided=words.NOTHING_DECIDED.replace("\n", " "),
        counts=[
            (
                each,
                len(report.wrong(each)),
                report.count(each),
                words.MEANINGS[each] + words.not_served(report, each),
            )
            for each in SEVERITIES
        ],
        themes=words.by_theme(entries),
        sections=[each for each in _sections(entries) if each.entries],
        run=f"{report.started:%Y-%m-%d %H:%M} UTC, {words.counted(len(report.findings), 'case')} "
        f"in {report.seconds:.1f} s",
        verdict=words.exit_reason(report),
    )


def _entries(report: Report) -> list[PageEntry]:
    found = [_entry(each, report) for each in report.findings]
    return found + [PageEntry(each.case, None, "none", "·", "not run", each.reason) for each in report.unserved]


def _entry(finding: Finding, report: Report) -> PageEntry:
    headline = words.headline(finding)
    if not report.conclusive or not finding.verdict.decided:
        return PageEntry(finding.case, finding, "none", "?", "inconclusive")
    if not finding.is_wrong:
        return PageEntry(finding.case, finding, "held", "✓", headline)
    grave = finding.harms and finding.case.severity == "must"
    kind, sign = ("broken", "✗") if grave else ("moot", "!")
    return PageEntry(finding.case, finding, kind, sign, headline)


def _sections(entries: list[PageEntry]) -> list[Section]:
    wrong = {each.finding: each for each in entries if each.finding and each.sign in "✗!"}
    ordered = [wrong[each] for each in words.gravest_first(wrong)]
    seen = tuple(ordered)
    undecided = tuple(each for each in entries if each.sign == "?")
    right = tuple(each for each in entries if each.sign == "✓")
    unserved = tuple(each for each in entries if not each.finding)
    return [
        Section("otherwise", "Differences from a strict client", "The most severe first.", seen, unfolded=True),
        Section("undecided", "Inconclusive", "The client neither accepted nor refused these cases.", undecided),
        Section("strict", "Same as a strict client", "", right),
        Section("unserved", "Not run", "", unserved),
    ]
