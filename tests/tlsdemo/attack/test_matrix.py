"""Theory against measurement. Falsehood caught: a claim that is not kept, an attack that is no attack, a lucky cell."""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import combinations
from random import Random

import pytest

from tests.conftest import ROOT
from tlsdemo.attack.catalogue import ATTACKS, BY_ID, Attack
from tlsdemo.attack.matrix import CellResult, Matrix, Trial, measure, try_attack, undisturbed
from tlsdemo.attack.real_world import world as world_of
from tlsdemo.attack.world import World
from tlsdemo.compare.protocols import all_protocols
from tlsdemo.edu.protocol import CA, HYBRID, RUNGS, edu
from tlsdemo.protocol import Protection, Protocol
from tlsdemo.tls.protocol import CONFIGURATIONS
from tlsdemo.tls13.protocol import ALL, tls13

P = Protection
CAN_BE_STOPPED = [attack for attack in ATTACKS if attack.stopped_by]
SETS = 24


def test_in_every_cell_the_measurement_is_the_prediction(matrix: Matrix) -> None:
    assert [(each.attack.id, each.protocol.name, each.damage) for each in matrix.surprises] == []
    assert len(matrix.trials) == len(ATTACKS) * (len(RUNGS) + len(CA) + len([tls13()]) + len(CONFIGURATIONS))


@pytest.mark.parametrize("attack", CAN_BE_STOPPED, ids=lambda attack: attack.id)
def test_every_attack_wins_somewhere_and_loses_somewhere(matrix: Matrix, attack: Attack) -> None:
    found = {matrix[attack, protocol].measured for protocol in matrix.protocols}
    assert {CellResult.SUCCEEDS, CellResult.PREVENTED} <= found


@pytest.mark.parametrize("attack", [each for each in ATTACKS if not each.stopped_by], ids=lambda attack: attack.id)
def test_what_nothing_stops_wins_everywhere(matrix: Matrix, attack: Attack) -> None:
    assert {matrix[attack, protocol].measured for protocol in matrix.protocols} == {CellResult.SUCCEEDS}


def broken(protocol: Protocol) -> set[str]:
    people = world_of(protocol.key_type)
    control = undisturbed(protocol, people)
    trials = (try_attack(attack, protocol, people, control) for attack in ATTACKS)
    return {each.attack.id for each in trials if each.damage}


FAMILIES: Mapping[str, Callable[[frozenset[Protection]], Protocol]] = {"edu": edu, "tls13": tls13}
"""The families from which every protection can be removed."""
both_families = pytest.mark.parametrize("family", FAMILIES)


@cache
def broken_with_all(family: str) -> set[str]:
    return broken(FAMILIES[family](ALL))


@both_families
@pytest.mark.parametrize("protection", Protection, ids=lambda protection: protection.name)
def test_without_one_claim_at_least_one_attack_more_succeeds(protection: Protection, family: str) -> None:
    without = broken(FAMILIES[family](ALL - {protection}))
    assert broken_with_all(family) < without
    assert any(protection in BY_ID[attack].stopped_by for attack in without - broken_with_all(family))


@both_families
def test_with_all_claims_only_what_nothing_stops_succeeds(family: str) -> None:
    assert broken_with_all(family) == {attack.id for attack in ATTACKS if not attack.stopped_by}


def surprises(claims: frozenset[Protection], world: World, family: str = "edu") -> list[tuple[str, str]]:
    """Protocol and attack of every trial in which the prediction fails."""
    protocol = FAMILIES[family](claims)
    control = undisturbed(protocol, world)
    trials = (try_attack(attack, protocol, world, control) for attack in ATTACKS)
    return [(protocol.name, each.attack.id) for each in trials if each.is_surprise]


@pytest.mark.parametrize("first", Protection, ids=lambda protection: protection.name)
def test_without_one_or_two_protections_the_measurement_is_the_prediction(first: Protection, world: World) -> None:
    """All singles and pairs that can be removed from `hybrid`: 17 and 136 protocols."""
    seconds = [each for each in Protection if list(Protection).index(each) >= list(Protection).index(first)]
    assert [found for second in seconds for found in surprises(HYBRID - {first, second}, world)] == []


@pytest.mark.parametrize("claims", [ALL, *(ALL - {each} for each in Protection), frozenset()], ids=tls13)
def test_in_our_tls_1_3_without_any_one_protection_the_measurement_is_the_prediction(
    claims: frozenset[Protection], world: World
) -> None:
    """All of them, 17 with one removed, and none: 418 cells."""
    assert surprises(claims, world, "tls13") == []


NOT_SAMPLED = {P.COMPRESSION_SAFETY, P.INTEGRITY}
"""Without both, our TLS 1.3 decompresses a record before it looks at the content type. A changed record is then refused
also if its padding is valid, so that the padding oracle has one answer for both."""


def pairs(seed: int, count: int = 12) -> list[frozenset[Protection]]:
    """Some of the pairs of protections."""
    every = [frozenset(pair) for pair in combinations(Protection, 2) if set(pair) != NOT_SAMPLED]
    return Random(seed).sample(every, count)


@pytest.mark.parametrize(
    "missing", pairs(20261127), ids=lambda missing: "-".join(sorted(each.name for each in missing))
)
def test_in_our_tls_1_3_without_two_protections_the_measurement_is_the_prediction(
    missing: frozenset[Protection], world: World
) -> None:
    assert surprises(ALL - missing, world, "tls13") == []


