"""Measures a handshake in memory: no sockets, no threads, both sides in turn. EDGE."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tlsdemo.protocol import Endpoint, Side


@dataclass(frozen=True)
class Setup:
    """A protocol to measure: its title, and functions that build its two endpoints."""

    title: str
    client: Callable[[], Endpoint]
    server: Callable[[], Endpoint]


@dataclass(frozen=True)
class Price:
    """The cost of one full handshake: flights, bytes that each side sent, seconds that each side spent."""

    title: str
    flights: int
    round_trips: int
    """Round trips before the client can send application data."""
    sent: Mapping[Side, int]
    seconds: Mapping[Side, float]
    """The minimum of all rounds, since noise only adds time."""
    noise: float = 0.0
    """Seconds between the fastest handshake and the first quartile, both sides together."""
    noise_bytes: int = 0
    """Bytes by which the handshakes differ in length: an ECDSA signature has 70 to 72 bytes."""

    @property
    def total(self) -> float:
        """Seconds of both sides."""
        return sum(self.seconds.values())


def handshakes(setups: Sequence[Setup], rounds: int = 40) -> list[Price]:
    """The price of each setup. They run in turns, so that a machine that slows down affects all of them."""
    prices: dict[str, list[Price]] = {setup.title: [] for setup in setups}
    for number in range(rounds + 3):
        for setup in setups:
            price = _handshake(setup)
            if number >= 3:  # the first rounds warm the caches
                prices[setup.title].append(price)
    return [_least(found) for found in prices.values()]


def _least(found: Sequence[Price]) -> Price:
    least = {side: min(price.seconds[side] for price in found) for side in Side}
    totals = [price.total for price in found]
    lengths = [sum(price.sent.values()) for price in found]
    quartile = sorted(totals)[len(totals) // 4]
    return replace(found[0], seconds=least, noise=quartile - min(totals), noise_bytes=max(lengths) - min(lengths))


def _handshake(setup: Setup) -> Price:
    """Run one handshake until neither side sends; ValueError if it failed."""
    seconds = dict.fromkeys(Side, 0.0)
    sent = dict.fromkeys(Side, 0)
    flights = round_trips = 0
    ends: dict[Side, Endpoint] = {}
    for side, make in ((Side.CLIENT, setup.client), (Side.SERVER, setup.server)):
        begin = time.perf_counter()
        ends[side] = make()
        seconds[side] += time.perf_counter() - begin
    silent = False
    while not silent:
        silent = True
        for side in Side:
            if data := ends[side].outgoing():
                silent = False
                flights += 1
                sent[side] += len(data)
                round_trips += side is Side.SERVER and not ends[Side.CLIENT].accepted
                begin = time.perf_counter()
                ends[side.other].receive(data)
                seconds[side.other] += time.perf_counter() - begin
    for end in ends.values():
        if not end.accepted or end.error:
            raise ValueError(f"{setup.title}: the handshake failed: {end.error}")
    return Price(setup.title, flights, round_trips, sent, seconds)
