"""What is claimed decides what is built: the sets, their names, what they rest on, and the parts that each replaces."""

import ast
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest

import tlsdemo.edu
from tests.tlsdemo.edu.parties import LINES, believed, error_of, fault, parties, talk
from tlsdemo.conversation import converse
from tlsdemo.edu.authentication import judge
from tlsdemo.edu.errors import Violation
from tlsdemo.edu.key_agreement import FFDHE2048, X25519, FiniteField, Hybrid, Multiplication, Nothing
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.protocol import CA, DH, MUTUAL, PLAIN, RUNGS, SIGNED, STRONG, assemble, edu
from tlsdemo.edu.records import RecordChannel
from tlsdemo.edu.weak import WEAK
from tlsdemo.edu.weak.certificate import believe
from tlsdemo.edu.weak.clear import ClearChannel
from tlsdemo.edu.weak.possession import show_nothing
from tlsdemo.protocol import Protection, Side

P = Protection
TINY = FiniteField(23, 5)

# Sets ---------------------------------------------------------------------------------------------------------------

ADDED = """
plain
multiply  SECRECY COMPRESSION_SAFETY INTEGRITY ORDER CLOSURE KEY_SEPARATION TRANSCRIPT FRESHNESS
dh        STRONG_GROUP FORWARD_SECRECY
signed    POSSESSION
ca        CHAIN NAME VALIDITY REVOCATION
mutual    CLIENT_IDENTITY
hybrid    POST_QUANTUM
"""
FOREST = """
SECRECY <- STRONG_GROUP <- FORWARD_SECRECY <- POST_QUANTUM    SECRECY <- COMPRESSION_SAFETY
INTEGRITY <- ORDER, CLOSURE    KEY_SEPARATION    TRANSCRIPT    FRESHNESS
POSSESSION <- CHAIN <- NAME, VALIDITY, REVOCATION, CLIENT_IDENTITY
"""


def test_each_rung_has_what_the_one_before_has_and_adds_these() -> None:
    rows = [line.split() for line in ADDED.strip().splitlines()]
    assert list(RUNGS) == [name for name, *_ in rows]
    before: frozenset[Protection] = frozenset()
    for name, *added in rows:
        assert before <= RUNGS[name]
        assert RUNGS[name] - before == {Protection[each] for each in added}
        before = RUNGS[name]
    assert before == set(P)


def test_each_protection_rests_on_what_the_forest_says() -> None:
    rests_on: dict[str, tuple[str, ...]] = {}
    for line in FOREST.strip().splitlines():
        for tree in filter(None, map(str.strip, line.split("  "))):
            levels = [level.split(", ") for level in tree.split(" <- ")]
            rests_on |= dict.fromkeys(levels[0], ())
            for (below,), above in pairwise(levels):
                rests_on |= dict.fromkeys(above, (below,))
    assert rests_on == {each.name: tuple(below.name for below in each.rests_on) for each in P}


@pytest.mark.parametrize("rung", RUNGS)
def test_in_a_rung_every_claim_stands(rung: str) -> None:
    assert all(each.stands(RUNGS[rung]) for each in RUNGS[rung])


@pytest.mark.parametrize("rung", RUNGS)
def test_a_protocol_claims_what_was_asked_for_and_bears_the_name_of_the_rung(rung: str) -> None:
    protocol = edu(RUNGS[rung])
    assert (protocol.claims, protocol.name, str(protocol)) == (RUNGS[rung], rung, rung)


NAMES = {
    "ca without revocation": CA - {P.REVOCATION},
    "ca without validity, revocation": CA - {P.REVOCATION, P.VALIDITY},
    "mutual without name": MUTUAL - {P.NAME},
    "mutual without chain, name, validity, revocation": MUTUAL - {P.CHAIN, P.NAME, P.VALIDITY, P.REVOCATION},
    "signed without strong group, forward secrecy": SIGNED - {P.STRONG_GROUP, P.FORWARD_SECRECY},
}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_rung_does_without_is_in_its_name_and_it_works(certs: Path, name: str) -> None:
    protocol = edu(NAMES[name])
    assert protocol.name == name
    outcome = talk(*parties(certs), NAMES[name])
    assert believed(outcome)
    assert outcome.client.negotiated["version"] == name.split()[0]


