"""What things cost, measured in this run and in memory: no sockets, no threads, both sides in turn. EDGE."""

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Setup:
    """One way to configure both sides: what it adds to the one before it, and the two contexts."""

    title: str
    client: ssl.SSLContext
    server: ssl.SSLContext


@dataclass(frozen=True)
class Cost:
    """Seconds that the client and the server spend on one full handshake: the least seen, which noise only adds to."""

    title: str
    client: float
    server: float


def handshakes(setups: Sequence[Setup], server_hostname: str, rounds: int = 40) -> list[Cost]:
    """The cost of each setup. They take turns, so that a machine that slows down slows them all."""
    times: dict[str, list[tuple[float, float]]] = {setup.title: [] for setup in setups}
    for number in range(rounds + 3):
        for setup in setups:
            spent = _handshake(setup, server_hostname)
            if number >= 3:  # the first rounds warm the caches
                times[setup.title].append(spent)
    return [
        Cost(title, min(client for client, _ in spent), min(server for _, server in spent))
        for title, spent in times.items()
    ]


def _handshake(setup: Setup, server_hostname: str) -> tuple[float, float]:
    """Seconds spent by client and server on one handshake."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = setup.client.wrap_bio(to_client, to_server, server_hostname=server_hostname)
    server = setup.server.wrap_bio(to_server, to_client, server_side=True)
    spent = {client: 0.0, server: 0.0}
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        begin = time.perf_counter()
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
        spent[side] += time.perf_counter() - begin
    return spent[client], spent[server]
