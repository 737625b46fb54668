"""The command line itself: help that is quick, for every command, under every name."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.conftest import run, tlsdemo
from tests.tlsdemo.conftest import Command
from tlsdemo.cli.main import app

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
        assert "TLSDEMO_CERTS" in out and "PKI_DIR" in out


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


SUMMARY = 60  # columns


def commands(command: Any, path: tuple[str, ...] = ("tlsdemo",)) -> Iterator[tuple[str, Any]]:
    """The commands that are written in `tlsdemo.cli.main`, each with its name."""
    for name, each in command.commands.items():
        if name in ("pki", "lab", "check-client"):  # declared elsewhere
            continue
        yield " ".join((*path, name)), each


@pytest.mark.parametrize(
    ("name", "command"), list(commands(typer.main.get_command(app))), ids=lambda each: str(each)[:20]
)
def test_summaries_and_help_phrases_are_whole_and_options_say_what_they_take(name: str, command: Any) -> None:
    summary = " ".join(command.help.split("\n\n")[0].split())
    assert summary.endswith(".") and len(summary) <= SUMMARY, (name, summary)
    for each in command.params:
        if each.name == "help" or getattr(each, "hidden", False):
            continue
        assert each.help and len(each.help) <= SUMMARY, (name, each.name, each.help)
        assert getattr(each, "is_flag", False) or (each.metavar and "<" not in each.metavar), (name, each.name)


@pytest.mark.parametrize(
    ("command", "old", "new"), [("serve", "stranger", "untrusted-ca"), ("mitm", "stolen-authority", "stolen-ca")]
)
def test_an_old_credential_name_is_accepted_and_not_shown(
    cli: Command, tmp_path: Path, command: str, old: str, new: str
) -> None:
    words: tuple[str | Path, ...] = (command, "--certs", tmp_path / "none", "--host", "192.0.2.1", "--once")
    words = words if command == "serve" else (command, "--certs", tmp_path / "none")
    assert cli(*words, "--credential", old) == cli(*words, "--credential", new)
    refused = cli(*words, "--credential", "nonsense")
    assert refused.code == 2
    assert new in refused.err and old not in refused.err + cli(command, "--help").out


def test_an_old_attack_name_is_accepted(cli: Command, tmp_path: Path) -> None:
    for name in ("stolen-authority", "stolen-ca"):
        assert "stolen CA key" in cli("attack", name, "--on", "plain").out
        found = json.loads(cli("compare", "--only", f"{name},plain", "--json").out)
        assert [each["attack"] for each in found["cells"]] == ["stolen-ca"]
        assert cli("mitm", "--attack", name, "--certs", tmp_path / "none").code == 3
    assert "stolen-authority" not in cli("attacks").out + cli("attack", "nonsense").err


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("serve", "--port", "80000"), "Invalid value for '--port': it must be less than or equal to 65535"),
        (("serve", "--protocol", "telnet"), "Invalid value for '--protocol': 'telnet' is not one of 'plain', "),
    ],
)
def test_a_wrong_value_is_reported_without_the_words_of_the_library(words: tuple[str, ...], fact: str) -> None:
    done = tlsdemo(*words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {fact}")
