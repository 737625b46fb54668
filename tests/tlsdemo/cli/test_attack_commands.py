"""The commands, as typed. Falsehood caught: a wrong exit code, a table that lies, a page that asks out."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from pki.errors import ExitCode, Problem
from tests.conftest import ROOT
from tests.tlsdemo.conftest import Command
from tlsdemo.attack.catalogue import ATTACKS, Attack
from tlsdemo.attack.matrix import Matrix
from tlsdemo.cli import attack, compare
from tlsdemo.compare import story
from tlsdemo.compare.page import as_page
from tlsdemo.compare.protocols import all_protocols
from tlsdemo.edu.protocol import RUNGS
from tlsdemo.protocol import Protection

SOME = ["bit-flip", "ca", "ca without integrity", "tls"]


def run(only: list[str], **options: object) -> int:
    given = {"as_json": False, "markdown": False, "html": None} | options
    return compare.compare(compare.CompareOptions(only, **given))  # type: ignore[arg-type]  # passed on as they came


def test_compare_tells_what_was_predicted_and_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(SOME, as_json=True) == ExitCode.YES
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["surprises"], len(found["cells"])) == (2, 0, 3)
    assert [cell["measured"] for cell in found["cells"]] == ["prevented", "succeeds", "prevented"]
    assert "PAY 9100" in found["cells"][1]["finding"]
    assert [price["protocol"] for price in found["prices"]] == SOME[1:]


def test_the_table_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(SOME) == ExitCode.YES
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "Every prediction was right." in out


RUNG_ORDERS = [["ca", "plain"], ["hybrid", "dh", "signed", "plain"], ["mutual", "tls", "plain"], list(RUNGS)[::-1]]


@pytest.mark.parametrize("named", RUNG_ORDERS, ids=",".join)
def test_each_step_between_rungs_names_the_protections_that_it_adds(
    named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eavesdropper", *named]) == ExitCode.YES
    text = " ".join(capsys.readouterr().out.split("Costs")[1].split())
    rungs = [name for name in RUNGS if name in named]
    for lower, higher in pairwise(rungs):
        added = ", ".join(each.readable for each in Protection if each in RUNGS[higher] - RUNGS[lower])
        assert added
        assert re.search(rf"{lower} -> {higher} [^:]*: {added}\b", text), (lower, higher, text)
    assert text.count(" -> ") == len(rungs) - 1


def test_a_cost_stands_under_the_heading_of_its_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eavesdropper", "tls", "ca without order", "plain", "tls12", "ca without name"]) == ExitCode.YES
    costs = capsys.readouterr().out.split("Costs")[1]
    first = [line.split("  ")[0] or line.split()[0] for line in costs.splitlines()[3:] if line]
    assert first[:8] == ["Python's ssl", "tls", "tls12", "ca without ...", "order", "name", "the rungs", "plain"]


@pytest.mark.parametrize("name", ["nonsense", "tls without order", "ca without courage"])
def test_what_is_not_there_is_wrong_usage(name: str) -> None:
    with pytest.raises(Problem) as caught:
        run([name])
    assert caught.value.code is ExitCode.USAGE


def test_an_attack_is_told_with_what_passed_and_what_was_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert attack.attack(attack.AttackOptions("truncation", ["tls"], [], None, False)) == ExitCode.YES
    out = capsys.readouterr().out
    assert "Missing: closure" in out
    assert max(map(len, out.splitlines())) <= 80
    assert re.search(r"tlsdemo/tls/endpoint\.py:\d+", out)


@pytest.mark.parametrize("given", ATTACKS, ids=lambda given: given.id)
def test_every_attack_can_be_told(given: Attack, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack.attack(attack.AttackOptions(given.id, ["ca", "tls-noverify"], [], None, False)) == ExitCode.YES
    assert capsys.readouterr().out


@pytest.mark.parametrize(("on", "without"), [("tls", "order"), ("ca", "courage"), ("quic", "order")])
def test_what_cannot_be_left_out_is_wrong_usage(on: str, without: str) -> None:
    with pytest.raises(Problem) as caught:
        attack.attack(attack.AttackOptions("bit-flip", [on], [without], None, False))
    assert caught.value.code is ExitCode.USAGE


def test_the_lists_are_complete(capsys: pytest.CaptureFixture[str]) -> None:
    attack.attacks(as_json=True)
    attack.protocols(as_json=True)
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["id"] for each in listed[0]["attacks"]] == [each.id for each in ATTACKS]
    assert [each["name"] for each in listed[1]["protocols"]] == [each.name for each in all_protocols()]


def test_naming_tls13_compares_it_without_each_protection(cli: Command) -> None:
    found = json.loads(cli("compare", "--json", "--only", "tls13,reordering").out)
    lost = {cell["protocol"] for cell in found["cells"] if cell["measured"] == "succeeds"}
    assert (len(found["cells"]), found["surprises"]) == (1 + len(Protection), 0)
    assert lost == {"tls13 without order", "tls13 without integrity"}


def test_our_tls_1_3_is_one_row_of_the_whole_matrix() -> None:
    assert [each.name for each in all_protocols() if each.family == "TLS 1.3"] == ["tls13"]


@pytest.mark.parametrize("live", [(), ("--live",)], ids=["memory", "sockets"])
def test_several_protections_are_removed_from_our_tls_1_3(cli: Command, live: tuple[str, ...]) -> None:
    without = ("--without", "order", "--without", "key-separation,closure")
    answer = cli("attack", "truncation", "--on", "tls13", *without, *live)
    assert answer.code == ExitCode.YES
    assert "on tls13 without order, closure, key separation" in answer.out
    assert "The attack succeeds" in answer.out
    assert re.search(r"tlsdemo/edu/weak/closure\.py:\d+", answer.out)


def test_the_part_that_prevents_an_attack_on_our_tls_1_3_is_named(cli: Command) -> None:
    out = cli("attack", "downgrade", "--on", "tls13").out
    assert "The attack is prevented" in out
    assert re.search(r"tlsdemo/tls13/handshake\.py:\d+", out)
    out = cli("attack", "downgrade", "--on", "tls13", "--without", "transcript").out
    assert re.search(r"tlsdemo/tls13/weak/transcript\.py:\d+", out)


def test_our_tls_1_3_takes_no_group_of_the_educational_handshake(cli: Command) -> None:
    answer = cli("attack", "quantum", "--on", "tls13", "--group", "x25519")
    assert answer.code == ExitCode.USAGE
    assert "only the educational handshake takes a group" in answer.err


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(str(value))
            if name == "href":
                self.links.append(str(value))


def test_the_page_leads_to_every_duel_and_to_nothing_outside(matrix: Matrix) -> None:
    text = as_page(matrix, [("", "bytes"), ("<script>alert(1)</script>", "1")], "</style><img src=x onerror=y>")
    reader = Reader()
    reader.feed(text)
    assert not reader.tags & {"script", "img", "iframe", "link", "object", "form"}
    assert not {name for name in reader.attributes if name.startswith("on")} | {"src"} & reader.attributes
    assert len(set(reader.ids)) == len(reader.ids)
    assert {link.removeprefix("#") for link in reader.links} == set(reader.ids)
    assert len(reader.ids) == 2 * len(matrix.trials) + 2 * len(matrix.protocols) + len(matrix.attacks)


def test_a_page_that_cannot_be_written_is_said_before_anything_is_run(tmp_path: Path) -> None:
    with pytest.raises(Problem):
        run(SOME, html=tmp_path)
    with pytest.raises(Problem):
        run(SOME, html=tmp_path / "no" / "such" / "folder.html")


def test_why_it_was_not_run_is_true_of_that_attack(matrix: Matrix) -> None:
    reasons: dict[str, set[str]] = {}
    for found in matrix.trials.values():
        if found.result is None:
            reasons.setdefault(found.attack.id, set()).add(story.why(found))
    assert {name: len(each) for name, each in reasons.items()} == {"computed-secret": 1, "quantum": 1, "downgrade": 1}
    assert "only one cipher suite" in reasons["downgrade"].pop()


def test_what_was_read_is_quoted_without_the_noise_around_it(matrix: Matrix) -> None:
    for found in matrix.trials.values():
        if found.damage and found.damage.sentence.startswith("the attacker read"):
            assert "\\x" not in found.damage.sentence, (found.attack.id, found.protocol.name)


def test_the_readme_counts_what_there_is() -> None:
    readme = (ROOT / "README.md").read_text()
    assert f"{len(ATTACKS)} attacks on {len(all_protocols())} protocols" in readme


def test_each_attempt_is_reported_and_the_diagram_says_which_one_it_shows(cli: Command) -> None:
    out = cli("attack", "man-in-the-middle", "--on", "ca").out
    numbers = [int(number) for number in re.findall(r"- attempt (\d+): ", out)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 1
    assert f"the diagram shows attempt {numbers[-1]} of {numbers[-1]}" in out
    assert "attempt 1: the attacker only recorded" in cli("attack", "replay", "--on", "ca").out


def test_the_missing_protection_is_the_one_that_the_table_names(cli: Command) -> None:
    assert "prevented by: chain" in cli("attacks").out
    out = cli("attack", "man-in-the-middle", "--on", "dh").out
    assert "Missing: chain, which rests on possession." in out


def test_an_attack_that_sends_values_is_not_called_passive(cli: Command) -> None:
    """Falsehood caught: in the group leaky the attacker asks the server, in connections that the diagram omits."""
    out = " ".join(cli("attack", "computed-secret", "--on", "dh", "--group", "leaky").out.replace("│", " ").split())
    assert "passive" not in out and "§3.3: active" in out
    (shown,) = re.findall(r"in (\d+) other connections", out)
    assert f"the attacker sends {shown} such numbers" in out
    assert "passive" in cli("attack", "computed-secret", "--on", "dh").out
