"""Attackers who only listen (RFC 3552 §3.2), and what they do with their recordings afterwards."""

from collections.abc import Sequence

from tlsdemo.attack.judge import Encounter, Loot
from tlsdemo.attack.recording import Player
from tlsdemo.attack.world import World
from tlsdemo.conversation import Outcome
from tlsdemo.protocol import Attacker, Flight, Protocol, Side


def talk(protocol: Protocol, world: World, attacker: Attacker | None = None) -> Outcome:
    """The conversation of the two honest parties."""
    return world.converse(protocol.client(world.client), protocol.server(world.server), attacker, world.lines)


def seen(protocol: Protocol, tape: Sequence[Flight]) -> bytes:
    """All that passed, as it stands there; records opened like envelopes, not like locks."""
    raw = b"".join(flight.data for flight in tape)
    framing = protocol.hooks.framing
    return raw + b"".join(framing.words(body) for body in bodies(protocol, tape)) if framing else raw


def bodies(protocol: Protocol, tape: Sequence[Flight]) -> list[bytes]:
    """What the records carry, sealed as it is."""
    framing = protocol.hooks.framing
    if framing is None:
        return []
    records = [record for flight in tape for record in framing.split(flight.data)]
    return [body for record in records if (body := framing.body(record)) is not None]


def eavesdrop(protocol: Protocol, world: World) -> Loot:
    """He reads what can be read, and computes nothing."""
    outcome = talk(protocol, world)
    how = protocol.hooks.visible(outcome.tape) if protocol.hooks.visible else ()
    return Loot((Encounter(outcome),), seen(protocol, outcome.tape), did="he listens", how=how)


def compute_the_secret(protocol: Protocol, world: World) -> Loot:
    """From the public values that passed he computes the shared secret, if there is a way; else he asks for it."""
    outcome = talk(protocol, world)

    def ask(flight: bytes) -> bytes:
        """What the server says to a first flight of his."""
        answer = world.converse(Player([flight]), protocol.server(world.server))
        return next((each.data for each in answer.tape if each.sender is Side.SERVER), b"")

    hooks = protocol.hooks
    assert hooks.reckon
    did = "he has both public values, and tries to compute the secret from them"
    found = hooks.reckon(outcome.tape)
    if world.secret not in found.words and hooks.confine:
        asked = hooks.confine(outcome.tape, ask)
        found, did = (asked, "he asks the server with public values of his choice") if asked.words else (found, did)
    return Loot((Encounter(outcome),), seen(protocol, outcome.tape) + b"\n" + found.words, did=did, how=found.how)


def steal_the_key_tomorrow(protocol: Protocol, world: World) -> Loot:
    """He records today. Tomorrow he has the key of the server's certificate, and opens what he recorded."""
    outcome = talk(protocol, world)
    assert protocol.hooks.decipher
    read = protocol.hooks.decipher(outcome.tape, world.mint.server.key)
    did = "he records, steals the server's key afterwards, and tries it on the recording"
    return Loot((Encounter(outcome),), seen(protocol, outcome.tape) + b"\n" + read, did=did)


def compute_with_a_quantum_computer(protocol: Protocol, world: World) -> Loot:
    """He records today, and is told the discrete logarithms: SIMULATED, nobody has a machine that finds them."""
    client, drawn = world.client_whose_draws_are_known()
    outcome = world.converse(protocol.client(client), protocol.server(world.server), lines=world.lines)
    assert protocol.hooks.solve
    did = "he records, and is told the discrete logarithms of what passed (simulated)"
    read = protocol.hooks.solve(outcome.tape, drawn)
    return Loot((Encounter(outcome),), seen(protocol, outcome.tape) + b"\n" + read, did=did)
