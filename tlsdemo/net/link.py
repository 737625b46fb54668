"""An Endpoint on a socket: what it wants on the line is sent, what comes is handed to it. EDGE; knows no protocol."""

import socket
import time
from contextlib import suppress

from tlsdemo.protocol import Endpoint

CHUNK = 1 << 16  # bytes


class Link:
    """A conversation over a connected socket, blocking, with overall deadlines (moments of `time.monotonic`).

    What goes wrong comes out as the endpoint's own first error; TimeoutError when the deadline passes.
    """

    def __init__(self, connected: socket.socket, endpoint: Endpoint) -> None:
        self.socket = connected
        self.endpoint = endpoint

    def handshake(self, deadline: float) -> None:
        """Until this side has accepted."""
        self._flush(deadline)
        while not self.endpoint.accepted:
            self._raise_error()
            self._advance(deadline)

    def receive(self, deadline: float) -> bytes:
        """What the other side says next; b"" when it has said all."""
        while not (said := self.endpoint.take()) and not self.endpoint.ended:
            self._raise_error()
            self._advance(deadline)
        return said

    def send(self, data: bytes, deadline: float) -> None:
        """Say something."""
        self._raise_error()
        self.endpoint.send(data)
        self._flush(deadline)
        self._raise_error()

    def close(self, deadline: float) -> None:
        """Say that all is said, and wait until the other side has said so, too: many go without."""
        with suppress(Exception):
            self.endpoint.close()
            self._flush(deadline)
            while not self.endpoint.ended:
                self._advance(deadline)
                self._raise_error()

    def _advance(self, deadline: float) -> None:
        """One piece from the line, and what answers it: also the alert that says why this is the end."""
        if not self.endpoint.error:
            self.socket.settimeout(_left(deadline))
            try:
                data = self.socket.recv(CHUNK)
            except TimeoutError:
                raise
            except OSError:  # a reset is an end that nobody said
                data = b""
            if data:
                self.endpoint.receive(data)
            else:
                self.endpoint.receive_eof()
        self._flush(deadline)

    def _raise_error(self) -> None:
        if self.endpoint.error:
            raise self.endpoint.error

    def _flush(self, deadline: float) -> None:
        """If the other side is gone, what it said before that is still to be read, and tells more than EPIPE."""
        if data := self.endpoint.outgoing():
            self.socket.settimeout(_left(deadline))
            try:
                self.socket.sendall(data)
            except TimeoutError:
                raise
            except OSError:
                self._read_last_words()

    def _read_last_words(self) -> None:
        """Nothing can be sent any more; what has come before that is heard."""
        with suppress(OSError):
            while data := self.socket.recv(CHUNK):
                self.endpoint.receive(data)
        self.endpoint.receive_eof()


def _left(deadline: float) -> float:
    """Seconds; TimeoutError when none are left."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
