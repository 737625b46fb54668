"""Real TLS as an Endpoint: `ssl` over two MemoryBIOs, with the behaviour of a default SSLSocket.

This module compensates for one difference from a socket: after the end of file, a read always raises an error (the
context must not have OP_IGNORE_UNEXPECTED_EOF, see `context`), but a default SSLSocket (`suppress_ragged_eofs=True`)
reports a normal end. `Closing` decides which of the two the application gets, in every version of Python.
After a failure only the first error counts. The alert for the peer is in the outgoing BIO and is still sent.
"""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum

from tlsdemo.protocol import Side
from tlsdemo.tls import errors
from tlsdemo.wire import first_flight

CHUNK = 1 << 14  # bytes; one full TLS record


class Closing(Enum):
    """How the end of TCP without close_notify is reported after the handshake."""

    AS_PYTHON_DOES = "a normal end"
    """As SSLSocket does with `suppress_ragged_eofs=True`, the default."""
    STRICT = "an error"
    """close_notify is required (RFC 8446 §6.1)."""


class TlsEndpoint:
    """One side of a TLS conversation. A client has its ClientHello ready after construction."""

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
        """The peer's first bytes, which `ssl` does not keep: they have the server name that a client asks for."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._closed = False
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=side is Side.SERVER, server_hostname=server_hostname
        )
        self._advance()

    def receive(self, data: bytes) -> None:
        """Take bytes from the connection. Bytes after an error or after the end are ignored."""
        if not (self.error or self.ended):
            if not self.accepted and len(self.first) < CHUNK:
                self.first += data
            self._incoming.write(data)
            self._advance()

    @property
    def delivered(self) -> bytes:
        return bytes(self._delivered)

    def take(self) -> bytes:
        taken = bytes(self._delivered)
        self._delivered.clear()
        return taken

    def receive_eof(self) -> None:
        """The end of TCP: an error before `accepted`; afterwards as `closing` says."""
        if not (self.error or self.ended):
            self._incoming.write_eof()
            self._advance()

    def send(self, data: bytes) -> None:
        """Encrypt application data. ValueError before the handshake is done, after an error, and after `close`."""
        if not self.accepted or self.error or self._closed:
            raise ValueError("data cannot be sent before the handshake is done, after an error or after close")
        try:
            self.tls.write(data)
        except ssl.SSLError as error:  # TCP had ended without close_notify
            self.error = error

    def close(self) -> None:
        """Send close_notify."""
        if self.accepted and not (self.error or self._closed):
            self._closed = True
            with suppress(ssl.SSLError):  # SSLWantReadError: the peer has not sent close_notify yet
                self.tls.unwrap()

    def outgoing(self) -> bytes:
        return self._outgoing.read()

    def _agreed(self) -> Mapping[str, str]:
        """Version, cipher suite and server name, read now because OpenSSL drops them after an error."""
        name = first_flight.server_name(self.first) if self.side is Side.SERVER else self.tls.server_hostname
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
        except ssl.SSLZeroReturnError:  # the peer's close_notify, after ours
            self.ended = True
        except ssl.SSLError as error:
            lenient = self.accepted and self._closing is Closing.AS_PYTHON_DOES
            if lenient and errors.is_unexpected_eof(error):
                self.ended = True
            else:
                self.error = error
