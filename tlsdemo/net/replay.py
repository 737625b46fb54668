"""A recording is played: the client's part of an old conversation, to a real server. EDGE; knows no protocol."""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from tlsdemo.net.address import Address, dial
from tlsdemo.protocol import Flight, Side

CHUNK = 1 << 16  # bytes
PATIENCE = 2.0  # seconds for a server to say what it said then


def play(tape: Sequence[Flight], upstream: Address) -> int:
    """Say again what the client said, each time when the server has said as much as then; the bytes that came back.

    Problem if nobody is there.
    """
    expected = heard = 0
    with dial(upstream) as plain, suppress(OSError):  # it may hang up
        for flight in tape:
            if flight.sender is Side.SERVER:
                expected += len(flight.data)
            else:
                heard += _hear(plain, expected - heard)
                plain.sendall(flight.data)
        plain.shutdown(socket.SHUT_WR)
        heard += _hear(plain, expected - heard)
    return heard


def _hear(plain: socket.socket, expected: int) -> int:
    """As many bytes have come: those that were expected, or fewer when it says no more."""
    heard, deadline = 0, time.monotonic() + PATIENCE
    while heard < expected and (left := deadline - time.monotonic()) > 0:
        plain.settimeout(left)
        try:
            data = plain.recv(CHUNK)
        except OSError:  # too late, or reset
            break
        if not data:
            break
        heard += len(data)
    return heard
