"""What a client did with each case of the lab, as plain values. `lab` makes them, `report` prints them.

Report  =  one client, with a Finding for each case        Comparison  =  several clients on the same cases
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class ClientVerdict(Enum):
    """What a client did with a case. What it sent decides, not how its program ended."""

    ACCEPTED = "accepted"
    """It sent application bytes on a connection that was served this case."""
    REFUSED = "refused"
    """It closed the connection, or sent an alert, before its handshake was complete."""
    REFUSED_LATE = "refused late"
    """It completed its handshake, and closed the connection without sending data."""
    CRASHED = "crashed"
    """A signal ended it before it sent any application byte."""
    NO_SNI = "no SNI"
    """It sent no server_name, so the server presented another certificate."""
    INCONCLUSIVE = "inconclusive"
    """It did not connect, or it neither accepted nor refused."""

    @property
    def decided(self) -> bool:
        """Whether the client accepted or refused the case."""
        return self not in (ClientVerdict.NO_SNI, ClientVerdict.INCONCLUSIVE)

    @property
    def takes_it(self) -> bool:
        """Whether the client accepts the server."""
        return self is ClientVerdict.ACCEPTED


class Way(Enum):
    """How a client accepted a case that it should refuse."""

    PLAINLY = ""
    """On its first connection, as it accepts a valid certificate."""
    BEFORE_CHECK = "before its check"
    """It sent its request, and then ended as after a refusal: it checks too late."""
    SECOND_TRY = "on a second connection"
    """It refused on the first connection, and accepted on a later one."""
    IN_THE_CLEAR = "in the clear"
    """It sent its request without TLS."""


@dataclass(frozen=True)
class CaseWords:
    """The description of a case, from the catalogue."""

    id: str
    aliases: tuple[str, ...]
    theme: str
    summary: str
    """The first paragraph of the story: what the case is."""
    story: str
    """The whole story; the paragraphs after the first say why the case matters."""
    clause: str
    must: str
    """`accept` or `reject`: what a strict client does."""
    severity: str
    """`must`, `weak` or `informational`: what an attacker gains from a client that does otherwise."""
    cve: tuple[str, ...] = ()
    verify_codes: tuple[int, ...] = ()
    """The verify codes (X509_V_ERR_*) with which OpenSSL refuses the case; empty if it accepts."""


FATAL = (4, 6, 7, 8, 11)
"""SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV. A shell exits with 128 plus the signal that ended its command."""


@dataclass(frozen=True)
class Finding:
    """What one client did with one case, and the evidence."""

    case: CaseWords
    verdict: ClientVerdict
    did: str
    """What the client did, in a phrase: `sent 78 bytes: GET / HTTP/1.1`."""
    said: str = ""
    """The last lines that the client printed, without control characters."""
    alert: str | None = None
    """The alert that the client sent (RFC 8446 §6)."""
    exit_code: int | None = None
    """Negative: the signal that ended the program. None: it was stopped at the timeout."""
    seconds: float = 0.0
    way: Way = Way.PLAINLY
    """How it accepted the case, if it did."""
    attempts: int = 0
    """Connections that it gave up before the one on which it accepted."""
    answered: bool = False
    """Whether it printed the server's answer."""

    @property
    def signal(self) -> int | None:
        """The signal that ended the program, also if a shell reports it as an exit code above 128."""
        if self.exit_code is None:
            return None
        if self.exit_code < 0:
            return -self.exit_code
        return self.exit_code - 128 if self.exit_code - 128 in FATAL else None

    @property
    def crashed(self) -> bool:
        """Whether a signal ended it after it connected."""
        return self.verdict.decided and self.signal is not None

    @property
    def is_wrong(self) -> bool:
        """Whether a strict client does otherwise."""
        takes_it = self.case.must == "accept"
        return self.verdict.decided and (self.crashed or self.verdict.takes_it is not takes_it)

    @property
    def harms(self) -> bool:
        """Whether an attacker gains from it. Refusing a valid case harms only the client itself."""
        return self.is_wrong and (self.crashed or (self.verdict.takes_it and self.case.must == "reject"))

    @property
    def outcome(self) -> str:
        """The verdict, and the way unless it is PLAINLY: `accepted, in the clear`."""
        verdict = ClientVerdict.CRASHED.value if self.crashed else self.verdict.value
        return f"{verdict}, {self.way.value}" if self.way.value and not self.crashed else verdict


@dataclass(frozen=True)
class Unserved:
    """A case that was not run, and why: this OpenSSL cannot serve it, or `--case` must name it."""

    case: CaseWords
    reason: str


@dataclass(frozen=True)
class Known:
    """A known finding, which does not make the client fail."""

    case: str
    outcome: str = ""
    """As `Finding.outcome`; empty: any outcome."""
    reason: str = ""
    """The user's reason to tolerate it."""
    origin: str = ""
    """Its source: `--except`, or the file of `--baseline`."""

    def covers(self, finding: Finding) -> bool:
        """Whether this is that finding."""
        return finding.case.id == self.case and self.outcome in ("", finding.outcome)


GOOD = "good"
"""The valid case that comes first: a client that refuses it shows nothing about its checks."""
SEVERITIES = ("must", "weak", "informational")
"""The most severe first."""


