"""TLS on one connection of the accept loop: what `tlsdemo serve` does for each client. EDGE.

    handshake, under the deadline -> read one message -> answer -> close_notify (after several lines, the client's)

The accept loop (`pki.publish.accept`) calls `serve` when the first byte has arrived, and serves other connections
whenever this one awaits something. `server` has the same conversation on a plain socket, in the standard library alone.
"""

import ssl
from collections.abc import Callable

from tlsdemo import net, peer
from tlsdemo.application import Talk, ending, facts, of_client
from tlsdemo.events import Closed, Ending, Event, Refused, Said, Warned
from tlsdemo.first_bytes import EDUCATIONAL, identify
from tlsdemo.protocol import Side
from tlsdemo.tls import errors
from tlsdemo.tls.channel import AsyncTls

SPEAK_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 50\r\nConnection: close\r\n\r\n"
    b"This port speaks TLS: begin the URL with https://\n"
)
PROTOCOL_VERSION = b"\x15\x03\x03\x00\x02\x02\x46"
"""The fatal alert protocol_version, in the clear: the educational client knows by it that this is TLS."""


async def serve(connection: net.Connection, context: ssl.SSLContext, report: Callable[[Event], None]) -> Event:
    """Hold one conversation, from the first byte to the last: report each event, and return the event that ends it."""
    received, first = 0, net.peek(connection.socket)
    try:
        channel = AsyncTls(connection, context, lambda path: report(Warned(keylog_lost(path))))
    except OSError:  # the client has reset the connection already
        return Closed(connection.peer, Ending.CUT, received)
    try:
        await channel.handshake()
        tls = channel.tls
        cipher = (tls.cipher() or ("?",))[0]
        agreed = of_client(connection.peer, tls.version() or "?", cipher, client_certificate(tls))
        report(agreed)
        talk = Talk(facts(agreed), several=True)
        while data := await channel.receive():
            received += len(data)
            if answer := talk.receive(data):
                for line in talk.said:
                    report(Said(connection.peer, line))
                await channel.send(answer)
                if not talk.goes_on:
                    break
                await connection.until_ready(net.WRITE)  # the others first: this client may never pause
        await channel.close()
        return ending(connection.peer, talk, received)
    except net.ConnectionDropped as dropped:
        return Refused(connection.peer, Side.SERVER, None, str(dropped), received)
    except OSError as error:
        if errors.is_gone(error):
            return Closed(connection.peer, Ending.CUT, received)
        if isinstance(error, ssl.SSLError) and error.reason == "HTTP_REQUEST":
            await connection.send(SPEAK_TLS)
        error = errors.with_evidence(error, first)
        if isinstance(error, errors.NotTls) and identify(first) is EDUCATIONAL:
            await connection.send(PROTOCOL_VERSION)
        await connection.drain()  # else a reset could destroy the alert that tells the client why
        return _failure(connection.peer, error, received)


def _failure(peer: str, error: OSError, received: int) -> Event:
    alert = errors.alert(error) if isinstance(error, ssl.SSLError) else None
    return Refused(peer, Side.CLIENT if alert else Side.SERVER, alert, errors.sentence(error), received)


def client_certificate(tls: ssl.SSLSocket) -> peer.Description | None:
    """The client's certificate, for people; None if it presented none. TLS has checked that the client has the key."""
    der = tls.getpeercert(binary_form=True)
    return None if der is None else peer.describe(der)


def keylog_lost(path: str) -> str:
    """The warning about a key log that can no longer be written."""
    return f"the key log {path} can no longer be written; the server continues without it"
