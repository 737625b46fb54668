"""What one client did in the lab, as text of 80 columns and as data.

Both are pure functions of a `Report`. The text begins with one sentence for each defect. It needs no colour.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pki.errors import printable
from tlsdemo.findings import GOOD, GRADES, SEVERITIES, CaseWords, Finding, Known, Report
from tlsdemo.report import finding as words
from tlsdemo.report import layout
from tlsdemo.report.diagnosis import Diagnosis, diagnose, ecosystem
from tlsdemo.report.finding import counted

LONGEST_WORDS = 400
"""Characters of the client's output that a terminal shows."""


def as_text(report: Report) -> Iterator[str]:
    """The lines, none wider than 80 columns."""
    lines = _all(report)
    next(lines)  # the empty line above the first heading
    yield from lines


def _all(report: Report) -> Iterator[str]:
    if report.conclusive:
        diagnosis = diagnose(report)
        yield from _sentences(diagnosis)
        yield from _who(report)
        yield from _grade(report)
        yield from _defects(report, diagnosis)
        yield from _findings(report, diagnosis)
        yield from _known(report)
        yield from _rest(report)
        yield from _undecided(report)
        yield from _unserved(report)
        yield from _summary(report, diagnosis)
    else:
        yield from _nothing_decided(report)
        yield from _who(report)
    yield ""
    yield from layout.say(words.exit_reason(report))


# What comes first -----------------------------------------------------------------------------------------------------


def _who(report: Report) -> Iterator[str]:
    yield from layout.heading("TLS client report")
    yield from layout.show("client", report.client, indent=0)
    if report.version:
        yield from layout.show("version", report.version, indent=0)
    run = f"{report.started:%Y-%m-%d %H:%M} UTC, {counted(len(report.findings), 'case')} in {report.seconds:.1f} s"
    yield from layout.show("run", run, indent=0)
    if report.controls:
        yield from layout.show("controls", "a refusal counts only if the valid control was accepted", indent=0)


def _nothing_decided(report: Report) -> Iterator[str]:
    yield from layout.heading("Inconclusive: this client does not accept the valid certificate")
    yield from layout.say(words.NOTHING_DECIDED)
    for each in report.findings:
        if each.case.id == GOOD:
            yield from _evidence(each)


def _sentences(diagnosis: Diagnosis) -> Iterator[str]:
    """One sentence for each defect that is not informational."""
    if diagnosis.first or diagnosis.unexplained_first:
        number = len(diagnosis.first) + bool(diagnosis.unexplained_first)
        yield from layout.heading(f"{counted(number, 'defect')} in this client")
        yield from _numbered(diagnosis)


def _numbered(diagnosis: Diagnosis) -> Iterator[str]:
    sentences = [(each.defect.sentence, _how_many(each.findings)) for each in diagnosis.first]
    if unknown := diagnosis.unexplained_first:
        sentences.append(("It differs from a strict client in a way that fits no known defect.", _how_many(unknown)))
    for number, (sentence, cases) in enumerate(sentences, 1):
        yield from layout.hang(f"{number}. {sentence} ({cases})", indent=0)


def _how_many(findings: Sequence[Finding]) -> str:
    """`10 cases`, `1 case, weak`, or `10 cases, 3 of them weak`: the table below counts by severity, too."""
    must, weak, informational = (sum(each.case.severity == one for each in findings) for one in SEVERITIES)
    number = counted(must + weak, "case")
    weaker = "" if not weak else f", {weak} of them {SEVERITIES[1]}" if must else f", {SEVERITIES[1]}"
    return f"{number}{weaker}" + (f"; and {informational} {SEVERITIES[2]}" if informational else "")


def _defects(report: Report, diagnosis: Diagnosis) -> Iterator[str]:
    """Each defect with what an attacker gains, the fix, and the cases that show it."""
    if not diagnosis.defects and not diagnosis.unexplained:
        return
    yield from layout.heading("Defects and fixes")
    known = ecosystem(report)
    for number, each in enumerate(diagnosis.defects, 1):
        yield from [""] if number > 1 else []
        yield from layout.hang(f"{number}. {each.defect.sentence}", indent=0)
        yield from layout.show("impact", each.defect.harm)
        yield from layout.show("rule", each.defect.fix.general)
        if known:
            yield from layout.show(known, each.defect.fix.by_ecosystem[known])
        else:
            for name, text in each.defect.fix.by_ecosystem.items():
                yield from layout.show(name, text)
        yield from layout.show("shown by", ", ".join(one.case.id for one in each.findings))
    if diagnosis.unexplained:
        yield ""
        ids = ", ".join(each.case.id for each in diagnosis.unexplained)
        yield from layout.say(f"These cases fit no known defect: {ids}. See each case below.")


