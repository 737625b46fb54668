"""Words that plain technical English avoids, counted in everything that people read. Caught: they come back.

A file in DONE has none of them. Elsewhere the count of an area may only fall: if it fell, lower its ceiling. The
counts of today are printed by `python -m tests.test_words`. The test is a floor: a text without these words can still
be bad. Comments are not counted.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pki.cli.main import app as pki_app
from tests.conftest import ROOT
from tlsdemo.cli.main import app as tlsdemo_app

AVOIDED = re.compile(
    r"\b(?:he|his|him|whom|whoever|nobody|somebody|anybody)\b|\bis no\b(?! longer\b|,)|\bvouch", re.IGNORECASE
)

STORY = ("tlsdemo/edu/README.md",)
"""Files that tell a story with persons in it."""

DONE = (
    "tlsdemo/attack", "tlsdemo/credentials", "tlsdemo/protocol.py", "tlsdemo/compare/protocols.py",
    "tlsdemo/cli/main.py", "tlsdemo/cli/serve.py", "tlsdemo/cli/serve_options.py", "tlsdemo/cli/serve_banner.py",
    "tlsdemo/cli/mitm.py", "tlsdemo/cli/mitm_attack.py", "tlsdemo/cli/eavesdrop.py", "tlsdemo/cli/position.py",
    "tlsdemo/cli/listening.py", "tlsdemo/cli/reporter.py", "tlsdemo/cli/line_writer.py", "tlsdemo/cli/exposure.py",
    "tlsdemo/cli/reloading.py",
)  # fmt: skip
"""Files and folders without any of the words; a folder stands for all files below it."""

TOP = ("certs", "pki", "tlsdemo")
"""Folders with README files."""

CEILINGS: dict[str, int] = {
    "pki": 1,
}
"""How many of the words an area may have: a folder of modules, a README file, the help of a program."""


def area(source: str) -> str:
    """The folder of a module or a template; any other source is an area of its own."""
    return source.rpartition("/")[0] if source.endswith((".py", ".html")) else source


def is_done(source: str) -> bool:
    return any(source == done or source.startswith(f"{done}/") for done in DONE)


def strings(module: Path) -> Iterator[str]:
    """Every string literal and docstring of a module; an f-string is one text, with X for each value."""
    tree = ast.parse(module.read_text())
    parts = {id(each) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for each in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "X" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


class Words(HTMLParser):
    """Collects the text and the attributes of a template."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for _, value in attrs if value]


def words_of(template: Path) -> list[str]:
    parser = Words()
    parser.feed(template.read_text())
    return parser.found


def help_pages(command: Any, name: str) -> Iterator[str]:
    """The help of a command and of all commands below it, as `-h` prints it."""
    yield command.get_help(typer.Context(command, info_name=name))
    for each, below in getattr(command, "commands", {}).items():
        if not (name == "tlsdemo" and each == "pki"):
            yield from help_pages(below, f"{name} {each}")


@cache
def texts() -> dict[str, list[str]]:
    """All texts, by their source: the path of a file, or `help of pki`."""
    found = {
        str(path.relative_to(ROOT)): [path.read_text()]
        for path in (ROOT / "README.md", *(each for top in TOP for each in (ROOT / top).rglob("*.md")))
    }
    for package in ("pki", "tlsdemo"):
        for module in (ROOT / package).rglob("*.py"):
            found[str(module.relative_to(ROOT))] = list(strings(module))
        for template in (ROOT / package).rglob("*.html"):
            found[str(template.relative_to(ROOT))] = words_of(template)
    for program, app in (("pki", pki_app), ("tlsdemo", tlsdemo_app)):
        found[f"help of {program}"] = list(help_pages(typer.main.get_command(app), program))
    return found


def avoided(source: str) -> list[str]:
    """The words of the source that should be avoided, each with its neighbours."""
    plain = [" ".join(text.split()) for text in texts()[source]]
    return [text[max(0, each.start() - 30) : each.end() + 30] for text in plain for each in AVOIDED.finditer(text)]


@cache
def counts() -> Counter[str]:
    """The count of each area, without what is done and without stories."""
    found: Counter[str] = Counter()
    for source in texts():
        if not is_done(source) and source not in STORY:
            found[area(source)] += len(avoided(source))
    return +found


@pytest.mark.parametrize("done", DONE)
def test_what_is_done_has_none_of_the_words(done: str) -> None:
    sources = [source for source in texts() if source == done or source.startswith(f"{done}/")]
    assert sources, f"{done} is not there any more: take it out of DONE"
    assert {source: found for source in sources if (found := avoided(source))} == {}


@pytest.mark.parametrize("place", sorted({*CEILINGS, *counts()}))
def test_the_count_of_an_area_only_falls(place: str) -> None:
    count, ceiling = counts()[place], CEILINGS.get(place, 0)
    found = [each for source in texts() if area(source) == place and not is_done(source) for each in avoided(source)]
    assert count <= ceiling, f"{place}: write these in plain words: {found}"
    assert count == ceiling, f"{place}: lower the ceiling from {ceiling} to {count}"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("He reads it.", 1), ("an attacker whom nobody sees", 2), ("a list is no list", 1), ("it vouches for it", 1),
        ("the file is no longer there", 0), ("the cache, which this history shows", 0), ("anybody's", 1),
    ],
)  # fmt: skip
def test_control_the_words_are_found(text: str, count: int) -> None:
    assert len(AVOIDED.findall(text)) == count


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("README.md", "# tlsdemo"),
        ("help of tlsdemo", "Connect, verify the server, and send messages."),
        ("help of pki", "Usage: pki init"),
        ("tlsdemo/report/templates/page.html", "{{ cell.sign }}"),
        ("tlsdemo/attack/catalogue.py", "The attacks: each with the protections"),
        ("tlsdemo/cli/mitm_attack.py", "the attack X does not work on a live connection"),
    ],
)
def test_control_every_kind_of_text_is_read(source: str, text: str) -> None:
    assert any(text in each for each in texts()[source])


if __name__ == "__main__":
    for place, count in sorted(counts().items()):
        print(f'    "{place}": {count},')
