"""A wire of two TCP connections on this machine, for client, attacker and server in this process. EDGE.

    client <== TCP ==> attacker <== TCP ==> server

Each piece is written to one socket and read from the other before the next step. So no thread is needed, and the result
is the same as in memory.
"""

import socket
from collections.abc import Iterable
from contextlib import ExitStack

from tlsdemo.conversation import Outcome
from tlsdemo.conversation import converse as in_memory
from tlsdemo.net.address import listen
from tlsdemo.protocol import Attacker, Endpoint, Side

CHUNK = 1 << 14  # bytes; less than a socket buffers


class Loopback:
    """A Wire that is open within a `with` block."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._ends: dict[Side, socket.socket] = {}
        self._attackers: dict[Side, socket.socket] = {}
        self._shut: set[socket.socket] = set()

    def __enter__(self) -> "Loopback":
        listener = listen(("127.0.0.1",))
        with listener.sockets[0] as door:
            for side in Side:
                self._ends[side] = self._open.enter_context(socket.create_connection(door.getsockname()))
                self._attackers[side] = self._open.enter_context(door.accept()[0])
        for each in (*self._ends.values(), *self._attackers.values()):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each small piece is waited for
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def up(self, sender: Side, data: bytes) -> bytes:
        return self._pass(self._ends[sender], self._attackers[sender], data)

    def down(self, target: Side, data: bytes) -> bytes:
        return self._pass(self._attackers[target], self._ends[target], data)

    def _pass(self, source: socket.socket, sink: socket.socket, data: bytes) -> bytes:
        if source in self._shut:
            return b""
        if not data:
            self._shut.add(source)
            source.shutdown(socket.SHUT_WR)
            return sink.recv(1)  # the end of the file
        arrived = bytearray()
        for at in range(0, len(data), CHUNK):
            source.sendall(data[at : at + CHUNK])
            while len(arrived) < min(at + CHUNK, len(data)):
                arrived += sink.recv(CHUNK)
        return bytes(arrived)


def converse_on_sockets(
    client: Endpoint, server: Endpoint, attacker: Attacker | None = None, lines: Iterable[tuple[Side, bytes]] = ()
) -> Outcome:
    """As `tlsdemo.conversation.converse`, on sockets."""
    with Loopback() as wire:
        return in_memory(client, server, attacker, lines, wire=wire)
