"""What every endpoint of every protocol keeps to, however the line behaves. Names the endpoint that does not."""

import itertools
import random
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

import pytest

from pki.keys import KeyType
from tests.conftest import mint
from tests.tlsdemo.conversations import (
    LINES,
    PROTOCOLS,
    Cut,
    Flip,
    OneAtATime,
    Parties,
    exchange,
    length,
    parties,
    said,
    sampled,
)
from tlsdemo.conversation import Outcome, converse
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.protocol import RUNGS
from tlsdemo.protocol import Endpoint, Flight, Protection, Protocol, Relay, Side
from tlsdemo.violations import ProtocolError

MEGABYTE = 1 << 20
SHORT = ((Side.CLIENT, b"pay 100\n"), (Side.SERVER, b"paid\n"))
"""What is said where hundreds of conversations are held."""


every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
either_side = pytest.mark.parametrize("side", Side, ids=lambda side: side.value)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return parties(mint(tmp_path_factory.mktemp("pki") / "certs", KeyType.EC_P256))


def assert_good(outcome: Outcome) -> None:
    """Each side heard all that the other said, was told that this was all, and has nothing to complain of."""
    for side in Side:
        assert outcome[side].error is None
        assert outcome[side].delivered == said(side.other)
        assert outcome[side].ended


def assert_no_falsehood(protocol: Protocol, outcome: Outcome) -> None:
    """Whatever was done on the line: no side was handed what was not said, or told that a part was all."""
    for side in Side:
        endpoint = outcome[side]
        assert said(side.other, SHORT).startswith(endpoint.delivered)
        assert not (endpoint.ended and not endpoint.accepted)
        if Protection.CLOSURE in protocol.claims and endpoint.ended:
            assert endpoint.delivered == said(side.other, SHORT)


# The good conversation ----------------------------------------------------------------------------------------------


@every_protocol
def test_an_endpoint_is_one(protocol: Protocol, people: Parties) -> None:
    for endpoint, side in zip(people.ends(protocol), Side, strict=True):
        assert isinstance(endpoint, Endpoint)
        assert endpoint.side is side
        assert (endpoint.accepted, endpoint.error, endpoint.delivered, endpoint.ended) == (False, None, b"", False)
        assert endpoint.negotiated == {}


@every_protocol
def test_what_is_said_arrives_and_both_ends_are_told_the_end(protocol: Protocol, people: Parties) -> None:
    outcome = people.converse(protocol)
    assert_good(outcome)
    assert outcome.client.negotiated == outcome.server.negotiated
    assert outcome.client.negotiated


@every_protocol
def test_bytes_that_come_one_at_a_time_are_the_same_conversation(protocol: Protocol, people: Parties) -> None:
    assert_good(people.converse(protocol, OneAtATime()))


@every_protocol
def test_more_than_fits_into_a_record_arrives_whole_and_in_order(protocol: Protocol, people: Parties) -> None:
    said_much = [(side, random.Random(side.value).randbytes(100_000)) for side in Side]
    outcome = people.converse(protocol, lines=said_much)
    assert {side: outcome[side.other].delivered for side in Side} == dict(said_much)


@every_protocol
def test_all_at_once_is_the_same_conversation(protocol: Protocol, people: Parties) -> None:
    """The end of the handshake, every line and the close come in one piece; and the other side answers after it."""
    client, server = people.ends(protocol)
    while not client.accepted:
        server.receive(client.outgoing())
        client.receive(server.outgoing())
    for speaker, hearer in ((client, server), (server, client)):
        for side, line in LINES:
            if side is speaker.side:
                speaker.send(line)
        speaker.close()
        hearer.receive(speaker.outgoing())
    assert_good(Outcome(client, server))


@every_protocol
def test_who_has_said_all_still_hears(protocol: Protocol, people: Parties) -> None:
    ends = people.connected(protocol)
    ends[Side.CLIENT].close()
    exchange(ends[Side.CLIENT], ends[Side.SERVER])
    ends[Side.SERVER].send(b"one more thing")
    exchange(ends[Side.CLIENT], ends[Side.SERVER])
    assert ends[Side.CLIENT].delivered == b"one more thing"
    assert not ends[Side.CLIENT].ended


