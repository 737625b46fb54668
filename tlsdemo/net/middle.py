"""A line that somebody sits on: whatever passes goes through an Attacker. EDGE; knows no protocol.

    client <--> listener --> on_data(flight) --> upstream <--> server

What the attacker decides is delivered; the end of the line goes through him, too. One thread for each conversation,
which waits for both sockets, and reads no more from one than it gets rid of to the other.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from pki.errors import Problem
from tlsdemo.net.address import Address, Listener, dial, listen
from tlsdemo.net.server import Connection, Server
from tlsdemo.protocol import Attacker, Flight, Relay, Side

CHUNK = 1 << 16  # bytes
AHEAD = 1 << 20  # bytes waiting for one side; beyond that, nothing more is read
IDLE_LIMIT = 300.0  # seconds without a byte from either side
LAST_WORDS = 5.0  # seconds for what is left to be delivered, when both have hung up


@dataclass
class Ends:
    """The two sockets of one conversation, what waits to be sent on each, and what is over."""

    sockets: dict[Side, socket.socket]
    waiting: dict[Side, bytearray] = field(default_factory=lambda: {side: bytearray() for side in Side})
    read_up: set[Side] = field(default_factory=set)
    """Nothing more comes from these."""
    told: set[Side] = field(default_factory=set)
    """These are to be told that the line has ended, once all that waits is sent."""
    shut: set[Side] = field(default_factory=set)
    gone: set[Side] = field(default_factory=set)
    """These take nothing any more."""


@dataclass
class Middle:
    """Forwards connections to `upstream`, each through an attacker of its own.

    `on_line` makes the attacker for a new connection, whose peer it is told; `on_end` is told when it is over, and
    why the upstream could not be reached, if that was it.
    """

    upstream: Address
    listener: Listener
    on_line: Callable[[str], Attacker]
    on_end: Callable[[str, Attacker, Problem | None], None] = lambda peer, attacker, problem: None

    def __post_init__(self) -> None:
        self.server = Server(self.listener, self._carry)

    def run(self) -> None:
        """Serve until `stop`."""
        self.server.run()

    def stop(self) -> None:
        """Ask `run` to return; conversations are cut."""
        self.server.stop()

    def _carry(self, connection: Connection) -> None:
        attacker = self.on_line(connection.peer)
        problem = None
        try:
            with dial(self.upstream) as upstream:
                carry(Ends({Side.CLIENT: connection.socket, Side.SERVER: upstream}), attacker, self.server)
        except Problem as unreachable:
            problem = unreachable
        finally:
            self.on_end(connection.peer, attacker, problem)


def carry(ends: Ends, attacker: Attacker, server: Server) -> None:
    """Until both have hung up and have all that is for them; or one is gone, or all is silent, or `server` stops."""
    for each in ends.sockets.values():
        each.setblocking(False)
    idle_since = time.monotonic()
    with selectors.DefaultSelector() as selector:
        while not server.stopping:
            interest = _interest(ends)
            _register(selector, ends, interest)
            if not any(interest.values()):
                return
            limit = LAST_WORDS if len(ends.read_up) == 2 else IDLE_LIMIT
            left = idle_since + limit - time.monotonic()
            ready = selector.select(max(min(left, 1.0), 0))  # now and then, look whether to stop
            if not ready and left <= 0:
                return
            for key, events in ready:
                idle_since = time.monotonic()
                if events & selectors.EVENT_WRITE:
                    _write(ends, key.data, attacker)
                if events & selectors.EVENT_READ:
                    _read(ends, key.data, attacker)
            for side in Side:
                _shut(ends, side)


def _interest(ends: Ends) -> dict[Side, int]:
    """What to wait for on each socket."""
    jammed = {side for side in Side if len(ends.waiting[side.other]) > AHEAD or len(ends.waiting[side]) > 2 * AHEAD}
    return {
        side: (0 if side in ends.read_up | jammed else selectors.EVENT_READ)
        | (selectors.EVENT_WRITE if ends.waiting[side] else 0)
        for side in Side
    }


def _register(selector: selectors.BaseSelector, ends: Ends, interest: dict[Side, int]) -> None:
    for side, events in interest.items():
        connected = ends.sockets[side]
        with suppress(KeyError):
            selector.unregister(connected)
        if events:
            selector.register(connected, events, side)


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
    """A reset: nothing goes either way on this side; and if the other is told so, it has nobody to talk to."""
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
        """Keep it, and pass it on."""
        self._tape.append(flight)
        return [(flight.sender.other, flight.data)]


@dataclass
class Tap:
    """A line that somebody listens on, for as long as a `with` block lasts: `tape` holds the flights as they passed."""

    upstream: Address
    tape: list[Flight] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._middle = Middle(self.upstream, listen(("127.0.0.1",)), lambda peer: Recorder(self.tape))
        self._thread = threading.Thread(target=self._middle.run, name="tap")

    @property
    def port(self) -> int:
        """Where to connect instead of to the server itself."""
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
