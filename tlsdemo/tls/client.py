"""A TLS client over a connected socket. It needs the standard library alone: read it, copy it.

    context = ssl.create_default_context(cafile="root.pem")
    with socket.create_connection(("localhost", 4433), 10) as plain, wrap(plain, context, "localhost") as tls:
        print(ask(tls, "hello").decode())

handshake, with every check of the context -> send one line -> read until close_notify
"""

import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress

CHUNK = 1 << 14  # bytes; one full TLS record
ANSWER_LIMIT = 1 << 20  # bytes
DER = 2  # _ssl.ENCODING_DER
# OpenSSL 3 then takes the end of TCP for a close_notify. Python 3.11.2 (Debian 12) sets this option by default.
IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


class AnswerTooLong(Exception):
    """The server sent more than ANSWER_LIMIT bytes."""


def wrap(
    plain: socket.socket,
    context: ssl.SSLContext,
    server_hostname: str,
    on_refused: Callable[[list[bytes]], None] = lambda chain: None,
) -> ssl.SSLSocket:
    """TLS over a connected socket. Its timeout is the overall deadline for the handshake.

    ssl.SSLCertVerificationError when a check fails; nothing of the application has been sent by then, and `on_refused`
    has been called with the chain that the server presented, as `presented` returns it.
    """
    # An answer without close_notify is an error, not a normal end (RFC 8446 §6.1). OpenSSL and Python must both say so.
    context.options &= ~IGNORE_UNEXPECTED_EOF
    tls = context.wrap_socket(
        plain, server_hostname=server_hostname, suppress_ragged_eofs=False, do_handshake_on_connect=False
    )
    try:
        tls.do_handshake()
    except BaseException as error:
        if isinstance(error, ssl.SSLCertVerificationError):
            on_refused(presented(tls))
        tls.close()
        raise
    return tls


def presented(tls: ssl.SSLSocket) -> list[bytes]:
    """The chain that the server presented, in DER, leaf first, also after a failed handshake.

    Empty where this version of Python does not give it out.
    """
    try:
        if sys.version_info >= (3, 13):
            return tls.get_unverified_chain()
        # Before 3.13 the method belongs to the object within, and returns objects.
        found = tls._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]  # not in the stubs
        return [each.public_bytes(DER) for each in found]
    except (AttributeError, TypeError, ValueError):
        return []


def ask(tls: ssl.SSLSocket, line: str, seconds: float = 30.0) -> bytes:
    """Send one line and return the whole answer, which runs until the server's close_notify.

    TimeoutError when that has not come within `seconds`: an overall deadline, not one for each read.
    """
    end = time.monotonic() + seconds
    tls.settimeout(seconds)
    tls.sendall(line.encode() + b"\n")
    answer = bytearray()
    tls.settimeout(max(end - time.monotonic(), 0.001))
    while data := tls.recv(CHUNK):
        answer += data
        if len(answer) > ANSWER_LIMIT:
            raise AnswerTooLong
        tls.settimeout(max(end - time.monotonic(), 0.001))
    with suppress(OSError):  # the answer is complete; the server may have gone without waiting for our close_notify
        tls.unwrap()
    return bytes(answer)


def look(plain: socket.socket, context: ssl.SSLContext, server_hostname: str) -> list[bytes]:
    """The chain that a server presents, in DER, leaf first. The context checks nothing, and nothing is sent."""
    with wrap(plain, context, server_hostname) as tls:
        chain = presented(tls)
        with suppress(OSError):
            tls.unwrap()
        return chain
