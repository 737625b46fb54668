"""Keeps the bytes of a connection while a program holds it. EDGE; knows no protocol.

    program <--> one end of a pair of sockets <--> a thread, which keeps a copy <--> the connection

The program uses `Recorded.socket` in place of its own. It needs no privileges, and works for every protocol.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pki.publish.accept import NEVER, blocking
from tlsdemo.net.relay import Ends, carry
from tlsdemo.protocol import Flight, Relay, Side


@dataclass(frozen=True)
class Passed:
    """Bytes that passed."""

    sender: Side
    data: bytes
    time: float
    """Seconds since 1970."""


class Recorded:
    """A connected socket, carried by a thread of its own until one side closes.

    It takes over the descriptor of `connected`. `side` is the side that the program plays. `when_over` is called in
    that thread, with all that passed, when the connection is closed.
    """

    def __init__(
        self, connected: socket.socket, side: Side, when_over: Callable[[list[Passed]], None] = lambda passed: None
    ) -> None:
        self.passed: list[Passed] = []
        self.socket, self._far = socket.socketpair()
        self._near, self._connected = self.socket, socket.socket(fileno=connected.detach())
        self._side, self._when_over = side, when_over
        self._thread = threading.Thread(target=self._carry, name="recorder", daemon=True)
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether the connection is not over."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Read no more from the connection, once the program has closed its socket. Bytes on their way are sent."""
        self._near.close()  # without effect if TLS has taken the descriptor over: then the program closes that
        with suppress(OSError):
            self._connected.shutdown(socket.SHUT_RD)

    def join(self, seconds: float) -> None:
        """Wait until the connection is closed."""
        self._thread.join(seconds)

    def _carry(self) -> None:
        ends = Ends({self._side: self._far, self._side.other: self._connected})
        with self._far, self._connected:
            blocking(carry(ends, _Copier(self.passed), NEVER))
        self._when_over(self.passed)


class _Copier(Relay):
    """Passes everything on, and keeps a copy."""

    def __init__(self, passed: list[Passed]) -> None:
        self._passed = passed

    def on_data(self, flight: Flight) -> list[tuple[Side, bytes]]:
        self._passed.append(Passed(flight.sender, flight.data, time.time()))
        return [(flight.sender.other, flight.data)]
