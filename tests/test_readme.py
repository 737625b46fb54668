"""The README's story is run, command by command, and must print what the README shows. Caught: a stale README.

Masked, since they differ from run to run: ports, dates, serial numbers, keys and signatures. A line `...` stands for
any lines.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, Queue

import pytest

from pki.cases import CATALOGUE
from pki.cli import case_text
from tests.conftest import ROOT
from tlsdemo.edu.protocol import RUNGS

README = (ROOT / "README.md").read_text()
FENCE = re.compile(r"(?:<!-- the (server|one in the middle) says -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
PATIENCE = 100.0
AT_ONCE = 3  # lines of another conversation that may come between
MASKS = (
    (r"127\.0\.0\.1:\d+  ", "127.0.0.1:PEER  "),
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\dZ)?", "DATE"),
    (r"\b[0-9a-f]{24,}…?", "HEX"),
    (r"\(\d\d bytes\)", "(N bytes)"),
)


@dataclass(frozen=True)
class Step:
    """A command with what it prints; or what the server, or the one in the middle, prints meanwhile (no command)."""

    command: str | None
    output: list[str]
    speaker: str = "server"


def story() -> Iterator[Step]:
    for speaker, language, body in FENCE.findall(README):
        if speaker:
            yield Step(None, body.splitlines(), speaker)
        elif language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, *output = part.rstrip("\n").split("\n")
                yield Step(command, output)


def masked(lines: list[str], port: int, middle: int | None = None) -> list[str]:
    text = "\n".join(line.rstrip() for line in lines).strip("\n")
    text = text.replace(f":{middle or port + 1}", ":4434").replace(f":{port + 1}", ":4434").replace(f":{port}", ":4433")
    text = text.replace(f"--listen {port + 1} ", "--listen 4434 ")
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return text.split("\n")


def agrees(shown: list[str], printed: list[str]) -> bool:
    if "..." in shown:
        before = shown[: shown.index("...")]
        after = shown[shown.index("...") + 1 :]
        return printed[: len(before)] == before and (not after or printed[-len(after) :] == after)
    return shown == printed


class Background:
    """A server, or somebody in the middle, as the README starts it, but on a free port."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        self.lines: Queue[str] = Queue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        first = self.lines.get(timeout=PATIENCE)
        self.port = int(re.findall(r":(\d+)[ ,]", first)[0])
        self.head = [first]

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def take(self, count: int, is_wanted: Callable[[list[str]], bool]) -> list[str]:
        """The next lines; of two conversations at once, which are told as their threads come to it, those of one."""
        while len(self.head) < count:
            self.head.append(self.lines.get(timeout=PATIENCE))
        taken = self.head[:count]
        with suppress(Empty):
            while not is_wanted(taken) and len(self.head) < count + AT_ONCE:
                self.head.append(self.lines.get(timeout=PATIENCE))
                peers = dict.fromkeys(line.partition("  ")[0] for line in self.head)
                each = ([line for line in self.head if line.startswith(f"{peer}  ")][:count] for peer in peers)
                taken = next(filter(is_wanted, each), taken)
        for line in taken:
            self.head.remove(line)
        return taken

    def rest_until_blank_after(self, text: str) -> list[str]:
        """The introduction: up to the empty line after the one that contains `text`."""
        lines = list(self.head)
        self.head = []
        while not (lines[-1] == "" and any(text in line for line in lines)):
            lines.append(self.lines.get(timeout=PATIENCE))
        return lines

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        assert self.process.stdout
        self.process.stdout.close()
        return code


def test_the_story_by_hand_prints_what_the_readme_shows(tmp_path: Path) -> None:
    programs = {"pki": [sys.executable, "-m", "pki"], "tlsdemo": [sys.executable, "-m", "tlsdemo"]}
    running: dict[str, Background] = {}
    steps = list(story())
    assert len(steps) > 12, "the README has lost its story"

    def start(speaker: str, command: list[str]) -> list[str]:
        for each in ("one in the middle", speaker):  # who starts another server starts another one in the middle, too
            if each in running:
                assert running.pop(each).end() == 0
        running[speaker] = Background(command, tmp_path)
        return running[speaker].rest_until_blank_after("tlsdemo connect")

    def fits(step: Step, printed: list[str]) -> bool:
        port = running["server"].port if "server" in running else 4433
        middle = running["one in the middle"].port if "one in the middle" in running else None
        return agrees(masked(step.output, 4433), masked(printed, port, middle))

    try:
        for step in steps:
            if step.command is None:
                printed = running[step.speaker].take(len(step.output), partial(fits, step))
            else:
                program, *arguments = shlex.split(step.command)
                command = [*programs[program], *arguments]
                match arguments[0]:
                    case "serve":
                        printed = start("server", [*command, "--port", "0"])
                    case "eavesdrop" | "mitm":
                        upstream = f"localhost:{running['server'].port}"
                        printed = start("one in the middle", [*command, "--upstream", upstream, "--listen", "0"])
                    case "connect" if "localhost:4434" in command:
                        target = f"localhost:{running['one in the middle'].port}"
                        printed = output([target if word == "localhost:4434" else word for word in command], tmp_path)
                    case "connect":
                        printed = output([*command, f"localhost:{running['server'].port}"], tmp_path)
                    case _:
                        printed = output(command, tmp_path)
            assert fits(step, printed), (step, printed)
    finally:
        for each in running.values():
            each.end()


def output(command: list[str], folder: Path) -> list[str]:
    """All that a finite command prints."""
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done.stdout.splitlines()


def commands() -> list[str]:
    return [line for _, language, body in FENCE.findall(README) if language == "sh" for line in body.splitlines()]


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 250


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_two_commands_of_the_readme_set_everything_up() -> None:
    set_up = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && "
    assert commands()[:2] == [set_up + ".venv/bin/tlsdemo tour", set_up + ".venv/bin/pytest"]


def test_the_readme_counts_the_rogues_as_they_are() -> None:
    themes = Counter(each.theme for each in CATALOGUE.values())
    text = " ".join(README.split())
    assert f"By theme: {', '.join(f'{theme} {count}' for theme, count in themes.items())}." in text
    assert f"The catalogue of test certificates has {case_text.counts()}" in text
    assert f"in {NUMBERS[len(RUNGS)]} rungs" in text


NUMBERS = {6: "six", 7: "seven", 8: "eight"}


def test_every_command_in_the_readme_exists() -> None:
    environment = {**os.environ, "TERM": "dumb"}
    for program, subcommand in set(re.findall(r"`(pki|tlsdemo) ([a-z-]+)", README)) - {("tlsdemo", "pki")}:
        done = subprocess.run(
            [sys.executable, "-m", program, subcommand, "--help"], capture_output=True, env=environment, check=False
        )
        assert done.returncode == 0, (program, subcommand)


def test_what_is_minted_is_never_committed() -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("no git checkout: nothing could be committed")
    tracked = subprocess.run(["git", "ls-files", "certs"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert tracked.split() == ["certs/README.md"]
