"""A TLS server for one accepted connection, over a plain socket: read it, copy it.

    wrap -> handshake, under the deadline -> read one message -> answer -> close_notify

`net.Server` accepts, and calls `serve` in a thread of its own once the first byte has come.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress

from tlsdemo import net, peer
from tlsdemo.events import Closed, Ending, Event, Refused, Said
from tlsdemo.first_bytes import EDUCATIONAL, identify
from tlsdemo.protocol import Side
from tlsdemo.talk import Talk, ending, facts, of_client
from tlsdemo.tls import refusal

IDLE_LIMIT = 300.0  # seconds; the handshake's deadline is lifted, but nobody keeps a thread for ever
FAREWELL = 5.0  # seconds to wait for the client's close_notify
SPEAK_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 50\r\nConnection: close\r\n\r\n"
    b"This port speaks TLS: begin the URL with https://\n"
)
PROTOCOL_VERSION = b"\x15\x03\x03\x00\x02\x02\x46"
"""The fatal alert protocol_version, in the clear: the educational client knows by it that this is TLS."""
CHUNK = 1 << 14  # bytes; one full TLS record
# OpenSSL 3 then takes the end of TCP for a close_notify. Python 3.11.2 (Debian 12) sets this option by default.
IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def serve(connection: net.Connection, context: ssl.SSLContext, report: Callable[[Event], None]) -> Event:
    """One conversation, from the first byte to the last. Reports what happens, and returns how it ended."""
    received, first = 0, net.peek(connection.socket)
    # A missing close_notify is an error, not a normal end (RFC 8446 §6.1). OpenSSL and Python must both say so.
    context.options &= ~IGNORE_UNEXPECTED_EOF
    try:
        tls = context.wrap_socket(
            connection.socket, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
    except OSError:  # it has reset the line already
        return Closed(connection.peer, Ending.CUT, received)
    connection.socket = tls
    try:
        tls.settimeout(connection.remaining())
        tls.do_handshake()
        tls.settimeout(IDLE_LIMIT)
        cipher = (tls.cipher() or ("?",))[0]
        agreed = of_client(connection.peer, tls.version() or "?", cipher, client_certificate(tls))
        report(agreed)
        talk = Talk(facts(agreed))
        while data := tls.recv(CHUNK):
            received += len(data)
            if answer := talk.receive(data):
                if talk.message is not None:
                    report(Said(connection.peer, talk.message))
                tls.sendall(answer)
                break
        tls.settimeout(FAREWELL)
        with suppress(OSError):  # our close_notify, and the client's: many go without saying it
            tls.unwrap()
        net.drain(tls)
        return ending(connection.peer, talk, received)
    except OSError as error:
        if refusal.is_gone(error):
            return Closed(connection.peer, Ending.CUT, received)
        if isinstance(error, ssl.SSLError) and error.reason == "HTTP_REQUEST":
            net.below_tls(tls, SPEAK_TLS)
        error = refusal.with_evidence(error, first)
        if isinstance(error, refusal.NotTls) and identify(first) is EDUCATIONAL:
            net.below_tls(tls, PROTOCOL_VERSION)
        net.drain(tls)  # so that the alert which tells the client why is not lost
        return _failure(connection.peer, error, received)


def _failure(peer: str, error: OSError, received: int) -> Event:
    alert = refusal.alert(error) if isinstance(error, ssl.SSLError) else None
    return Refused(peer, Side.CLIENT if alert else Side.SERVER, alert, refusal.sentence(error), received)


def client_certificate(tls: ssl.SSLSocket) -> peer.Description | None:
    """What the client's certificate says, whose key the client has; None where the server asked for none."""
    der = tls.getpeercert(binary_form=True)
    return None if der is None else peer.describe(der)
