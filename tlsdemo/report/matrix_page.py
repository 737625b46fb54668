"""The matrix as one self-contained page: each cell links to its duel, which `:target` shows."""

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
    """One duel in text."""

    kind: str
    """held, broken, moot, unseen or none: the CSS class."""
    sign: str
    word: str
    predicted: str
    surprise: bool
    """Whether the result differs from the prediction."""
    finding: str
    why: str
    clauses: tuple[tuple[str, str, str], ...]
    """The protections that decided it: name, meaning with section, source."""
    events: tuple[Event, ...]
    steps: tuple[str, ...] = ()
    """What the attacker saw or computed, and how it was refused, in sentences."""


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
    """The content of the page."""

    columns: tuple[Column, ...]
    rows: tuple[MatrixRow, ...]
    counts: Mapping[str, tuple[str, str, int, str]]
    """For each kind: sign, word, number and meaning."""
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
    """The page as HTML."""
    return html.render(
        "page.html",
        "page.css",
        page=page,
        drawn=LEGEND,
        svg=lambda cell, title: Markup(as_svg(cell.events, title)),  # which escapes what it is given
    )
