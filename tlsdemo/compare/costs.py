"""The cost of each protocol, measured in this run: one full handshake, and the lines of Python that run. EDGE."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from tlsdemo.attack.real_world import world
from tlsdemo.compare import benchmark
from tlsdemo.conversation import converse
from tlsdemo.protocol import Party, Protection, Protocol, Side


@dataclass(frozen=True)
class Cost:
    """The cost of one protocol."""

    protocol: Protocol
    price: benchmark.Price
    proofs: int
    """Sides that prove possession of a key: by a signature, with static RSA by decryption."""
    agreements: int
    """Shared secrets: two in a hybrid."""
    lines: int | None
    """Lines of its FOLDER that one conversation runs; None for Python's ssl, since OpenSSL runs the handshake."""


FOLDERS = {"educational": "tlsdemo/edu", "TLS 1.3": "tlsdemo/tls13"}
"""By family: the code whose lines are counted. What families share, such as `tlsdemo.driver`, is not counted."""


def costs(protocols: Sequence[Protocol], rounds: int = 8) -> list[Cost]:
    """Measure all protocols in turns, so that a machine that slows down affects all of them."""
    setups = [_setup(protocol) for protocol in protocols]
    prices = benchmark.handshakes(setups, rounds)
    return [_cost(protocol, price) for protocol, price in zip(protocols, prices, strict=True)]


def _parties(protocol: Protocol) -> tuple[Party, Party]:
    people = world(protocol.key_type)
    shows = Protection.CLIENT_IDENTITY in protocol.claims
    return people.client if shows else replace(people.client, credential=None), people.server


def _setup(protocol: Protocol) -> benchmark.Setup:
    client, server = _parties(protocol)
    return benchmark.Setup(protocol.name, lambda: protocol.client(client), lambda: protocol.server(server))


def _cost(protocol: Protocol, price: benchmark.Price) -> Cost:
    folder = FOLDERS.get(protocol.family)
    lines = _lines_run(protocol, folder) if folder else None
    agrees = protocol.family in ALWAYS_AGREE or bool(RECORDS & protocol.claims)
    proofs = Protection.POSSESSION, Protection.CLIENT_IDENTITY
    proved = sum(each.stands(protocol.claims) for each in proofs)
    return Cost(protocol, price, proved, agrees + (protocol.claims >= HYBRID), lines)


ALWAYS_AGREE = ("TLS 1.3",)
"""Families that compute a shared secret also if no record is protected with it."""
RECORDS = frozenset({Protection.SECRECY, Protection.INTEGRITY})
HYBRID = frozenset({Protection.STRONG_GROUP, Protection.FORWARD_SECRECY, Protection.POST_QUANTUM})
"""The claims with which the group is a hybrid."""


def _lines_run(protocol: Protocol, folder: str) -> int:
    """Lines in the folder that run in one conversation, on both sides."""
    found: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if f"/{folder}/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            found.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    client, server = _parties(protocol)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        converse(protocol.client(client), protocol.server(server), lines=[(Side.CLIENT, b"hello\n")])
    finally:
        sys.settrace(before)
    return len(found)
