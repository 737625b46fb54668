"""Several clients on the same cases: the differential matrix, on a terminal, as Markdown and as data.

    expired       r r A      r  refused     A  accepted, and a strict client refuses
    good          a a a      *  the clients disagree

A letter is what the client did; it is a capital if a strict client does otherwise. The matrix needs no colour.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from pki.errors import printable
from tlsdemo.findings import SEVERITIES, CaseWords, ClientVerdict, Comparison, Finding, Report
from tlsdemo.report import finding as words
from tlsdemo.report.client import about
from tlsdemo.report.finding import counted, stamp
from tlsdemo.report.layout import LONGEST, WIDTH, cell, cut, hang, say

LETTERS: Mapping[ClientVerdict, str] = {
    ClientVerdict.ACCEPTED: "a",
    ClientVerdict.REFUSED: "r",
    ClientVerdict.REFUSED_LATE: "l",
    ClientVerdict.CRASHED: "c",
    ClientVerdict.NO_SNI: "s",
    ClientVerdict.INCONCLUSIVE: "?",
}
DECIDED = {letter for verdict, letter in LETTERS.items() if verdict.decided}
NOT_RUN = "·"
DIFFERS = "*"
CAPITAL = "a capital letter: a strict client does otherwise"


class Table:
    """A comparison as a grid of clients and cases."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.reports = tuple(comparison.reports)
        self.cases = comparison.cases
        self.differing = [case for case in self.cases if comparison.differs(case)]
        self._found = [{each.case.id: each for each in report.findings} for report in self.reports]

    def __getitem__(self, place: tuple[int, CaseWords]) -> Finding | None:
        client, case = place
        return self._found[client].get(case.id)

    def sign(self, client: int, case: CaseWords) -> str:
        """One character: what this client did with this case."""
        finding = self[client, case]
        if finding is None:
            return NOT_RUN
        verdict = ClientVerdict.CRASHED if finding.crashed else finding.verdict
        letter = LETTERS[verdict if self.reports[client].conclusive else ClientVerdict.INCONCLUSIVE]
        return letter.upper() if finding.is_wrong and letter.isalpha() else letter

    def by_theme(self) -> dict[str, list[CaseWords]]:
        """The cases under their themes, in their order."""
        found: dict[str, list[CaseWords]] = {}
        for case in self.cases:
            found.setdefault(case.theme, []).append(case)
        return found

    def legend(self) -> list[str]:
        """The meanings of the signs that occur."""
        signs = {self.sign(client, case) for client in range(len(self.reports)) for case in self.cases}
        lower = {sign.lower() for sign in signs}
        meanings = [f"{letter} {verdict.value}" for verdict, letter in LETTERS.items() if letter in lower]
        capitals = [CAPITAL] if any(sign.isupper() for sign in signs) else []
        return [*meanings, *([f"{NOT_RUN} not run"] if NOT_RUN in signs else []), *capitals]

    def summary(self) -> str:
        """The numbers of clients, cases and disagreements."""
        clients, cases, differing = len(self.reports), len(self.cases), len(self.differing)
        many = f"they disagree on {differing} of them." if clients > 1 else "a comparison needs two clients."
        return f"{counted(clients, 'client')} on {counted(cases, 'case')}; {many}"


# On a terminal --------------------------------------------------------------------------------------------------------


