"""What a client did with each case of the lab, as plain values: `lab` finds them out, `report` shows them.

Report  =  a client, and a Finding for each case        Comparison  =  several clients on the same cases
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Verdict(Enum):
    """What a client did with a case. What counts is what it sent, not how it ended."""

    ACCEPTED = "accepted"
    """It sent application bytes on a connection that was served this case."""
    REFUSED = "refused"
    """It left, or sent an alert, before its handshake was done."""
    REFUSED_LATE = "refused late"
    """It finished its handshake, and left without a word to say."""
    IMPLIED = "implied"
    """Not run: a client that checks no chain accepts it."""
    NO_SNI = "no SNI"
    """It named no server, and so it was shown another certificate."""
    INCONCLUSIVE = "inconclusive"
    """It never came, or never said what it thinks."""

    @property
    def decided(self) -> bool:
        """Whether the question was answered."""
        return self not in (Verdict.NO_SNI, Verdict.INCONCLUSIVE)

    @property
    def takes_it(self) -> bool:
        """Whether the client takes the peer for the one it asked for."""
        return self in (Verdict.ACCEPTED, Verdict.IMPLIED)


@dataclass(frozen=True)
class Case:
    """What was shown: the words of the catalogue."""

    id: str
    aliases: tuple[str, ...]
    theme: str
    summary: str
    """What is wrong with it, in a sentence."""
    story: str
    """And why that matters, in some more."""
    clause: str
    must: str
    """`accept` or `reject`: what a strict client does."""
    severity: str
    """`must`, `weak` or `informational`: how much it says about a client that does otherwise."""
    cve: tuple[str, ...] = ()
    verify_codes: tuple[int, ...] = ()
    """X509_V_ERR_* with which OpenSSL refuses it, where it does."""


@dataclass(frozen=True)
class Finding:
    """What one client did with one case, and the evidence."""

    case: Case
    verdict: Verdict
    did: str
    """A sentence: `sent 78 bytes to an impostor: GET / HTTP/1.1`."""
    said: str = ""
    """The client's own last words, cleaned of control characters; several lines at most."""
    alert: str | None = None
    """The alert that it sent, as in RFC 8446 §6."""
    exit_code: int | None = None
    """Negative: the signal that ended it. None where it was not run, or had to be ended."""
    seconds: float = 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether a strict client does otherwise."""
        return self.verdict.decided and self.verdict.takes_it is not (self.case.must == "accept")


@dataclass(frozen=True)
class Unserved:
    """A case that was not run, and why: this OpenSSL cannot serve it, or it has to be named."""

    case: Case
    reason: str


GOOD = "good"
"""The case that every client must accept, before anything else says something."""
SEVERITIES = ("must", "weak", "informational")
"""From the gravest on."""


@dataclass(frozen=True)
class Report:
    """What is known of one client."""

    client: str
    """The command, or the name of a preset."""
    version: str
    """What it says of itself; empty where it was not asked."""
    findings: tuple[Finding, ...]
    unserved: tuple[Unserved, ...]
    checks_no_chain: bool
    """Whether it accepted an authority that nobody has heard of: then all that hangs on the chain is implied."""
    fail_on: str
    """From this severity on, a finding makes the exit code 1."""
    started: datetime
    seconds: float
    whole: tuple[str, ...] = SEVERITIES
    """The severities of which it was asked all cases."""
    controls: bool = False
    """Whether a refusal counted only if the same without the fault was accepted."""

    def wrong(self, severity: str) -> tuple[Finding, ...]:
        """The findings of that severity in which it does otherwise than a strict client."""
        return tuple(each for each in self.findings if each.is_wrong and each.case.severity == severity)

    def count(self, severity: str) -> int:
        """The decided cases of that severity."""
        return sum(1 for each in self.findings if each.case.severity == severity and each.verdict.decided)

    @property
    def failing(self) -> tuple[Finding, ...]:
        """The findings that make the exit code 1: who refuses what is good hurts nobody but himself."""
        grave = SEVERITIES[: SEVERITIES.index(self.fail_on) + 1]
        return tuple(each for severity in grave for each in self.wrong(severity) if each.verdict.takes_it)

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """The cases of which nothing is known."""
        return tuple(each for each in self.findings if not each.verdict.decided)

    @property
    def conclusive(self) -> bool:
        """Whether it accepted the good certificate: who refuses everything, or never comes, has shown nothing."""
        return all(each.verdict.takes_it for each in self.findings if each.case.id == GOOD)

    @property
    def exit_code(self) -> int:
        """1: a finding fails. 3: not conclusive, or none fails and one that might is undecided. Otherwise 0."""
        grave = SEVERITIES[: SEVERITIES.index(self.fail_on) + 1]
        if not self.conclusive:
            return 3
        if self.failing:
            return 1
        return 3 if any(each.case.severity in grave for each in self.undecided) else 0

    @property
    def grade(self) -> str:
        """A letter: how far one can rely on it. A question mark where it was not asked enough to tell."""
        if self.checks_no_chain:
            return "F"
        for severity, letter in zip(SEVERITIES, "DBA", strict=True):
            if any(each.verdict.takes_it for each in self.wrong(severity)):
                return letter
            if severity not in self.whole:
                return "?"
        return "A+"


GRADES = {
    "?": "accepts nothing bad of what it was asked; `--all` asks the rest, and gives a grade",
    "A+": "accepts nothing that a strict client refuses",
    "A": "accepts nothing that anybody should refuse; in what is disputed it sides with the lenient",
    "B": "refuses all that every client must; accepts some that nobody should",
    "D": "accepts what every client must refuse",
    "F": "checks no chain: whoever answers is taken for the one that was asked for",
}
"""What the letters say."""


@dataclass(frozen=True)
class Comparison:
    """Several clients on the same cases."""

    reports: Sequence[Report]
    missing: Sequence[tuple[str, str]] = ()
    """Clients that were asked for and did not run: name, and why."""

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases, in their order."""
        return tuple(dict.fromkeys(each.case for report in self.reports for each in report.findings))

    def finding(self, report: Report, case: Case) -> Finding | None:
        """What that client did with it."""
        return next((each for each in report.findings if each.case == case), None)

    def differs(self, case: Case) -> bool:
        """Whether the clients of which something is known do not all do the same."""
        taken = {
            found.verdict.takes_it
            for report in self.reports
            if report.conclusive and (found := self.finding(report, case)) and found.verdict.decided
        }
        return len(taken) > 1
