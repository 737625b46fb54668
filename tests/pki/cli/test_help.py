"""Help pages. Falsehood caught: a summary that is cut off, a metavar in typer's notation, an undocumented exit code."""

import re
from importlib.metadata import version

import pytest

from pki.cli.main import app
from pki.help_page import EXIT_CODES, summary
from tests.pki.conftest import Command

COMMANDS = [
    "init", "issue", "list", "check", "renew", "rekey", "revoke", "crl", "publish", "request", "sign", "show", "diff",
    "verify", "bundle", "export", "env", "trust", "untrust", "rogue",
]  # fmt: skip
ROGUE = ["list", "mint", "show"]
PAGES = [[], *([each] for each in COMMANDS), *(["rogue", each] for each in ROGUE)]


def page(cli: Command, words: list[str]) -> str:
    answer = cli(*words, "-h")
    assert (answer.code, answer.err) == (0, "")
    return answer.out


def test_the_commands_are_listed_in_the_order_of_their_use(cli: Command) -> None:
    listed = page(cli, []).split("Commands:\n")[1].split("\n\n")[0]
    assert re.findall(r"(?m)^  (\w+)", listed) == COMMANDS


@pytest.mark.parametrize("words", [[], ["rogue"]], ids=" ".join)
def test_every_summary_is_whole(cli: Command, words: list[str]) -> None:
    from typer.main import get_command

    group = get_command(app)
    for word in words:
        group = group.commands[word]  # type: ignore[attr-defined]  # typer types it as a command; it is a group
    text = " ".join(page(cli, words).split())
    for each in group.commands.values():  # type: ignore[attr-defined]  # typer types it as a command; it is a group
        assert summary(each) in text


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_a_page_fits_into_80_columns_and_has_the_exit_codes(cli: Command, words: list[str]) -> None:
    text = page(cli, words)
    assert max(map(len, text.splitlines())) <= 80
    assert EXIT_CODES in " ".join(text.split())


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_metavars_say_what_they_take(cli: Command, words: list[str]) -> None:
    text = page(cli, words)
    assert not re.search(r"<[a-z]|list\[|\[\[|\{", text), text


def test_the_usage_line_is_as_typed(cli: Command) -> None:
    usages = {words[0]: page(cli, words).splitlines()[0].split(maxsplit=3)[3] for words in PAGES[1:-3]}
    assert usages["init"] == "[OPTIONS] [NAME...]"
    assert usages["issue"] == "[OPTIONS] [NAME...]"
    assert usages["revoke"] == "[OPTIONS] NAME|SERIAL|FILE"
    assert usages["show"] == "[OPTIONS] FILE"
    assert usages["diff"] == "[OPTIONS] FILE FILE2"


def test_the_version_is_the_packages(cli: Command) -> None:
    answer = cli("--version")
    assert (answer.code, answer.out, answer.err) == (0, f"pki {version('tlsdemo')}\n", "")


def test_an_argument_that_is_missing_is_called_by_its_metavar(cli: Command) -> None:
    assert "'FILE'" in cli("show").err
