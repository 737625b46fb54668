"""Who is refused, and what he has of it. Falsehood caught: an attacker who is held, and yet has passed something on."""

import pytest

from tlsdemo.attack.catalogue import ATTACKS, BY_ID, Attack
from tlsdemo.attack.world import World
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.protocol import Protection

IN_BETWEEN = [attack for attack in ATTACKS if "man in the middle" in attack.threat]


@pytest.mark.parametrize("attack", IN_BETWEEN, ids=lambda attack: attack.id)
@pytest.mark.parametrize("rung", ["ca", "mutual"])
def test_who_is_refused_has_nothing_to_pass_on(world: World, attack: Attack, rung: str) -> None:
    result = attack.run(edu(RUNGS[rung]), world)
    assert result.read == b""
    for encounter in result.encounters:
        assert encounter.outcome.client.error
        assert not encounter.outcome.client.accepted
        assert encounter.outcome.server.delivered == b""


def test_an_impostor_may_read_the_client_and_yet_not_be_let_in_by_the_server(world: World) -> None:
    (encounter,) = BY_ID["stolen-key"].run(edu(RUNGS["mutual"]), world).encounters
    assert encounter.outcome.client.accepted
    assert encounter.outcome.server.error
    assert encounter.outcome.server.delivered == b""


def test_with_the_stolen_key_the_attacker_relays_what_it_reads(world: World) -> None:
    result = BY_ID["stolen-key"].run(edu(RUNGS["ca"]), world)
    assert world.secret in result.read
    assert world.lines[0][1] in result.encounters[0].outcome.server.delivered


def test_a_claim_that_rests_on_nothing_does_not_hold_an_attack() -> None:
    floating = frozenset({Protection.CHAIN, Protection.NAME})
    assert not any(attack.is_prevented(floating) for attack in ATTACKS)
