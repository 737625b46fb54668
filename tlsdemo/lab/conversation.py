r"""One connection to the lab: the server presents its case, and the log keeps what the client does.

    handshake -> wait for data -> answer -> close            Visit(TALKED)      the client accepts the case
             \-> an alert, or a close   Visit(REFUSED)    \-> a close   Visit(LEFT)

Only application data counts as acceptance: clients check a certificate during or after the handshake, and not all of
them send an alert. A server that does not speak TLS answers right after the ClientHello.
"""

import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

from tlsdemo import net, violations
from tlsdemo.application import Fact, Talk
from tlsdemo.findings import CaseWords
from tlsdemo.lab.visit import IN_THE_CLEAR, Visit, VisitEnd
from tlsdemo.tls import errors
from tlsdemo.tls.channel import AsyncTls
from tlsdemo.tls.connection import client_certificate
from tlsdemo.tls.server_name import AskedSocket
from tlsdemo.violations import ProtocolError
from tlsdemo.wire import first_flight

PATIENCE = 60.0  # seconds for the client to send data after the handshake
A_MESSAGE = 1.0  # seconds for the rest of a message that has begun
FAREWELL = 1.0  # seconds for its close_notify
KEPT = 1 << 10  # bytes of its data, characters of its User-Agent and of its server_name
CHUNK = 1 << 14
LONGEST_HELLO = 1 << 16

Handler = Callable[[net.Connection], net.Handling[Visit]]
"""Handles a connection to a port, for the accept loop. The laboratory adds the id of the case to the Visit."""


def over_tls(context: ssl.SSLContext, talk: Callable[[Visit], Talk]) -> Handler:
    """A handler that speaks TLS with this context; `talk` makes the answer from what was negotiated."""
    return lambda connection: _converse(connection, context, talk)


async def _converse(connection: net.Connection, context: ssl.SSLContext, talk: Callable[[Visit], Talk]) -> Visit:
    visit, first = Visit("", connection.peer, VisitEnd.REFUSED), net.peek(connection.socket)
    if is_plain(first):
        return await heard_in_the_clear(connection, talk(replace(visit, agreed="no TLS")), visit)
    try:
        channel = AsyncTls(connection, context)
    except OSError:  # the client has already reset the connection
        return replace(visit, why="the client closed the connection")
    tls = channel.tls
    try:
        await channel.handshake()
    except OSError as error:
        why = errors.with_evidence(error, first)
        visit = _not_agreed(replace(visit, asked_for=_asked_for(tls)), why, answered=_was_told(tls))
        with suppress(net.ConnectionDropped):
            await connection.drain(FAREWELL)
        return visit
    except net.ConnectionDropped as dropped:
        return replace(visit, asked_for=_asked_for(tls), end=VisitEnd.WAITED, why=str(dropped))
    visit = replace(visit, asked_for=_asked_for(tls), agreed=f"{tls.version()}, {(tls.cipher() or '?')[0]}")
    certificate = client_certificate(tls)
    visit = replace(visit, client=certificate.shown if certificate else "")
    visit = await heard(channel, talk(visit), visit)
    await channel.close(FAREWELL)
    return visit


def is_plain(begun: bytes) -> bool:
    """Whether the first bytes are neither TLS nor a request to an HTTP proxy."""
    is_sslv2_hello = len(begun) > 2 and bool(begun[0] & 0x80) and begun[2] == 1
    is_proxy_request = begun.startswith(CONNECT) or CONNECT.startswith(begun)
    return bool(begun) and not (_is_record(begun) or is_sslv2_hello or is_proxy_request)


CONNECT = b"CONNECT "
"""The beginning of a request to a proxy (RFC 9110 §9.3.6). It contains no application data of the client."""


