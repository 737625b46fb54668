"""However long a conversation is, what the man in the middle and the lab keep of it stays below a stated amount."""

import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from pki.errors import Problem
from tests.peers.support import party_of
from tlsdemo.attack.by_server_name import LONGEST_HELLO, TLS_HELLO, Disguised, TlsOpening
from tlsdemo.attack.conclusions import SHOWN, told
from tlsdemo.attack.interceptor import MOST_HELD, REMEMBERED, Interceptor, Read
from tlsdemo.attack.on_path import ANSWERS, LIVE, RECORDED, LiveAttacker
from tlsdemo.cli.eavesdrop import LONGEST, EavesdropRelay
from tlsdemo.cli.reporter import Reporter
from tlsdemo.edu.protocol import PLAIN, edu
from tlsdemo.edu.weak import freshness
from tlsdemo.edu.weak.freshness import SameAnswer
from tlsdemo.key_agreement import FiniteField
from tlsdemo.protocol import Endpoint, Flight, Protocol, Relay, Side
from tlsdemo.tls.protocol import tls

PIECE = bytes(1 << 14)
MEGABYTES = 24
BOTH = pytest.mark.parametrize("protocol", [edu(PLAIN), tls()], ids=str)


def ends(protocol: Protocol, certs: Path) -> tuple[Endpoint, Interceptor, Endpoint]:
    """A client, a man in the middle with the server's certificate, and a server, with their handshakes done."""
    client, server = (party_of(certs, side) for side in Side)
    facing = {
        Side.CLIENT: protocol.server(party_of(certs, Side.SERVER)),
        Side.SERVER: protocol.client(party_of(certs, Side.CLIENT)),
    }
    one, he, other = protocol.client(client), Interceptor(facing), protocol.server(server)
    moved = True
    while moved:
        moved = False
        for side, end in ((Side.CLIENT, one), (Side.SERVER, other)):
            if data := end.outgoing():
                moved = True
                deliver(he.on_data(Flight(side, data)), one, other)
    assert one.accepted
    assert other.accepted
    return one, he, other


def deliver(deliveries: Iterable[tuple[Side, bytes]], client: Endpoint, server: Endpoint) -> None:
    for side, data in deliveries:
        (client if side is Side.CLIENT else server).receive(data)


@BOTH
def test_the_memory_of_a_man_in_the_middle_does_not_grow_with_the_conversation(protocol: Protocol, certs: Path) -> None:
    """Kept whole, and copied with each piece, 24 megabytes would be tens of gigabytes of copying."""
    client, he, server = ends(protocol, certs)
    passed = 0
    tracemalloc.start()
    try:
        for _ in range(MEGABYTES * 64):
            client.send(PIECE)
            deliver(he.on_data(Flight(Side.CLIENT, client.outgoing())), client, server)
            passed += len(server.take())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert passed == MEGABYTES << 20
    assert len(he.read[Side.CLIENT]) == REMEMBERED
    assert not he.facing[Side.CLIENT].delivered
    assert peak < 3 * REMEMBERED


def test_what_waits_for_a_server_that_never_finishes_its_handshake_is_bounded(certs: Path) -> None:
    protocol = edu(PLAIN)
    facing = {
        Side.CLIENT: protocol.server(party_of(certs, Side.SERVER)),
        Side.SERVER: protocol.client(party_of(certs, Side.CLIENT)),
    }
    client, he = protocol.client(party_of(certs, Side.CLIENT)), Interceptor(facing)
    for _ in range(3):
        for side, data in he.on_data(Flight(Side.CLIENT, client.outgoing())):
            if side is Side.CLIENT:
                client.receive(data)
    assert client.accepted
    deliveries: list[tuple[Side, bytes]] = []
    for _ in range((MOST_HELD >> 14) + 2):
        client.send(PIECE)
        deliveries = list(he.on_data(Flight(Side.CLIENT, client.outgoing())))
        assert sum(map(len, he._held.values())) <= MOST_HELD + (1 << 16)
    assert he.gave_up
    assert not any(he._held.values())
    assert deliveries == [] or deliveries == [(side, b"") for side in Side]


def test_what_is_told_of_a_long_message_is_its_beginning_and_its_length() -> None:
    line = told(Read(Side.CLIENT, b"\x1b" * 100_000, b"x" * 100_000))
    assert line.isprintable()
    assert len(line) < 6 * SHOWN
    assert line.count("… (100000 bytes)") == 2


