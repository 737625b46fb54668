"""The sequence diagram of `sequence` as one inline SVG for a page."""

import textwrap
from collections.abc import Sequence
from html import escape

from pki.errors import printable
from tlsdemo.report.sequence import MOODS, Arrow, Event, Lane, Mark, Note

WIDTH = 640
PLACES = {Lane.CLIENT: 90, Lane.ATTACKER: 320, Lane.SERVER: 550}
LEGEND = (
    f"Dotted red: {Mark.CHANGED.value}; dashed red: {Mark.FORGED.value}; an arrow that ends in a cross: "
    f"{Mark.STOPPED.value}."
)
"""The legend: how `page.css` draws each mark."""
LETTER, LINE = 6.7, 15  # approximate width of a letter and height of a line, in units of the drawing


def as_svg(events: Sequence[Event], title: str) -> str:
    """The SVG of the diagram; `title` is its label for screen readers."""
    parts: list[str] = []
    height = 34.0
    for event in events:
        drawn, height = _arrow(event, height) if isinstance(event, Arrow) else _note(event, height)
        parts += drawn
    height += 10
    lanes = [
        f'<text x="{x}" y="14" class="lane">{lane.value}</text><line x1="{x}" y1="22" x2="{x}" y2="{height:.0f}"/>'
        for lane, x in PLACES.items()
    ]
    caption = escape(printable(title))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{caption}" class="seq">'
        + "".join(lanes + parts)
        + "</svg>"
    )


def _arrow(arrow: Arrow, top: float) -> tuple[list[str], float]:
    start, end = PLACES[arrow.source], PLACES[arrow.target]
    left, right = min(start, end), max(start, end)
    rows = _wrapped(arrow.label, right - left - 16)
    text = _text(rows, left + 8, top + 11, "what")
    y = top + 11 + LINE * len(rows) - 6
    sign = 1 if end > start else -1
    tip = end - sign * 2
    if arrow.mark is Mark.STOPPED:
        tip -= sign * 10
        head = f"M{tip - 4} {y - 4}l8 8m0 -8l-8 8"
    else:
        head = f"M{tip - sign * 7} {y - 4}L{tip} {y}L{tip - sign * 7} {y + 4}"
    kind = arrow.mark.name.lower()
    return [text, f'<path class="{kind}" d="M{start} {y}H{tip}"/><path class="{kind} head" d="{head}"/>'], y + 10


def _note(note: Note, top: float) -> tuple[list[str], float]:
    rows = _wrapped(MOODS[note.mood] + note.text, 300)
    wide = max(map(len, rows)) * LETTER
    left = min(max(PLACES[note.lane] - wide / 2, 4), WIDTH - wide - 4)
    box = f'<rect x="{left - 4:.0f}" y="{top:.0f}" width="{wide + 8:.0f}" height="{LINE * len(rows) + 4}" rx="4"/>'
    text = _text(rows, left, top + 13, note.mood.name.lower())
    return [f'<g class="note {note.mood.name.lower()}">{box}{text}</g>'], top + LINE * len(rows) + 12


def _wrapped(text: str, room: float) -> list[str]:
    return textwrap.wrap(printable(text), max(int(room / LETTER), 8)) or [""]


def _text(rows: Sequence[str], left: float, top: float, kind: str) -> str:
    spans = "".join(
        f'<tspan x="{left:.0f}" y="{top + LINE * number:.0f}">{escape(row)}</tspan>' for number, row in enumerate(rows)
    )
    return f'<text class="{kind}">{spans}</text>'
