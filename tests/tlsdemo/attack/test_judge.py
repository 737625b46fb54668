"""The judge, with conversations made by hand. Falsehood caught: a judge who believes the attacker, or an error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from tlsdemo.attack.judge import AttackResult, Encounter, damage, quote
from tlsdemo.attack.world import World
from tlsdemo.conversation import Outcome
from tlsdemo.protocol import Side

AGREED = {"version": "1", "cipher": "good"}


@dataclass
class End:
    """An Endpoint as it is in the end."""

    side: Side
    delivered: bytes = b""
    ended: bool = False
    accepted: bool = True
    error: Exception | None = None
    negotiated: Mapping[str, str] = field(default_factory=lambda: AGREED)

    def receive(self, data: bytes) -> None: ...
    def take(self) -> bytes:
        return b""

    def receive_eof(self) -> None: ...
    def send(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def outgoing(self) -> bytes:
        return b""


SAID = {Side.CLIENT: [b"pay\n", b"not\n"], Side.SERVER: [b"paid\n"]}
GOOD = End(Side.CLIENT, b"paid\n", ended=True), End(Side.SERVER, b"pay\nnot\n", ended=True)


def judged(
    world: World, *ends: End, result: AttackResult | None = None, honest: Sequence[Side] = tuple(Side)
) -> str | None:
    client, server = ends or GOOD
    outcome = outcome_of(client, server)
    found = replace(result or AttackResult(), encounters=(Encounter(outcome, frozenset(honest)),))
    achieved = damage(found, world, outcome_of(*GOOD))
    return achieved.sentence if achieved else None


def outcome_of(client: End, server: End) -> Outcome:
    return Outcome(client, server, said=SAID, closed=set(Side))


def served(**changes: object) -> tuple[End, End]:
    return GOOD[0], replace(GOOD[1], **changes)  # type: ignore[arg-type]  # passed on as they came


def test_an_honest_conversation_is_no_damage(world: World) -> None:
    assert judged(world) is None


@pytest.mark.parametrize("heard", [b"pay\npay\nnot\n", b"not\npay\n", b"pax\nnot\n", b"pay\nnot\nand more"])
def test_what_the_peer_did_not_say_so_is_damage(world: World, heard: bytes) -> None:
    assert "did not send" in str(judged(world, *served(delivered=heard)))


def test_an_error_afterwards_takes_nothing_back(world: World) -> None:
    assert judged(world, *served(delivered=b"pax\n", ended=False, error=ValueError("too late")))


def test_an_end_in_the_middle_is_damage_only_if_it_was_taken_for_one(world: World) -> None:
    assert "sent more" in str(judged(world, *served(delivered=b"pay\n")))
    assert judged(world, *served(delivered=b"pay\n", ended=False)) is None


def test_data_from_a_dishonest_client_was_not_sent_by_an_honest_one(world: World) -> None:
    assert judged(world, *GOOD, honest=[Side.SERVER])
    assert judged(world, *served(delivered=b"", ended=False), honest=[Side.SERVER]) is None


def test_to_believe_in_another_choice_is_damage_once_it_is_accepted(world: World) -> None:
    misled = dict(AGREED, cipher="bad")
    assert "'bad'" in str(judged(world, *served(negotiated=misled)))
    assert judged(world, *served(negotiated=misled, accepted=False, ended=False, delivered=b"")) is None


def test_only_the_secret_of_this_run_counts(world: World) -> None:
    assert judged(world, result=AttackResult(read=b"xx" + world.secret + b"yy"))
    assert judged(world, result=AttackResult(read=world.again().secret)) is None


def test_of_a_secret_that_is_read_byte_by_byte_the_beginning_counts(world: World) -> None:
    assert judged(world, result=AttackResult(recovered=world.secret[: world.depth]))
    assert judged(world, result=AttackResult(recovered=world.secret[: world.depth - 1])) is None
    assert judged(world, result=AttackResult(recovered=world.secret[1 : world.depth + 1])) is None


def test_the_report_of_the_attacker_is_not_evidence(world: World) -> None:
    assert judged(world, result=AttackResult(did="I have read everything")) is None


def test_hostile_bytes_are_quoted_as_text_without_control_characters() -> None:
    assert quote(b"\x1b[2Jboo\x00").isprintable()
    assert quote(b"\xff\xfe").isprintable()
    assert quote(b"a\nb") == '"a / b"'
    assert len(quote(b"x" * 1000)) < 80
