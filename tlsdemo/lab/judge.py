"""From the visits of a client and the way it ended to a verdict.

What counts is what it sent. How it ended is evidence only: exit codes lie both ways, and not everybody sends an alert.
"""

from collections.abc import Sequence
from dataclasses import replace

from pki.errors import printable
from tlsdemo.findings import CaseWords, ClientVerdict, Finding, Way
from tlsdemo.lab.process import Ran
from tlsdemo.lab.visit import IN_THE_CLEAR, Visit, VisitEnd

SHOWN = 60  # characters of what it sent
LINES = 6  # of what it said: as many as curl says
NOWHERE = "did not come to its port"


def judge(
    case: CaseWords,
    visits: Sequence[Visit],
    ran: Ran,
    *,
    nameless: bool = False,
    timeout: float = 0.0,
    good: Finding | None = None,
) -> Finding:
    """What it did with the case.

    `nameless`: it has come to the port that chooses by name, without naming a server. `good`: what the same client did
    with the good certificate, which tells how it ends, and after how many connections, when nothing is wrong.
    """
    visits = sorted(visits, key=lambda each: each.began)
    own = _own(visits, ran)
    verdict, did = _verdict(case, own, ran, nameless, timeout)
    alert = next((each.alert for each in visits if each.alert), None)
    said = last_words(ran.err if verdict is ClientVerdict.ACCEPTED else ran.err.strip() or ran.out)
    spoken = next((place for place, each in enumerate(own) if each.end is VisitEnd.TALKED), None)
    attempts = 0 if spoken is None else sum(1 for each in own[:spoken] if each.end in CUT)
    answered = f"{ANSWER}{case.id}" in ran.out
    found = Finding(
        case, verdict, did, said, alert, ran.exit_code, ran.seconds, attempts=attempts, answered=answered
    )  # fmt: skip
    if spoken is None:
        return found
    way = _way(found, own[spoken], good)
    why = {Way.SECOND_TRY: ", after it had refused on an earlier connection", Way.BEFORE_CHECK: ", and then refused it"}
    return replace(found, way=way, did=f"{did}{why.get(way, '')}")


ANSWER = "case:      "
"""How the line of the server's answer begins that names the case."""


def _way(found: Finding, spoken: Visit, good: Finding | None) -> Way:
    if spoken.why == IN_THE_CLEAR:
        return Way.IN_THE_CLEAR
    if good is None or found.case.must == "accept":
        return Way.PLAINLY
    if found.attempts > good.attempts:
        return Way.SECOND_TRY
    ended_otherwise = good.exit_code == 0 and found.exit_code not in (0, None) and not found.crashed
    if ended_otherwise or (good.answered and not found.answered and found.exit_code is not None):
        return Way.BEFORE_CHECK
    return Way.PLAINLY


def _own(visits: Sequence[Visit], ran: Ran) -> list[Visit]:
    """Without those that may have ended only because the program was: who is killed sends neither word nor alert.

    Connections without a byte count only where there is nothing else: some clients open one more than they use.
    """
    own = [
        each
        for each in visits
        if ran.stopped_at is None or each.moment < ran.stopped_at or each.count or each.alert or each.end not in CUT
    ]
    return [each for each in own if each.end is not VisitEnd.SILENT] or own


CUT = (VisitEnd.REFUSED, VisitEnd.LEFT)
"""As which a visit is written down that is cut short."""


def _verdict(
    case: CaseWords, visits: Sequence[Visit], ran: Ran, nameless: bool, timeout: float
) -> tuple[ClientVerdict, str]:
    if spoken := next((each for each in visits if each.end is VisitEnd.TALKED), None):
        return ClientVerdict.ACCEPTED, _sent(case, spoken)
    died = ran.exit_code is not None and Finding(case, ClientVerdict.CRASHED, "", exit_code=ran.exit_code).signal
    if not visits:
        if died:
            return ClientVerdict.INCONCLUSIVE, f"was ended by a signal ({died}) before it came to its port"
        if nameless:
            return ClientVerdict.NO_SNI, "named no server, so that it was shown the certificate of another"
        if ran.stopped_at is not None:
            ended = (
                f"it was ended, after {timeout:g} s" if ran.exit_code is None else "those were ended whom it had left"
            )
            return ClientVerdict.INCONCLUSIVE, f"had neither accepted nor refused it when {ended}"
        return ClientVerdict.INCONCLUSIVE, NOWHERE
    if died:
        return ClientVerdict.CRASHED, f"was ended by signal {died} after it had seen it"
    if all(each.end is VisitEnd.SILENT for each in visits):
        waited = (
            f", and was ended after {timeout:g} s: it waits for the server to speak first" if ran.stopped_at else ""
        )
        return ClientVerdict.INCONCLUSIVE, f"connected, and sent nothing{waited}"
    if any(each.end is VisitEnd.TURNED_AWAY for each in visits):
        why = next(each.why for each in visits if each.end is VisitEnd.TURNED_AWAY)
        return ClientVerdict.INCONCLUSIVE, f"the server could not go on: {why}"
    if all(each.end is VisitEnd.WAITED for each in visits):
        return ClientVerdict.INCONCLUSIVE, "came, and waited without a word until it was sent away"
    last = next(each for each in reversed(visits) if each.end is not VisitEnd.WAITED)
    if late := next((each for each in visits if each.end is VisitEnd.LEFT), None):
        goodbye = f"with the alert {late.alert}" if late.alert else "without a word"
        return ClientVerdict.REFUSED_LATE, f"finished its handshake ({late.agreed}), and left {goodbye}"
    if last.end is VisitEnd.UNFIT:
        return ClientVerdict.REFUSED, f"offers nothing that goes with it: {last.why}"
    alert = next((each.alert for each in visits if each.alert), None)
    return ClientVerdict.REFUSED, f"sent the alert {alert}" if alert else "left during the handshake, without an alert"


def _sent(case: CaseWords, visit: Visit) -> str:
    line = printable(visit.said.split(b"\n")[0].strip().decode("utf-8", "replace"))
    shown = line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
    count = f"{visit.count} byte{'' if visit.count == 1 else 's'}"
    to = " in the clear" if visit.why == IN_THE_CLEAR else "" if case.must == "accept" else " to an impostor"
    return f"sent {count}{to}: {shown}"


def last_words(text: str) -> str:
    """The last lines of what it said. (Where it accepts, its output is what our server has told it.)"""
    lines = [line for line in map(_clean, text.strip().splitlines()) if line]
    return "\n".join(lines[-1:] if TRACEBACK in text else lines[-LINES:])


TRACEBACK = "Traceback (most recent call last)"
"""Of what Python says, the last line alone is about the matter."""


def _clean(line: str) -> str:
    return "" if line.startswith("Picked up ") else printable(line.strip())  # every Java says it of its environment