def _grade(report: Report) -> Iterator[str]:
    yield from layout.heading(f"Grade {report.grade}")
    yield from layout.say(f"It {GRADES[report.grade]}. {words.SCALE} {words.next_step(report)}")
    yield ""
    yield "Cases in which it differs from a strict client:"
    yield ""
    for severity in SEVERITIES:
        wrong, decided = len(report.wrong(severity)), report.count(severity)
        number = f"{wrong:>4} of {decided:>3}" if decided else "not run".rjust(11)
        yield f"    {severity:<14}{number}   {words.MEANINGS[severity]}{words.not_served(report, severity)}"


# What matters ---------------------------------------------------------------------------------------------------------


WITHOUT_VALIDATION = ("any-certificate", "no-path-validation")
"""Defects from which most other findings follow."""


def _findings(report: Report, diagnosis: Diagnosis) -> Iterator[str]:
    wrong = [each for severity in SEVERITIES for each in report.wrong(severity)]
    if not wrong:
        return
    yield from layout.heading(f"Differences from a strict client: {len(wrong)}")
    following: set[str] = set()
    for cause in diagnosis.defects:
        if cause.defect.id in WITHOUT_VALIDATION:
            cases = [each.case.id for each in cause.findings]
            following.update(cases)
            yield from layout.say(
                f"{cause.defect.sentence} This explains {counted(len(cases), 'case')}: {', '.join(cases)}."
            )
            yield from layout.say("`tlsdemo lab` and --json explain each case.")
    rest = [each for each in words.gravest_first(wrong) if each.case.id not in following]
    if following and rest:
        yield ""
    for number, each in enumerate(rest, 1):
        yield from [""] if number > 1 else []
        yield from _finding(number, each)


def _finding(number: int, finding: Finding) -> Iterator[str]:
    case = finding.case
    yield from layout.hang(f"{number}. {case.id}: {words.headline(finding)}", indent=0)
    yield from layout.show("test case", case.summary)
    for paragraph in words.why(case):
        yield from layout.show("why it matters", paragraph)
    if case.cve:
        yield from layout.show("known from", ", ".join(case.cve))
    yield from layout.show("clause", f"{case.clause} ({case.severity}: {words.demands(case)})")
    yield from _evidence(finding)


def _evidence(finding: Finding) -> Iterator[str]:
    for label, value in words.evidence(finding, LONGEST_WORDS):
        yield from layout.show(label, value)


# All the rest ---------------------------------------------------------------------------------------------------------


def _rest(report: Report) -> Iterator[str]:
    right = [each for each in report.findings if each.verdict.decided and not each.is_wrong]
    if not right:
        return
    yield from layout.heading(f"Same as a strict client: {len(right)}")
    for theme, findings in words.by_theme(right).items():
        yield theme
        yield from _table([_row(each) for each in findings])


def _row(finding: Finding) -> tuple[str, ...]:
    verdict = finding.verdict.value
    alert = words.alert(finding) if finding.alert else "" if finding.verdict.takes_it else "no alert"
    return finding.case.id, verdict, alert, "ended" if finding.exit_code is None else f"exit {finding.exit_code}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for case, verdict, alert, exit_word in rows:
        yield from layout.hang(f"{case:<29} {verdict:<12} {alert:<23} {exit_word}".rstrip())


def _known(report: Report) -> Iterator[str]:
    """Known findings, and known findings that did not occur again."""
    if report.excused:
        yield from layout.heading(f"Known findings, not counted: {len(report.excused)}")
        for finding, known in report.excused:
            why = f": {known.reason}" if known.reason else ""
            yield from layout.hang(f"{finding.case.id} ({finding.outcome}), by {known.origin}{why}")
    if report.vanished:
        yield from layout.heading(f"Known findings that did not occur: {len(report.vanished)}")
        for each in report.vanished:
            outcome = f" ({each.outcome})" if each.outcome else ""
            yield from layout.hang(f"{each.case}{outcome}: remove it from {each.origin}")


