"""Hints that name a command. Falsehood caught: a command that is not there, does not parse, harms, or does not help."""

import ast
import errno
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pki.cli.main import app as pki_app
from pki.errors import ExitCode, Problem
from tests.conftest import ROOT, mint, run, tlsdemo, tool
from tests.peers.conftest import Serve
from tests.peers.support import live_rung
from tests.tlsdemo.conftest import Command
from tlsdemo import net
from tlsdemo.cli import mitm_attack
from tlsdemo.cli.main import app as tlsdemo_app
from tlsdemo.cli.position import Position
from tlsdemo.cli.target import ConnectOptions, when_closed
from tlsdemo.compare.protocols import find
from tlsdemo.key_agreement import FiniteField
from tlsdemo.net import address

PROGRAMS: dict[str, Any] = {"pki": typer.main.get_command(pki_app), "tlsdemo": typer.main.get_command(tlsdemo_app)}


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a module but for its docstrings; what is filled in is the word X."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {id(each) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for each in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "X" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docstrings | inside):
            yield node.value


def commands() -> list[str]:
    found = {
        part.strip()
        for package in ("pki", "tlsdemo")
        for path in (ROOT / package).rglob("*.py")
        for text in texts(ast.parse(path.read_text()))
        for quoted in re.findall(r"`((?:pki|tlsdemo) [^`]*)`", " ".join(text.split()))
        for part in quoted.split("|")
    }
    return sorted(found)


@pytest.mark.parametrize("command", commands())
def test_every_command_that_is_named_parses(command: str) -> None:
    program, *words = shlex.split(command.replace("{issue}", "X").replace("{init}", "X"))
    place = PROGRAMS[program]
    while words and hasattr(place, "commands"):
        if words[0] in ("X", "--help"):
            return
        assert words[0] in place.commands, f"there is no {program} {words[0]}"
        place = place.commands[words.pop(0)]
    options = {name: each for each in place.params for name in each.opts if name.startswith("-")}
    while words and words[0] != "--":
        word = words.pop(0)
        word = word if word in options else word.removesuffix("X")  # `--force{where}`
        if word.startswith("--"):
            assert word in options, f"{command}: there is no {word}"
            if not options[word].is_flag:
                bare = not words and command.split()[-1] == word and len(command.split()) <= 3  # a mention of it
                assert words or bare, f"{command}: {word} wants a value"
                words[:1] = []


def hinted(error: str) -> list[str]:
    """The commands of the hint."""
    hint = error.partition("hint: ")[2]
    return re.findall(r"`((?:pki|tlsdemo) [^`]*)`", hint)


def called(command: str, cwd: Path) -> int:
    program, *words = shlex.split(command)
    done = run(sys.executable, "-m", program, *words, cwd=cwd)
    assert "Traceback" not in done.stderr
    return done.returncode


@pytest.mark.parametrize("name", ["shop.example", "192.0.2.7"])
def test_the_hint_for_a_wrong_name_makes_the_right_certificate(serve: Serve, tmp_path: Path, name: str) -> None:
    own = mint(tmp_path / "certs")
    before = {path: path.read_bytes() for path in own.rglob("*") if path.is_file()}
    done = tlsdemo("connect", serve(certs=own).target, "--name", name, cwd=tmp_path)
    assert done.returncode == 1
    (command,) = hinted(done.stderr)
    assert command == f"pki issue {name}"
    assert called(command, tmp_path) == 0
    assert {path: path.read_bytes() for path in before} == before  # nothing is replaced
    server = serve("--cert", own / f"{name}.pem", certs=own)
    assert tlsdemo("connect", server.target, "--name", name, cwd=tmp_path).returncode == 0


def test_the_hint_names_the_folder_of_the_trust_anchor(serve: Serve, tmp_path: Path) -> None:
    own = mint(tmp_path / "my certs")
    words = ("connect", serve(certs=own).target, "--name", "shop.example", "--trust", own / "root.pem")
    (command,) = hinted(tlsdemo(*words, cwd=tmp_path).stderr)
    assert called(command, tmp_path) == 0
    assert (own / "shop.example.pem").exists()


