"""`tlsdemo mitm --attack`: attacks on the line itself, and on what was recorded of it. EDGE."""

import shlex
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from pki.errors import ExitCode, Problem, printable
from tlsdemo import net
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.conclusions import quoted
from tlsdemo.attack.on_path import LIVE, Sitting
from tlsdemo.cli.listening import ListeningCommand
from tlsdemo.cli.position import Position, sit
from tlsdemo.cli.reporter import Reporter
from tlsdemo.conversation import Passage
from tlsdemo.credentials.folder import Folder
from tlsdemo.protocol import Attacker, Framing, Protocol, Side

INSTEAD: Mapping[str, str] = {
    "eavesdropper": "`tlsdemo eavesdrop` does it",
    "quantum": "it is simulated from what the client draws: `tlsdemo attack quantum`",
    "compression": "the client must say what he wants it to: `tlsdemo attack compression`",
    "padding-oracle": "the client must say the same hundreds of times: `tlsdemo attack padding-oracle`",
    "impostor-client": "he dials the server himself: `tlsdemo connect --protocol mutual --cert CERT`",
    "revoked": "revocation is the authority's to publish: `tlsdemo attack revoked`",
    "installed-root": "the client does it: `tlsdemo mitm`, and `tlsdemo connect --trust certs/rogue/ca.pem`",
}
"""What is not done on a live line, and what does it."""


def is_on_the_line(attack: str) -> bool:
    """Whether it needs nothing but the line; a Problem for what cannot be done live."""
    if attack not in BY_ID:
        raise Problem(f"there is no attack {attack!r}", hint="`tlsdemo attacks` lists them", code=ExitCode.USAGE)
    if attack in INSTEAD:
        raise Problem(f"{attack} is not for a live line", hint=INSTEAD[attack], code=ExitCode.USAGE)
    return attack in LIVE


def meddle(attack: str, protocol: Protocol, where: Position, certs: Path, once: bool) -> int:
    """Run until a signal, or for one conversation; the exit code."""
    chosen, framing = BY_ID[attack], protocol.hooks.framing
    assert framing
    attempts = LIVE[attack](framing, protocol.hooks)
    if chosen.lacks(protocol) or not attempts:
        fact = f"on {protocol.name} there is nothing to try for the attack {attack}"
        raise Problem(
            fact, hint=f"`tlsdemo attack {attack} --on {shlex.quote(protocol.name)}` says why", code=ExitCode.USAGE
        )
    afterwards = _afterwards(attack, protocol, where, certs)
    report, turn = Reporter(), count()

    def on_line(peer: str) -> Sitting:
        attacker = attempts[next(turn) % len(attempts)]()
        return Sitting(framing, attacker, lambda step: report.say(f"{peer}  {_told(step, framing)}"))

    def on_end(peer: str, attacker: Attacker, problem: Problem | None) -> ExitCode:
        assert isinstance(attacker, Sitting)
        if problem:
            lines = [f"not connected: {problem.fact}"]
        elif afterwards:
            lines = afterwards(attacker)
        else:
            lines = _conclusion(attacker, framing)
        report.say(*(f"{peer}  {line}" for line in lines), "")
        return ExitCode.YES if attacker.acted else ExitCode.NO

    command = ListeningCommand(report, once=once)
    return sit(where, command, lambda address: _introduction(attack, protocol, where, address), on_line, on_end)


def _introduction(attack: str, protocol: Protocol, where: Position, address: net.Address) -> list[str]:
    rung, _, missing = protocol.name.partition(" without ")
    options = "" if protocol.family == "tls" else f" --protocol {rung}"
    options += "".join(f" --without {each.strip().replace(' ', '-')}" for each in missing.split(",") if each)
    return [
        f"listening on {address}, on the line before {where.upstream} ({protocol.name})",
        f"  {attack}: {BY_ID[attack].sentence}",
        "",
        "  in another terminal, and look at the server's, too:",
        f"    tlsdemo connect {address}{options} --message 'PAY 0100 to Alice'",
        "",
    ]


def _told(step: Passage, framing: Framing) -> str:
    """What he has made of a record."""
    sender, target = step.flight.sender.value, step.flight.sender.other
    label = printable(framing.label(step.flight.data))
    if all(not data for _, data in step.deliveries):
        return f"KEPT from the {target.value}: {label} of the {sender}" + ("; the line is cut" * bool(step.deliveries))
    if len(step.deliveries) == 1:
        return f"CHANGED on the way to the {target.value}: {label}{_difference(step, framing)}"
    again = step.deliveries[-1][0].value
    return f"PASSED ON to the {target.value}, and once more to the {again}: {label} of the {sender}"


def _difference(step: Passage, framing: Framing) -> str:
    """Both texts, where anybody could read them."""
    texts = []
    for record in (step.flight.data, step.deliveries[0][1]):
        body = framing.body(record)
        words = framing.words(body).decode("utf-8", "replace").strip() if body is not None else ""
        if not words or not words.isprintable():
            return ""
        texts.append(repr(printable(words)))
    return f": {texts[0]} is now {texts[1]}"


def _conclusion(attacker: Sitting, framing: Framing) -> list[str]:
    if not attacker.acted:
        return ["nothing came that he could have done it to"]
    lines = []
    for side in Side:
        labels = [framing.label(each.data) for each in attacker.since if each.sender is side]
        ending = ", and hung up first" if attacker.first_to_leave is side else ""
        lines.append(f"after that the {side.value} said {', '.join(map(printable, labels)) or 'nothing'}{ending}")
    return [*lines, "what the two make of it stands in their terminals"]


# With a recording ---------------------------------------------------------------------------------------------------


def _afterwards(attack: str, protocol: Protocol, where: Position, certs: Path) -> Callable[[Sitting], list[str]] | None:
    """What he does when the conversation is over."""
    hooks = protocol.hooks
    if attack == "replay":
        return lambda attacker: _replay(attacker, where.upstream)
    if attack == "computed-secret" and (reckon := hooks.reckon):
        return lambda attacker: _opened(attacker, reckon(attacker.tape).words)
    if attack == "recorded-today" and (decipher := hooks.decipher):
        key = Folder(certs).server.key
        return lambda attacker: _opened(attacker, decipher(attacker.tape, key))
    return None


def _opened(attacker: Sitting, read: bytes) -> list[str]:
    attacker.acted = bool(read)
    if not read:
        return [f"recorded {attacker.recorded} bytes, and READ nothing of them"]
    return [f"recorded {attacker.recorded} bytes, and READ: {quoted(read)}"]


def _replay(attacker: Sitting, upstream: net.Address) -> list[str]:
    """The client's part again, to the same server; each flight once it has said as much as it did then."""
    flights = [flight for flight in attacker.tape if flight.sender is Side.CLIENT]
    if not flights:
        return ["the client said nothing: there is nothing to replay"]
    attacker.acted = True
    then = sum(len(flight.data) for flight in attacker.tape if flight.sender is Side.SERVER)
    try:
        now = net.play(attacker.tape, upstream)
    except Problem as problem:
        return [f"the server is gone: {problem.fact}"]
    return [
        f"REPLAYED the client's {sum(len(flight.data) for flight in flights)} bytes to the server",
        f"it answered with {now} bytes, the first time with {then}; if it took the order twice, its terminal shows it",
    ]
