"""Relays connections through an Attacker. EDGE; knows no protocol.

    client <--> listener --> on_data(flight) --> upstream <--> server

The attacker decides what is delivered, also when one side closes. A conversation waits for both of its sockets, and
reads no more from one than it can send to the other.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pki.errors import Problem
from pki.publish.accept import READ, WRITE, AcceptLoop, Connection, Listener, in_thread, ready
from tlsdemo.net.address import Address, listen, reach
from tlsdemo.protocol import Attacker, Flight, Relay, Side

CHUNK = 1 << 16  # bytes
AHEAD = 1 << 20  # bytes that wait for one side; above that, nothing more is read
LAST_WORDS = 5.0  # seconds to deliver the remaining bytes after both sides have closed


@dataclass
class Ends:
    """The two sockets of one conversation, the bytes that wait to be sent on each, and which directions are closed."""

    sockets: dict[Side, socket.socket]
    waiting: dict[Side, bytearray] = field(default_factory=lambda: {side: bytearray() for side in Side})
    read_up: set[Side] = field(default_factory=set)
    """Sides that send nothing more."""
    told: set[Side] = field(default_factory=set)
    """Sides whose stream is to end once all waiting bytes are sent."""
    shut: set[Side] = field(default_factory=set)
    gone: set[Side] = field(default_factory=set)
    """Sides that can receive nothing more."""


@dataclass
class Middle:
    """Forwards connections to `upstream`, each through an attacker of its own.

    `on_line` returns the attacker for a new connection from the given peer. `on_end` is called when the conversation is
    over, with the Problem if the upstream could not be reached.
    """

    upstream: Address
    listener: Listener
    on_line: Callable[[str], Attacker]
    on_end: Callable[[str, Attacker, Problem | None], None] = lambda peer, attacker, problem: None

    def __post_init__(self) -> None:
        self.server = AcceptLoop(self.listener, self._carry, descriptors=2, name="middle")

    def run(self) -> None:
        """Serve until `stop`."""
        self.server.run()

    def stop(self) -> None:
        """Ask `run` to return; open conversations are closed."""
        self.server.stop()

    async def _carry(self, connection: Connection) -> None:
        attacker = self.on_line(connection.peer)
        problem = None
        try:
            with await reach(self.upstream) as upstream:
                ends = Ends({Side.CLIENT: connection.socket, Side.SERVER: upstream})
                await carry(ends, attacker, connection.limit)
        except Problem as unreachable:
            problem = unreachable
        except BaseException:  # dropped, or a bug in the attacker
            self.on_end(connection.peer, attacker, problem)
            raise
        await in_thread(lambda: self.on_end(connection.peer, attacker, problem))  # it may connect to the server again


async def carry(ends: Ends, attacker: Attacker, until: float) -> None:
    """Relay until both sides have closed and all bytes are delivered, or one side is lost; at most until `until`."""
    for each in ends.sockets.values():
        each.setblocking(False)
    last = time.monotonic()
    sides = {each.fileno(): side for side, each in ends.sockets.items()}
    while interest := _interest(ends):
        found = await ready(interest, min(until, last + LAST_WORDS) if len(ends.read_up) == 2 else until)
        if not found:
            return
        for descriptor, events in found.items():
            last = time.monotonic()
            if events & WRITE:
                _write(ends, sides[descriptor], attacker)
            if events & READ:
                _read(ends, sides[descriptor], attacker)
        for side in Side:
            _shut(ends, side)


def _interest(ends: Ends) -> Mapping[int, int]:
    """The events to wait for, by descriptor."""
    jammed = {side for side in Side if len(ends.waiting[side.other]) > AHEAD or len(ends.waiting[side]) > 2 * AHEAD}
    wanted = {
        each.fileno(): (0 if side in ends.read_up | jammed else READ) | (WRITE if ends.waiting[side] else 0)
        for side, each in ends.sockets.items()
    }
    return {descriptor: events for descriptor, events in wanted.items() if events}


def _read(ends: Ends, side: Side, attacker: Attacker) -> None:
    try:
        data = ends.sockets[side].recv(CHUNK)
    except BlockingIOError:  # the selector was wrong
        return
    except OSError:
        _lose(ends, side, attacker)
        return
    if not data:
        _hang_up(ends, side, attacker)
        return
    for target, delivery in attacker.on_data(Flight(side, data)):
        if not delivery:
            ends.told |= {target} - ends.gone
        elif target not in ends.gone:
            ends.waiting[target] += delivery


def _write(ends: Ends, side: Side, attacker: Attacker) -> None:
    try:
        sent = ends.sockets[side].send(ends.waiting[side])
    except BlockingIOError:
        return
    except OSError:
        _lose(ends, side, attacker)
    else:
        del ends.waiting[side][:sent]


def _lose(ends: Ends, side: Side, attacker: Attacker) -> None:
    """Handle a reset: this side neither sends nor receives. If the other's stream ends too, stop reading from it."""
    ends.gone.add(side)
    ends.waiting[side].clear()
    _hang_up(ends, side, attacker)
    if side.other in ends.told:
        ends.read_up.add(side.other)


def _hang_up(ends: Ends, side: Side, attacker: Attacker) -> None:
    if side not in ends.read_up:
        ends.read_up.add(side)
        ends.told |= set(attacker.on_eof(side)) - ends.gone


def _shut(ends: Ends, side: Side) -> None:
    if side in ends.told and side not in ends.shut and not ends.waiting[side]:
        ends.shut.add(side)
        with suppress(OSError):
            ends.sockets[side].shutdown(socket.SHUT_WR)


class Recorder(Relay):
    """Relays, and keeps every flight."""

    def __init__(self, tape: list[Flight]) -> None:
        self._tape = tape

    def on_data(self, flight: Flight) -> list[tuple[Side, bytes]]:
        """Record the flight, and pass it on."""
        self._tape.append(flight)
        return [(flight.sender.other, flight.data)]


@dataclass
class Tap:
    """An eavesdropper's relay within a `with` block: `tape` has the flights in the order in which they passed."""

    upstream: Address
    tape: list[Flight] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._middle = Middle(self.upstream, listen(("127.0.0.1",)), lambda peer: Recorder(self.tape))
        self._thread = threading.Thread(target=self._middle.run, name="tap")

    @property
    def port(self) -> int:
        """The port to connect to in place of the server's."""
        return self._middle.listener.port

    def __enter__(self) -> "Tap":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._middle.stop()
        self._thread.join()

    def bytes_from(self, side: Side) -> bytes:
        """All that one side has sent."""
        return b"".join(flight.data for flight in self.tape if flight.sender is side)
