"""Real TLS as an Endpoint: `ssl` over two MemoryBIOs, behaving as a default SSLSocket does.

What differs from a socket is made up for here: after the end of the line a read always raises SSLEOFError, where a
default SSLSocket (`suppress_ragged_eofs=True`) calls that a normal end. After a failure only the first error is true;
the alert that tells the other side waits in the outgoing BIO, and is still sent.
"""

import ssl
from collections.abc import Mapping
from contextlib import suppress

from tlsdemo.protocol import Side

CHUNK = 1 << 14  # bytes; one full TLS record


class TlsEndpoint:
    """One side of a TLS conversation. A client begins at once."""

    def __init__(self, side: Side, context: ssl.SSLContext, server_hostname: str | None = None) -> None:
        self.side = side
        self.accepted = False
        self.error: Exception | None = None
        self.delivered = b""
        self.ended = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._closed = False
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=side is Side.SERVER, server_hostname=server_hostname
        )
        self._advance()

    @property
    def negotiated(self) -> Mapping[str, str]:
        """Version and cipher suite; empty before the handshake is done."""
        if not self.accepted:
            return {}
        return {"version": self.tls.version() or "?", "cipher": (self.tls.cipher() or ("?",))[0]}

    def receive(self, data: bytes) -> None:
        """Bytes from the line. What comes after an error or the end is for nobody."""
        if not (self.error or self.ended):
            self._incoming.write(data)
            self._advance()

    def receive_eof(self) -> None:
        """The line has ended: before `accepted` that is an error, afterwards a default SSLSocket calls it an end."""
        if not (self.error or self.ended):
            self._incoming.write_eof()
            self._advance()

    def send(self, data: bytes) -> None:
        """Encrypt it."""
        if not self.accepted or self.error or self._closed:
            raise ValueError("nothing can be said before the handshake is done, nor after close")
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

    def _advance(self) -> None:
        try:
            if not self.accepted:
                self.tls.do_handshake()
                self.accepted = True
            while data := self.tls.read(CHUNK):
                self.delivered += data
            self.ended = True
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:  # close_notify, after we have said ours
            self.ended = True
        except ssl.SSLEOFError as error:
            if self.accepted:
                self.ended = True
            else:
                self.error = error
        except ssl.SSLError as error:
            self.error = error
