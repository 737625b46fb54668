"""A line that somebody listens on: forwards, and keeps every byte."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from tlsdemo.net.address import Address, dial, listen
from tlsdemo.net.server import Connection, Server
from tlsdemo.protocol import Flight, Side


@dataclass
class Tap:
    """A line that somebody listens on: forwards one connection after the other, and keeps every byte.

    `tape` holds the flights in the order in which they passed.
    """

    upstream: Address
    tape: list[Flight] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = Server(listen(("127.0.0.1",)), self._forward)
        self._thread = threading.Thread(target=self._server.run, name="tap")
        self._upstreams: list[socket.socket] = []

    @property
    def port(self) -> int:
        """Where to connect instead of to the server itself."""
        return self._server.listener.port

    def __enter__(self) -> "Tap":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        for upstream in self._upstreams:  # a server that never closes would keep its pump waiting
            with suppress(OSError):
                upstream.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def bytes_from(self, side: Side) -> bytes:
        """All that one side has sent."""
        return b"".join(flight.data for flight in self.tape if flight.sender is side)

    def _forward(self, connection: Connection) -> None:
        with dial(self.upstream) as upstream:
            upstream.settimeout(None)
            self._upstreams.append(upstream)
            back = threading.Thread(target=self._pump, args=(upstream, connection.socket, Side.SERVER))
            back.start()
            self._pump(connection.socket, upstream, Side.CLIENT)
            back.join()

    def _pump(self, source: socket.socket, target: socket.socket, sender: Side) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.tape.append(Flight(sender, data))
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
