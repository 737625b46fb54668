"""Keeps what a server sends instead of TLS: the errors of `ssl` do not contain it.

OpenSSL reads the five bytes of a record header and fails; the rest is still on the socket. OpenSSL's debugging hook
gets the five bytes.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from tlsdemo import net
from tlsdemo.tls import errors

RECORD_HEADER = 256  # SSL3_RT_HEADER of OpenSSL


@contextmanager
def of_what_came(plain: socket.socket, context: ssl.SSLContext) -> Iterator[None]:
    """Within this, a client's handshake over `plain` raises errors.NotTls if the server does not use TLS."""
    headers: list[bytes] = []

    def on_message(tls: object, direction: str, version: int, content_type: int, kind: object, data: bytes) -> None:
        if direction == "read" and content_type == RECORD_HEADER and len(headers) < 2:
            headers.append(bytes(data))

    with plain.dup() as spare:  # the socket itself is closed by a handshake that fails
        context._msg_callback = on_message  # type: ignore[attr-defined]  # `ssl` has it, its stubs do not
        try:
            yield
        except ssl.SSLError as error:
            first = b"".join(headers[:1]) + (net.peek(spare) if len(headers) == 1 else b"")
            raise errors.with_evidence(error, first) from None
        finally:
            context._msg_callback = None  # type: ignore[attr-defined]  # `ssl` has it, its stubs do not
