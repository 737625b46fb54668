"""The command line itself: help that is quick, for every command, under every name."""

import json
import sys

import pytest

from tests.conftest import run, tlsdemo
from tests.tlsdemo.conftest import Command

HEAVY = ("cryptography", "ssl", "jinja2", "trustme", "h11", "rich", "tlsdemo.net")
COMMANDS = [(), ("serve",), ("connect",), ("tour",), ("pki",), ("pki", "init")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_loads_nothing_heavy(command: tuple[str, ...]) -> None:
    code = (
        "import sys, json; from tlsdemo.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as end: print(json.dumps([end.code, sorted(sys.modules)]))"
    )
    done = run(sys.executable, "-c", code, *command, "--help")
    assert done.stdout.startswith("Usage: "), done.stderr
    ended, modules = json.loads(done.stdout.splitlines()[-1])
    assert ended == 0
    assert not [heavy for heavy in HEAVY if heavy in modules]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_short_help_is_the_same(cli: Command, command: tuple[str, ...]) -> None:
    assert cli(*command, "-h") == cli(*command, "--help")
    assert cli(*command, "-h").code == 0


def test_every_option_has_a_help_text_that_fits(cli: Command) -> None:
    for command in ("serve", "connect", "tour"):
        out = cli(command, "--help").out
        assert all(len(line) <= 80 for line in out.splitlines())
        assert "TLSDEMO_CERTS" in out or command == "connect"


@pytest.mark.parametrize("words", [(), ("nonsense",), ("--nonsense",)], ids=str)
def test_no_command_and_a_wrong_one_are_wrong_usage(cli: Command, words: tuple[str, ...]) -> None:
    answer = cli(*words)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err


def test_both_names_of_the_program_work() -> None:
    by_module = tlsdemo("--help")
    by_pki = tlsdemo("pki", "--help")
    assert by_module.returncode == by_pki.returncode == 0
    assert "connect" in by_module.stdout
    assert "init" in by_pki.stdout
