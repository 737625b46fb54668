"""Each page's commands are run in order, in a folder of their own, and print what the page shows. Caught: a stale page.

Ports, dates and keys are masked (`tests.guides`).
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests import guides
from tests.conftest import REQUIRE, ROOT, run, tool
from tests.guides import PAGES, Step
from tests.peers.support import Background
from tlsdemo.edu.protocol import RUNGS

README = guides.text("README.md")
PROGRAMS = {"pki": [sys.executable, "-m", "pki"], "tlsdemo": [sys.executable, "-m", "tlsdemo"]}
IN_THE_BACKGROUND = {"serve": "server", "eavesdrop": "middle", "mitm": "middle"}
PORTS = {"server": 4433, "middle": 4434}
"""The ports in the pages. The tests use free ones."""


class Reader:
    """A reader who types the commands of one page, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, Background] = {}
        self.ports: dict[str, int] = {}
        self.seen: dict[str, int] = {}
        """How many lines of each background program were printed before the latest command."""

    def follow(self, step: Step) -> None:
        """Run the command and compare; or wait for what the program in the background prints."""
        if step.command is None:
            self.wait_for(step.speaker, step.output)
            return
        program, *arguments = shlex.split(step.command)
        if program == "openssl" and not is_openssl():
            return
        if "curl" in (program, *arguments):
            tool("curl")
        name = IN_THE_BACKGROUND.get(arguments[0]) if program == "tlsdemo" else None
        if name:
            self.start(name, [*PROGRAMS[program], *arguments])
            self.wait_for(name, step.output)
        else:
            self.seen = {each: len(running.out) for each, running in self.running.items()}
            done = subprocess.run(
                [*PROGRAMS.get(program, [program]), *self.to_free_ports(arguments)],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=100, check=False,
            )  # fmt: skip
            printed = self.printed(done.stdout.splitlines())
            assert re.fullmatch(guides.pattern(step.output), printed), f"{step}\nprinted:\n{printed}"

    def start(self, name: str, command: list[str]) -> None:
        """Start a program in the background, on a free port; the one before it is stopped with Ctrl-C."""
        for each in ("middle", name):
            if each in self.running:
                self.running.pop(each).end()
        place = (
            ["--port", "0"]
            if name == "server"
            else ["--upstream", f"localhost:{self.ports['server']}", "--listen", "0"]
        )
        self.running[name] = Background(*command, *place, cwd=self.folder)
        self.ports[name] = int(self.running[name].wait_for(r"^listening on .*?:(\d+)[ ,]").group(1))
        self.seen[name] = 0

    def wait_for(self, name: str, shown: list[str]) -> None:
        """Wait until the program has printed these lines since the latest command.

        Of two connections at once, the lines of each are compared by themselves.
        """
        wanted = re.compile("^" + guides.pattern(shown), re.MULTILINE)

        def is_there(lines: list[str]) -> bool:
            new = lines[self.seen[name] :]
            peers = dict.fromkeys(line.partition("  ")[0] for line in new)
            each = [[line for line in new if line.startswith(f"{peer}  ")] for peer in peers]
            return any(wanted.search(self.printed(some)) for some in (new, *each))

        self.running[name].wait_until(is_there, wanted="\n".join(shown))

    def to_free_ports(self, arguments: list[str]) -> list[str]:
        """The arguments of a client: the ports of the page become the ports of this test."""
        for name in self.running:
            arguments = [re.sub(rf":{PORTS[name]}\b", f":{self.ports[name]}", word) for word in arguments]
        if arguments[0] in ("connect", "chain") and not any(":" in word for word in arguments[1:]):
            arguments.append(f"localhost:{self.ports['server']}")
        return arguments

    def printed(self, lines: list[str]) -> str:
        """Masked output, with the ports of the page."""
        output = "\n".join(lines)
        for name, port in self.ports.items():
            output = re.sub(rf"\b{port}\b", str(PORTS[name]), output)
        return guides.masked(output.splitlines())


