"""`tlsdemo mitm --attack`: attacks on a connection, and on a recording of it. EDGE."""

import shlex
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from pki.errors import ExitCode, Problem, did_you_mean, printable
from tlsdemo import net
from tlsdemo.attack import catalogue
from tlsdemo.attack.catalogue import Attack
from tlsdemo.attack.conclusions import quoted
from tlsdemo.attack.on_path import LIVE, LiveAttacker
from tlsdemo.cli.listening import ListeningCommand
from tlsdemo.cli.position import Position, not_connected, run_on_path
from tlsdemo.cli.reporter import Reporter
from tlsdemo.conversation import Passage
from tlsdemo.credentials.folder import Folder
from tlsdemo.protocol import Attacker, Framing, Protocol, Side

INSTEAD: Mapping[str, str] = {
    "eavesdropper": "use `tlsdemo eavesdrop`",
    "quantum": "the simulation needs the client's random numbers: `tlsdemo attack quantum`",
    "compression": "the client must send text that the attacker chooses: `tlsdemo attack compression`",
    "padding-oracle": "the client must send the same text in hundreds of connections: `tlsdemo attack padding-oracle`",
    "impostor-client": "the attacker connects directly: `tlsdemo connect --protocol mutual --cert CERT`",
    "revoked": "only the CA can revoke a certificate: `tlsdemo attack revoked`",
    "installed-root": "use `tlsdemo mitm`, and `tlsdemo connect --trust certs/rogue/ca.pem` as the client",
}
"""Attacks that do not work on a live connection, and what to use instead."""


def known(name: str) -> Attack:
    """The attack of that name. Problem if there is none, or if it does not work on a live connection."""
    try:
        attack = catalogue.find(name)
    except KeyError:
        hint = f"{did_you_mean(name, catalogue.BY_ID)}`tlsdemo attacks` lists them"
        raise Problem(f"unknown attack {name!r}", hint=hint, code=ExitCode.USAGE) from None
    if attack.id in INSTEAD:
        fact = f"the attack {attack.id} does not work on a live connection"
        raise Problem(fact, hint=INSTEAD[attack.id], code=ExitCode.USAGE)
    return attack


def is_on_path(attack: str) -> bool:
    """Whether the attack acts on records, without a handshake of its own."""
    return attack in LIVE


def run_attack(attack: Attack, protocol: Protocol, where: Position, certs: Path, once: bool) -> int:
    """Run until a signal, or for one connection with `once`. Returns the exit code."""
    framing = protocol.hooks.framing
    assert framing
    attempts = LIVE[attack.id](framing, protocol.hooks)
    if attack.lacks(protocol) or not attempts:
        raise Problem(
            f"the attack {attack.id} is not applicable to {protocol.name}",
            hint=f"`tlsdemo attack {attack.id} --on {shlex.quote(protocol.name)}` explains why",
            code=ExitCode.USAGE,
        )
    afterwards = _afterwards(attack.id, protocol, where, certs)
    report, turn = Reporter(), count()

    def on_line(peer: str) -> LiveAttacker:
        attacker = attempts[next(turn) % len(attempts)]()
        return LiveAttacker(framing, attacker, lambda step: report.say(f"{peer}  {_told(step, framing)}"))

    def on_end(peer: str, attacker: Attacker, problem: Problem | None) -> ExitCode:
        assert isinstance(attacker, LiveAttacker)
        if problem:
            lines = [not_connected(problem, where.upstream, _options(protocol))]
        elif afterwards:
            lines = afterwards(attacker)
        else:
            lines = _conclusion(attacker, framing)
        report.say(*(f"{peer}  {line}" for line in lines), "")
        return ExitCode.YES if attacker.acted else ExitCode.NO

    command = ListeningCommand(report, once=once)
    return run_on_path(where, command, lambda address: _introduction(attack, protocol, where, address), on_line, on_end)


