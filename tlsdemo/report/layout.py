"""Text in lines of 80 columns: headings, paragraphs, labelled values and lists. All text is escaped.

Pure functions. A wide character takes two columns. Long words are broken, and long texts are cut.
"""

import textwrap
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells, set_cell_size

from pki.errors import printable

WIDTH = 80
LABEL = 14
HANGING = 4
LONGEST = 4000
"""Characters of one text that a terminal shows."""


def heading(text: str) -> Iterator[str]:
    """A title, underlined."""
    yield from ("", text, "─" * len(text))


def say(text: str) -> Iterator[str]:
    """A paragraph."""
    yield from wrapped(" ".join(text.split()), WIDTH)


def show(label: str, value: str, *, indent: int = HANGING) -> Iterator[str]:
    """A value beside its label."""
    column = indent + LABEL + 2
    for number, line in enumerate(wrapped(value, WIDTH - column) or [""]):
        yield f"{'':{indent}}{label if number == 0 else '':<{LABEL}}  {line}".rstrip()


def hang(text: str, *, indent: int = 2, hanging: int = HANGING) -> Iterator[str]:
    """An entry of a list: the first line indented, the others deeper."""
    for number, line in enumerate(wrapped(text, WIDTH - hanging)):
        yield f"{'':{indent if number == 0 else hanging}}{line}"


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns."""
    lines = textwrap.wrap(printable(cut(text, LONGEST)), width, break_on_hyphens=False)
    parts = (part for line in lines for part in (chop_cells(line, width) if cell_len(line) > width else [line]))
    return [part.rstrip() for part in parts if part.strip()]


def cell(text: str, width: int) -> str:
    """The text in exactly `width` columns; `…` marks a cut."""
    text = printable(text[: 2 * width])
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def cut(text: str, longest: int | None) -> str:
    """The first `longest` characters, and how many were left out."""
    if longest is None or len(text) <= longest:
        return text
    return f"{text[:longest]} [and {len(text) - longest} more characters]"
