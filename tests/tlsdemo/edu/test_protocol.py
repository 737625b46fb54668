"""What is claimed decides what is built: the sets, their names, the parts that a rung adds and a weakness replaces."""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from types import FrameType

import pytest

import tlsdemo.edu
from tests.tlsdemo.edu.parties import LINES, believed, error_of, fault, parties, talk
from tlsdemo.conversation import converse
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.protocol import BUILDERS, CA, DH, MUTUAL, PLAIN, RUNGS, SIGNED, assemble, edu, hybrid
from tlsdemo.edu.records import RecordChannel
from tlsdemo.edu.weak import WEAK
from tlsdemo.edu.weak.certificate import believe
from tlsdemo.edu.weak.clear import ClearChannel
from tlsdemo.key_agreement import FFDHE2048, X25519, FiniteField, Hybrid, Multiplication, Nothing
from tlsdemo.protocol import Protection, Side
from tlsdemo.trust import judge
from tlsdemo.violations import Violation

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
    assert fault(outcome.server) is MessageViolation.OTHER_RUNG
    assert {repr(ours), repr(theirs)} <= set(error_of(outcome.server).detail.replace(",", "").split())
    assert outcome.server.delivered == b""
    assert fault(outcome.client) is Violation.ALERT
    assert error_of(outcome.client).detail == f"protocol_version: {outcome.server.error}"


def test_two_groups_do_not_talk_and_both_learn_the_two_names(certs: Path) -> None:
    client, server = parties(certs)
    outcome = converse(edu(DH).client(client), edu(DH, group=FiniteField(FFDHE2048, 2)).server(server), lines=LINES)
    assert fault(outcome.server) is MessageViolation.OTHER_GROUP
    assert error_of(outcome.server).detail == "the client 'x25519', the server 'ffdhe2048'"
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


STRONG = hybrid()


def replaced(parts: Parts, below: Parts = STRONG) -> set[str]:
    """The fields in which these parts differ from those, which are the strong ones unless others are given."""
    return {each.name for each in fields(Parts) if getattr(parts, each.name) != getattr(below, each.name)}


ADDED_PARTS = {
    "multiply": {"group", "secret", "random", "transcript_hash", "verify_data", "ciphers", "channel", "omitted"},
    "dh": {"group"},
    "signed": {"client", "prove"},
    "ca": {"judge", "checks"},
    "mutual": {"server", "prove"},
    "hybrid": {"group"},
}


def test_each_rung_is_the_one_below_with_these_parts_added() -> None:
    assert list(BUILDERS) == list(RUNGS)
    assert {name: replaced(BUILDERS[name](), BUILDERS[below]()) for below, name in pairwise(BUILDERS)} == ADDED_PARTS


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_with_all_its_claims_is_built_of_its_own_parts(rung: str) -> None:
    assert assemble(RUNGS[rung], None) == BUILDERS[rung]()


def weak_modules_run(act: Callable[[], object]) -> set[str]:
    """The modules of `edu.weak` of which a function is called while `act` runs."""
    found: set[Path] = set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            found.add(Path(frame.f_code.co_filename))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(before)
    folder = Path(tlsdemo.edu.weak.__file__).parent
    return {path.stem for path in found if path.parent == folder} - {"__init__"}


WEAK_MODULES = {"plain": {"clear", "certificate"}, "signed": {"certificate"}}
"""What the rungs below `ca` have in common with `--without`: no keys, and a certificate that is not checked."""


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_runs_nothing_of_what_it_does_not_claim(certs: Path, rung: str) -> None:
    client, server = parties(certs)
    run = weak_modules_run(lambda: talk(client, server, RUNGS[rung]))
    assert run <= WEAK_MODULES.get(rung, set())


def test_control_a_weak_part_that_runs_is_seen(certs: Path) -> None:
    client, server = parties(certs)
    assert weak_modules_run(lambda: talk(client, server, CA - {P.ORDER, P.POSSESSION})) == {"order", "possession"}


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
    assert (dh.group, dict(dh.prove)) == (X25519(), dict.fromkeys(Side, ()))
    assert (signed.judge, signed.checks) == (believe, frozenset())
    assert (ca.judge, ca.checks) == (judge, STRONG.checks)
    assert ca.prove == {**STRONG.prove, Side.CLIENT: ()}


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
    tree = ast.parse((Path(tlsdemo.__file__).parent / f"{module}.py").read_text())
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


STRONG_PATH = [
    *("driver", "key_agreement", "trust"),
    *(f"edu/{each}" for each in ("handshake", "machine", "messages", "key_schedule", "authentication", "records")),
]


@pytest.mark.parametrize("module", STRONG_PATH)
def test_the_strong_path_has_no_switch(module: str) -> None:
    words = list(code_of(module))
    assert words
    for forbidden in ("Protection", "claims", "edu.protocol", "edu.weak", "RUNGS", *RUNGS):
        assert not [word for word in words if word == forbidden or word.endswith(f".{forbidden}")], forbidden


def test_control_a_switch_would_be_seen() -> None:
    assert {"Protection", "claims", "tlsdemo.edu.weak"} <= set(code_of("edu/protocol"))


def questions_for_a_rung(tree: ast.AST) -> Iterator[str]:
    """Comparisons with the name of a rung, such as `rung in ("ca", "mutual")` and `case "ca":`."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=right):
                compared: list[ast.expr] = [left, *right]
            case ast.MatchValue(value=value):
                compared = [value]
            case _:
                continue
        words = {part.value for each in compared for part in ast.walk(each) if isinstance(part, ast.Constant)}
        if words & set(RUNGS):
            yield ast.unparse(node)


SOURCES = sorted(Path(tlsdemo.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(Path(tlsdemo.__file__).parent).as_posix())
def test_no_code_asks_for_the_name_of_a_rung_instead_of_its_claims(path: Path) -> None:
    assert list(questions_for_a_rung(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code", ['x in ("ca", "mutual")', 'x == "ca"', '"dh" != x', 'match x:\n    case "signed" | "ca": pass']
)
def test_control_a_question_for_a_rung_is_seen(code: str) -> None:
    assert list(questions_for_a_rung(ast.parse(code)))
