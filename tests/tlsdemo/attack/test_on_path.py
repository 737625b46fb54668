"""The attacks on sockets, and the attacker who has to find out by himself where a line begins."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsdemo import net
from tlsdemo.attack.catalogue import ATTACKS, BY_ID, Attack
from tlsdemo.attack.judge import AttackResult, Encounter, damage
from tlsdemo.attack.matrix import try_attack, undisturbed
from tlsdemo.attack.on_path import LIVE, LiveAttacker
from tlsdemo.attack.passive import talk
from tlsdemo.attack.real_world import world
from tlsdemo.attack.recording import Player
from tlsdemo.attack.tampering import flipper, masks
from tlsdemo.compare.protocols import TLS13, find, reduced_tls13
from tlsdemo.conversation import Passage
from tlsdemo.protocol import Flight, Protection, Relay, Side

WEAK_TLS13 = tuple(each.name for each in reduced_tls13() if Protection.COMPRESSION_SAFETY in each.claims)
"""Compressed, Finished has no fixed length: an attacker that sees only lengths does not find where the data begins."""
PROTOCOLS = ("ca", "mutual", "ca without closure", "ca without order", "tls", "tls12-rsa", "tls-mutual", "tls13")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
@pytest.mark.parametrize(
    "name", ["plain", "ca", "ca without closure", "tls", "tls12-rsa", "tls13", "tls13 without order"]
)
def test_on_sockets_it_ends_as_in_memory(attack: Attack, name: str) -> None:
    protocol = find(name)
    people = replace(world(protocol.key_type), converse=net.converse_on_sockets)
    found = try_attack(attack, protocol, people, undisturbed(protocol, people))
    assert found.measured is found.predicted


def words(name: str) -> list[tuple[int, Side]]:
    """Which of the records of an undisturbed conversation carry words, as one finds out who only sees the records."""
    protocol = find(name)
    assert protocol.hooks.framing
    attacker = LiveAttacker(protocol.hooks.framing, Relay(), lambda step: None)
    for flight in talk(protocol, world(protocol.key_type)).tape:
        assert attacker.on_data(flight) == [
            (flight.sender.other, record) for record in protocol.hooks.framing.split(flight.data)
        ]
    seen = [(flight.line, flight.sender) for flight in attacker.tape]
    return [each for number, each in enumerate(seen) if each[0] and each not in seen[:number]]


@pytest.mark.parametrize("name", [*PROTOCOLS, *WEAK_TLS13])
def test_the_lines_are_numbered_as_in_memory(name: str) -> None:
    """Four lines: the client's, the server's, and two of the client; then what says that all is said."""
    assert words(name)[:4] == [(1, Side.CLIENT), (2, Side.SERVER), (3, Side.CLIENT), (4, Side.CLIENT)]


@pytest.mark.parametrize("name", ["plain", "ca", "tls", "tls12", "tls13 without compression safety"])
@given(cuts=st.lists(st.integers(1, 4000), max_size=8))
def test_bytes_cut_anywhere_come_out_whole(name: str, cuts: list[int]) -> None:
    protocol = find(name)
    assert protocol.hooks.framing
    attacker = LiveAttacker(protocol.hooks.framing, Relay(), lambda step: None)
    sent = dict.fromkeys(Side, b"")
    arrived = dict.fromkeys(Side, b"")
    for flight in talk(protocol, world(protocol.key_type)).tape:
        edges = [0, *sorted(cuts), len(flight.data)]
        for start, end in pairwise(edges):
            piece = Flight(flight.sender, flight.data[start : max(start, end)])
            sent[flight.sender] += piece.data
            for target, data in attacker.on_data(piece):
                arrived[target] += data
    assert {side: arrived[side.other] for side in Side} == sent


def test_only_the_first_words_are_changed() -> None:
    protocol = find("tls")
    assert protocol.hooks.framing
    steps: list[Passage] = []
    attacker = LiveAttacker(
        protocol.hooks.framing, flipper(protocol.hooks.framing, masks(protocol.hooks.framing)[0]), steps.append
    )
    for flight in talk(protocol, world(protocol.key_type)).tape:
        attacker.on_data(flight)
    (step,) = steps
    changed = [a ^ b for a, b in zip(step.flight.data, step.deliveries[0][1], strict=True)]
    assert [(place, value) for place, value in enumerate(changed) if value] == [(5 + 4, ord("0") ^ ord("9"))]


@pytest.mark.parametrize("name", ["ca", "tls"])
def test_what_is_no_record_is_passed_on(name: str) -> None:
    framing = find(name).hooks.framing
    assert framing
    attacker = LiveAttacker(framing, Relay(), lambda step: None)
    garbage = b"GET / HTTP/1.1\n\n"
    assert b"".join(data for _, data in attacker.on_data(Flight(Side.CLIENT, garbage))) == garbage


def test_each_live_attack_is_one_of_the_catalogue() -> None:
    assert set(LIVE) <= set(BY_ID)


# On weakened TLS 1.3, over TCP, with records alone to go by ---------------------------------------------------------


def live(attack: str, name: str) -> list[str]:
    """What the live attack achieves on this protocol, in each of its variants: it sees no line numbers."""
    protocol = find(name)
    people, hooks = world(protocol.key_type), protocol.hooks
    assert hooks.framing
    control = undisturbed(protocol, people)
    found = []
    for attempt in LIVE[attack](hooks.framing, hooks):
        people = people.again()
        attacker = LiveAttacker(hooks.framing, attempt(), lambda step: None)
        outcome = net.converse_on_sockets(
            protocol.client(people.client), protocol.server(people.server), attacker, people.lines
        )
        encounters = [Encounter(outcome)]
        read = b""
        if attack == "replay":
            recording = [flight.data for flight in attacker.tape if flight.sender is Side.CLIENT]
            again = net.converse_on_sockets(Player(recording), protocol.server(people.server))
            encounters.append(Encounter(again, frozenset({Side.SERVER})))
        if attack == "computed-secret" and hooks.reckon:
            read = hooks.reckon(attacker.tape).words
        if attack == "recorded-today" and hooks.decipher:
            assert people.server.credential
            read = hooks.decipher(attacker.tape, people.server.credential.key)
        if attack == "truncation" and outcome.server.ended:  # all data had arrived: only the end was dropped
            found.append("the server was told that the client has sent everything")
        achieved = damage(AttackResult(tuple(encounters), read), people, control)
        found += [achieved.sentence] if achieved else []
    return found


SHOWN_BY = [
    ("bit-flip", "integrity"),
    ("reordering", "order"),
    ("truncation", "closure"),
    ("reflection", "key separation"),
    ("downgrade", "transcript"),
    ("renaming", "transcript"),
    ("replay", "freshness"),
    ("computed-secret", "strong group"),
    ("recorded-today", "forward secrecy"),
]


def test_every_live_attack_is_tried_on_weakened_tls_1_3() -> None:
    assert [attack for attack, _ in SHOWN_BY] == list(LIVE)


@pytest.mark.parametrize(("attack", "missing"), SHOWN_BY)
def test_a_live_attack_on_our_tls_1_3_succeeds_exactly_without_the_protection(attack: str, missing: str) -> None:
    assert live(attack, f"{TLS13} without {missing}")
    assert live(attack, TLS13) == []
