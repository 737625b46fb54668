"""The matrix as one self-contained page: no script, no request, nothing but text, lines and links.

Each cell is a link to the duel behind it, which the browser shows by `:target`. All text is escaped by jinja2; what
comes from the wire or out of a certificate has its control characters written out first.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pki.errors import printable
from tlsdemo.report.drawing import as_svg
from tlsdemo.report.sequence import LEGEND, Event

TEMPLATES = Path(__file__).parent / "templates"


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
class Row:
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
    rows: tuple[Row, ...]
    counts: Mapping[str, tuple[str, str, int]]
    """By kind: sign, word and number."""
    prices: Sequence[Sequence[str]]
    made: str

    @property
    def families(self) -> Mapping[str, list[tuple[int, Row]]]:
        """The rows under their headings, with their numbers."""
        found: dict[str, list[tuple[int, Row]]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.family, []).append((number, row))
        return found


def render(page: Page) -> str:
    """The HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(str(value)),
    )
    assert environment.loader
    style = environment.loader.get_source(environment, "page.css")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = environment.get_template("page.html")
    return template.render(
        page=page,
        style=Markup(style),  # our own file, under the hash that stands in the policy
        policy=f"default-src 'none'; style-src 'sha256-{digest}'",
        drawn=LEGEND,
        svg=lambda cell, title: Markup(as_svg(cell.events, title)),  # which escapes what it is given
    )