@every_protocol
@either_side
def test_the_line_is_given_each_byte_once(protocol: Protocol, side: Side, people: Parties) -> None:
    endpoint = people.connected(protocol)[side]
    for act in (partial(endpoint.send, b"hello"), endpoint.close):
        act()
        assert endpoint.outgoing()
        assert endpoint.outgoing() == b""


@every_protocol
def test_the_client_begins_and_says_its_hello_once(protocol: Protocol, people: Parties) -> None:
    client, server = people.ends(protocol)
    assert server.outgoing() == b""
    assert client.outgoing()
    assert client.outgoing() == b""


@every_protocol
@either_side
def test_nothing_can_be_said_before_the_handshake_nor_after_close(
    protocol: Protocol, side: Side, people: Parties
) -> None:
    early = Outcome(*people.ends(protocol))[side]
    with pytest.raises(ValueError, match="before the handshake"):
        early.send(b"x")
    late = people.connected(protocol)[side]
    late.close()
    said_goodbye = late.outgoing()
    with pytest.raises(ValueError, match="after close"):
        late.send(b"x")
    late.close()
    assert said_goodbye
    assert late.outgoing() == b""


# The end of the line ------------------------------------------------------------------------------------------------


UNCLOSED = {name: each for name, each in PROTOCOLS.items() if Protection.CLOSURE not in each.claims}


def test_only_plain_and_tls_take_a_cut_for_an_end() -> None:
    assert set(UNCLOSED) == {"plain", "tls", "tls-mutual", "tls-1.2"}


@every_protocol
@either_side
def test_a_line_cut_anywhere_never_makes_a_part_look_like_the_whole(
    protocol: Protocol, side: Side, people: Parties
) -> None:
    good = people.converse(protocol, lines=SHORT)
    for position in sampled(length(good, side), 300):
        outcome = people.converse(protocol, Cut({side: position}), SHORT)
        assert_no_falsehood(protocol, outcome)
        hearer = outcome[side.other]
        assert hearer.ended != bool(hearer.error), f"cut at {position}: neither an end nor an error, or both"
        cut = position < length(outcome, side)  # an ECDSA signature may be a byte shorter than in `good`
        if cut and Protection.CLOSURE in protocol.claims:
            assert hearer.error, f"cut at {position}"


@every_protocol
@either_side
def test_a_cut_in_the_middle_of_the_handshake_is_an_error(protocol: Protocol, side: Side, people: Parties) -> None:
    outcome = people.converse(protocol, Cut({side: 1}), SHORT)
    assert outcome[side.other].error
    assert not outcome[side.other].accepted


@every_protocol
@either_side
def test_a_cut_after_the_handshake_is_an_error_exactly_where_closure_is_claimed(
    protocol: Protocol, side: Side, people: Parties
) -> None:
    ends = people.connected(protocol)
    ends[side].receive_eof()
    assert ends[side].ended == (Protection.CLOSURE not in protocol.claims)
    assert bool(ends[side].error) == (Protection.CLOSURE in protocol.claims)


# Damage -------------------------------------------------------------------------------------------------------------

INTACT = {name: each for name, each in PROTOCOLS.items() if Protection.INTEGRITY in each.claims}


def test_plain_alone_leaves_damage_unnoticed() -> None:
    assert set(PROTOCOLS) - set(INTACT) == {"plain"}


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # a serial became negative
@pytest.mark.parametrize("protocol", INTACT.values(), ids=INTACT)
@either_side
def test_a_flipped_bit_anywhere_never_delivers_data_that_was_not_sent(
    protocol: Protocol, side: Side, people: Parties
) -> None:
    good = people.converse(protocol, lines=SHORT)
    for position in sampled(length(good, side), 400):
        outcome = people.converse(protocol, Flip(side, position, bit=position % 8), SHORT)
        assert_no_falsehood(protocol, outcome)


