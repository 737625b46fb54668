"""Attackers that only read (RFC 3552 §3.2), and what they later do with a recording."""

from collections.abc import Sequence

from tlsdemo.attack.judge import AttackResult, Encounter
from tlsdemo.attack.recording import Player
from tlsdemo.attack.world import World
from tlsdemo.conversation import Outcome
from tlsdemo.protocol import Attacker, Flight, Protocol, Side


def talk(protocol: Protocol, world: World, attacker: Attacker | None = None) -> Outcome:
    """Run the conversation of the two honest parties."""
    return world.converse(protocol.client(world.client), protocol.server(world.server), attacker, world.lines)


def seen(protocol: Protocol, tape: Sequence[Flight]) -> bytes:
    """All bytes that passed, and the content of the records that are not encrypted."""
    raw = b"".join(flight.data for flight in tape)
    framing = protocol.hooks.framing
    return raw + b"".join(framing.words(body) for body in bodies(protocol, tape)) if framing else raw


def bodies(protocol: Protocol, tape: Sequence[Flight]) -> list[bytes]:
    """The bodies of all records with application data, still encrypted."""
    framing = protocol.hooks.framing
    if framing is None:
        return []
    records = [record for flight in tape for record in framing.split(flight.data)]
    return [body for record in records if (body := framing.body(record)) is not None]


def eavesdrop(protocol: Protocol, world: World) -> AttackResult:
    """The attacker reads every byte that passes, and computes nothing."""
    outcome = talk(protocol, world)
    how = protocol.hooks.visible(outcome.tape) if protocol.hooks.visible else ()
    return AttackResult((Encounter(outcome),), seen(protocol, outcome.tape), did="reads every byte", how=how)


def compute_the_secret(protocol: Protocol, world: World) -> AttackResult:
    """The attacker computes the shared secret from the public values, or sends the server public values of its own."""
    outcome = talk(protocol, world)
    asked_for = 0

    def ask(flight: bytes) -> bytes:
        """The server's answer to a first flight of the attacker."""
        nonlocal asked_for
        asked_for += 1
        answer = world.converse(Player([flight]), protocol.server(world.server))
        return next((each.data for each in answer.tape if each.sender is Side.SERVER), b"")

    hooks = protocol.hooks
    assert hooks.reckon
    did = "tries to compute the secret from both public values"
    found = hooks.reckon(outcome.tape)
    if world.secret not in found.words and hooks.confine:
        asked = hooks.confine(outcome.tape, ask)
        if asked.words:
            found = asked
            did = f"sends the server public values of small order, in {asked_for} other connections (not shown)"
    return AttackResult(
        (Encounter(outcome),), seen(protocol, outcome.tape) + b"\n" + found.words, did=did, how=found.how
    )


def steal_the_key_tomorrow(protocol: Protocol, world: World) -> AttackResult:
    """The attacker records a conversation, steals the server's private key later, and decrypts the recording."""
    outcome = talk(protocol, world)
    assert protocol.hooks.decipher
    read = protocol.hooks.decipher(outcome.tape, world.mint.server.key)
    did = "records, steals the server's key later, and tries it on the recording"
    return AttackResult((Encounter(outcome),), seen(protocol, outcome.tape) + b"\n" + read, did=did)


def compute_with_a_quantum_computer(protocol: Protocol, world: World) -> AttackResult:
    """The attacker records a conversation, and later computes the discrete logarithms (SIMULATED: it is given them)."""
    client, drawn = world.client_whose_draws_are_known()
    outcome = world.converse(protocol.client(client), protocol.server(world.server), lines=world.lines)
    assert protocol.hooks.solve
    did = "records, and is given the discrete logarithms of the public values (simulated)"
    read = protocol.hooks.solve(outcome.tape, drawn)
    return AttackResult((Encounter(outcome),), seen(protocol, outcome.tape) + b"\n" + read, did=did)