def _introduction(attack: Attack, protocol: Protocol, where: Position, address: net.Address) -> list[str]:
    return [
        f"listening on {address}, on the path to {where.upstream} ({protocol.name})",
        f"  {attack.id}: {attack.sentence}",
        "",
        "  in another terminal (the server's terminal shows the effect, too):",
        f"    tlsdemo connect {address}{_options(protocol)} --message 'PAY 0100 to Alice'",
        "",
    ]


def _options(protocol: Protocol) -> str:
    """The options by which client and server use the same protocol."""
    rung, _, missing = protocol.name.partition(" without ")
    options = "" if protocol.family == "tls" else f" --protocol {rung}"
    return options + "".join(f" --without {each.strip().replace(' ', '-')}" for each in missing.split(",") if each)


def _told(step: Passage, framing: Framing) -> str:
    """What the attacker did with a record."""
    sender, target = step.flight.sender.value, step.flight.sender.other
    label = printable(framing.label(step.flight.data))
    if all(not data for _, data in step.deliveries):
        return f"DROPPED: {label} of the {sender}" + ("; both connections closed" * bool(step.deliveries))
    if len(step.deliveries) == 1:
        return f"CHANGED: {label} of the {sender}{_difference(step, framing)}"
    again = step.deliveries[-1][0].value
    return f"SENT to the {target.value}, and again to the {again}: {label} of the {sender}"


def _difference(step: Passage, framing: Framing) -> str:
    """The text before and after; empty if the record is encrypted."""
    texts = []
    for record in (step.flight.data, step.deliveries[0][1]):
        body = framing.body(record)
        words = framing.words(body).decode("utf-8", "replace").strip() if body is not None else ""
        if not words or not words.isprintable():
            return ""
        texts.append(repr(printable(words)))
    return f": {texts[0]} is now {texts[1]}"


def _conclusion(attacker: LiveAttacker, framing: Framing) -> list[str]:
    if not attacker.acted:
        return ["no record came that this attack acts on"]
    lines = []
    for side in Side:
        labels = [framing.label(each.data) for each in attacker.since if each.sender is side]
        ending = ", and closed first" if attacker.first_to_leave is side else ""
        lines.append(f"after that the {side.value} sent {', '.join(map(printable, labels)) or 'nothing'}{ending}")
    return [*lines, "the terminals of client and server show whether they noticed"]


# With a recording ---------------------------------------------------------------------------------------------------


def _afterwards(
    attack: str, protocol: Protocol, where: Position, certs: Path
) -> Callable[[LiveAttacker], list[str]] | None:
    """What the attacker does when the conversation has ended; None if nothing."""
    hooks = protocol.hooks
    if attack == "replay":
        return lambda attacker: _replay(attacker, where.upstream)
    if attack == "computed-secret" and (reckon := hooks.reckon):
        return lambda attacker: _opened(attacker, reckon(attacker.tape).words)
    if attack == "recorded-today" and (decipher := hooks.decipher):
        key = Folder(certs).server.key
        return lambda attacker: _opened(attacker, decipher(attacker.tape, key))
    return None


def _opened(attacker: LiveAttacker, read: bytes) -> list[str]:
    attacker.acted = bool(read)
    if not read:
        return [f"recorded {attacker.recorded} bytes, READ: nothing"]
    return [f"recorded {attacker.recorded} bytes, READ: {quoted(read)}"]


def _replay(attacker: LiveAttacker, upstream: net.Address) -> list[str]:
    """Send the client's flights to the server again, each after as many bytes from the server as the first time."""
    flights = [flight for flight in attacker.tape if flight.sender is Side.CLIENT]
    if not flights:
        return ["the client sent nothing to replay"]
    attacker.acted = True
    then = sum(len(flight.data) for flight in attacker.tape if flight.sender is Side.SERVER)
    try:
        now = net.play(attacker.tape, upstream)
    except Problem as problem:
        return [f"not replayed: {problem.fact}"]
    return [
        f"REPLAYED the client's {sum(len(flight.data) for flight in flights)} bytes to the server",
        f"the server answered with {now} bytes (the first time: {then}); its terminal shows whether it accepted them",
    ]
