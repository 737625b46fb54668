"""The matrix as one self-contained page: each cell links to its conversation, which `:target` shows.

Where the window is too narrow for the columns, the style turns each row into a block of its own, in which each cell has
the name of its attack beside its sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlsdemo.report import html
from tlsdemo.report.sequence import Event
from tlsdemo.report.sequence_html import LEGEND, as_list


@dataclass(frozen=True)
class Column:
    """An attack."""

    id: str
    sentence: str
    threat: str
    stopped_by: tuple[tuple[str, str], ...]
    """Name and meaning of each protection that it must defeat."""


@dataclass(frozen=True)
class Cell:
    """One trial in text."""

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
    protections: Sequence[tuple[str, str]]
    """Name and meaning of each protection."""
    prices: Sequence[Sequence[str]]
    made: str

    @property
    def size(self) -> int:
        """The number of cells."""
        return len(self.rows) * len(self.columns)

    @property
    def surprises(self) -> int:
        """The number of cells whose result differs from the prediction."""
        return sum(cell.surprise for row in self.rows for cell in row.cells)

    @property
    def families(self) -> Mapping[str, list[tuple[int, MatrixRow]]]:
        """The rows under their headings, with their numbers."""
        found: dict[str, list[tuple[int, MatrixRow]]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.family, []).append((number, row))
        return found

    def groups(self, column: int) -> list[tuple[Cell, list[tuple[int, MatrixRow]]]]:
        """The cells of a column that differ, each with its rows and their numbers: equal text is written once."""
        found: dict[Cell, list[tuple[int, MatrixRow]]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.cells[column], []).append((number, row))
        return list(found.items())


def render(page: Page) -> str:
    """The page as HTML."""
    return html.render(
        "page.html", "page.css", "matrix.css", page=page, counted=_counted, drawn=LEGEND, drawing=as_list
    )


def _counted(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