def _undecided(report: Report) -> Iterator[str]:
    yield from _grouped("Inconclusive", [(_uncertain(each), each.case) for each in report.undecided])


def _uncertain(finding: Finding) -> str:
    last = words.said(finding)[-1:]
    return f"{finding.did}; it printed: {layout.cut(last[0], LONGEST_WORDS)}" if last else finding.did


def _unserved(report: Report) -> Iterator[str]:
    yield from _grouped("Not run", [(each.reason, each.case) for each in report.unserved])


def _grouped(heading: str, entries: Sequence[tuple[str, CaseWords]]) -> Iterator[str]:
    """Cases grouped by their reason."""
    if not entries:
        return
    yield from layout.heading(f"{heading}: {len(entries)}")
    reasons: dict[str, list[str]] = {}
    for reason, case in entries:
        reasons.setdefault(reason, []).append(case.id)
    for reason, cases in reasons.items():
        yield from layout.hang(f"{layout.cut(reason, layout.LONGEST // 2)}: {', '.join(cases)}")


def _summary(report: Report, diagnosis: Diagnosis) -> Iterator[str]:
    """The grade and the defects again, since the beginning of a long report has left the screen."""
    if diagnosis.first or diagnosis.unexplained_first:
        yield from layout.heading(f"Summary: grade {report.grade}")
        yield from _numbered(diagnosis)


# For programs ---------------------------------------------------------------------------------------------------------


def as_data(report: Report) -> dict[str, Any]:
    """For JSON; the caller adds the schema."""
    return {
        **about(report),
        "defects": _defects_as_data(report),
        "known": [_known_as_data(known) | {"found": True} for _, known in report.excused]
        + [_known_as_data(known) | {"found": False} for known in report.vanished],
        "fail_on": report.fail_on,
        "findings": [_finding_as_data(each) for each in report.findings],
        "unserved": [{"case": each.case.id, "reason": printable(each.reason)} for each in report.unserved],
        "started": words.stamp(report.started),
        "seconds": report.seconds,
    }


def _defects_as_data(report: Report) -> dict[str, Any]:
    diagnosis = diagnose(report)
    return {
        "known": [
            {
                "defect": each.defect.id,
                "sentence": each.defect.sentence,
                "harm": each.defect.harm,
                "severity": each.severity,
                "cases": [one.case.id for one in each.findings],
                "fix": {"general": each.defect.fix.general, **each.defect.fix.by_ecosystem},
            }
            for each in diagnosis.defects
        ],
        "unexplained_cases": [each.case.id for each in diagnosis.unexplained],
    }


def _known_as_data(known: Known) -> dict[str, Any]:
    return {
        "case": known.case,
        "outcome": known.outcome or None,
        "reason": printable(known.reason),
        "origin": printable(known.origin),
    }


def about(report: Report) -> dict[str, Any]:
    """The client and its grade, for one report or a comparison."""
    return {
        "client": printable(report.client),
        "version": printable(report.version),
        "conclusive": report.conclusive,
        "checks_no_chain": report.checks_no_chain,
        "grade": report.grade if report.graded else None,
        "asked_in_full": list(report.whole),
        "controls": report.controls,
        "counts": counts(report),
    }


def counts(report: Report) -> dict[str, dict[str, int]]:
    """By severity: the decided cases, those in which the client differs from a strict one, those not run."""
    return {
        each: {
            "cases": report.count(each),
            "wrong": len(report.wrong(each)),
            "not_run": len(report.not_served(each)),
        }
        for each in SEVERITIES
    }


def _finding_as_data(finding: Finding) -> dict[str, Any]:
    case = finding.case
    return {
        "case": case.id,
        "theme": case.theme,
        "wrong": case.summary,
        "why": case.story,
        "clause": case.clause,
        "cve": list(case.cve),
        "expect": case.must,
        "severity": case.severity,
        "verdict": finding.verdict.value,
        "way": finding.way.value or None,
        "outcome": finding.outcome,
        "signal": finding.signal,
        "is_wrong": finding.is_wrong,
        "did": printable(finding.did),
        "said": "\n".join(words.said(finding)),
        "alert": printable(finding.alert) if finding.alert else None,
        "exit_code": finding.exit_code,
        "seconds": finding.seconds,
        "verify_codes": list(case.verify_codes),
    }
