"""Attackers on the handshake (RFC 3552 §3.3): what was agreed is not what the two wanted, or was agreed before."""

from collections.abc import Callable, Iterable

from tlsdemo.attack.judge import Encounter, Loot
from tlsdemo.attack.passive import talk
from tlsdemo.attack.recording import Player
from tlsdemo.attack.world import World
from tlsdemo.credentials.kinds import ATTACKER_HOST
from tlsdemo.protocol import Flight, Protocol, Relay, Side


class FirstFlight(Relay):
    """Edits what the client says first, and relays the rest."""

    def __init__(self, edit: Callable[[bytes], bytes]) -> None:
        self._edit = edit
        self._done = False

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Once."""
        data = flight.data
        if flight.sender is Side.CLIENT and not self._done:
            self._done, data = True, self._edit(data)
        return [(flight.sender.other, data)]


def downgrade(protocol: Protocol, world: World) -> Loot:
    """The client offers several ways; he leaves the weakest alone, and hopes that both take it for the best."""
    assert protocol.hooks.downgrades
    outcomes = [talk(protocol, world, FirstFlight(edit)) for edit in protocol.hooks.downgrades]
    return Loot(tuple(map(Encounter, outcomes)), did="of what the client offers he leaves the weakest alone")


def rename(protocol: Protocol, world: World) -> Loot:
    """The client asks for one name, the server hears another: each believes in another conversation."""
    edit = protocol.hooks.rename
    assert edit
    outcome = talk(protocol, world, FirstFlight(lambda data: edit(data, ATTACKER_HOST)))
    return Loot((Encounter(outcome),), did=f"he makes the client ask for {ATTACKER_HOST}")


def replay(protocol: Protocol, world: World) -> Loot:
    """He records a whole conversation, and plays the client's part of it to the server again."""
    first = talk(protocol, world)
    recording = [flight.data for flight in first.tape if flight.sender is Side.CLIENT]
    again = world.converse(Player(recording), protocol.server(world.server))
    encounters = Encounter(first), Encounter(again, frozenset({Side.SERVER}))
    return Loot(encounters, did="he plays the client's part of an old conversation to the server again")
