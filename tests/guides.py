"""The pages of documentation: their blocks, and the commands in them with what they print.

    ```console                     a command, run as it stands, and its output
    $ pki init
    ...                            a line that stands for any lines; within a line, for any text
    ```
    ```text                        what a program in the background prints meanwhile
    # the server prints
    ```

Other blocks (`sh`, `yaml`, `json`, `python`) are not run here; the test of a page runs those that can be run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = (
    "README.md",
    "pki/README.md",
    "pki/WALKTHROUGH.md",
    "tlsdemo/README.md",
    "tlsdemo/attack/README.md",
    "tlsdemo/edu/LESSON.md",
    "tlsdemo/edu/README.md",
    "tlsdemo/explain/README.md",
    "tlsdemo/lab/README.md",
    "tlsdemo/tls13/README.md",
)
"""Relative to ROOT. `certs/README.md` describes files only."""


def text(page: str) -> str:
    return (ROOT / page).read_text()


@dataclass(frozen=True)
class Block:
    """A fenced block: the word after the fence, and its lines."""

    language: str
    body: str


@dataclass(frozen=True)
class Step:
    """A command with its output; without a command, output of the program in the background that `speaker` names."""

    command: str | None
    output: list[str]
    speaker: str = ""


SPEAKERS = {
    "# the server prints": "server",
    "# the eavesdropper prints": "middle",
    "# the man in the middle prints": "middle",
}


def blocks(page: str, language: str | None = None) -> list[Block]:
    """The fenced blocks of a page in order; with a language, only those."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE)
    return [Block(*each) for each in found if language in (None, each[0])]


def steps(page: str) -> Iterator[Step]:
    """The commands of a page and the output of programs in the background, in order."""
    for block in blocks(page):
        first, *rest = block.body.splitlines()
        if block.language == "text" and first in SPEAKERS:
            yield Step(None, rest, SPEAKERS[first])
        elif block.language == "console":
            for part in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
                command, *output = part.rstrip("\n").split("\n")
                yield Step(command, output)


def command_lines(page: str) -> list[str]:
    """Every command line of a page: in `sh` and `console` blocks, and in code spans."""
    lines = [line for block in blocks(page, "sh") for line in block.body.splitlines()]
    lines += [step.command for step in steps(page) if step.command]
    lines += [each for block in blocks(page, "yaml") for each in re.findall(r"- run: (.*)", block.body)]
    prose = re.sub(r"^```.*?^```$", "", text(page), flags=re.DOTALL | re.MULTILINE)
    lines += [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    return [line for line in lines if re.match(r"(pki|tlsdemo)( |$)", line)]


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts derive them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# Output that differs from run to run --------------------------------------------------------------------------------

MASKS = (
    (r"127\.0\.0\.1:\d+  ", "127.0.0.1:PEER  "),
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\dZ)?", "DATE"),
    (r"\b[0-9a-f]{24,}…?", "HEX"),
    (r"\(\d\d bytes\)", "(N bytes)"),
)
"""Ports of clients, dates, serial numbers, keys, signatures and their lengths."""


def masked(lines: list[str]) -> str:
    joined = "".join(f"{line.rstrip()}\n" for line in lines)
    for pattern, mask in MASKS:
        joined = re.sub(pattern, mask, joined)
    return joined


def pattern(shown: list[str]) -> str:
    """A regular expression for the output that a page shows, to be applied to masked output."""
    return "".join(
        r"(?:.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in masked(shown).splitlines()
    )