async def heard_in_the_clear(connection: net.Connection, talk: Talk, visit: Visit) -> Visit:
    """The data that the client sends without TLS, answered as over TLS."""
    said, count = b"", 0
    with suppress(OSError, net.ConnectionDropped):
        while data := await connection.receive():
            said, count = (said + data)[:KEPT], count + len(data)
            connection.deadline = min(time.monotonic() + A_MESSAGE, connection.limit)
            if answer := talk.receive(data):
                await connection.send(answer)
                break
        await connection.drain(FAREWELL)
    return replace(visit, end=VisitEnd.TALKED, said=said, count=count, why=IN_THE_CLEAR, agent=talk.agent[:KEPT])


def _asked_for(tls: ssl.SSLSocket) -> str | None:
    return tls.asked_for if isinstance(tls, AskedSocket) else None


def _was_told(tls: ssl.SSLSocket) -> bool:
    """Whether the ClientHello was parsed, and a version negotiated."""
    return isinstance(tls, AskedSocket) and tls.was_told


class Channel(Protocol):
    """An established connection: that of `tls.channel`, or one over an endpoint."""

    connection: net.Connection

    async def receive(self) -> bytes:
        """The next application data; b"" after the client's close."""

    async def send(self, data: bytes) -> None:
        """Send application data."""


async def heard(channel: Channel, talk: Talk, visit: Visit) -> Visit:
    """The data that the client sends over TLS, answered; LEFT if there is none."""
    said, count = b"", 0
    alert, why, silent = None, "", VisitEnd.LEFT
    connection = channel.connection
    try:
        connection.deadline = time.monotonic() + PATIENCE
        while data := await channel.receive():
            said, count = (said + data)[:KEPT], count + len(data)
            # Data that is neither a line nor a request has no known end, so it gets no answer.
            connection.deadline = min(time.monotonic() + A_MESSAGE, connection.limit)
            if answer := await net.in_thread(partial(talk.receive, data)):  # the page of the index takes long
                await channel.send(answer)
                break
    except TimeoutError:
        why, silent = "" if count else f"the client sent nothing for {PATIENCE:g} seconds", VisitEnd.WAITED
    except ssl.SSLError as error:
        alert, why = errors.alert(error), errors.sentence(error)
    except ProtocolError as error:
        alert, why = violations.alert(error), str(error)
    except OSError:
        why = "the client closed the connection"
    except net.ConnectionDropped as dropped:
        why, silent = "" if count else str(dropped), VisitEnd.WAITED
    end = VisitEnd.TALKED if count else silent
    return replace(visit, end=end, said=said, count=count, alert=alert, why=why, agent=talk.agent[:KEPT])


UNFIT = {
    "NO_SHARED_CIPHER", "NO_SUITABLE_SIGNATURE_ALGORITHM", "UNSUPPORTED_PROTOCOL", "NO_SHARED_SIGNATURE_ALGORITHMS",
    "WRONG_SIGNATURE_TYPE", "NO_SUITABLE_KEY_SHARE", "NO_SHARED_GROUPS", "DIGEST_TOO_BIG_FOR_RSA_KEY",
    "NO_SUITABLE_GROUPS", "UNSUPPORTED_ELLIPTIC_CURVE", "VERSION_TOO_LOW", "MISSING_TMP_ECDH_KEY",
}  # fmt: skip
"""OpenSSL's reasons if the client's offer does not fit this certificate, suite or version."""


