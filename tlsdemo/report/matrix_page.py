"""The matrix as one self-contained page: each cell is a link to the duel behind it, which `:target` shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tlsdemo.report import html
from tlsdemo.report.sequence import Event
from tlsdemo.report.sequence_svg import LEGEND, as_svg


@dataclass(frozen=True)
class Column:
    """An attack."""

    id: str
    sentence: str
    threat: str
    stopped_by: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One duel, in words."""

    kind: str
    """held, broken, moot, unseen, none: for its looks."""
    sign: str
    word: str
    predicted: str
    surprise: bool
    """Whether it came out otherwise than predicted."""
    finding: str
    why: str
    clauses: tuple[tuple[str, str, str], ...]
    """Protections that decided it: name, meaning with section, source."""
    events: tuple[Event, ...]
    steps: tuple[str, ...] = ()
    """What he saw or reckoned, in sentences."""


@dataclass(frozen=True)
class MatrixRow:
    """A protocol, and its cells in the order of the columns."""

    name: str
    short: str
    sentence: str
    family: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Page:
    """All that is shown."""

    columns: tuple[Column, ...]
    rows: tuple[MatrixRow, ...]
    counts: Mapping[str, tuple[str, str, int, str]]
    """By kind: sign, word, number and meaning."""
    prices: Sequence[Sequence[str]]
    made: str

    @property
    def families(self) -> Mapping[str, list[tuple[int, MatrixRow]]]:
        """The rows under their headings, with their numbers."""
        found: dict[str, list[tuple[int, MatrixRow]]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.family, []).append((number, row))
        return found


def render(page: Page) -> str:
    """The HTML."""
    return html.render(
        "page.html",
        "page.css",
        page=page,
        drawn=LEGEND,
        svg=lambda cell, title: Markup(as_svg(cell.events, title)),  # which escapes what it is given
    )
