"""Attacks on the handshake (RFC 3552 §3.3): client and server accept what they would not have negotiated."""

from collections.abc import Callable, Iterable

from tlsdemo.attack.judge import AttackResult, Encounter
from tlsdemo.attack.passive import talk
from tlsdemo.attack.recording import Player
from tlsdemo.attack.world import World
from tlsdemo.credentials.kinds import ATTACKER_HOST
from tlsdemo.protocol import Flight, Protocol, Relay, Side


class FirstFlight(Relay):
    """Edits the first flight of the client, and relays everything else."""

    def __init__(self, edit: Callable[[bytes], bytes]) -> None:
        self._edit = edit
        self._done = False

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Edit the first flight of the client."""
        data = flight.data
        if flight.sender is Side.CLIENT and not self._done:
            self._done, data = True, self._edit(data)
        return [(flight.sender.other, data)]


def downgrade(protocol: Protocol, world: World) -> AttackResult:
    """The attacker removes all choices but the weakest from the client's first message."""
    assert protocol.hooks.downgrades
    outcomes = [talk(protocol, world, FirstFlight(edit)) for edit in protocol.hooks.downgrades]
    return AttackResult(
        tuple(map(Encounter, outcomes)), did="removes all but the weakest choice from the client's offer"
    )


def rename(protocol: Protocol, world: World) -> AttackResult:
    """The attacker changes the server name in the client's first message: the two sides see different names."""
    edit = protocol.hooks.rename
    assert edit
    outcome = talk(protocol, world, FirstFlight(lambda data: edit(data, ATTACKER_HOST)))
    return AttackResult((Encounter(outcome),), did=f"changes the name that the client asks for to {ATTACKER_HOST}")


def replay(protocol: Protocol, world: World) -> AttackResult:
    """The attacker records a conversation, and sends the client's messages to the server again."""
    first = talk(protocol, world)
    recording = [flight.data for flight in first.tape if flight.sender is Side.CLIENT]
    again = world.converse(Player(recording), protocol.server(world.server))
    encounters = Encounter(first), Encounter(again, frozenset({Side.SERVER}))
    return AttackResult(encounters, did="sends the client's messages of an old conversation to the server again")