def as_text(comparison: Comparison) -> Iterator[str]:
    """The lines, none wider than 80 columns: a summary, the clients, and the matrix, in blocks of clients if needed."""
    table = Table(comparison)
    yield from say(table.summary())
    yield ""
    yield from _clients(table)
    width = min(max((cell_len(case.id) for case in table.cases), default=0) + 3, WIDTH // 2)
    at_once = (WIDTH - width) // COLUMN
    for first in range(0, len(table.reports), at_once):
        yield ""
        yield from _matrix(table, range(first, min(first + at_once, len(table.reports))), width)
    yield ""
    yield from say("; ".join([*table.legend(), f"{DIFFERS} the clients disagree"]))


def _clients(table: Table) -> Iterator[str]:
    yield "Cases in which a client differs from a strict one, of the decided cases:"
    yield ""
    names = min(max((cell_len(printable(each.client)) for each in table.reports), default=0), LONGEST_NAME)
    columns = "".join(f"{severity[:4]:>9}" for severity in SEVERITIES)
    yield f"{'':{names + 6}}grade{columns}"
    for number, report in enumerate(table.reports, 1):
        shares = "".join(f"{_share(report, severity):>9}" for severity in SEVERITIES)
        line = f"{number:>4}  {cell(report.client, names)}{report.grade:^5}{shares}   "
        yield (line + cell(report.version, WIDTH - cell_len(line))).rstrip()
    for name, reason in table.comparison.missing:
        yield from hang(f"-  {cut(name, LONGEST // 2)}: {reason}", indent=3, hanging=6)


def _matrix(table: Table, clients: range, width: int) -> Iterator[str]:
    yield " " * width + "".join(f"{client + 1:>{COLUMN}}" for client in clients)
    for theme, cases in table.by_theme().items():
        yield printable(theme)
        for case in cases:
            mark = DIFFERS if case in table.differing else " "
            signs = "".join(f"{table.sign(client, case):>{COLUMN}}" for client in clients)
            yield cell(f"{mark} {case.id}", width) + signs


COLUMN = 3
LONGEST_NAME = 24


def _share(report: Report, severity: str) -> str:
    return (
        f"{len(report.wrong(severity))}/{report.count(severity)}"
        if report.conclusive and report.count(severity)
        else "-"
    )


# As Markdown ----------------------------------------------------------------------------------------------------------


def as_markdown(comparison: Comparison) -> str:
    """The full table, cases by clients. A row with a disagreement is marked; capitals are bold."""
    table = Table(comparison)
    lines = [
        table.summary(),
        "",
        *_head(table, "case", "must"),
        _row(["grade", "", *(each.grade for each in table.reports)]),
    ]
    for theme, cases in table.by_theme().items():
        lines.append(_row([f"**{words.markdown(theme)}**", *[""] * (len(table.reports) + 1)]))
        for case in cases:
            signs = (table.sign(client, case) for client in range(len(table.reports)))
            mark = f" {MARK}" if case in table.differing else ""
            cells = (f"**{sign}**" if sign.isupper() else sign for sign in signs)
            lines.append(_row([f"{words.markdown(case.id)}{mark}", case.must, *cells]))
    legend = "; ".join([*table.legend(), f"{MARK} the clients disagree"])
    return "\n".join([*lines, "", legend + ".", *_missing(table), ""])


def summary_markdown(comparison: Comparison) -> str:
    """Clients by themes: the number of bad cases of severity must and weak that each client accepts."""
    table = Table(comparison)
    themes = {
        theme: undisputed
        for theme, cases in table.by_theme().items()
        if (undisputed := [case for case in cases if case.must == "reject" and case.severity in SEVERITIES[:2]])
    }
    lines = [_row(["client", "grade", *map(words.markdown, themes)]), f"|---|:-:|{'--:|' * len(themes)}"]
    for client, report in enumerate(table.reports):
        cells = (_accepted([table.sign(client, case) for case in cases]) for cases in themes.values())
        lines.append(_row([words.markdown(report.client), report.grade, *cells]))
    meaning = "Numbers: accepted bad cases of severity must and weak."
    return "\n".join([*lines, "", meaning, *_missing(table), ""])


def _accepted(signs: Sequence[str]) -> str:
    """The number of accepted bad cases; `-` if no case was decided."""
    wrong = sum(map(str.isupper, signs))
    if not any(sign.lower() in DECIDED for sign in signs):
        return "-"
    return f"**{wrong}**" if wrong else "0"


MARK = "≠"


def _head(table: Table, *first: str) -> list[str]:
    names = [words.markdown(each.client) for each in table.reports]
    rule = "|---" * len(first) + "|:-:" * len(names) + "|"
    return [_row([*first, *names]), rule]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _missing(table: Table) -> list[str]:
    return [
        f"\nNot run: {words.markdown(name)} ({words.markdown(reason)})." for name, reason in table.comparison.missing
    ]


# For programs ---------------------------------------------------------------------------------------------------------


def as_data(comparison: Comparison) -> dict[str, Any]:
    """For JSON; the caller adds the schema. The verdicts of a case are in the order of the clients."""
    table = Table(comparison)
    return {
        "clients": [_client_as_data(each) for each in table.reports],
        "missing": [{"client": printable(name), "reason": printable(reason)} for name, reason in comparison.missing],
        "disagreements": len(table.differing),
        "cases": [_case_as_data(table, case) for case in table.cases],
    }


def _client_as_data(report: Report) -> dict[str, Any]:
    return {
        **about(report),
        "unserved": [{"case": each.case.id, "reason": printable(each.reason)} for each in report.unserved],
        "started": stamp(report.started),
        "seconds": report.seconds,
    }


def _case_as_data(table: Table, case: CaseWords) -> dict[str, Any]:
    found = ((printable(report.client), table[client, case]) for client, report in enumerate(table.reports))
    return {
        "case": case.id,
        "theme": case.theme,
        "wrong": case.summary,
        "clause": case.clause,
        "expect": case.must,
        "severity": case.severity,
        "differs": case in table.differing,
        "verdicts": [
            {
                "client": client,
                "verdict": each.verdict.value if each else None,
                "is_wrong": each.is_wrong if each else None,
                "alert": printable(each.alert) if each and each.alert else None,
                "exit_code": each.exit_code if each else None,
            }
            for client, each in found
        ],
    }