@pytest.mark.parametrize("options", [("--name", "shop.example"), ("--name", "192.0.2.7"), ()], ids=str)
def test_before_a_root_of_other_people_nothing_is_minted(
    serve: Serve, certs: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Without options the certificate is one that has expired. Only its owner can issue another."""
    if not options:
        from datetime import UTC, datetime, timedelta

        certs = mint(tmp_path / "old", now=datetime.now(UTC) - timedelta(days=100))
    theirs = tmp_path / "theirs.pem"
    shutil.copy(certs / "root.pem", theirs)
    done = tlsdemo("connect", serve(certs=certs).target, "--trust", theirs, *options, cwd=tmp_path)
    assert done.returncode == 1
    assert "hint: " in done.stderr
    assert "pki i" not in done.stderr.partition("hint: ")[2]


def test_a_low_port_has_a_high_one_as_its_hint() -> None:
    assert "8443" in address._hint_for(PermissionError(errno.EACCES, "denied"), 443, "--port")
    assert "another port" in address._hint_for(OSError(errno.EADDRINUSE, "in use"), 443, "--port")
    assert "below 1024" not in address._hint_for(PermissionError(errno.EACCES, "denied"), 4433, "--port")


def test_without_a_pki_eavesdrop_prints_a_command_that_needs_none(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.peers.support import Background

    monkeypatch.chdir(tmp_path)
    with live_rung("plain", certs) as server:
        words = ("eavesdrop", "--upstream", f"127.0.0.1:{server.port}", "--listen", "0")
        middle = Background(sys.executable, "-m", "tlsdemo", *words)
        try:
            line = middle.wait_for(r"^    (tlsdemo connect .*)$")[1]
            assert called(line, tmp_path) == 0
            middle.wait_for("= reads: ")
        finally:
            middle.kill()


@pytest.mark.parametrize("protocol", ["plain", "ca", "tls"])
def test_a_server_tells_how_to_eavesdrop(serve: Serve, protocol: str) -> None:
    server = serve("--protocol", protocol, as_json=False)
    line = server.wait_for(r"^    (tlsdemo eavesdrop .*)$")[1]
    words = shlex.split(line, comments=True)
    assert words[2:4] == ["--upstream", server.target]


@pytest.mark.parametrize(
    "words", [("curl", "--json"), ("curl", "--html", "page.html"), ("--json", "curl", "--case", "good")]
)
def test_options_after_a_preset_are_ours(tmp_path: Path, words: tuple[str, ...]) -> None:
    tool("curl")
    done = tlsdemo(
        "check-client", *(() if "--case" in words else ("--case", "good")), *words, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{") is ("--json" in words)
    assert (tmp_path / "page.html").exists() is ("--html" in words)


def test_options_of_a_program_are_its_own(tmp_path: Path) -> None:
    tool("curl")
    done = tlsdemo("check-client", "--case", "good", "--json", "--", "curl", "-sS", "{url}", cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    without = tlsdemo("check-client", "--case", "good", "--json", "curl", "-sS", "{url}", cwd=tmp_path, timeout=120)
    assert without.returncode == 0, without.stderr


def test_what_cannot_be_tried_live_names_a_command_that_works(tmp_path: Path) -> None:
    protocol = find("ca without chain, name, validity, revocation, possession, secrecy")
    object.__setattr__(protocol.hooks, "downgrades", None)
    nowhere = Position(address.Address("localhost", 1), None, 0)
    with pytest.raises(Problem) as caught:
        mitm_attack.run_attack(mitm_attack.known("downgrade"), protocol, nowhere, tmp_path, True)
    assert caught.value.code is ExitCode.USAGE
    (command,) = re.findall("`(.*)`", caught.value.hint or "")
    assert called(command, tmp_path) == 0


@pytest.mark.parametrize("group", ["1009:11", "1048583:5", "40-bit", "smooth", "leaky"])
def test_what_explain_says_of_a_weak_group_can_be_run(group: str) -> None:
    from tlsdemo.edu.groups import parse
    from tlsdemo.edu.machine import Machine
    from tlsdemo.explain.educational_sentences import _from_one_share

    numbers = parse(group)
    assert isinstance(numbers, FiniteField)

    class Ends:
        class parts:
            group = numbers

    machine: Machine = Ends()  # type: ignore[assignment]  # it looks at the group alone
    text = _from_one_share(machine, "2")
    for command in re.findall("`(.*)`", text):
        assert command == f"tlsdemo attack computed-secret --group {group}"
        if group not in ("40-bit",):  # which takes a second and a table
            assert called(command, ROOT) == 0
    assert ("`" in text) is (group != "1009:11")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("serve --story", "use --protocol multiply"),
        ("serve --protocol plain --story", "use --protocol multiply"),
        ("serve --group x25519", "use --protocol dh, signed, ca, mutual or tls13"),
        ("serve --protocol multiply --group x25519", "use --protocol dh, signed, ca or mutual"),
        ("serve --protocol hybrid --group x25519", "use --protocol dh, signed, ca or mutual"),
        ("serve --without order", "use --protocol tls13 or ca"),
        ("serve --protocol ca --without ordr", "did you mean order?"),
        ("serve --protocol dh --without chain", "use --protocol ca, mutual or hybrid"),
        ("check-client curl --insecure", "`tlsdemo check-client -- curl --insecure {url}`"),
        ("attack man-in-the-midle", "did you mean man-in-the-middle?"),
        ("attack replay --on mutua", "did you mean mutual "),
        ("mitm --attack reply", "did you mean replay?"),
        ("connect --protocol dh --group x25519m", "did you mean x25519?"),
    ],
)
def test_the_hint_names_what_works_with_the_options_that_were_given(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch, words: str, hint: str
) -> None:
    monkeypatch.setenv("TLSDEMO_CERTS", str(certs))
    answer = cli(*words.split())
    assert answer.code in (ExitCode.USAGE, ExitCode.CANNOT)
    assert hint in answer.err.partition("hint: ")[2]


@pytest.mark.parametrize(
    ("port", "protocol", "story", "command"),
    [
        (4433, "tls", False, "`tlsdemo serve`"),
        (4433, "multiply", True, "`tlsdemo serve --protocol multiply --story`"),
        (4999, "dh", False, "`tlsdemo serve --protocol dh --port 4999`"),
        (4434, "dh", False, "`tlsdemo mitm --protocol dh` or `tlsdemo eavesdrop`"),
    ],
)
def test_the_hint_for_a_closed_port_starts_what_should_listen_there(
    port: int, protocol: str, story: bool, command: str
) -> None:
    settings = ConnectOptions(
        "", protocol, None, None, None, (), story, message=None, http=None, trust=Path("root.pem"), name=None, crl=None,
        cert=None, key=None, keylog=None, explain=False, capture=None,
    )  # fmt: skip
    assert command in when_closed(settings, net.Address("localhost", port))


def test_an_invalid_value_is_reported_without_the_words_of_a_library(cli: Command) -> None:
    assert "'--protocol': 'dhh' is not one of" in cli("connect", "--protocol", "dhh").err


@pytest.mark.parametrize(("command", "option"), [("serve", "--port"), ("eavesdrop", "--listen"), ("mitm", "--listen")])
def test_the_hint_for_a_used_port_names_the_option(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch, command: str, option: str
) -> None:
    monkeypatch.setenv("TLSDEMO_CERTS", str(certs))
    with closing(net.listen(("127.0.0.1",))) as used:
        assert f"another port with {option}" in cli(command, option, used.port).err


def test_the_tour_asks_for_no_number_that_it_has_not_told() -> None:
    from tlsdemo.tour.scenes import SCENES

    question = SCENES[1].question
    assert question.index("300") < question.index("1500")


def test_the_hint_of_the_tour_works(cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tlsdemo.tour.stage import REMEDY

    monkeypatch.chdir(tmp_path)
    (command,) = re.findall("`(.*?)`", REMEDY)
    assert cli(*shlex.split(command)[1:]).code == 0
