"""A meeting of two endpoints of ours over TCP, of which one is weakened. Caught: a wrong end, a wrong record."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.support import PROMPT, party_of
from tlsdemo import net
from tlsdemo.lab.peers.meeting import Meeting, MeetingEnd, with_clients, with_server
from tlsdemo.lab.peers.programs import CLIENTS, SERVERS
from tlsdemo.lab.peers.trials import BASE, PeerTrial, told
from tlsdemo.protocol import Endpoint, Protection, Side
from tlsdemo.tls13.protocol import tls13

P = Protection
PAUSE = 0.5  # seconds; the other end is in this process and answers in milliseconds


@contextmanager
def serving(make: Callable[[], Endpoint], pause: float | None = None) -> Iterator[tuple[int, list[Meeting]]]:
    """The port of a server, and its meetings."""
    found: list[Meeting] = []
    loop = net.AcceptLoop(net.listen(("127.0.0.1",)), with_clients(make, found.append, PROMPT, pause))
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield loop.listener.port, found
        loop.settle(PROMPT, loop.listener.port)
    finally:
        loop.stop()
        thread.join()


def meet(certs: Path, weak: Side, removed: Protection | None, pause: float | None = None) -> dict[Side, Meeting]:
    """A meeting of which one side lacks a protection; what each side says of it."""
    whole = tls13(BASE)
    protocols = {side: tls13(BASE - {removed}) if side is weak and removed else whole for side in Side}
    client, server = (party_of(certs, side) for side in Side)
    with serving(lambda: protocols[Side.SERVER].server(server), pause) as (port, found):
        seen_by_client = with_server(port, protocols[Side.CLIENT].client(client), PROMPT)
    (seen_by_server,) = found
    return {Side.CLIENT: seen_by_client, Side.SERVER: seen_by_server}


@pytest.mark.parametrize("weak", Side, ids=lambda side: side.value)
@pytest.mark.parametrize("removed", [None, P.CHAIN, P.CLOSURE, P.POST_QUANTUM, P.FRESHNESS, P.FORWARD_SECRECY])
def test_where_the_bytes_are_those_of_tls_application_data_are_exchanged(
    certs: Path, weak: Side, removed: Protection | None
) -> None:
    for met in meet(certs, weak, removed).values():
        assert met.end is MeetingEnd.EXCHANGED
        assert met.received > 0


@pytest.mark.parametrize(("removed", "record"), [(P.TRANSCRIPT, 1), (P.KEY_SEPARATION, 1), (P.ORDER, 2)])
def test_the_record_that_a_client_refuses_is_found_by_sending_one_at_a_time(
    certs: Path, removed: Protection, record: int
) -> None:
    """The refusal is a fact of the client: an independent count is that of the client itself."""
    met = meet(certs, Side.SERVER, removed, PAUSE)
    assert (met[Side.CLIENT].end, met[Side.CLIENT].record) == (MeetingEnd.FAILED, record)
    assert met[Side.SERVER].end in (MeetingEnd.ALERTED, MeetingEnd.FAILED)
    assert met[Side.SERVER].record == record


def test_without_a_pause_the_record_is_not_claimed_to_be_known(certs: Path) -> None:
    met = meet(certs, Side.SERVER, P.ORDER)
    assert met[Side.SERVER].record == 0
    assert met[Side.SERVER].sent_protected == 4  # EncryptedExtensions, Certificate, CertificateVerify, Finished
    assert "protected record" not in told(met[Side.SERVER])


@pytest.mark.parametrize("weak", Side, ids=lambda side: side.value)
def test_two_sides_without_a_group_in_common_part_at_the_hellos(certs: Path, weak: Side) -> None:
    met = meet(certs, weak, P.STRONG_GROUP)
    assert (met[Side.SERVER].end, met[Side.SERVER].alert) == (MeetingEnd.FAILED, "handshake_failure")
    assert (met[Side.CLIENT].end, met[Side.CLIENT].alert) == (MeetingEnd.ALERTED, "handshake_failure")
    assert {each.record for each in met.values()} == {0}


def test_a_client_that_closes_after_its_first_bytes_is_said_to_have_closed(certs: Path) -> None:
    server = party_of(certs, Side.SERVER)
    hello = tls13(BASE).client(party_of(certs, Side.CLIENT)).outgoing()
    with serving(lambda: tls13(BASE).server(server)) as (port, found), net.dial(net.Address("127.0.0.1", port)) as line:
        line.sendall(hello)
        line.shutdown(socket.SHUT_WR)
    assert [each.end for each in found] == [MeetingEnd.CLOSED]


def test_a_server_that_is_not_tls_is_refused_by_this_side(certs: Path) -> None:
    async def handle(connection: net.Connection) -> None:
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await connection.drain()

    loop = net.AcceptLoop(net.listen(("127.0.0.1",)), handle)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        met = with_server(loop.listener.port, tls13(BASE).client(party_of(certs, Side.CLIENT)), PROMPT)
    finally:
        loop.stop()
        thread.join()
    assert met.end is MeetingEnd.FAILED
    assert "HTTP" in met.why


@pytest.mark.parametrize("end", MeetingEnd, ids=lambda end: end.name)
def test_only_what_was_seen_is_a_verdict(end: MeetingEnd) -> None:
    shows_nothing = (MeetingEnd.SILENT, MeetingEnd.ABSENT, MeetingEnd.UNFIT)
    verdicts = {MeetingEnd.EXCHANGED: False, **dict.fromkeys(shows_nothing)}
    assert PeerTrial(P.ORDER, Meeting(end)).noticed is verdicts.get(end, True)


def test_every_server_takes_its_port_and_its_files_from_the_run() -> None:
    for each in SERVERS.values():
        words = " ".join((*each.command, *(word for step in each.prepare for word in step)))
        assert "{port}" in words
        assert "{dir}" in words
    for each in CLIENTS.values():
        assert "{url}" in " ".join(each.command) or "{port}" in " ".join(each.command)