@pytest.mark.parametrize("left_out", P, ids=lambda left_out: left_out.name)
def test_every_protection_can_be_left_out_by_itself_and_the_two_still_talk(certs: Path, left_out: Protection) -> None:
    claims = frozenset(P) - {left_out}
    outcome = talk(*parties(certs), claims)
    assert believed(outcome)
    assert edu(claims).claims == claims
    assert edu(claims).name == ("mutual" if left_out is P.POST_QUANTUM else f"hybrid without {left_out.readable}")


@pytest.mark.parametrize("rung", ["dh", "signed", "ca", "mutual"])
@pytest.mark.parametrize("group", [TINY, Multiplication()], ids=["tiny", "multiplication"])
def test_a_weak_group_does_not_go_with_the_claim_of_a_strong_one(
    certs: Path, rung: str, group: FiniteField | Multiplication
) -> None:
    with pytest.raises(ValueError, match=rf"^{group.name} is not strong, and STRONG_GROUP is claimed$"):
        edu(RUNGS[rung], group=group)
    weak = edu(RUNGS[rung] - {P.STRONG_GROUP}, group=group)
    assert weak.name == f"{rung} without strong group"
    client, server = parties(certs)
    outcome = converse(weak.client(client), weak.server(server), lines=LINES)
    assert believed(outcome)
    assert outcome.client.negotiated["group"] == group.name


@pytest.mark.parametrize("rung", ["dh", "mutual"])
def test_another_strong_group_goes_with_every_claim(certs: Path, rung: str) -> None:
    protocol = edu(RUNGS[rung], group=FiniteField(FFDHE2048, 2))
    client, server = parties(certs)
    outcome = converse(protocol.client(client), protocol.server(server), lines=LINES)
    assert believed(outcome)
    assert (protocol.name, outcome.server.negotiated["group"]) == (rung, "ffdhe2048")


def test_a_rung_that_agrees_on_nothing_takes_no_group(certs: Path) -> None:
    with pytest.raises(ValueError, match="group"):
        edu(PLAIN, group=X25519())


@pytest.mark.parametrize(("ours", "theirs"), [(a, b) for a in RUNGS for b in RUNGS if a != b])
def test_two_rungs_do_not_talk_and_both_learn_the_two_names(certs: Path, ours: str, theirs: str) -> None:
    client, server = parties(certs)
    outcome = converse(edu(RUNGS[ours]).client(client), edu(RUNGS[theirs]).server(server), lines=LINES)
    assert fault(outcome.server) is Violation.OTHER_RUNG
    assert {repr(ours), repr(theirs)} <= set(error_of(outcome.server).detail.replace(",", "").split())
    assert outcome.server.delivered == b""
    assert fault(outcome.client) is Violation.ALERT
    assert error_of(outcome.client).detail == f"protocol_version: {outcome.server.error}"


def test_two_groups_do_not_talk_and_both_learn_the_two_names(certs: Path) -> None:
    client, server = parties(certs)
    outcome = converse(edu(DH).client(client), edu(DH, group=FiniteField(FFDHE2048, 2)).server(server), lines=LINES)
    assert fault(outcome.server) is Violation.OTHER_GROUP
    assert error_of(outcome.server).detail == "the client in 'x25519', the server in 'ffdhe2048'"
    assert error_of(outcome.client).detail == f"handshake_failure: {outcome.server.error}"
    assert outcome.server.delivered == b""


# Parts --------------------------------------------------------------------------------------------------------------

