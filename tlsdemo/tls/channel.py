"""TLS over one connection of the accept loop: `ssl`, on a socket that does not block.

    ssl wants to read   ->  wait until the socket is readable, and call it again
    ssl wants to write  ->  wait until it is writable, and call it again

That is all that a server needs to hold thousands of slow or idle clients in one thread.
"""

import os
import ssl
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from tlsdemo import net

FAREWELL = 5.0  # seconds to wait for the client's close_notify
CHUNK = 1 << 14  # bytes; one full TLS record
# OpenSSL 3 then takes the end of TCP for a close_notify. Python 3.11.2 (Debian 12) sets this option by default.
IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)

MOST_ERRORS = 8  # that one handshake's secrets leave

T = TypeVar("T")


def ignore(path: str) -> None:
    """Ignore the failure."""


class AsyncTls:
    """The server's side. Each step raises TimeoutError at the connection's deadline.

    `on_keylog_failure` is called if the key log cannot be written. The log is then switched off, and TLS continues.
    """

    def __init__(
        self,
        connection: net.Connection,
        context: ssl.SSLContext,
        on_keylog_failure: Callable[[str], None] = ignore,
    ) -> None:
        self.connection = connection
        self._keylog = context.keylog_filename and KeyLog(context, on_keylog_failure)
        # A missing close_notify is an error, not a normal end (RFC 8446 §6.1). OpenSSL and Python must both say so.
        context.options &= ~IGNORE_UNEXPECTED_EOF
        self.tls = context.wrap_socket(
            connection.socket, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
        connection.socket = self.tls

    async def handshake(self) -> None:
        """Do the handshake; from then on, the connection's deadline is that of the whole conversation."""
        await self._until_done(self.tls.do_handshake)
        if self._keylog:
            self._keylog.check()
        self.connection.lift_deadline()

    async def receive(self) -> bytes:
        """What the client sends next, at most one record; b"" after its close_notify."""
        return await self._until_done(self.tls.recv, CHUNK)

    async def send(self, data: bytes) -> None:
        """Send application data, all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[await self._until_done(self.tls.send, rest) :]

    async def close(self, farewell: float | None = None) -> None:
        """Send close_notify, and wait `farewell` seconds (5 by default) for the client's: many close without one."""
        farewell = FAREWELL if farewell is None else farewell
        self.connection.deadline = min(self.connection.deadline, time.monotonic() + farewell)
        with suppress(net.ConnectionDropped):  # all data was sent; the client need not answer
            with suppress(OSError):
                await self._until_done(self.tls.unwrap)
            await self.connection.drain(min(farewell, 1.0))

    async def _until_done(self, step: Callable[..., T], *given: object) -> T:
        while True:
            try:
                return step(*given)
            except ssl.SSLWantReadError:
                await self.connection.until_ready(net.READ)
            except ssl.SSLWantWriteError:
                await self.connection.until_ready(net.WRITE)
            except OSError as error:
                if not (self._keylog and self._keylog.failed_with(error)):
                    raise


class KeyLog:
    """The key log of a context, watched during one handshake: OpenSSL writes it, and reports failures badly.

    A write that fails leaves an error with the library name BIO, which the next step of any connection stumbles over;
    or no error at all. Neither is a reason to refuse a client.
    """

    def __init__(self, context: ssl.SSLContext, on_failure: Callable[[str], None]) -> None:
        self._context = context
        self._on_failure = on_failure
        self._path = context.keylog_filename
        self._size = self._measure()
        self._errors = 0

    def failed_with(self, error: OSError) -> bool:
        """Whether the key log caused that error, so that the step can be repeated."""
        if error.filename != self._path and getattr(error, "library", None) != "BIO":
            return False
        self._give_up()
        self._errors += 1
        return self._errors < MOST_ERRORS

    def check(self) -> None:
        """After the handshake: its secrets must have made the file longer."""
        if self._size is not None and self._measure() == self._size:
            self._give_up()

    def _give_up(self) -> None:
        if self._context.keylog_filename:
            self._context.keylog_filename = None  # type: ignore[assignment]  # turns it off; typeshed has only str
            self._on_failure(self._path)

    def _measure(self) -> int | None:
        """Bytes; None for what is not a regular file, such as a FIFO."""
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None
