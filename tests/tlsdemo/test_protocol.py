"""The vocabulary of protections, and converse(): who hears what, when, and who is told that the line has ended."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsdemo.conversation import LONGEST, Outcome, converse
from tlsdemo.protocol import Endpoint, Flight, Protection, Relay, Side

CLIENT, SERVER = Side.CLIENT, Side.SERVER

# Words --------------------------------------------------------------------------------------------------------------


def test_the_other_side_of_the_other_side_is_this_one() -> None:
    assert {side.other for side in Side} == set(Side)
    assert all(side.other is not side and side.other.other is side for side in Side)


def test_there_are_seventeen_protections_and_none_is_another_ones_alias() -> None:
    assert len(Protection.__members__) == len(list(Protection)) == 17


def test_each_protection_means_something_of_its_own_and_says_where_that_is_written() -> None:
    assert len({each.meaning for each in Protection}) == 17
    for each in Protection:
        assert each.meaning
        assert each.section.startswith(("§", "RFC ")), each
        assert each.readable == each.name.lower().replace("_", " ")


DESIGN = """
SECRECY <- STRONG_GROUP <- FORWARD_SECRECY <- POST_QUANTUM
SECRECY <- COMPRESSION_SAFETY
POSSESSION <- CHAIN <- NAME, VALIDITY, REVOCATION, CLIENT_IDENTITY
INTEGRITY <- ORDER, CLOSURE
KEY_SEPARATION
TRANSCRIPT
FRESHNESS
"""


def test_what_rests_on_what_is_as_designed() -> None:
    wanted: dict[str, set[str]] = {}
    for line in DESIGN.split("\n")[1:-1]:
        below: list[str] = []
        for level in line.split(" <- "):
            for name in level.split(", "):
                wanted[name] = set(below)
            below = level.split(", ")
    assert {each.name: {below.name for below in each.rests_on} for each in Protection} == wanted


def everything_below(protection: Protection) -> frozenset[Protection]:
    """The transitive closure, breadth first; it ends only if there is no circle back to the beginning."""
    found: set[Protection] = set()
    edge = set(protection.rests_on)
    while edge:
        found |= edge
        edge = {below for each in edge for below in each.rests_on} - found
    return frozenset(found)


def test_nothing_rests_on_itself() -> None:
    assert [each for each in Protection if each in everything_below(each)] == []


@given(st.frozensets(st.sampled_from(Protection)), st.sampled_from(Protection))
def test_a_claim_stands_when_it_and_all_below_it_are_claimed(
    claimed: frozenset[Protection], protection: Protection
) -> None:
    assert protection.stands(claimed) == ({protection} | everything_below(protection) <= claimed)


@given(st.frozensets(st.sampled_from(Protection)), st.frozensets(st.sampled_from(Protection)))
def test_a_further_claim_makes_nothing_fall(claimed: frozenset[Protection], more: frozenset[Protection]) -> None:
    assert all(each.stands(claimed | more) for each in Protection if each.stands(claimed))


# The conversation ---------------------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """An Endpoint without cryptography: it answers what its script knows, and keeps account of what it was told."""

    side: Side
    answers: Mapping[bytes, bytes] = field(default_factory=dict)
    begins: bytes = b""
    accepted: bool = True
    error: Exception | None = None
    delivered: bytes = b""
    ended: bool = False
    negotiated: Mapping[str, str] = field(default_factory=dict)
    told: list[bytes] = field(default_factory=list)
    closed: int = 0

    def __post_init__(self) -> None:
        self._outgoing = self.begins

    def receive(self, data: bytes) -> None:
        self.told.append(data)
        self.delivered += data
        self._outgoing += self.answers.get(data, b"")

    def take(self) -> bytes:
        taken, self.delivered = self.delivered, b""
        return taken

    def receive_eof(self) -> None:
        self.told.append(b"")
        self.ended = True

    def send(self, data: bytes) -> None:
        assert self.accepted
        assert not self.error
        self._outgoing += data

    def close(self) -> None:
        self.closed += 1
        self._outgoing += b"bye"

    def outgoing(self) -> bytes:
        data, self._outgoing = self._outgoing, b""
        return data


class Decides(Relay):
    """An attacker who does what he is told."""

    def __init__(self, on_data: Callable[[Flight], Iterable[tuple[Side, bytes]]]) -> None:
        self._on_data = on_data

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        return self._on_data(flight)


def scripted() -> tuple[Scripted, Scripted]:
    """A handshake of hello, welcome, thanks; and whoever is asked for the time says it."""
    client = Scripted(CLIENT, {b"welcome": b"thanks"}, begins=b"hello")
    return client, Scripted(SERVER, {b"hello": b"welcome", b"time?": b"noon"})


def test_a_scripted_endpoint_is_one() -> None:
    assert isinstance(Scripted(CLIENT), Endpoint)


def test_the_outcome_has_each_end_under_its_side() -> None:
    client, server = scripted()
    outcome = converse(client, server)
    assert (outcome.client, outcome.server) == (outcome[CLIENT], outcome[SERVER]) == (client, server)


def test_each_flight_is_marked_with_the_line_that_it_belongs_to() -> None:
    outcome = converse(*scripted(), lines=[(CLIENT, b"time?"), (SERVER, b"late"), (CLIENT, b"good night")])
    assert outcome.tape == [
        Flight(CLIENT, b"hello", 0),
        Flight(SERVER, b"welcome", 0),
        Flight(CLIENT, b"thanks", 0),
        Flight(CLIENT, b"time?", 1),
        Flight(SERVER, b"noon", 1),
        Flight(SERVER, b"late", 2),
        Flight(CLIENT, b"good night", 3),
        Flight(CLIENT, b"bye", 4),
        Flight(SERVER, b"bye", 4),
    ]


def test_an_honest_line_delivers_all_to_the_other_side_and_then_the_end() -> None:
    client, server = scripted()
    converse(client, server)
    assert server.told == [b"hello", b"thanks", b"bye", b""]
    assert client.told == [b"welcome", b"bye", b""]


def test_both_say_goodbye_once() -> None:
    client, server = scripted()
    converse(client, server, lines=[(CLIENT, b"x")])
    assert (client.closed, server.closed) == (1, 1)


@pytest.mark.parametrize("silent", [{"accepted": False}, {"error": OSError()}], ids=["not accepted", "failed"])
def test_whoever_cannot_speak_is_silent_and_the_other_one_speaks(silent: dict[str, object]) -> None:
    client, server = Scripted(CLIENT, **silent), Scripted(SERVER)  # type: ignore[arg-type]  # fields of Scripted
    outcome = converse(client, server, lines=[(CLIENT, b"unheard"), (SERVER, b"heard")])
    assert server.told == [b"bye", b""]
    assert client.told == [b"heard", b"bye", b""]
    assert Flight(SERVER, b"heard", 2) in outcome.tape


# The attacker -------------------------------------------------------------------------------------------------------


def test_a_dropped_flight_was_sent_and_is_not_delivered() -> None:
    client, server = scripted()
    outcome = converse(client, server, Decides(lambda flight: []))
    assert outcome.tape[0] == Flight(CLIENT, b"hello", 0)
    assert server.told == client.told == [b""]


def test_a_repeated_flight_is_delivered_twice() -> None:
    client, server = scripted()
    converse(client, server, Decides(lambda flight: [(flight.sender.other, flight.data)] * 2))
    assert server.told[:2] == [b"hello", b"hello"]


def test_a_reflected_flight_is_delivered_to_its_sender() -> None:
    client, server = scripted()
    converse(client, server, Decides(lambda flight: [(flight.sender, flight.data)]))
    assert client.told == [b"hello", b"bye", b""]
    assert server.told == [b"bye", b""]


def test_a_forged_flight_is_delivered_and_is_not_on_the_tape() -> None:
    client, server = scripted()
    outcome = converse(client, server, Decides(lambda flight: [(CLIENT, b"forged"), (SERVER, b"forged")]))
    assert client.told[0] == server.told[0] == b"forged"
    assert b"forged" not in {flight.data for flight in outcome.tape}


class NobodyHangsUp(Relay):
    """Nobody is told that the line has ended."""

    def on_eof(self, sender: Side) -> Iterable[Side]:
        return []


class ToItself(Relay):
    """Whoever hangs up is told so himself, and nobody else is."""

    def on_eof(self, sender: Side) -> Iterable[Side]:
        return [sender] if sender is CLIENT else []


def test_a_dropped_end_of_file_is_delivered_to_neither_side() -> None:
    client, server = scripted()
    converse(client, server, NobodyHangsUp())
    assert not client.ended
    assert not server.ended


def test_he_decides_who_is_told_of_the_end_of_the_line() -> None:
    client, server = scripted()
    converse(client, server, ToItself())
    assert client.ended
    assert not server.ended


def test_data_sent_at_end_of_file_still_passes_the_attacker() -> None:
    class LastWord(Scripted):
        def receive_eof(self) -> None:
            self._outgoing += b"what?"

    heard: list[Flight] = []

    def note(flight: Flight) -> list[tuple[Side, bytes]]:
        heard.append(flight)
        return []

    outcome = converse(LastWord(CLIENT), Scripted(SERVER), Decides(note))
    assert heard == outcome.tape
    assert heard[-1] == Flight(CLIENT, b"what?", 1)


def test_two_who_never_fall_silent_are_a_mistake_of_ours() -> None:
    client = Scripted(CLIENT, {b"pong": b"ping"}, begins=b"ping")
    with pytest.raises(ValueError, match="exchange more than 10000 flights"):
        converse(client, Scripted(SERVER, {b"ping": b"pong"}))
    assert LONGEST / 2 <= len(client.told) <= LONGEST


def test_two_who_say_much_are_no_mistake() -> None:
    lines = [(CLIENT, b"x")] * 1000
    assert isinstance(converse(Scripted(CLIENT), Scripted(SERVER), lines=lines), Outcome)