def random_sets(seed: int) -> list[frozenset[Protection]]:
    """Any sets of protections, large and small."""
    random = Random(seed)
    shares = [random.choice((0.5, 0.7, 0.9)) for _ in range(SETS)]
    return [frozenset(each for each in Protection if random.random() < share) for share in shares]


@pytest.mark.parametrize("claims", random_sets(20261124), ids=lambda claims: edu(claims).name.replace(" ", "-"))
def test_of_any_set_the_theory_knows_what_holds(claims: frozenset[Protection], world: World) -> None:
    assert surprises(claims, world) == []


def test_with_keys_of_its_own_each_direction_holds_against_reflection_without_integrity(world: World) -> None:
    protocol = edu(CA - {P.INTEGRITY})
    found = try_attack(BY_ID["reflection"], protocol, world, undisturbed(protocol, world))
    assert found.measured is found.predicted is CellResult.PREVENTED


# What the verdicts mean ---------------------------------------------------------------------------------------------


def test_prevented_is_moot_exactly_where_the_man_in_the_middle_succeeds(matrix: Matrix) -> None:
    joining = BY_ID["man-in-the-middle"]
    for attack in ATTACKS:
        for protocol in matrix.protocols:
            moot = matrix.verdict(attack, protocol) is CellResult.MOOT
            held = matrix[attack, protocol].measured is CellResult.PREVENTED
            open_to_all = matrix[joining, protocol].measured is CellResult.SUCCEEDS
            assert moot is (held and attack.is_active and open_to_all), (attack.id, protocol.name)


def test_openssl_is_never_seen_to_lose_to_what_it_cannot_leave_out(matrix: Matrix) -> None:
    tls = next(each for each in matrix.protocols if each.name == "tls")
    unseen = {attack.id for attack in ATTACKS if matrix.verdict(attack, tls) is CellResult.PREVENTED_EVERYWHERE}
    assert unseen == {"downgrade", "renaming", "replay", "bit-flip", "reordering"}


def test_one_row_of_a_family_has_no_success_to_compare_with(matrix: Matrix) -> None:
    ours = next(each for each in matrix.protocols if each.family == "TLS 1.3")
    shown = {attack.id: matrix.verdict(attack, ours) for attack in ATTACKS}
    assert {shown[each.id] for each in CAN_BE_STOPPED} == {CellResult.PREVENTED_EVERYWHERE}


def test_prevented_everywhere_is_said_where_the_attack_failed_on_every_protocol_of_the_family(matrix: Matrix) -> None:
    assert CellResult.PREVENTED_EVERYWHERE.word == "prevented everywhere"
    for attack in ATTACKS:
        for protocol in matrix.protocols:
            family = [each for each in matrix.protocols if each.family == protocol.family]
            failed = all(matrix[attack, each].measured is not CellResult.SUCCEEDS for each in family)
            shown = matrix.verdict(attack, protocol)
            if shown in (CellResult.PREVENTED, CellResult.PREVENTED_EVERYWHERE):
                assert (shown is CellResult.PREVENTED_EVERYWHERE) is failed, (attack.id, protocol.name)


def test_the_guide_has_the_sign_and_the_word_of_every_result() -> None:
    guide = (ROOT / "tlsdemo" / "attack" / "README.md").read_text()
    for result in CellResult:
        assert f"\n| {result.sign} | {result.word}: " in guide


def test_not_applicable_comes_of_a_missing_hook_alone(matrix: Matrix) -> None:
    for found in matrix.trials.values():
        missing = [name for name in found.attack.needs if getattr(found.protocol.hooks, name) is None]
        assert (found.measured is CellResult.NOT_APPLICABLE) is bool(missing)


def test_tls_in_python_does_by_default_what_its_claims_say(matrix: Matrix) -> None:
    tls = next(each for each in matrix.protocols if each.name == "tls")
    lost = {attack.id for attack in ATTACKS if matrix[attack, tls].damage}
    assert lost == {"revoked", "impostor-client", "truncation", "stolen-key", "stolen-ca", "installed-root"}


def test_the_counts_are_those_of_the_cells(matrix: Matrix) -> None:
    assert sum(matrix.counts.values()) == len(matrix.trials)
    assert matrix.counts[CellResult.SUCCEEDS] == sum(each.damage is not None for each in matrix.trials.values())


def test_a_claim_that_is_not_kept_is_a_surprise(world: World) -> None:
    lying = edu(CA - {P.ORDER})
    liar = Protocol(lying.name, CA, lying.client, lying.server, lying.hooks, lying.family)
    found = measure([liar], world_of, [BY_ID["reordering"]])
    assert [each.attack.id for each in found.surprises] == ["reordering"]


def test_what_goes_wrong_by_itself_shows_nothing(world: World) -> None:
    with pytest.raises(ValueError, match="without an attacker"):
        undisturbed(Protocol("odd", CA, edu(CA).client, edu(RUNGS["dh"]).server), world)


def test_every_protocol_has_a_name_of_its_own() -> None:
    names = [protocol.name for protocol in all_protocols()]
    assert len(set(names)) == len(names)


def test_a_duel_has_a_secret_of_its_own(world: World) -> None:
    control = undisturbed(edu(RUNGS["plain"]), world)
    attack, protocol = BY_ID["eavesdropper"], edu(RUNGS["plain"])
    first, second = (try_attack(attack, protocol, world, control) for _ in range(2))
    assert _finding(first) != _finding(second)


def _finding(found: Trial) -> str:
    assert found.damage
    return found.damage.sentence
