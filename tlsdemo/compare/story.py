"""Turns the result of a trial into a sequence diagram and sentences. EDGE."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pki.errors import printable
from tlsdemo import key_agreement, trust
from tlsdemo.attack.conclusions import is_alert, sentence
from tlsdemo.attack.judge import Encounter, quote
from tlsdemo.attack.matrix import Trial
from tlsdemo.conversation import Passage
from tlsdemo.edu import handshake, records, weak
from tlsdemo.edu.protocol import mutual
from tlsdemo.protocol import Framing, Protection, Protocol, Side
from tlsdemo.report.sequence import Arrow, Event, Lane, Mark, Mood, Note
from tlsdemo.tls import context, endpoint
from tlsdemo.tls13 import handshake as handshake13
from tlsdemo.tls13 import weak as weak13
from tlsdemo.violations import ProtocolError

MOST = 40  # events; of a longer conversation, the beginning and the end are shown

PROVIDED_BY: dict[Protection, Any] = {
    Protection.SECRECY: records.Aead.seal,
    Protection.STRONG_GROUP: key_agreement.X25519,
    Protection.FORWARD_SECRECY: handshake.draw_secret,
    Protection.POST_QUANTUM: key_agreement.Hybrid,
    Protection.COMPRESSION_SAFETY: records.as_it_is,
    Protection.INTEGRITY: records.Aead.open,
    Protection.ORDER: records.counted,
    Protection.CLOSURE: records.not_an_end,
    Protection.KEY_SEPARATION: records.of_its_own,
    Protection.POSSESSION: handshake.Peer.on_certificate_verify,
    Protection.CHAIN: trust.judge,
    Protection.NAME: trust.judge,
    Protection.VALIDITY: trust.judge,
    Protection.REVOCATION: trust.judge,
    Protection.TRANSCRIPT: handshake.Peer.check_finished,
    Protection.FRESHNESS: handshake.draw_random,
    Protection.CLIENT_IDENTITY: mutual,
}
"""The source in the educational handshake that provides each protection."""

PROVIDED_IN_TLS13: dict[Protection, Any] = {
    **PROVIDED_BY,
    Protection.FORWARD_SECRECY: handshake13.draw_secret,
    Protection.POSSESSION: handshake13.Peer.on_certificate_verify,
    Protection.TRANSCRIPT: handshake13.Peer.check_finished,
    Protection.FRESHNESS: handshake13.draw_random,
    Protection.CLIENT_IDENTITY: handshake13.request_certificate,
}
"""The same in our own TLS 1.3, which shares its groups, ciphers, record rules and certificate checks with it."""

SOURCES: dict[str, tuple[dict[Protection, Any], Mapping[Protection, Any]]] = {
    "educational": (PROVIDED_BY, weak.WEAK),
    "TLS 1.3": (PROVIDED_IN_TLS13, weak13.WEAK),
}
"""For each family of our own: what provides each protection, and the weak part that takes its place."""

CONFIGURED_BY: dict[Protection, Any] = {
    Protection.CLOSURE: endpoint.Closing,
    Protection.CLIENT_IDENTITY: context.server_context,
    **dict.fromkeys(
        (Protection.CHAIN, Protection.NAME, Protection.VALIDITY, Protection.REVOCATION), context.client_context
    ),
    **dict.fromkeys((Protection.SECRECY, Protection.FORWARD_SECRECY, Protection.POSSESSION), context.Ciphers),
}
"""The source that configures OpenSSL to provide each protection. OpenSSL always provides the others."""


def place(protection: Protection, protocol: Protocol) -> str:
    """`tlsdemo/edu/records.py:104`: the source that provides it, or the weak part in its place."""
    stands = protection in protocol.claims
    if protocol.family == "tls":
        source = CONFIGURED_BY.get(protection)
        return f"OpenSSL, configured in {_line(source)}" if source else "OpenSSL, always"
    provided, weakened = SOURCES[protocol.family]
    return _line(provided[protection] if stands else weakened[protection])


def _line(source: Any) -> str:
    path = Path(inspect.getsourcefile(source) or "")
    package = len(path.parts) - path.parts[::-1].index("tlsdemo") - 1
    return f"{Path(*path.parts[package:])}:{inspect.getsourcelines(source)[1]}"


# The reason for the result ------------------------------------------------------------------------------------------


def deciding(trial: Trial) -> list[Protection]:
    """The protections that stopped the attack; if it succeeded, the missing ones that would have stopped it.

    After them, the missing protections that they rest on.
    """
    claims = trial.protocol.claims
    missing = [each for each in trial.attack.stops if not each.stands(claims)]
    roots = [root for each in missing for root in _lacking(each, claims)]
    return list(dict.fromkeys([*missing, *roots])) if missing else list(trial.attack.stops)


def _lacking(protection: Protection, claims: frozenset[Protection]) -> Iterator[Protection]:
    """What is missing: the protection itself, or those that it rests on."""
    below = [lack for each in protection.rests_on for lack in _lacking(each, claims)]
    if below:
        yield from below
    elif protection not in claims:
        yield protection


NOT_RUN = {
    "reckon": "OpenSSL accepts no group in which this attack could compute the shared secret.",
    "solve": "Not simulated: the simulation needs the secrets of both sides, and OpenSSL does not reveal them.",
    "downgrades": "The client offers only one cipher suite.",
}
"""The sentence for each missing hook."""


def why(trial: Trial) -> str:
    """The reason for the result, in one sentence."""
    if trial.result is None:
        return NOT_RUN[trial.attack.lacks(trial.protocol) or ""]
    if not trial.attack.stopped_by:
        return "No channel stops this."
    claims = trial.protocol.claims
    if trial.attack.is_prevented(claims):
        return f"Prevented by: {', '.join(each.readable for each in deciding(trial))}."
    return f"Missing: {'; '.join(_missing(each, claims) for each in trial.attack.stops if not each.stands(claims))}."


def _missing(protection: Protection, claims: frozenset[Protection]) -> str:
    """`order`, or `chain, which rests on possession`."""
    below = [each.readable for each in dict.fromkeys(_lacking(protection, claims)) if each is not protection]
    return protection.readable + (f", which rests on {' and '.join(below)}" if below else "")


def steps(trial: Trial) -> tuple[str, ...]:
    """What the attacker saw or computed; for an attack that failed, also how client or server refused each attempt."""
    if trial.result is None:
        return ()
    encounters = trial.result.encounters
    found = [] if trial.damage else [_found(each) for each in encounters]
    if len(encounters) < 2:
        return (*trial.result.how, *(each for each in found if each))
    shown = next((number for number, each in enumerate(encounters, start=1) if each is told(trial)), len(encounters))
    tries = (f"attempt {number}: {each or _unrefused(encounters[number - 1])}" for number, each in enumerate(found, 1))
    return (*trial.result.how, *tries, f"the diagram shows attempt {shown} of {len(encounters)}")


def _unrefused(encounter: Encounter) -> str:
    """What happened where neither honest end refused."""
    if not _acted(encounter):
        return "the attacker only recorded the conversation"
    alerted = any(encounter.outcome[side].error for side in encounter.honest)
    return "the attacker could not complete the handshake" if alerted else "no side refused, and the attack failed"


def _found(encounter: Encounter) -> str:
    """How an honest end refused; empty if none did. A received alert does not count: it repeats the other's reason."""
    for side in Side:
        error = encounter.outcome[side].error
        if error and side in encounter.honest and not is_alert(error):
            section = f" ({error.violation.section})" if isinstance(error, ProtocolError) else ""
            return f"the {side.value} refused: {sentence(error)[:200]}{section}"
    return ""


