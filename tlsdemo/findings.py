"""What a client did with each case of the lab, as plain values: `lab` finds them out, `report` shows them.

Report  =  a client, and a Finding for each case        Comparison  =  several clients on the same cases
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class ClientVerdict(Enum):
    """What a client did with a case. What counts is what it sent, not how it ended."""

    ACCEPTED = "accepted"
    """It sent application bytes on a connection that was served this case."""
    REFUSED = "refused"
    """It left, or sent an alert, before its handshake was done."""
    REFUSED_LATE = "refused late"
    """It finished its handshake, and left without a word to say."""
    CRASHED = "crashed"
    """A signal ended it before it sent any application byte."""
    NO_SNI = "no SNI"
    """It named no server, and so it was shown another certificate."""
    INCONCLUSIVE = "inconclusive"
    """It never came, or never said what it thinks."""

    @property
    def decided(self) -> bool:
        """Whether the question was answered."""
        return self not in (ClientVerdict.NO_SNI, ClientVerdict.INCONCLUSIVE)

    @property
    def takes_it(self) -> bool:
        """Whether the client takes the peer for the one it asked for."""
        return self is ClientVerdict.ACCEPTED


class Way(Enum):
    """How a client came to accept a case that it should refuse."""

    PLAINLY = ""
    """On its first connection, as it accepts what is good."""
    BEFORE_CHECK = "before its check"
    """It sent its request, and ended as after a refusal: it checks too late."""
    SECOND_TRY = "on a second connection"
    """It refused on a first connection, and accepted on a further one."""
    IN_THE_CLEAR = "in the clear"
    """It sent its request without TLS."""


@dataclass(frozen=True)
class CaseWords:
    """What is said of a case: the words of the catalogue."""

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


FATAL = (4, 6, 7, 8, 11)
"""SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: a shell adds 128 to the number of the signal that ended its command."""


@dataclass(frozen=True)
class Finding:
    """What one client did with one case, and the evidence."""

    case: CaseWords
    verdict: ClientVerdict
    did: str
    """A sentence: `sent 78 bytes to an impostor: GET / HTTP/1.1`."""
    said: str = ""
    """The client's own last words, cleaned of control characters; several lines at most."""
    alert: str | None = None
    """The alert that it sent, as in RFC 8446 §6."""
    exit_code: int | None = None
    """Negative: the signal that ended it. None where it had to be ended."""
    seconds: float = 0.0
    way: Way = Way.PLAINLY
    """How it came to accept the case, if it did."""
    attempts: int = 0
    """Connections that it gave up before the one on which it accepted."""
    answered: bool = False
    """Whether it printed what the server answered."""

    @property
    def signal(self) -> int | None:
        """The signal that ended it, also where a shell tells of it by an exit code above 128."""
        if self.exit_code is None:
            return None
        if self.exit_code < 0:
            return -self.exit_code
        return self.exit_code - 128 if self.exit_code - 128 in FATAL else None

    @property
    def crashed(self) -> bool:
        """Whether a signal ended it after it had come."""
        return self.verdict.decided and self.signal is not None

    @property
    def is_wrong(self) -> bool:
        """Whether a strict client does otherwise."""
        takes_it = self.case.must == "accept"
        return self.verdict.decided and (self.crashed or self.verdict.takes_it is not takes_it)

    @property
    def harms(self) -> bool:
        """Whether an attacker gains from it: a client that refuses what is good harms only itself."""
        return self.is_wrong and (self.crashed or (self.verdict.takes_it and self.case.must == "reject"))

    @property
    def outcome(self) -> str:
        """The verdict, and the way if it is not the plain one: `accepted, in the clear`."""
        verdict = ClientVerdict.CRASHED.value if self.crashed else self.verdict.value
        return f"{verdict}, {self.way.value}" if self.way.value and not self.crashed else verdict


@dataclass(frozen=True)
class Unserved:
    """A case that was not run, and why: this OpenSSL cannot serve it, or it has to be named."""

    case: CaseWords
    reason: str


