"""Real TLS as an Endpoint: `ssl` over two MemoryBIOs, behaving as a default SSLSocket does.

This module compensates for one difference from a socket: after the end of file, a read always raises an error (the
context must not have OP_IGNORE_UNEXPECTED_EOF, see `context`), and a default SSLSocket (`suppress_ragged_eofs=True`)
calls that a normal end. `Closing` decides which of the two the application is told, under every Python.
After a failure only the first error is true; the alert that tells the other side waits in the outgoing BIO, and is
still sent.
"""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum

from tlsdemo.protocol import Side
from tlsdemo.tls import errors
from tlsdemo.wire import client_hello

CHUNK = 1 << 14  # bytes; one full TLS record


class Closing(Enum):
    """What a line that was cut means, after the handshake."""

    AS_PYTHON_DOES = "a normal end"
    """As for every SSLSocket with `suppress_ragged_eofs=True`, the default."""
    STRICT = "an error"
    """Whoever has said all says so (RFC 8446 §6.1)."""


class TlsEndpoint:
    """One side of a TLS conversation. A client begins at once."""

    def __init__(
        self,
        side: Side,
        context: ssl.SSLContext,
        server_hostname: str | None = None,
        closing: Closing = Closing.AS_PYTHON_DOES,
    ) -> None:
        self.side = side
        self._closing = closing
        self.accepted = False
        self.error: Exception | None = None
        self._delivered = bytearray()
        self.ended = False
        self.negotiated: Mapping[str, str] = {}
        self.first = b""
        """What the other side said first, which ssl does not keep: a client names the server there."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._closed = False
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=side is Side.SERVER, server_hostname=server_hostname
        )
        self._advance()

    def receive(self, data: bytes) -> None:
        """Bytes from the line. What comes after an error or the end is for nobody."""
        if not (self.error or self.ended):
            if not self.accepted and len(self.first) < CHUNK:
                self.first += data
            self._incoming.write(data)
            self._advance()

    @property
    def delivered(self) -> bytes:
        """What the application was handed, except what it has taken."""
        return bytes(self._delivered)

    def take(self) -> bytes:
        """What `delivered` holds, which is empty afterwards."""
        taken = bytes(self._delivered)
        self._delivered.clear()
        return taken

    def receive_eof(self) -> None:
        """The line has ended: before `accepted` that is an error, afterwards what `closing` says."""
        if not (self.error or self.ended):
            self._incoming.write_eof()
            self._advance()

    def send(self, data: bytes) -> None:
        """Encrypt it."""
        if not self.accepted or self.error or self._closed:
            raise ValueError("data cannot be sent before the handshake is done, after an error or after close")
        try:
            self.tls.write(data)
        except ssl.SSLError as error:  # the line was cut, which was taken for an end
            self.error = error

    def close(self) -> None:
        """Say close_notify."""
        if self.accepted and not (self.error or self._closed):
            self._closed = True
            with suppress(ssl.SSLError):  # SSLWantReadError: the other side has not said it yet
                self.tls.unwrap()

    def outgoing(self) -> bytes:
        """What OpenSSL wants on the line."""
        return self._outgoing.read()

    def _agreed(self) -> Mapping[str, str]:
        """Version, cipher suite and whom the client looks for: asked now, since OpenSSL forgets it with an error."""
        name = client_hello.server_name(self.first) if self.side is Side.SERVER else self.tls.server_hostname
        cipher = (self.tls.cipher() or ("?",))[0]
        return {"version": self.tls.version() or "?", "cipher": cipher, "server_name": name or ""}

    def _advance(self) -> None:
        try:
            if not self.accepted:
                self.tls.do_handshake()
                self.accepted = True
                self.negotiated = self._agreed()
            while data := self.tls.read(CHUNK):
                self._delivered += data
            self.ended = True
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:  # close_notify, after we have said ours
            self.ended = True
        except ssl.SSLError as error:
            lenient = self.accepted and self._closing is Closing.AS_PYTHON_DOES
            if lenient and errors.is_unexpected_eof(error):
                self.ended = True
            else:
                self.error = error