# What passed --------------------------------------------------------------------------------------------------------


def told(trial: Trial) -> Encounter | None:
    """The conversation to show: the one in which the attack succeeded, else the last in which the attacker acted."""
    if trial.result is None or not trial.result.encounters:
        return None
    if trial.damage and trial.damage.encounter:
        return trial.damage.encounter
    return next((each for each in trial.result.encounters[::-1] if _acted(each)), trial.result.encounters[-1])


def _acted(encounter: Encounter) -> bool:
    """Whether the attacker is an end of it, or changed what was delivered."""
    steps = encounter.outcome.steps
    changed = any(step.deliveries != ((step.flight.sender.other, step.flight.data),) for step in steps)
    return changed or len(encounter.honest) < len(Side)


def events(trial: Trial) -> tuple[Event, ...]:
    """The events of the diagram; empty if the attack held no conversation."""
    encounter = told(trial)
    if encounter is None or trial.result is None:
        return ()
    framing = trial.protocol.hooks.framing
    passed = [event for step in _steps(encounter, framing) for event in step]
    if len(passed) > MOST:
        more = Note(Lane.ATTACKER, f"... {len(passed) - MOST} more events")
        passed = [*passed[: MOST // 2], more, *passed[-MOST // 2 :]]
    return (Note(Lane.ATTACKER, trial.result.did), *passed, *_ends(trial, encounter))


def _steps(encounter: Encounter, framing: Framing | None) -> Iterator[list[Event]]:
    said = {side: list(lines) for side, lines in encounter.outcome.said.items()}
    begun = 0
    for step in encounter.outcome.steps:
        found: list[Event] = []
        sender = step.flight.sender
        if step.flight.line > begun and said[sender]:
            begun = step.flight.line
            found.append(Note(_lane(sender, encounter), quote(said[sender].pop(0))))
        found += _passing(step, encounter, framing)
        yield found


def _passing(step: Passage, encounter: Encounter, framing: Framing | None) -> list[Event]:
    flight, sender, target = step.flight, _lane(step.flight.sender, encounter), step.flight.sender.other
    if not flight.data:
        reached = target in {side for side, _ in step.deliveries}
        label = "close"
        return [] if reached else [Arrow(sender, Lane.ATTACKER, label, Mark.STOPPED)]
    label = _label(flight.data, framing)
    if step.deliveries == ((target, flight.data),):
        return [Arrow(sender, _lane(target, encounter), label)]
    if not step.deliveries:
        return [Arrow(sender, Lane.ATTACKER, label, Mark.STOPPED)]
    found: list[Event] = [Arrow(sender, Lane.ATTACKER, label)]
    for number, (side, data) in enumerate(step.deliveries):
        theirs = _label(data, framing)
        unchanged = side is target and data == flight.data and number == 0
        edited = side is target and number == 0 and len(step.deliveries) == 1 and theirs == label
        mark = Mark.PLAIN if unchanged else Mark.CHANGED if edited else Mark.FORGED
        found.append(Arrow(Lane.ATTACKER, _lane(side, encounter), theirs, mark))
    return found


SIZED = re.compile(r"(.+) \((\d+) bytes\)")


def _label(data: bytes, framing: Framing | None) -> str:
    """The records in the data, grouped by kind: `application data (27, 985 bytes)`."""
    labels = [printable(framing.label(record)) for record in framing.split(data)] if framing else []
    joined: list[str] = []
    for label in labels or [f"other data ({len(data)} bytes)"]:
        sized, before = SIZED.fullmatch(label), joined[-1] if joined else ""
        if sized and before.startswith(f"{sized[1]} ("):
            joined[-1] = before.replace(" bytes)", f", {sized[2]} bytes)")
        else:
            joined.append(label)
    return ", ".join(joined)


def _lane(side: Side, encounter: Encounter) -> Lane:
    """The lane of that side; the attacker's, if the attacker plays that side."""
    return Lane(side.value) if side in encounter.honest else Lane.ATTACKER


def _ends(trial: Trial, encounter: Encounter) -> Iterator[Event]:
    """The result for client, server and attacker."""
    for side in Side:
        if side in encounter.honest:
            yield Note(Lane(side.value), belief(encounter, side))
    if trial.damage:
        yield Note(Lane.ATTACKER, trial.damage.sentence, Mood.BAD)
    else:
        yield Note(Lane.ATTACKER, "the attack failed", Mood.GOOD)


def belief(encounter: Encounter, side: Side) -> str:
    """What one side received, and how its conversation ended."""
    end = encounter.outcome[side]
    heard = f"received {quote(end.delivered)}" if end.delivered else "received no data"
    if end.error:
        return f"{heard}; error: {sentence(end.error)[:150]}"
    if not end.accepted:
        return "waits for the handshake"
    return f"{heard}; no error" if end.ended else f"{heard}; waits for more"
