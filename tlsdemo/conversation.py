"""Runs a conversation between two endpoints and an attacker, through which every byte and every end of stream passes.

    client --up--> attacker --down--> server                in memory, or on a wire (`net.loopback`)
           <-down--         <---up---

There are no threads and no clocks: the result depends on client, attacker and server only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol as Interface

from tlsdemo.protocol import Attacker, Endpoint, Flight, Relay, Side


@dataclass(frozen=True)
class Passage:
    """One flight as it was sent (no data: the end of the stream), and what the attacker delivered for it."""

    flight: Flight
    deliveries: tuple[tuple[Side, bytes], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of a conversation: both ends, everything that they sent, and what was delivered."""

    client: Endpoint
    server: Endpoint
    tape: list[Flight] = field(default_factory=list)
    steps: list[Passage] = field(default_factory=list)
    said: dict[Side, list[bytes]] = field(default_factory=lambda: {side: [] for side in Side})
    """What each application sent, line by line."""
    closed: set[Side] = field(default_factory=set)
    """The sides that sent their close."""

    def __getitem__(self, side: Side) -> Endpoint:
        return self.client if side is Side.CLIENT else self.server


class Wire(Interface):
    """The transport between each end and the attacker. It does not change the data."""

    def up(self, sender: Side, data: bytes) -> bytes:
        """Carry data from an end to the attacker, and return it; empty bytes end the stream."""

    def down(self, target: Side, data: bytes) -> bytes:
        """Carry data from the attacker to an end, and return it; empty bytes end the stream."""


class Memory:
    """A wire in memory: returns the data unchanged."""

    def up(self, sender: Side, data: bytes) -> bytes:
        return data

    def down(self, target: Side, data: bytes) -> bytes:
        return data


MEMORY = Memory()
LONGEST = 10_000  # flights; endpoints that answer each other for ever are a bug


def converse(
    client: Endpoint,
    server: Endpoint,
    attacker: Attacker | None = None,
    lines: Iterable[tuple[Side, bytes]] = (),
    *,
    wire: Wire = MEMORY,
) -> Outcome:
    """Run a whole conversation: the handshake, each of the lines, the close of both sides, the end of both streams.

    A line is sent only when neither side has more to send, so that the flights with a line's number carry that line and
    nothing else. `lines` is consumed one at a time, so that a line may depend on what has passed. A side that has not
    accepted, or has failed, sends nothing. Raises ValueError if the endpoints exchange more than LONGEST flights.
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
                        raise ValueError(f"client and server exchange more than {LONGEST} flights")
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
