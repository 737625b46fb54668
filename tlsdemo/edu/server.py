"""A server of a handshake of ours on a socket: one conversation of the accept loop. EDGE; compare `tls.connection`.

handshake, under the deadline -> read one message -> answer -> close_notify
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from pki.errors import printable
from tlsdemo import net
from tlsdemo.application import Talk, ending, facts, of_client
from tlsdemo.driver import Driver
from tlsdemo.edu.machine import cipher_suite
from tlsdemo.events import Closed, Ending, Event, Refused, Said
from tlsdemo.peer import Description, describe
from tlsdemo.protocol import Endpoint, Party, Protection, Protocol, Side
from tlsdemo.violations import ProtocolError, Violation, alert

FAREWELL = 5.0  # seconds to wait for the client's close_notify


async def serve(connection: net.Connection, protocol: Protocol, party: Party, report: Callable[[Event], None]) -> Event:
    """Hold one conversation, from the first byte to the last: report each event, and return the event that ends it."""
    peer, received = connection.peer, 0
    endpoint = protocol.server(party)
    link = net.AsyncLink(connection, endpoint)
    try:
        await link.handshake(connection.deadline)
        agreed = of_client(
            peer, endpoint.negotiated["version"], cipher_suite(endpoint.negotiated), client_certificate(endpoint)
        )
        agreed = replace(agreed, proved=is_proved(endpoint, protocol))
        report(agreed)
        talk = Talk(facts(agreed), several=True)
        deadline = connection.limit
        while data := await link.receive(deadline):
            received += len(data)
            if answer := talk.receive(data):
                for line in talk.said:
                    report(Said(peer, line))
                await link.send(answer, deadline)
                if not talk.goes_on:
                    break
                await connection.until_ready(net.WRITE)  # the others first: this client may never pause
        with suppress(net.ConnectionDropped):  # the answer was sent; the client's close_notify need not come
            await link.close(min(time.monotonic() + FAREWELL, deadline))
            await connection.drain()
        return ending(peer, talk, received)
    except ProtocolError as error:
        await connection.drain()  # else a reset could destroy the alert that tells the client why
        return _refusal(peer, error, received)
    except net.ConnectionDropped as dropped:
        return Refused(peer, Side.SERVER, None, str(dropped), received)
    except TimeoutError:
        return Refused(peer, Side.SERVER, None, "the peer did not finish in time", received)
    except OSError:
        return Closed(peer, Ending.CUT, received)


def _refusal(peer: str, error: ProtocolError, received: int) -> Event:
    if error.violation is Violation.TRUNCATED:
        return Closed(peer, Ending.CUT, received)
    if error.violation is Violation.ALERT:
        return Refused(peer, Side.CLIENT, alert(error), f"alert {printable(error.detail)}", received)
    return Refused(peer, Side.SERVER, None, printable(str(error)), received)


def client_certificate(endpoint: Endpoint) -> Description | None:
    """The client's certificate, for people; None if it presented none."""
    if not isinstance(endpoint, Driver) or not endpoint.peer_chain:
        return None
    return describe(endpoint.peer_chain[0])


def is_proved(endpoint: Endpoint, protocol: Protocol) -> bool:
    """Whether the client has proved that it has its certificate's key, and the server has checked the chain."""
    checked = {Protection.POSSESSION, Protection.CHAIN} <= protocol.claims
    return checked and client_certificate(endpoint) is not None
