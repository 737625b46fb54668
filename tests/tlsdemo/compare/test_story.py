"""What is told and drawn of a trial. Falsehood caught: a drawing of another conversation, a label that is cut, a price
that is noise."""

import inspect
import re
import sys
from dataclasses import replace
from types import FrameType

import pytest

from tlsdemo.attack.catalogue import BY_ID, CHANGES, JOINS
from tlsdemo.attack.matrix import CellResult, Matrix, Trial, try_attack, undisturbed
from tlsdemo.attack.real_world import world as world_of
from tlsdemo.cli.compare import CompareOptions as Compared
from tlsdemo.cli.compare import _difference, compare
from tlsdemo.compare import story
from tlsdemo.compare.benchmark import Price
from tlsdemo.compare.costs import Cost
from tlsdemo.compare.protocols import find
from tlsdemo.protocol import Protection, Protocol, Side
from tlsdemo.report import sequence, sequence_html
from tlsdemo.report.sequence import Arrow, Lane, Mark
from tlsdemo.tls13.protocol import ALL, tls13

WATCHES = {"compression", "padding-oracle"}  # the first only counts; the second may learn at once that it need not ask


def tried(attack: str, name: str) -> Trial:
    protocol = find(name)
    people = world_of(protocol.key_type)
    return try_attack(BY_ID[attack], protocol, people, undisturbed(protocol, people))


def test_the_conversation_that_is_drawn_is_one_in_which_the_attacker_acted(matrix: Matrix) -> None:
    for found in matrix.trials.values():
        if found.result is None or found.attack.threat not in (CHANGES, JOINS) or found.attack.id in WATCHES:
            continue
        arrows = [each for each in story.events(found) if isinstance(each, Arrow)]
        acted = [each for each in arrows if each.mark is not Mark.PLAIN or Lane.ATTACKER in (each.source, each.target)]
        assert acted, (found.attack.id, found.protocol.name)


@pytest.mark.parametrize("name", ["ca", "tls", "ca without key separation"])
def test_in_a_reflection_the_record_comes_back_to_the_client(name: str) -> None:
    arrows = [each for each in story.events(tried("reflection", name)) if isinstance(each, Arrow)]
    assert any(each.mark is Mark.FORGED and each.target is Lane.CLIENT for each in arrows)


def test_what_was_read_by_laying_records_over_each_other_has_nothing_in_front() -> None:
    damage = tried("reflection", "ca without key separation").damage
    assert damage and damage.sentence.startswith('the attacker read "PAY 0100 pin=')


def test_a_downgrade_of_tls_is_stopped_by_the_servers_random() -> None:
    found = tried("downgrade", "tls")
    assert found.measured is CellResult.PREVENTED
    assert any("RFC 8446 §4.1.3" in each for each in story.steps(found))


@pytest.mark.parametrize("name", ["tls", "tls12", "tls-mutual"])
def test_a_quantum_computer_is_not_simulated_on_tls(name: str) -> None:
    assert "Not simulated" in story.why(tried("quantum", name))
    assert "Not applicable" not in story.why(tried("quantum", name))


LABEL = "application data (23, 968, 281, 69, 250, 250, 47, 19 bytes), Alert, " + ", ".join(["ChangeCipherSpec"] * 9)


def test_no_label_is_cut_on_the_terminal() -> None:
    lines = sequence.as_text([Arrow(Lane.CLIENT, Lane.ATTACKER, LABEL)])
    assert "".join(re.sub(r"[\s│>─]", "", line) for line in lines[2:]) == re.sub(r"\s", "", LABEL)


def test_no_label_is_cut_on_the_page() -> None:
    assert f"<li class=ca>{LABEL}" in sequence_html.as_list([Arrow(Lane.CLIENT, Lane.ATTACKER, LABEL)])


def test_each_legend_explains_the_signs_of_its_own_drawing() -> None:
    arrow = Arrow(Lane.CLIENT, Lane.SERVER, "x")
    for mark in (Mark.CHANGED, Mark.FORGED):
        drawn = "\n".join(sequence.as_text([replace(arrow, mark=mark)]))
        assert sequence.STROKES[mark] * 2 in drawn
        assert f"{sequence.STROKES[mark] * 2} {mark.value}" in sequence.LEGEND
    assert not set("~═") & set(sequence_html.LEGEND)
    for mark in (Mark.CHANGED, Mark.FORGED, Mark.STOPPED):
        assert mark.value in sequence_html.LEGEND


def test_every_verdict_of_the_table_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    compare(Compared(["plain", "ca", "bit-flip", "eavesdropper"], False, False, None))
    out = " ".join(capsys.readouterr().out.split())
    assert f"moot (1): {CellResult.MOOT.meaning}" not in out  # in `plain` the bit flip succeeds
    compare(Compared(["dh", "ca", "bit-flip"], False, False, None))
    assert f"moot (1): {CellResult.MOOT.meaning}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("protection", Protection, ids=lambda protection: protection.name)
def test_the_place_of_a_protection_in_our_tls_1_3_is_code_that_it_runs(protection: Protection) -> None:
    """Falsehood caught: the story names code of the educational handshake that TLS 1.3 does not run."""
    whole, reduced = tls13(), tls13(ALL - {protection})
    for protocol in (whole, reduced):
        path, _, line = story.place(protection, protocol).partition(":")
        if protocol is reduced:
            assert "/weak/" in path
        assert int(line) in functions_run(protocol, path), (protocol.name, path)


def functions_run(protocol: Protocol, path: str) -> set[int]:
    """First lines of the functions and classes of that file that run when conversations are held, whole and cut."""
    found: set[int] = set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.endswith(path):
            found.add(frame.f_code.co_firstlineno)
            owner = frame.f_locals.get("self")
            if owner is not None:
                found.update(
                    inspect.getsourcelines(each)[1]
                    for each in type(owner).__mro__[:-1]
                    if path.endswith(each.__module__.replace(".", "/") + ".py")
                )

    people = world_of(protocol.key_type)
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        again = tls13(protocol.claims)  # built anew, so that what builds it is seen, too
        try_attack(BY_ID["truncation"], again, people, undisturbed(again, people))
    finally:
        sys.setprofile(before)
    return found


def cost(seconds: float, noise: float, length: int = 1000, varies: int = 0) -> Cost:
    halves = dict.fromkeys(Side, seconds / 2)
    price = Price("x", 3, 1, {Side.CLIENT: length, Side.SERVER: 0}, halves, noise, varies)
    return Cost(find("ca"), price, 0, 0, None)


@pytest.mark.parametrize(("spent", "noise"), [(-12e-6, 20e-6), (-12e-6, 1e-6), (15e-6, 20e-6)])
def test_a_difference_within_the_noise_is_no_price(spent: float, noise: float) -> None:
    told = _difference(cost(1e-3, noise), cost(1e-3 + spent, noise))
    assert not re.search(r"[+-]\d+ µs", told)
    assert "time within the noise" in told


def test_a_difference_beyond_the_noise_is_a_price() -> None:
    assert "+300 µs" in _difference(cost(1e-3, 20e-6), cost(1.3e-3, 20e-6))


@pytest.mark.parametrize(
    ("more", "told"), [(-6, "no additional bytes"), (4, "no additional bytes"), (2000, "+2000 bytes")]
)
def test_the_length_of_a_signature_is_no_price(more: int, told: str) -> None:
    assert _difference(cost(1e-3, 0, varies=4), cost(2e-3, 0, 1000 + more, varies=4)).startswith(told)
