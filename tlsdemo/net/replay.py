"""Sends the client's part of a recorded conversation to a server again. EDGE; knows no protocol."""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from tlsdemo.net.address import Address, dial
from tlsdemo.protocol import Flight, Side

CHUNK = 1 << 16  # bytes
PATIENCE = 2.0  # seconds for the server to send as many bytes as in the recording


def play(tape: Sequence[Flight], upstream: Address) -> int:
    """Send the client's flights again, each when the server has sent as many bytes as before it in the recording.

    Returns the number of bytes that the server sent. Raises Problem if it cannot be reached.
    """
    expected = heard = 0
    with dial(upstream) as plain, suppress(OSError):  # the server may close
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
    """Receive `expected` bytes, or fewer if no more come in time; returns the number."""
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
