"""The educational handshake on a socket: a server's conversation, and a client's. Compare `tls.server`, `tls.client`.

What goes wrong comes out as ProtocolError, which says which violation it was.
"""

import time
from collections.abc import Callable

from pki.errors import printable
from tlsdemo import net
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.violations import ProtocolError, Violation
from tlsdemo.events import Closed, Ending, Event, Refused, Said
from tlsdemo.peer import Description, describe
from tlsdemo.protocol import Endpoint, Party, Protocol, Side
from tlsdemo.talk import Talk, ending, facts, of_client

IDLE_LIMIT = 300.0  # seconds for the client to say something
FAREWELL = 5.0  # seconds to wait for the client's close
ANSWER_LIMIT = 1 << 20  # bytes


class AnswerTooLong(Exception):
    """The server keeps on talking."""


def serve(connection: net.Connection, protocol: Protocol, party: Party, report: Callable[[Event], None]) -> Event:
    """One conversation, from the first byte to the last. Reports what happens, and returns how it ended."""
    peer, received = connection.peer, 0
    endpoint = protocol.server(party)
    link = net.Link(connection.socket, endpoint)
    try:
        link.handshake(connection.deadline)
        agreed = of_client(peer, endpoint.negotiated["version"], cipher(endpoint), client_certificate(endpoint))
        report(agreed)
        talk = Talk(facts(agreed))
        deadline = time.monotonic() + IDLE_LIMIT
        while data := link.receive(deadline):
            received += len(data)
            if answer := talk.receive(data):
                if talk.message is not None:
                    report(Said(peer, talk.message))
                link.send(answer, deadline)
                break
        link.close(time.monotonic() + FAREWELL)
        net.drain(connection.socket)
        return ending(peer, talk, received)
    except ProtocolError as error:
        net.drain(connection.socket)  # so that the alert which tells the client why is not lost
        return _refusal(peer, error, received)
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
            raise AnswerTooLong
    link.close(deadline)
    return bytes(answer)


def cipher(endpoint: Endpoint) -> str:
    """`x25519, ChaCha20-Poly1305`; or that there is none."""
    return ", ".join(part for part in (endpoint.negotiated["group"], endpoint.negotiated["cipher"]) if part)


def client_certificate(endpoint: Endpoint) -> Description | None:
    """What the client's certificate says, whose key the client has; None where the server asked for none."""
    if not isinstance(endpoint, Machine) or not endpoint.peer_chain:
        return None
    return describe(endpoint.peer_chain[0])
