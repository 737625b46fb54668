"""A proxy (CONNECT, RFC 9110 §9.3.6) that connects every name to this machine, for names that do not resolve. EDGE.

    client -- CONNECT good.lab.example:4711 --> tunnel -- 127.0.0.1:4711 --> the server on that port

It connects only to the ports that it is given.
"""

from collections.abc import Container
from contextlib import suppress

import h11

from pki.errors import Problem
from pki.publish.accept import AcceptLoop, Connection, Listener
from tlsdemo.net.address import Address, reach
from tlsdemo.net.relay import Ends, carry
from tlsdemo.protocol import Relay, Side

LONGEST_HEAD = 1 << 14  # bytes
CHUNK = 1 << 12
LONGEST_PORT = 5  # digits
HOME = "127.0.0.1"


class Tunnel:
    """Serves until `stop`; every name leads to this machine, and only to `ports`."""

    def __init__(self, listener: Listener, ports: Container[int]) -> None:
        self.listener = listener
        self.server = AcceptLoop(listener, self._receive, descriptors=2, name="tunnel")
        self._ports = ports

    def run(self) -> None:
        """Serve until `stop`."""
        self.server.run()

    def stop(self) -> None:
        """Ask `run` to return."""
        self.server.stop()

    async def _receive(self, connection: Connection) -> None:
        asked = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        try:
            port = await self._port(connection, asked)
            with await reach(Address(HOME, port)) as upstream:
                await connection.send(b"HTTP/1.1 200 Connected\r\n\r\n")
                ends = Ends({Side.CLIENT: connection.socket, Side.SERVER: upstream})
                ends.waiting[Side.SERVER] += asked.trailing_data[0]
                await carry(ends, Relay(), connection.limit)
        except (h11.RemoteProtocolError, Problem):
            with suppress(OSError):
                await connection.send(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n")
            await connection.drain()  # else a reset could destroy the answer
        except OSError:  # the client has closed
            return

    async def _port(self, connection: Connection, asked: h11.Connection) -> int:
        """The port that the client requests. Raises Problem if it is not allowed."""
        while (event := asked.next_event()) is h11.NEED_DATA:
            asked.receive_data(await connection.receive(CHUNK))
        if isinstance(event, h11.Request) and event.method == b"CONNECT":
            text = event.target.rpartition(b":")[2].decode("ascii", "replace")
            if text.isdigit() and len(text) <= LONGEST_PORT and int(text) in self._ports:
                return int(text)
        raise Problem("this proxy connects to the lab only")
