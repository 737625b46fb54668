"""The attacks: each with the protections that stop it, and a function that tries it for real.

An attack is held exactly when every protection in `stopped_by` is claimed, and stands. That is the prediction; what
the attacker has in the end is the measurement. He is no judge of himself: `won` looks for the secret in his loot.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tlsdemo.attack.interceptor import Interceptor
from tlsdemo.attack.world import World
from tlsdemo.protocol import Outcome, Protection, Protocol, Side, converse


@dataclass(frozen=True)
class Loot:
    """What the attacker has in the end, and how the conversation went."""

    read: bytes
    outcome: Outcome


@dataclass(frozen=True)
class Attack:
    """One way to attack a conversation."""

    id: str
    title: str
    threat: str
    """Its class in RFC 3552."""
    stopped_by: frozenset[Protection]
    """All of them must stand. Where there are none, nothing stops it."""
    run: Callable[[Protocol, World], Loot]

    def is_held(self, claims: frozenset[Protection]) -> bool:
        """What is predicted."""
        return bool(self.stopped_by) and all(protection.stands(claims) for protection in self.stopped_by)


def won(loot: Loot, world: World) -> bool:
    """Whether he has read the secret of this run."""
    return world.secret in loot.read


def eavesdrop(protocol: Protocol, world: World) -> Loot:
    """He has every byte, and reckons."""
    outcome = converse(protocol.client(world.client), protocol.server(world.server), lines=world.lines)
    tape = b"".join(flight.data for flight in outcome.tape)
    return Loot(tape + (protocol.overhear(outcome.tape) if protocol.overhear else b""), outcome)


def intercept(credential: str, protocol: Protocol, world: World) -> Loot:
    """He stands between the two, with a certificate of his; to the server he comes as a client like any other."""
    shown = world.impostors[credential]
    facing = {
        Side.CLIENT: protocol.server(replace(world.server, credential=shown, anchors=world.client.anchors)),
        Side.SERVER: protocol.client(replace(world.client, credential=shown)),
    }
    interceptor = Interceptor(facing)
    outcome = converse(protocol.client(world.client), protocol.server(world.server), interceptor, world.lines)
    return Loot(interceptor.read[Side.CLIENT], outcome)


PASSIVE, ACTIVE = "RFC 3552 §3.2: passive", "RFC 3552 §3.3.5: man in the middle"
CHAIN = frozenset({Protection.CHAIN})

ATTACKS = (
    Attack("eavesdropper", "listens", PASSIVE, frozenset({Protection.STRONG_GROUP}), eavesdrop),
    Attack("mitm-self-signed", "self-signed", ACTIVE, CHAIN, partial(intercept, "self-signed")),
    Attack("mitm-stranger", "stranger", ACTIVE, CHAIN, partial(intercept, "stranger")),
    Attack("mitm-rogue", "rogue", ACTIVE, CHAIN, partial(intercept, "rogue")),
    Attack("mitm-stolen", "stolen key", ACTIVE, frozenset(), partial(intercept, "stolen")),
)