@dataclass(frozen=True)
class Known:
    """A finding that was known before, and does not make the client fail."""

    case: str
    outcome: str = ""
    """As `Finding.outcome`; empty: whatever it is."""
    reason: str = ""
    """Why it is tolerated, in the words of the user."""
    origin: str = ""
    """Where it was said: `--except`, or the file of `--baseline`."""

    def covers(self, finding: Finding) -> bool:
        """Whether this is that finding."""
        return finding.case.id == self.case and self.outcome in ("", finding.outcome)


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
    fail_on: str
    """From this severity on, a finding makes the exit code 1."""
    started: datetime
    seconds: float
    whole: tuple[str, ...] = SEVERITIES
    """The severities of which it was asked all cases."""
    controls: bool = False
    """Whether a refusal counted only if the same without the fault was accepted."""
    known: tuple[Known, ...] = ()
    """What was known before."""

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
        """The findings that make the exit code 1: an attacker gains from them, and they were not known."""
        return tuple(
            each for severity in self.grave for each in self.wrong(severity) if each.harms and not self.excuse(each)
        )

    def excuse(self, finding: Finding) -> Known | None:
        """What was known of that finding before."""
        return next((each for each in self.known if each.covers(finding)), None) if finding.harms else None

    @property
    def excused(self) -> tuple[tuple[Finding, Known], ...]:
        """The findings that were known, and what was known."""
        return tuple((each, known) for each in self.findings if (known := self.excuse(each)))

    @property
    def vanished(self) -> tuple[Known, ...]:
        """What was known and is no longer there, of the cases that were decided."""
        decided = {each.case.id for each in self.findings if each.verdict.decided}
        return tuple(
            known
            for known in self.known
            if known.case in decided and not any(each.harms and known.covers(each) for each in self.findings)
        )

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """The cases of which nothing is known."""
        return tuple(each for each in self.findings if not each.verdict.decided)

    def not_served(self, severity: str) -> tuple[Unserved, ...]:
        """The cases of that severity that were not run, though they were wanted."""
        return tuple(each for each in self.unserved if each.case.severity == severity)

    @property
    def conclusive(self) -> bool:
        """Whether it accepted the good certificate: who refuses everything, or never comes, has shown nothing."""
        return all(each.verdict.takes_it for each in self.findings if each.case.id == GOOD)

    @property
    def checks_no_chain(self) -> bool:
        """Whether it accepted, on its first connection, a CA that it does not know."""
        return any(
            each.case.id == UNKNOWN_CA and each.verdict.takes_it and each.way is Way.PLAINLY for each in self.findings
        )

    @property
    def deceived(self) -> bool:
        """Whether an attacker with a CA of its own gets an answer for a request, in whatever way."""
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
        """Those of them that it refused."""
        return tuple(each for each in self.good_ones if not each.verdict.takes_it)

    @property
    def graded(self) -> bool:
        """Whether its refusals say something: not if it refuses over half of what it must accept."""
        return self.conclusive and 2 * len(self.refused_good) <= len(self.good_ones)

    @property
    def exit_code(self) -> int:
        """1: a finding fails. 3: not conclusive, not graded, or one that might fail is undecided. Otherwise 0."""
        if not self.conclusive:
            return 3
        if self.failing:
            return 1
        undecided = any(each.case.severity in self.grave for each in self.undecided)
        return 3 if undecided or not self.graded else 0

    @property
    def grade(self) -> str:
        """A letter: how far one can rely on it. A question mark where it was not asked enough to tell."""
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
"""The case whose certificate is signed by a CA that the client does not know."""
GRADES = {
    "?": "accepts nothing bad of what it was asked; `--all` asks the rest, and gives a grade",
    "A+": "accepts nothing that a strict client refuses",
    "A": "accepts nothing that anybody should refuse; in what is disputed it sides with the lenient",
    "B": "refuses all that every client must; accepts some that nobody should",
    "D": "accepts what every client must refuse, or crashes",
    "F": "takes any server for the one that it asked for",
    NO_GRADE: "refuses over half of the certificates that every client must accept, so that its refusals show nothing",
}
"""What the letters say."""


@dataclass(frozen=True)
class Comparison:
    """Several clients on the same cases."""

    reports: Sequence[Report]
    missing: Sequence[tuple[str, str]] = ()
    """Clients that were asked for and did not run: name, and why."""

    @property
    def cases(self) -> tuple[CaseWords, ...]:
        """The cases, in their order."""
        return tuple(dict.fromkeys(each.case for report in self.reports for each in report.findings))

    def finding(self, report: Report, case: CaseWords) -> Finding | None:
        """What that client did with it."""
        return next((each for each in report.findings if each.case == case), None)

    def differs(self, case: CaseWords) -> bool:
        """Whether the clients of which something is known do not all do the same."""
        taken = {
            found.verdict.takes_it
            for report in self.reports
            if report.conclusive and (found := self.finding(report, case)) and found.verdict.decided
        }
        return len(taken) > 1
