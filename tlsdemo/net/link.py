"""Connects an Endpoint to a socket. EDGE; knows no protocol.

AsyncLink    for a server: in a handler of the accept loop
Link         for a client: the same with blocking calls
"""

import socket
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from pki.publish.accept import Connection, blocking
from tlsdemo.protocol import Endpoint

CHUNK = 1 << 16  # bytes
T = TypeVar("T")


class AsyncLink:
    """A conversation over a connection, each step with a deadline (a time of `time.monotonic`).

    A step raises the endpoint's first error if there is one, and TimeoutError at the deadline.
    """

    def __init__(self, connection: Connection, endpoint: Endpoint) -> None:
        self.connection = connection
        self.endpoint = endpoint

    async def handshake(self, deadline: float) -> None:
        """Run the handshake until this side has accepted."""
        self.connection.deadline = deadline
        await self._flush()
        while not self.endpoint.accepted:
            self._raise_error()
            await self._advance()

    async def receive(self, deadline: float) -> bytes:
        """The next application data of the peer; b"" after its close."""
        self.connection.deadline = deadline
        while not (said := self.endpoint.take()) and not self.endpoint.ended:
            self._raise_error()
            await self._advance()
        return said

    async def send(self, data: bytes, deadline: float) -> None:
        """Send application data."""
        self.connection.deadline = deadline
        self._raise_error()
        self.endpoint.send(data)
        await self._flush()
        self._raise_error()

    async def close(self, deadline: float) -> None:
        """Send the close, and wait until the deadline for the peer's: many peers send none. Raises no error."""
        self.connection.deadline = deadline
        with suppress(Exception):
            self.endpoint.close()
            await self._flush()
            while not self.endpoint.ended:
                await self._advance()
                self._raise_error()

    async def _advance(self) -> None:
        """Receive once from the peer, and send the endpoint's answer, also an alert."""
        self._check_deadline()
        if not self.endpoint.error:
            try:
                data = await self.connection.receive(CHUNK)
            except TimeoutError:
                raise
            except OSError:  # a reset is an end without a close
                data = b""
            if data:
                self.endpoint.receive(data)
            else:
                self.endpoint.receive_eof()
        await self._flush()

    def _raise_error(self) -> None:
        if self.endpoint.error:
            raise self.endpoint.error

    async def _flush(self) -> None:
        """Send what the endpoint has to send. If the peer has closed, read its last bytes: an alert beats EPIPE."""
        if data := self.endpoint.outgoing():
            self._check_deadline()
            try:
                await self.connection.send(data)
            except TimeoutError:
                raise
            except OSError:
                await self._read_last_words()

    def _check_deadline(self) -> None:
        if self.connection.deadline <= time.monotonic():
            raise TimeoutError

    async def _read_last_words(self) -> None:
        """Read what the peer sent before it closed."""
        with suppress(OSError):
            while data := await self.connection.receive(CHUNK):
                self.endpoint.receive(data)
        self.endpoint.receive_eof()


class Link:
    """As AsyncLink, over a connected socket, with blocking calls."""

    def __init__(self, connected: socket.socket, endpoint: Endpoint) -> None:
        self.socket = connected
        self.endpoint = endpoint
        before = connected.gettimeout()
        self._link = AsyncLink(Connection(connected, "", 0), endpoint)
        connected.settimeout(before)

    def handshake(self, deadline: float) -> None:
        """Run the handshake until this side has accepted."""
        self._run(self._link.handshake(deadline))

    def receive(self, deadline: float) -> bytes:
        """The next application data of the peer; b"" after its close."""
        return self._run(self._link.receive(deadline))

    def send(self, data: bytes, deadline: float) -> None:
        """Send application data."""
        self._run(self._link.send(data, deadline))

    def close(self, deadline: float) -> None:
        """Send the close, and wait until the deadline for the peer's: many peers send none. Raises no error."""
        self._run(self._link.close(deadline))

    def _run(self, step: Coroutine[Any, Any, T]) -> T:
        before = self.socket.gettimeout()
        self.socket.setblocking(False)
        try:
            return blocking(step)
        finally:
            self.socket.settimeout(before)