@dataclass(frozen=True)
class Report:
    """The findings about one client."""

    client: str
    """The command, or the name of a preset."""
    version: str
    """The version that it prints; empty for a command of the user."""
    findings: tuple[Finding, ...]
    unserved: tuple[Unserved, ...]
    fail_on: str
    """From this severity on, a finding makes the exit code 1."""
    started: datetime
    seconds: float
    whole: tuple[str, ...] = SEVERITIES
    """The severities of which all cases were run."""
    controls: bool = False
    """Whether a refusal counted only if the client accepted the control."""
    known: tuple[Known, ...] = ()
    """The known findings."""

    def wrong(self, severity: str) -> tuple[Finding, ...]:
        """The findings of that severity in which it does otherwise than a strict client."""
        return tuple(each for each in self.findings if each.is_wrong and each.case.severity == severity)

    def count(self, severity: str) -> int:
        """The decided cases of that severity."""
        return sum(1 for each in self.findings if each.case.severity == severity and each.verdict.decided)

    @property
    def grave(self) -> tuple[str, ...]:
        """The severities of which a finding makes the exit code 1."""
        return SEVERITIES[: SEVERITIES.index(self.fail_on) + 1]

    @property
    def failing(self) -> tuple[Finding, ...]:
        """The findings that make the exit code 1: an attacker gains from them, and they are not known."""
        return tuple(
            each for severity in self.grave for each in self.wrong(severity) if each.harms and not self.excuse(each)
        )

    def excuse(self, finding: Finding) -> Known | None:
        """The known finding that covers this finding, if any."""
        return next((each for each in self.known if each.covers(finding)), None) if finding.harms else None

    @property
    def excused(self) -> tuple[tuple[Finding, Known], ...]:
        """The findings that are known, each with its known finding."""
        return tuple((each, known) for each in self.findings if (known := self.excuse(each)))

    @property
    def vanished(self) -> tuple[Known, ...]:
        """The known findings that did not occur, of the decided cases."""
        decided = {each.case.id for each in self.findings if each.verdict.decided}
        return tuple(
            known
            for known in self.known
            if known.case in decided and not any(each.harms and known.covers(each) for each in self.findings)
        )

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """The findings without a decision."""
        return tuple(each for each in self.findings if not each.verdict.decided)

    def not_served(self, severity: str) -> tuple[Unserved, ...]:
        """The cases of that severity that were asked for and not run."""
        return tuple(each for each in self.unserved if each.case.severity == severity)

    @property
    def conclusive(self) -> bool:
        """Whether it accepted the valid certificate. Otherwise its refusals show nothing about its checks."""
        return all(each.verdict.takes_it for each in self.findings if each.case.id == GOOD)

    @property
    def checks_no_chain(self) -> bool:
        """Whether it accepted, on its first connection, a certificate from an untrusted CA."""
        return any(
            each.case.id == UNKNOWN_CA and each.verdict.takes_it and each.way is Way.PLAINLY for each in self.findings
        )

    @property
    def deceived(self) -> bool:
        """Whether an attacker with a rogue CA can impersonate any server, in any way but BEFORE_CHECK."""
        return any(
            each.case.id == UNKNOWN_CA and each.verdict.takes_it and each.way is not Way.BEFORE_CHECK
            for each in self.findings
        )

    @property
    def good_ones(self) -> tuple[Finding, ...]:
        """The decided cases that every client must accept."""
        return tuple(
            each
            for each in self.findings
            if each.case.must == "accept" and each.case.severity == SEVERITIES[0] and each.verdict.decided
        )

    @property
    def refused_good(self) -> tuple[Finding, ...]:
        """The decided cases that it must accept and refused."""
        return tuple(each for each in self.good_ones if not each.verdict.takes_it)

    @property
    def graded(self) -> bool:
        """Whether there is a grade: not if it refuses more than half of the cases that it must accept."""
        return self.conclusive and 2 * len(self.refused_good) <= len(self.good_ones)

    @property
    def exit_code(self) -> int:
        """1: a finding fails. 3: not conclusive, not graded, or a case that could fail is undecided. Otherwise 0."""
        if not self.conclusive:
            return 3
        if self.failing:
            return 1
        undecided = any(each.case.severity in self.grave for each in self.undecided)
        return 3 if undecided or not self.graded else 0

    @property
    def grade(self) -> str:
        """A letter of GRADES. A question mark: too few cases were run for a grade."""
        if not self.graded:
            return NO_GRADE
        if self.deceived:
            return "F"
        for severity, letter in zip(SEVERITIES, "DBA", strict=True):
            if any(each.harms for each in self.wrong(severity)):
                return letter
            if severity not in self.whole:
                return "?"
        return "A+"


NO_GRADE = "none"
UNKNOWN_CA = "untrusted-root"
"""The case whose root CA the client does not trust."""
GRADES = {
    "?": "has no grade: a grade needs all cases, which `--all` runs",
    "A+": "refuses every bad case",
    "A": "refuses every bad case of severity must and weak, but not every informational one",
    "B": "refuses every bad case of severity must, but not every one of severity weak",
    "D": "accepts a bad case of severity must, which every client must refuse, or crashes",
    "F": "accepts a certificate from an untrusted CA, so an attacker can impersonate every server",
    NO_GRADE: "refuses more than half of the certificates that every client must accept, so its refusals show nothing",
}
"""What a client with each grade does; the subject is the client."""


@dataclass(frozen=True)
class Comparison:
    """Several clients on the same cases."""

    reports: Sequence[Report]
    missing: Sequence[tuple[str, str]] = ()
    """Clients that were asked for and did not run: name, and why."""

    @property
    def cases(self) -> tuple[CaseWords, ...]:
        """All cases that a report has, in order."""
        return tuple(dict.fromkeys(each.case for report in self.reports for each in report.findings))

    def finding(self, report: Report, case: CaseWords) -> Finding | None:
        """The client's finding for this case; None if it was not run."""
        return next((each for each in report.findings if each.case == case), None)

    def differs(self, case: CaseWords) -> bool:
        """Whether some clients accept the case and others refuse it."""
        taken = {
            found.verdict.takes_it
            for report in self.reports
            if report.conclusive and (found := self.finding(report, case)) and found.verdict.decided
        }
        return len(taken) > 1