@cache
def is_openssl() -> bool:
    """Whether `openssl` is OpenSSL: macOS has LibreSSL under that name."""
    found = shutil.which("openssl") is not None and run("openssl", "version").stdout.startswith("OpenSSL")
    assert found or not REQUIRE
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if any(guides.steps(page))])
def test_the_commands_of_a_page_print_what_it_shows(page: str, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    try:
        for step in guides.steps(page):
            reader.follow(step)
        for each in reader.running.values():
            each.end()
    finally:
        for each in reader.running.values():
            each.kill()


def test_the_readme_shows_the_refusal_of_the_rogue_certificate() -> None:
    steps = list(guides.steps("README.md"))
    assert [step.command for step in steps if step.command][:2] == ["tlsdemo tour", "pki init"]
    assert any(step.command == "tlsdemo connect" and "refused" in step.output[0] for step in steps)
    assert any(step.command and step.command.startswith("openssl s_client") for step in steps)


@pytest.mark.parametrize(("shown", "printed", "agrees"), [
    (["a", "...", "d"], ["a", "b", "c", "d"], True),
    (["a", "...", "d"], ["a", "d"], True),
    (["a", "..."], ["b", "a"], False),
    (["a: ...", "b"], ["a: anything", "b"], True),
    (["a.b"], ["axb"], False),
    (["on 2026-11-26"], ["on 2027-01-01"], True),
    (["a"], ["a", "b"], False),
])  # fmt: skip
def test_what_a_page_shows_is_compared_line_by_line(shown: list[str], printed: list[str], agrees: bool) -> None:
    assert bool(re.fullmatch(guides.pattern(shown), guides.masked(printed))) is agrees


# The pages ----------------------------------------------------------------------------------------------------------


def test_every_page_is_tested() -> None:
    written = [*ROOT.glob("*.md"), *(ROOT / "pki").rglob("*.md"), *(ROOT / "tlsdemo").rglob("*.md")]
    assert sorted(PAGES) == sorted(path.relative_to(ROOT).as_posix() for path in written)


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


LINKS = [(page, link) for page in PAGES for link in re.findall(r"\]\((?!https?:)([^)]+)\)", guides.text(page))]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists()
    if anchor:
        assert anchor in guides.headings(target)


def test_the_two_commands_of_the_readme_set_everything_up() -> None:
    commands = [line for block in guides.blocks("README.md", "sh") for line in block.body.splitlines()]
    set_up = [line for line in commands if line.startswith("python3 -m venv ")]
    assert set_up == [
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/tlsdemo tour",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ]


def test_the_readme_counts_the_rungs() -> None:
    assert f'{NUMBERS[len(RUNGS)]} steps ("rungs")' in README


def test_the_readme_names_the_schema_of_json_output() -> None:
    document = json.loads(run(*PROGRAMS["tlsdemo"], "attacks", "--json").stdout)
    assert f'`"schema": {document["schema"]}`' in README


NUMBERS = {6: "six", 7: "seven", 8: "eight"}


@cache
def help_of(program: str, *subcommands: str) -> str | None:
    """The help text of a command; None if there is no such command."""
    environment = {**os.environ, "COLUMNS": "200"}
    done = run(sys.executable, "-m", program, *subcommands, "--help", env=environment)
    return done.stdout if done.returncode == 0 else None


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_in_a_page_exists(page: str) -> None:
    for line in guides.command_lines(page):
        program, *words = line.partition(" -- ")[0].split()
        if program == "tlsdemo" and words[:1] == ["pki"]:
            program, words = "pki", words[1:]
        subcommands = words[: 2 if words[:1] == ["rogue"] else 1]
        names = [word for word in subcommands if re.fullmatch(r"[a-z][a-z-]*", word)]
        text = help_of(program, *names)
        assert text, line
        for option in (word.partition("=")[0] for word in words if word.startswith("-")):
            assert re.search(rf"(?m)^ *(-\w, )?{re.escape(option)}\b|^ *{re.escape(option)},", text), (line, option)


def test_what_is_minted_is_never_committed() -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("no git checkout: nothing could be committed")
    tracked = subprocess.run(["git", "ls-files", "certs"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert tracked.split() == ["certs/README.md"]
