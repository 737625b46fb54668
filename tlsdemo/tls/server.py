"""A TLS server for one accepted socket. It needs the standard library alone: read it, copy it.

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem", "server.key")
    with socket.create_server(("localhost", 4433)) as listener:
        while True:
            plain, _ = listener.accept()
            with suppress(OSError):  # one client that fails does not end the server
                serve(plain, context, lambda line: b"received: " + line)

handshake -> read one line -> answer -> close_notify; all of it under one deadline

It serves one client after the other. `tlsdemo serve` serves many at once: see `connection` and `channel`.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

CHUNK = 1 << 14  # bytes; one full TLS record
LINE_LIMIT = 1 << 16  # bytes
FAREWELL = 1.0  # seconds to wait for the client's close_notify
# OpenSSL 3 then takes the end of TCP for a close_notify. Python 3.11.2 (Debian 12) sets this option by default.
IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


class LineTooLong(Exception):
    """The client sent more than LINE_LIMIT bytes without a newline."""


def serve(
    plain: socket.socket,
    context: ssl.SSLContext,
    answer: Callable[[bytes], bytes],
    seconds: float = 30.0,
    on_connected: Callable[[ssl.SSLSocket], None] = lambda tls: None,
) -> None:
    """Hold one conversation over an accepted socket, and close it.

    `answer` gets the client's line without its newline, and returns what is sent back. `on_connected` is called after
    the handshake; from then on `tls.version()`, `tls.cipher()` and `tls.getpeercert()` tell what was negotiated.
    Raises TimeoutError after `seconds`, LineTooLong, and ssl.SSLError or another OSError where the handshake fails or
    the client cuts the connection. Whatever `answer` raises comes out, too.
    """
    end = time.monotonic() + seconds
    with wrap(plain, context, seconds) as tls:
        on_connected(tls)
        line = read_line(tls, end)
        tls.sendall(answer(line))
        tls.settimeout(FAREWELL)
        with suppress(OSError):  # the answer was sent; many clients leave without a close_notify
            tls.unwrap()
        _drain(tls)


def wrap(plain: socket.socket, context: ssl.SSLContext, seconds: float) -> ssl.SSLSocket:
    """TLS over an accepted socket, after the handshake. TimeoutError when that takes longer than `seconds`."""
    # A missing close_notify is an error, not a normal end (RFC 8446 §6.1). OpenSSL and Python must both say so.
    context.options &= ~IGNORE_UNEXPECTED_EOF
    plain.settimeout(seconds)
    tls = context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False, do_handshake_on_connect=False)
    try:
        tls.do_handshake()
    except BaseException:
        _drain(tls)
        tls.close()
        raise
    return tls


def read_line(tls: ssl.SSLSocket, end: float) -> bytes:
    """The client's line without its newline; a close_notify ends it, too. `end` is a time of `time.monotonic`."""
    line = bytearray()
    data = b""
    while b"\n" not in data:
        tls.settimeout(max(end - time.monotonic(), 0.001))
        data = tls.recv(CHUNK)
        if not data:
            break
        line += data
        if len(line) > LINE_LIMIT:
            raise LineTooLong
    return bytes(line.partition(b"\n")[0])


def _drain(tls: ssl.SSLSocket) -> None:
    """Read what the client still sends, for at most FAREWELL seconds.

    If a socket is closed while bytes wait in it, TCP resets the connection. The reset may destroy the answer, or the
    alert that tells the client why it was refused.
    """
    end = time.monotonic() + FAREWELL
    with suppress(OSError):
        socket.socket.shutdown(tls, socket.SHUT_WR)
        while (left := end - time.monotonic()) > 0:
            tls.settimeout(left)
            if not socket.socket.recv(tls, CHUNK):  # the bytes of TCP: they are not decrypted any more
                return