@BOTH
def test_a_recording_is_bounded_and_the_conversation_goes_on(protocol: Protocol) -> None:
    framing = protocol.hooks.framing
    assert framing
    record = b"\x17\x03\x03\x40\x00" + PIECE if protocol.family == "tls" else b'{"type": "data", "text": "x"}\n' * 500
    attacker = LiveAttacker(framing, Relay(), lambda step: None)
    for _ in range(RECORDED // len(record) + 10):
        passed = b"".join(data for _, data in attacker.on_data(Flight(Side.CLIENT, record)))
        assert passed == record
    assert RECORDED - (1 << 17) < sum(len(each.data) for each in attacker.tape) == attacker.recorded <= RECORDED


def test_of_what_follows_an_attack_a_few_flights_are_kept() -> None:
    hooks = edu(PLAIN).hooks
    assert hooks.framing
    attacker = LiveAttacker(hooks.framing, LIVE["reordering"](hooks.framing, hooks)[0](), lambda step: None)
    for _ in range(100):
        attacker.on_data(Flight(Side.CLIENT, b'{"type": "data", "text": "x"}\n'))
    assert attacker.acted
    assert len(attacker.since) == ANSWERS


# mitm --case -------------------------------------------------------------------------------------------------------


def hello(certs: Path) -> bytes:
    return tls().client(party_of(certs, Side.CLIENT)).outgoing()


@pytest.mark.parametrize("size", [1, 5, 1 << 14])
def test_a_client_hello_is_found_in_pieces_of_any_size_and_in_records_of_one_byte(certs: Path, size: int) -> None:
    whole = hello(certs)
    small = b"".join(b"\x16\x03\x01\x00\x01" + whole[at : at + 1] for at in range(5, len(whole)))
    for stream in (whole, small):
        opening = TlsOpening()
        found = [opening.is_whole_with(stream[at : at + size]) for at in range(0, len(stream), size)]
        assert found == [False] * (len(found) - 1) + [True]


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\n", b"\x16\x02", b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", b"\x15"]
)
def test_what_never_becomes_a_client_hello_is_a_problem(first: bytes) -> None:
    with pytest.raises(Problem):
        TlsOpening().is_whole_with(first)


@pytest.mark.parametrize("side", Side)
def test_what_is_held_before_a_client_hello_is_bounded_for_both_sides(side: Side) -> None:
    def begin(first: bytes) -> tuple[object, Interceptor]:
        raise AssertionError

    attacker = Disguised(begin, TLS_HELLO)
    piece = b"\x16\x03\x01\xff\xff" + bytes(1 << 12) if side is Side.CLIENT else bytes(1 << 12)
    for number in range(LONGEST_HELLO // len(piece) + 2):
        attacker.on_data(Flight(side, piece if number == 0 else bytes(len(piece))))
    assert attacker.problem
    assert sum(len(each.data) for each in attacker._held) <= LONGEST_HELLO + len(piece)


# eavesdrop ----------------------------------------------------------------------------------------------------------


def test_the_eavesdropper_shows_the_beginning_of_a_long_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal. Elsewhere a line is printed whole, as far as the eavesdropper keeps it."""

    def told(line: bytes) -> str:
        reporter = Reporter()
        relay = EavesdropRelay(reporter)
        monkeypatch.setattr(relay, "_whole", False)
        relay.on_data(Flight(Side.CLIENT, line))
        reporter.close(None)
        return capsys.readouterr().out

    shown = told(b"z" * 300_000 + b"\n")
    assert len(shown) < 2 * LONGEST
    assert "characters or more" in shown
    shown = told(b'{"type": "data", "text": "' + b"y" * 8000 + b'"}\n')
    assert "… (8000 bytes)" in "".join(line.strip() for line in shown.splitlines())


def test_a_server_without_freshness_remembers_a_bounded_number_of_answers() -> None:
    group = SameAnswer(FiniteField(1009, 11))
    for share in range(2, 1000):
        group.answer(5, str(share))
    for secret in range(3, 900):
        group.answer(secret, "7")
    assert len(group._answers) == freshness.REMEMBERED
    assert group.answer(899, "7") is group.answer(899, "7")