REPLACED: dict[Protection, set[str]] = {
    P.POST_QUANTUM: {"group"},
    P.FORWARD_SECRECY: {"group", "secret"},
    P.STRONG_GROUP: {"group"},
    P.FRESHNESS: {"group", "secret", "random"},
    P.TRANSCRIPT: {"transcript_hash"},
    P.SECRECY: {"ciphers"},
    P.COMPRESSION_SAFETY: {"rules"},
    P.INTEGRITY: {"ciphers"},
    P.ORDER: {"rules"},
    P.CLOSURE: {"rules"},
    P.KEY_SEPARATION: {"rules"},
    P.POSSESSION: {"client", "server", "prove"},
    P.CHAIN: {"judge", "checks"},
    P.NAME: {"checks"},
    P.VALIDITY: {"checks"},
    P.REVOCATION: {"checks"},
    P.CLIENT_IDENTITY: {"server", "prove"},
}


def replaced(parts: Parts) -> set[str]:
    """The fields in which these parts are not the strong ones."""
    return {each.name for each in fields(Parts) if getattr(parts, each.name) != getattr(STRONG, each.name)}


def test_each_weak_part_replaces_what_it_says_and_no_more() -> None:
    assert {together: replaced(weaken(STRONG)) for together, weaken in WEAK.items()} == REPLACED


def test_all_claims_together_are_the_strong_parts() -> None:
    assert assemble(frozenset(P), None) == STRONG


def test_the_strong_parts_are_those_of_the_strong_modules() -> None:
    assert (STRONG.group, STRONG.channel, STRONG.judge, STRONG.omitted) == (Hybrid(), RecordChannel, judge, frozenset())
    assert STRONG.checks == {"purpose", "chain", "dates", "name", "revocation"}


def test_what_stands_in_for_them_is_what_the_rungs_say() -> None:
    plain, multiply, dh, signed, ca = (assemble(RUNGS[rung], None) for rung in list(RUNGS)[:5])
    assert (plain.group, plain.channel, plain.verify_data(b"key", b"hash")) == (Nothing(), ClearChannel, b"")
    assert plain.omitted == {"ciphers", "cipher", "random", "group", "share", "verify_data"}
    assert (multiply.group, multiply.channel) == (Multiplication(300), RecordChannel)
    assert (dh.group, dict(dh.prove)) == (X25519(), dict.fromkeys(Side, show_nothing))
    assert (signed.judge, signed.checks) == (believe, frozenset())
    assert (ca.judge, ca.checks) == (judge, STRONG.checks)
    assert ca.prove == {**STRONG.prove, Side.CLIENT: show_nothing}


@pytest.mark.parametrize(("left_out", "check"), [(P.NAME, "name"), (P.VALIDITY, "dates"), (P.REVOCATION, "revocation")])
def test_to_leave_out_one_question_leaves_out_that_check_alone(left_out: Protection, check: str) -> None:
    parts = assemble(CA - {left_out}, None)
    assert parts.checks == STRONG.checks - {check}
    assert replace(parts, checks=STRONG.checks) == assemble(CA, None)


def test_client_identity_does_not_stand_where_no_client_proves_anything() -> None:
    assert not P.CLIENT_IDENTITY.stands(MUTUAL - {P.POSSESSION})
    assert P.CLIENT_IDENTITY.stands(MUTUAL)


# No switch ----------------------------------------------------------------------------------------------------------


def code_of(module: str) -> Iterator[str]:
    """All names, attributes, imports and texts of a module but for its docstrings."""
    tree = ast.parse((Path(tlsdemo.edu.__file__).parent / f"{module}.py").read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.alias(name=word):
                yield word
            case ast.ImportFrom(module=str(word)):
                yield word
            case ast.Constant(value=str(word)) if id(node) not in docstrings:
                yield word


STRONG_PATH = ["handshake", "machine", "messages", "key_agreement", "key_schedule", "authentication", "records"]


@pytest.mark.parametrize("module", STRONG_PATH)
def test_the_strong_path_has_no_switch(module: str) -> None:
    words = list(code_of(module))
    assert words
    for forbidden in ("Protection", "claims", "edu.protocol", "edu.weak", "RUNGS", *RUNGS):
        assert not [word for word in words if word == forbidden or word.endswith(f".{forbidden}")], forbidden


def test_control_a_switch_would_be_seen() -> None:
    assert {"Protection", "claims", "tlsdemo.edu.weak"} <= set(code_of("protocol"))
