"""The verdict on a client, from its visits to the lab and from the way its program ended.

Only what the client sent decides. Alerts and exit codes are evidence: both may be missing or misleading.
"""

from collections.abc import Sequence
from dataclasses import replace

from pki.errors import printable
from tlsdemo.findings import CaseWords, ClientVerdict, Finding, Way
from tlsdemo.lab.process import Ran
from tlsdemo.lab.visit import IN_THE_CLEAR, Visit, VisitEnd

SHOWN = 60  # characters of what the client sent
LINES = 6  # of what the client printed: as many as curl prints
NOWHERE = "did not connect to the case's port"


def judge(
    case: CaseWords,
    visits: Sequence[Visit],
    ran: Ran,
    *,
    nameless: bool = False,
    timeout: float = 0.0,
    good: Finding | None = None,
) -> Finding:
    """The finding about one run of a client.

    `nameless`: the client connected to the port that selects by server_name, and sent no server_name. `good` is the
    same client's finding with the valid certificate: how it ends, and after how many connections, without a fault.
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
    why = {Way.SECOND_TRY: "; it had refused on an earlier connection", Way.BEFORE_CHECK: "; then it refused"}
    return replace(found, way=way, did=f"{did}{why.get(way, '')}")


ANSWER = "case:      "
"""The beginning of the line in the server's answer that names the case."""


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
    """The visits that did not end just because the program was killed.

    Connections without a byte count only if there are no others: some clients open more connections than they use.
    """
    own = [
        each
        for each in visits
        if ran.stopped_at is None or each.moment < ran.stopped_at or each.count or each.alert or each.end not in CUT
    ]
    return [each for each in own if each.end is not VisitEnd.SILENT] or own


CUT = (VisitEnd.REFUSED, VisitEnd.LEFT)
"""The ends that a visit gets when the program is killed."""


def _verdict(
    case: CaseWords, visits: Sequence[Visit], ran: Ran, nameless: bool, timeout: float
) -> tuple[ClientVerdict, str]:
    if spoken := next((each for each in visits if each.end is VisitEnd.TALKED), None):
        return ClientVerdict.ACCEPTED, _sent(spoken)
    died = ran.exit_code is not None and Finding(case, ClientVerdict.CRASHED, "", exit_code=ran.exit_code).signal
    if not visits:
        if died:
            return ClientVerdict.INCONCLUSIVE, f"ended by signal {died} before it connected to the case's port"
        if nameless:
            return ClientVerdict.NO_SNI, "sent no server_name, so the server presented another certificate"
        if ran.stopped_at is not None:
            stopped = f"it was stopped after {timeout:g} s" if ran.exit_code is None else "its children were stopped"
            return ClientVerdict.INCONCLUSIVE, f"neither accepted nor refused the case before {stopped}"
        return ClientVerdict.INCONCLUSIVE, NOWHERE
    if died:
        return ClientVerdict.CRASHED, f"ended by signal {died} after it connected to the case's port"
    if all(each.end is VisitEnd.SILENT for each in visits):
        waited = f"; stopped after {timeout:g} s: it waits for the server to send first" if ran.stopped_at else ""
        return ClientVerdict.INCONCLUSIVE, f"connected and sent nothing{waited}"
    if any(each.end is VisitEnd.TURNED_AWAY for each in visits):
        why = next(each.why for each in visits if each.end is VisitEnd.TURNED_AWAY)
        return ClientVerdict.INCONCLUSIVE, f"the server could not continue: {why}"
    if all(each.end is VisitEnd.WAITED for each in visits):
        return ClientVerdict.INCONCLUSIVE, "connected, and waited until the server closed the connection"
    last = next(each for each in reversed(visits) if each.end is not VisitEnd.WAITED)
    if late := next((each for each in visits if each.end is VisitEnd.LEFT), None):
        then = f"sent the alert {late.alert}" if late.alert else "closed the connection without sending data"
        return ClientVerdict.REFUSED_LATE, f"completed the handshake ({late.agreed}), then {then}"
    if last.end is VisitEnd.UNFIT:
        return ClientVerdict.REFUSED, f"offers nothing that fits this server: {last.why}"
    alert = next((each.alert for each in visits if each.alert), None)
    return (
        ClientVerdict.REFUSED,
        f"sent the alert {alert}" if alert else "closed the connection during the handshake, without an alert",
    )


def _sent(visit: Visit) -> str:
    line = printable(visit.said.split(b"\n")[0].strip().decode("utf-8", "replace"))
    shown = line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
    count = f"{visit.count} byte{'' if visit.count == 1 else 's'}"
    how = " in the clear" if visit.why == IN_THE_CLEAR else ""
    return f"sent {count}{how}: {shown}"


def last_words(text: str) -> str:
    """The last lines that the client printed. (If it accepts, its output is the server's answer.)"""
    lines = [line for line in map(_clean, text.strip().splitlines()) if line]
    return "\n".join(lines[-1:] if TRACEBACK in text else lines[-LINES:])


TRACEBACK = "Traceback (most recent call last)"
"""After a traceback only the last line is of interest."""


def _clean(line: str) -> str:
    return (
        "" if line.startswith("Picked up ") else printable(line.strip())
    )  # every Java prints this about JAVA_TOOL_OPTIONS