def _not_agreed(visit: Visit, error: OSError, *, answered: bool) -> Visit:
    """Which side ended the handshake, and why. `answered`: the client has the ServerHello, so it speaks TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return replace(
            visit, end=VisitEnd.TURNED_AWAY, why=f"{errors.of_certificate(error).sentence} (client certificate)"
        )
    if isinstance(error, errors.NotTls):
        return replace(visit, end=VisitEnd.TURNED_AWAY, why=errors.sentence(error))
    if isinstance(error, TimeoutError):
        return replace(visit, end=VisitEnd.WAITED, why="the client did not continue its handshake")
    if isinstance(error, ssl.SSLError):
        alert = errors.alert(error)
        if alert:
            return replace(visit, alert=alert)
        if error.reason == "CALLBACK_FAILED" and not answered:
            return replace(visit, end=VisitEnd.TURNED_AWAY, why="its server_name is not ASCII (RFC 6066 §3)")
        if error.reason == "CALLBACK_FAILED":  # the server sent the alert of its case
            return visit
        if error.reason in errors.NOT_TLS and answered:  # an alert in a record of the version that the client requires
            return replace(visit, why="the client requires another version of TLS")
        if error.reason in UNFIT:
            return replace(visit, end=VisitEnd.UNFIT, why=error.reason.replace("_", " ").lower())
        if not errors.is_gone(error):
            return replace(visit, end=VisitEnd.TURNED_AWAY, why=errors.sentence(error))
    return replace(visit, why="the client closed the connection")


def facts(case: CaseWords, visit: Visit) -> Talk:
    """The answer to a client that accepts the case."""
    expected = {"accept": "a strict client accepts this case", "reject": "a strict client refuses this case"}[case.must]
    shown = {
        "case": case.id,
        "summary": case.summary,
        "clause": case.clause,
        "expected": expected,
        "agreed": visit.agreed,
        "you are": visit.client or "not authenticated",
    }
    return Talk([Fact(label, value) for label, value in shown.items()])


# Answers that are not a handshake ------------------------------------------------------------------------------------

Deed = Callable[[net.Connection], net.Handling[None]]
"""The server's reaction to a ClientHello."""


def instead(deed: Deed) -> Handler:
    """A handler that reads the ClientHello and then does this. Plaintext data after it counts as application data."""
    return lambda connection: _misbehave(connection, deed)


async def _misbehave(connection: net.Connection, deed: Deed) -> Visit:
    visit = Visit("", connection.peer, VisitEnd.REFUSED)
    try:
        hello = await _hello(connection)
        visit = replace(visit, asked_for=(first_flight.server_name(hello) or "")[:KEPT] or None)
        if not _is_record(hello):
            return replace(visit, end=VisitEnd.TALKED, why=IN_THE_CLEAR, said=hello[:KEPT], count=len(hello))
        await deed(connection)
        if connection.socket.fileno() < 0:  # the server closed it
            return visit
        said = await _what_comes(connection)
    except (TimeoutError, net.ConnectionDropped):
        return replace(visit, end=VisitEnd.WAITED)
    except OSError:
        return replace(visit, why="the client closed the connection")
    if said and not _is_record(said):
        return replace(visit, end=VisitEnd.TALKED, said=said[:KEPT], count=len(said), why=IN_THE_CLEAR)
    return replace(visit, alert=_plain_alert(said))


async def _hello(connection: net.Connection) -> bytes:
    """The first record, or the first bytes if they are not a record."""
    hello = b""
    while len(hello) < 5 or (_is_record(hello) and len(hello) < 5 + int.from_bytes(hello[3:5])):
        data = await connection.receive(CHUNK)
        if not data or len(hello) > LONGEST_HELLO:
            break
        hello += data
    return hello


async def _what_comes(connection: net.Connection) -> bytes:
    """The bytes until the client closes, or the first bytes that are not a record."""
    said = b""
    with suppress(ConnectionError):  # a reset by the client, after its data has arrived
        while len(said) < KEPT:
            data = await connection.receive(CHUNK)
            said += data
            if not data or (said and not _is_record(said)):
                break
    return said


def _is_record(data: bytes) -> bool:
    """Whether the bytes may begin a TLS record (RFC 8446 §5.1)."""
    return data[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") and data[1:2] in (b"", b"\x03")


def _plain_alert(said: bytes) -> str | None:
    """The name of a plaintext alert (§6); None if the bytes are not one."""
    if said[:1] != b"\x15" or len(said) < 7:
        return None
    return next((name for name, number in errors.ALERTS.items() if number == said[6]), f"alert {said[6]}")
