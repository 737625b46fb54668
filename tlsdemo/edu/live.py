"""The educational handshake on a socket: a server's conversation, and a client's. Compare `tls.server`, `tls.client`.

What goes wrong comes out as ProtocolError, which says which violation it was.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from pki.errors import printable
from tlsdemo import net
from tlsdemo.application import Talk, ending, facts, of_client
from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.machine import Machine, State
from tlsdemo.events import Closed, Ending, Event, Refused, Said
from tlsdemo.peer import Description, describe
from tlsdemo.protocol import Endpoint, Party, Protocol, Side

FAREWELL = 5.0  # seconds to wait for the client's close
ANSWER_LIMIT = 1 << 20  # bytes


class ReplyTooLong(Exception):
    """The server keeps on talking."""


async def serve(connection: net.Connection, protocol: Protocol, party: Party, report: Callable[[Event], None]) -> Event:
    """One conversation, from the first byte to the last. Reports what happens, and returns how it ended."""
    peer, received = connection.peer, 0
    endpoint = protocol.server(party)
    link = net.AsyncLink(connection, endpoint)
    try:
        await link.handshake(connection.deadline)
        agreed = of_client(peer, endpoint.negotiated["version"], cipher(endpoint), client_certificate(endpoint))
        agreed = replace(agreed, proved=is_proved(endpoint))
        report(agreed)
        talk = Talk(facts(agreed))
        deadline = connection.limit
        while data := await link.receive(deadline):
            received += len(data)
            if answer := talk.receive(data):
                if talk.message is not None:
                    report(Said(peer, talk.message))
                await link.send(answer, deadline)
                break
        with suppress(net.ConnectionDropped):  # everything is said; there is no time to wait for the client
            await link.close(min(time.monotonic() + FAREWELL, deadline))
            await connection.drain()
        return ending(peer, talk, received)
    except ProtocolError as error:
        await connection.drain()  # so that the alert which tells the client why is not lost
        return _refusal(peer, error, received)
    except net.ConnectionDropped as dropped:
        return Refused(peer, Side.SERVER, None, str(dropped), received)
    except TimeoutError:
        return Refused(peer, Side.SERVER, None, "it did not finish in time", received)
    except OSError:
        return Closed(peer, Ending.CUT, received)


def _refusal(peer: str, error: ProtocolError, received: int) -> Event:
    if error.violation is Violation.TRUNCATED:
        return Closed(peer, Ending.CUT, received)
    if error.violation is Violation.ALERT:
        return Refused(peer, Side.CLIENT, alert(error), f"alert {printable(error.detail)}", received)
    return Refused(peer, Side.SERVER, None, printable(str(error)), received)


def alert(error: ProtocolError) -> str | None:
    """The alert that the other side sent, if that is what ended the conversation."""
    return error.detail.partition(":")[0] if error.violation is Violation.ALERT else None


def ask(link: net.Link, line: str, seconds: float = 30.0) -> bytes:
    """Send one line and return the whole answer, which runs until the server's close."""
    deadline = time.monotonic() + seconds
    link.send(line.encode() + b"\n", deadline)
    answer = bytearray()
    while data := link.receive(deadline):
        answer += data
        if len(answer) > ANSWER_LIMIT:
            raise ReplyTooLong
    link.close(deadline)
    return bytes(answer)


def cipher(endpoint: Endpoint) -> str:
    """`x25519, ChaCha20-Poly1305`; or that there is none."""
    return ", ".join(part for part in (endpoint.negotiated["group"], endpoint.negotiated["cipher"]) if part)


def client_certificate(endpoint: Endpoint) -> Description | None:
    """What the client's certificate says; None where the server asked for none."""
    if not isinstance(endpoint, Machine) or not endpoint.peer_chain:
        return None
    return describe(endpoint.peer_chain[0])


def is_proved(endpoint: Endpoint) -> bool:
    """Whether the client has proved to have the key of its certificate, and the server has checked who issued it."""
    return isinstance(endpoint, Machine) and (
        State.WAIT_CERTIFICATE_VERIFY in endpoint.parts.server and "chain" in endpoint.parts.checks
    )
