"""A whole conversation between two endpoints, with somebody in between: every byte passes him, and the end does, too.

    client --up--> attacker --down--> server                in memory, or on a wire (`net.loopback`)
           <-down--         <---up---

One step after the other, without threads or clocks: what comes out depends on nothing but the three of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol as Interface

from tlsdemo.protocol import Attacker, Endpoint, Flight, Relay, Side


@dataclass(frozen=True)
class Passage:
    """Something passed, or was to pass: what was sent (no data: the sender hung up), and what was made of it."""

    flight: Flight
    deliveries: tuple[tuple[Side, bytes], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a conversation went: both ends, everything that they put on the wire, and what was made of it."""

    client: Endpoint
    server: Endpoint
    tape: list[Flight] = field(default_factory=list)
    steps: list[Passage] = field(default_factory=list)
    said: dict[Side, list[bytes]] = field(default_factory=lambda: {side: [] for side in Side})
    """What each application said, line by line."""
    closed: set[Side] = field(default_factory=set)
    """These have said that they have said all."""

    def __getitem__(self, side: Side) -> Endpoint:
        return self.client if side is Side.CLIENT else self.server


class Wire(Interface):
    """What lies between the two and whoever sits in between. Nothing of it comes out changed."""

    def up(self, sender: Side, data: bytes) -> bytes:
        """From an end to him; no bytes: it has hung up."""

    def down(self, target: Side, data: bytes) -> bytes:
        """From him to an end; what arrives there: nothing, if that end was told that the line has ended."""


class Memory:
    """The wire that is none."""

    def up(self, sender: Side, data: bytes) -> bytes:
        """At once."""
        return data

    def down(self, target: Side, data: bytes) -> bytes:
        """At once."""
        return data


MEMORY = Memory()
LONGEST = 10_000  # flights; two endpoints that answer each other for ever are a mistake of ours


def converse(
    client: Endpoint,
    server: Endpoint,
    attacker: Attacker | None = None,
    lines: Iterable[tuple[Side, bytes]] = (),
    *,
    wire: Wire = MEMORY,
) -> Outcome:
    """A whole conversation: the handshake, each line in turn, both say goodbye, both hang up. In memory, or on a wire.

    Between the lines it is waited for silence, so that the flights marked with a line's number carry that line and
    nothing else; `lines` are drawn one at a time, so that what is said may depend on what has passed. Whoever cannot
    speak (not accepted, or failed) is silent. ValueError if there is no silence.
    """
    outcome = Outcome(client, server)
    between = attacker or Relay()

    def flow(line: int) -> None:
        moved = True
        while moved:
            moved = False
            for side in Side:
                if data := outcome[side].outgoing():
                    moved = True
                    flight = Flight(side, wire.up(side, data), line)
                    outcome.tape.append(flight)
                    if len(outcome.tape) > LONGEST:
                        raise ValueError("these two never fall silent")
                    deliveries = tuple(between.on_data(flight))
                    outcome.steps.append(Passage(flight, deliveries))
                    for target, delivery in deliveries:
                        deliver(target, delivery)

    def deliver(target: Side, delivery: bytes) -> None:
        arrived = wire.down(target, delivery)
        if not delivery:
            outcome[target].receive_eof()
        elif arrived:
            outcome[target].receive(arrived)

    flow(0)
    number = 0
    for number, (side, data) in enumerate(lines, start=1):
        if _can_speak(outcome[side]):
            outcome.said[side].append(data)
            outcome[side].send(data)
        flow(number)
    for side in Side:
        if _can_speak(outcome[side]):
            outcome.closed.add(side)
        outcome[side].close()
    flow(number + 1)
    for side in Side:
        wire.up(side, b"")
        told = tuple(between.on_eof(side))
        outcome.steps.append(Passage(Flight(side, b"", number + 1), tuple((target, b"") for target in told)))
        for target in told:
            deliver(target, b"")
    flow(number + 1)
    return outcome


def _can_speak(endpoint: Endpoint) -> bool:
    return endpoint.accepted and not endpoint.error
