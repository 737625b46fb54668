"""The client that is tried: its command, its placeholders, what it needs. Falsehoods caught: somebody's own braces
eaten, a command that goes elsewhere, and a missing program or module found out only in the middle.
"""

import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pki.errors import ExitCode, Problem
from tlsdemo.lab.client import ClientCommand, fill, own, prepare, preset, surroundings
from tlsdemo.lab.presets import PRESETS, Preset
from tlsdemo.lab.process import Nursery

VALUES = {
    "url": "https://localhost:4/", "host": "localhost", "port": "4", "ca": "/tmp/ca.pem", "python": sys.executable,
    "sni_url": "https://a.localhost:5/", "dir": "/tmp/x", "client_cert": "/tmp/c.pem", "client_key": "/tmp/c.key",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{url}", "https://localhost:4/"),
        ("{host}:{port}", "localhost:4"),
        ("--cacert={ca}", "--cacert=/tmp/ca.pem"),
        ("{sni_url}", "https://a.localhost:5/"),
        ("{url}{url}", "https://localhost:4/https://localhost:4/"),
        ("{{url}}", "{https://localhost:4/}"),
        ('{"url": "{url}", "n": {"a": [{}]}}', '{"url": "https://localhost:4/", "n": {"a": [{}]}}'),
        ("{print $1}", "{print $1}"),
        ("{URL} {Url} { url } {url", "{URL} {Url} { url } {url"),
        ("{urls} {unknown} {} {0} {url!r} {url:>9}", "{urls} {unknown} {} {0} {url!r} {url:>9}"),
        ("%{http_code} ${HOME} {a,b}", "%{http_code} ${HOME} {a,b}"),
        ("", ""),
    ],
)
def test_placeholders_are_replaced_and_other_braces_left_alone(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


PLAIN = Preset("plain", ("curl", "{url}", "{ca}", "{dir}"), ("curl",), ("curl", "--version"), stdin="{host}")


@pytest.mark.parametrize(
    "changed",
    [
        {"command": ("curl", "--cert={client_cert}", "{url}")}, {"command": ("sh", "-c", "x {client_key} {url}")},
        {"to_address": ("curl", "{client_cert}")}, {"version": ("curl", "{client_key}")}, {"stdin": "{client_cert}"},
        {"prepare": (("true",), ("cp", "{client_cert}", "{dir}"))}, {"environment": {"KEY": "{client_key}"}},
    ],
)  # fmt: skip
def test_a_client_needs_a_certificate_where_it_is_told_of_one(changed: dict[str, Any]) -> None:
    assert ClientCommand("changed", replace(PLAIN, **changed)).needs_certificate
    assert not ClientCommand("plain", PLAIN).needs_certificate


def test_what_was_filled_in_is_not_filled_in_again() -> None:
    assert fill("{ca}", {**VALUES, "ca": "/tmp/{url}/ca.pem"}) == "/tmp/{url}/ca.pem"


def test_what_is_not_known_yet_stays() -> None:
    assert fill("{dir} {url}", {"dir": "/d"}) == "/d {url}"


@pytest.mark.parametrize("where", ["{url}", "{sni_url}", "{port}"])
def test_a_command_that_says_where_to_go_is_taken_as_it_is(where: str) -> None:
    client = own(["sh", "-c", f"awk '{{print}}' {where}", "$0 'quoted'"])
    assert client.command(VALUES, is_address=False) == [
        "sh", "-c", f"awk '{{print}}' {VALUES[where[1:-1]]}", "$0 'quoted'",
    ]  # fmt: skip
    assert client.command(VALUES, is_address=True) == client.command(VALUES, is_address=False)


@pytest.mark.parametrize(
    "command", [["curl"], ["curl", "https://localhost/"], ["curl", "{host}"], ["curl", "{Url}"], [""]]
)
def test_a_command_that_does_not_is_wrong_usage(command: list[str]) -> None:
    with pytest.raises(Problem, match="has no placeholder for") as problem:
        own(command)
    assert problem.value.code is ExitCode.USAGE
    assert "{url}" in str(problem.value.hint)


def test_a_command_that_drives_the_terminal_is_told_cleaned() -> None:
    with pytest.raises(Problem) as problem:
        own(["curl", "\x1b[31m"])
    assert "\x1b" not in str(problem.value)


def test_a_program_that_is_missing_cannot_be_tried(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("")
    for program in ("no-such-program-anywhere", str(tmp_path / "missing"), str(tmp_path), str(tmp_path / "text"), ""):
        with pytest.raises(Problem, match="is not an executable program") as problem:
            own([program, "{url}"])
        assert problem.value.code is ExitCode.CANNOT
        assert problem.value.hint


@pytest.mark.parametrize(
    ("command", "by_name"),
    [
        (("c", "{sni_url}"), True),
        (("c", "{sni_url}", "{ca}", "{host}"), True),
        (("c", "{url}"), False),
        (("c", "{sni_url}", "{url}"), False),
        (("c", "{sni_url}", "--port={port}"), False),
        (("c", "{host}", "{port}"), False),
    ],
)
def test_who_goes_by_name_alone_is_known(command: tuple[str, ...], by_name: bool) -> None:
    assert ClientCommand("c", Preset("c", command, (), ())).by_name is by_name


def test_an_address_has_a_command_of_its_own_where_it_is_no_server_name() -> None:
    client = ClientCommand("openssl", PRESETS["openssl"])
    assert "-servername" in client.command(VALUES, is_address=False)
    assert "-servername" not in client.command(VALUES, is_address=True)


# Presets --------------------------------------------------------------------------------------------------------------


def test_an_unknown_preset_is_wrong_usage_and_the_known_are_told() -> None:
    with pytest.raises(Problem, match="unknown preset 'crul'") as problem:
        preset("crul")
    assert problem.value.code is ExitCode.USAGE
    assert "curl" in str(problem.value.hint)


@pytest.mark.parametrize("name", [name for name, each in PRESETS.items() if each.needs])
def test_a_preset_without_its_programs_says_which_to_install(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = PRESETS[name].needs
    for lacking in needed:
        for program in needed:
            (tmp_path / program).write_text("#!/bin/sh\n")
            (tmp_path / program).chmod(0o644 if program == lacking else 0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Problem) as problem:
            preset(name)
        assert problem.value.code is ExitCode.CANNOT
        assert lacking in problem.value.fact
        assert problem.value.hint == f"install {lacking}"
    for program in needed:
        (tmp_path / program).chmod(0o755)
    assert preset(name).preset == PRESETS[name]


@pytest.mark.parametrize("name", [name for name, each in PRESETS.items() if each.modules])
def test_a_preset_without_its_module_says_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (module,) = PRESETS[name].modules
    monkeypatch.setattr("importlib.util.find_spec", lambda asked: None)
    with pytest.raises(Problem, match=f"needs the Python module {module}") as problem:
        preset(name)
    assert problem.value.code is ExitCode.CANNOT
    assert f"-m pip install {module}" in str(problem.value.hint)


# Making ready ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


def made_ready(nursery: Nursery, folder: Path, **parts: object) -> str:
    wanted = replace(Preset("some", ("{python}", "{url}"), (), ("{python}", "-c", "print('Some 1.0')")), **parts)  # type: ignore[arg-type]  # fields of Preset
    return prepare(
        ClientCommand("some", wanted), nursery, dict(os.environ), {"dir": str(folder), "python": sys.executable}
    )


def test_files_lie_where_they_must_before_anything_is_built(nursery: Nursery, tmp_path: Path) -> None:
    build = (("cp", "{dir}/a.txt", "{dir}/b.txt"), ("sh", "-c", "cat {dir}/b.txt >{dir}/c.txt"))
    assert made_ready(nursery, tmp_path, files={"a.txt": "{url} as it is"}, prepare=build) == "Some 1.0"
    assert (tmp_path / "c.txt").read_text() == "{url} as it is"
    assert stat.S_ISREG((tmp_path / "a.txt").stat().st_mode)


def test_what_cannot_be_built_says_why_in_the_words_of_the_compiler(nursery: Nursery, tmp_path: Path) -> None:
    failing = ("sh", "-c", r"printf 'a.c:1: \033[31mno such thing\n' >&2; exit 4")
    with pytest.raises(Problem, match="cannot prepare") as problem:
        made_ready(nursery, tmp_path, prepare=(failing,))
    assert problem.value.code is ExitCode.CANNOT
    assert r"\x1b[31mno such thing" in problem.value.evidence[0]


@pytest.mark.parametrize(
    ("code", "version"),
    [
        ("print('curl 7.88\\nmore')", "curl 7.88"),
        ("print('\\n\\n  Some 2.0  ')", "Some 2.0"),
        ("import sys; print('on stderr', file=sys.stderr)", "on stderr"),
        ("print('\\x1b[31mred')", r"\x1b[31mred"),
        ("pass", ""),
    ],
)
def test_the_version_is_the_first_line_that_it_says(nursery: Nursery, tmp_path: Path, code: str, version: str) -> None:
    assert made_ready(nursery, tmp_path, version=("{python}", "-c", code)) == version


@pytest.mark.parametrize(
    "code", ["import no_such_module", "raise SystemExit(3)", "import os; os.kill(os.getpid(), 11)"]
)
def test_one_that_cannot_even_say_its_version_does_not_run_here(nursery: Nursery, tmp_path: Path, code: str) -> None:
    with pytest.raises(Problem, match="does not run here") as problem:
        made_ready(nursery, tmp_path, version=("{python}", "-c", code))
    assert problem.value.code is ExitCode.CANNOT
    assert problem.value.evidence[0]


def test_the_surroundings_are_those_of_this_process_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "as it is")
    monkeypatch.setenv("AWAY", "not this")
    monkeypatch.setenv("SET", "not so")
    found = surroundings({"SET": "so", "AWAY_TOO": "new"}, ["AWAY", "NEVER_WAS"])
    assert found == {
        **{name: os.environ[name] for name in os.environ if name != "AWAY"},
        "SET": "so",
        "AWAY_TOO": "new",
    }
    assert json.dumps(found)
