"""The guide to the attacks lists what the code has.

`python -m tests.tlsdemo.attack.test_guide` writes the table of protections anew. Caught: a stale table.
"""

import re

from tests import guides
from tests.conftest import ROOT
from tlsdemo.attack.catalogue import ATTACKS
from tlsdemo.attack.matrix import CellResult
from tlsdemo.edu.protocol import RUNGS
from tlsdemo.protocol import Protection

PAGE = "tlsdemo/attack/README.md"
GENERATED = re.compile(r"(?<=<!-- generated: protections -->\n).*?(?=<!-- end -->)", re.DOTALL)


def protections() -> str:
    """The table of all protections, in Markdown."""
    rows = [
        (each.readable, each.meaning, each.section, ", ".join(below.readable for below in each.rests_on) or "-")
        for each in Protection
    ]
    head = ("protection", "meaning", "section", "rests on"), ("---",) * 4
    return "".join(f"| {' | '.join(row)} |\n" for row in (*head, *rows)).replace(
        "| --- | --- | --- | --- |", "|---" * 4 + "|"
    )


def section(title: str) -> str:
    """The text of one section of the page."""
    return guides.text(PAGE).partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_table_of_protections_is_that_of_the_code() -> None:
    assert GENERATED.findall(guides.text(PAGE)) == [protections()]


def test_the_table_of_attacks_has_each_attack_and_what_stops_it() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .+ \| (.+) \|$", section("Attacks"), re.MULTILINE)
    assert rows == [(each.id, ", ".join(stop.readable for stop in each.stops) or "nothing") for each in ATTACKS]


def test_the_last_three_attacks_are_those_that_nothing_stops() -> None:
    assert "The last three are not stopped" in section("Attacks")
    assert [bool(each.stopped_by) for each in ATTACKS] == [True] * (len(ATTACKS) - 3) + [False] * 3


def test_the_page_explains_every_sign_of_the_matrix() -> None:
    signs = re.findall(r"^\| (\S) \| ", section("How to read the matrix"), re.MULTILINE)
    assert sorted(signs) == sorted([*(each.sign for each in CellResult), "!"])
    assert "the seven rungs" in guides.text(PAGE)
    assert len(RUNGS) == 7


if __name__ == "__main__":
    (ROOT / PAGE).write_text(GENERATED.sub(lambda _: protections(), guides.text(PAGE)))