@pytest.mark.parametrize("bit", range(8))
def test_every_bit_of_a_sealed_record_counts(bit: int, people: Parties) -> None:
    ca = PROTOCOLS["ca"]
    good = people.converse(ca, lines=SHORT)
    record = range(length(good, Side.CLIENT, until=1), length(good, Side.CLIENT, until=2))
    for position in record:
        outcome = people.converse(ca, Flip(Side.CLIENT, position, bit), SHORT)
        assert outcome.server.delivered == b""
        assert outcome.server.error


class Meddles(Relay):
    """What is said in the first line is delivered so many times: not at all, or twice."""

    def __init__(self, times: int) -> None:
        self._times = times

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        return [(flight.sender.other, flight.data)] * (self._times if flight.line == 1 else 1)


@pytest.mark.parametrize("protocol", INTACT.values(), ids=INTACT)
@pytest.mark.parametrize("times", [0, 2], ids=["left out", "repeated"])
def test_what_is_repeated_or_left_out_on_the_way_is_noticed(protocol: Protocol, times: int, people: Parties) -> None:
    lines = [(Side.CLIENT, b"one"), (Side.CLIENT, b"two")]
    outcome = people.converse(protocol, Meddles(times), lines)
    assert outcome.server.error
    assert outcome.server.delivered == (b"one" if times else b"")


# Garbage without end ------------------------------------------------------------------------------------------------

TLS_HEADER = b"\x16\x03\x01\x40\x00\x01\xff\xff\xff"  # a record of 16 kB, in it a ClientHello of 16 MB
GARBAGE: dict[str, Callable[[], Iterator[bytes]]] = {
    "opened-braces": lambda: itertools.repeat(b"{" * 65536),
    "opened-brackets": lambda: itertools.repeat(b"[" * 65536),
    "text-without-newline": lambda: itertools.repeat(b"abcdefgh" * 8192),
    "a-string-without-end": lambda: itertools.chain([b'{"type": "'], itertools.repeat(b"x" * 65536)),
    "random": lambda: map(random.Random(4).randbytes, itertools.repeat(65536)),
    "tls-record": lambda: itertools.chain([TLS_HEADER], itertools.repeat(bytes(65536))),
}


@every_protocol
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@either_side
@pytest.mark.parametrize("connected", [False, True], ids=["before", "after"])
def test_garbage_without_end_is_refused_and_not_kept(
    protocol: Protocol, garbage: Callable[[], Iterator[bytes]], side: Side, connected: bool, people: Parties
) -> None:
    endpoint = people.connected(protocol)[side] if connected else Outcome(*people.ends(protocol))[side]
    endpoint.outgoing()
    tracemalloc.start()
    try:
        fed = 0
        for chunk in itertools.islice(garbage(), 64):
            endpoint.receive(chunk)
            fed += 0 if endpoint.error else len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert endpoint.error
    assert fed <= 2 * 65536, "it listened for too long"
    assert peak < MEGABYTE
    assert len(endpoint.outgoing()) < 4096
    assert endpoint.delivered == b""


@every_protocol
@either_side
def test_megabytes_in_one_piece_are_not_kept_either(protocol: Protocol, side: Side, people: Parties) -> None:
    endpoint = people.connected(protocol)[side]
    flood = b"{" * (8 * MEGABYTE)
    tracemalloc.start()
    try:
        endpoint.receive(flood)
        endpoint.receive(flood)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert endpoint.error
    assert kept < MEGABYTE / 4
    assert peak < 4 * len(flood)


# After the end ------------------------------------------------------------------------------------------------------


@every_protocol
@either_side
def test_after_an_error_nothing_more_is_heard_and_the_first_error_stays(
    protocol: Protocol, side: Side, people: Parties
) -> None:
    ends = people.connected(protocol)
    ends[side].receive(b"garbage\n")
    first = ends[side].error
    ends[side.other].send(b"good")
    ends[side].receive(ends[side.other].outgoing())
    ends[side].receive(b"more garbage\n")
    ends[side].receive_eof()
    assert first
    assert ends[side].error is first
    assert ends[side].delivered == b""
    assert not ends[side].ended
    with pytest.raises(ValueError, match="data cannot be sent"):
        ends[side].send(b"x")


@every_protocol
@either_side
def test_after_the_close_nothing_more_is_heard(protocol: Protocol, side: Side, people: Parties) -> None:
    ends = people.connected(protocol)
    ends[side.other].close()
    ends[side].receive(ends[side.other].outgoing())
    assert ends[side].ended
    ends[side].receive(b"garbage\n")
    ends[side].receive_eof()
    assert ends[side].error is None
    assert ends[side].delivered == b""


@pytest.mark.parametrize("protocol", UNCLOSED.values(), ids=UNCLOSED)
@either_side
def test_after_a_cut_that_was_taken_for_an_end_nothing_more_is_heard(
    protocol: Protocol, side: Side, people: Parties
) -> None:
    ends = people.connected(protocol)
    ends[side].receive_eof()
    ends[side.other].send(b"too late")
    ends[side].receive(ends[side.other].outgoing())
    assert ends[side].ended
    assert ends[side].error is None
    assert ends[side].delivered == b""


@pytest.mark.parametrize("name", UNCLOSED)
@either_side
def test_after_a_cut_that_was_taken_for_an_end_one_can_speak_or_gets_a_valueerror(
    name: str, side: Side, people: Parties
) -> None:
    """As `Endpoint.send` promises. The man in the middle meets this when the server vanishes, and the client talks."""
    ends = people.connected(UNCLOSED[name])
    ends[side].receive_eof()
    with suppress(ValueError):
        ends[side].send(b"is anybody there?")


# Strangers ----------------------------------------------------------------------------------------------------------

TLS_1_3 = {"tls13", "tls", "tls-mutual"}
"""One protocol in two implementations: they are not strangers (`test_two_implementations_of_tls_1_3_talk`)."""
STRANGERS = [
    pair
    for pair in itertools.permutations(PROTOCOLS, 2)
    if len({PROTOCOLS[each].name for each in pair}) == 2 and not set(pair) <= TLS_1_3
]


def refused(one: str, other: str, people: Parties) -> Outcome:
    outcome = converse(*people.ends(PROTOCOLS[one], PROTOCOLS[other]), lines=LINES)
    for side in Side:
        assert outcome[side].error
        assert not outcome[side].accepted
        assert not outcome[side].ended
        assert outcome[side].delivered == b""
    return outcome


@pytest.mark.parametrize(("one", "other"), STRANGERS)
def test_two_who_speak_different_protocols_both_learn_it_and_hear_nothing(
    one: str, other: str, people: Parties
) -> None:
    refused(one, other, people)


@pytest.mark.parametrize(("client", "server"), [("tls13", "tls"), ("tls13", "tls-mutual"), ("tls-mutual", "tls13")])
def test_two_implementations_of_tls_1_3_talk(client: str, server: str, people: Parties) -> None:
    assert_good(converse(*people.ends(PROTOCOLS[client], PROTOCOLS[server]), lines=LINES))


STEADY = [rung for rung in RUNGS if rung != "hybrid"]  # `conversations` says why


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(STEADY, 2)])
def test_two_rungs_refuse_with_a_sentence_that_names_both(one: str, other: str, people: Parties) -> None:
    outcome = refused(one, other, people)
    for side in Side:
        assert repr(one) in str(outcome[side].error)
        assert repr(other) in str(outcome[side].error)


@pytest.mark.parametrize("rung", STEADY)
def test_a_server_of_a_rung_knows_tls_when_it_sees_it(rung: str, people: Parties) -> None:
    assert_is_tls(refused("tls", rung, people).server)


@pytest.mark.parametrize("rung", STEADY)
def test_a_client_of_a_rung_knows_an_alert_of_tls_when_it_sees_it(rung: str, people: Parties) -> None:
    """OpenSSL itself hangs up without a word on what does not look like TLS at all; others send protocol_version."""
    client, _ = people.ends(PROTOCOLS[rung])
    client.receive(b"\x15\x03\x03\x00\x02\x02\x46")
    assert_is_tls(client)


def assert_is_tls(endpoint: Endpoint) -> None:
    assert isinstance(endpoint.error, ProtocolError)
    assert endpoint.error.violation is MessageViolation.IS_TLS
