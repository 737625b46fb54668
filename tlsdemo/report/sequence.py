"""A sequence diagram with three lanes, as text; `sequence_html` draws it for browsers."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Lane(Enum):
    """The lanes from left to right."""

    CLIENT = "client"
    ATTACKER = "attacker"
    SERVER = "server"


class Mark(Enum):
    """What the attacker did with a message."""

    PLAIN = "unchanged"
    CHANGED = "changed by the attacker"
    FORGED = "created or repeated by the attacker"
    STOPPED = "dropped by the attacker"


class Mood(Enum):
    """Whether a note reports a success or a failure of the attack."""

    NEUTRAL = "neutral"
    GOOD = "the attack failed"
    BAD = "the attack succeeded"


@dataclass(frozen=True)
class Arrow:
    """A message. From client to server, it crosses the attacker's lane unchanged."""

    source: Lane
    target: Lane
    label: str
    mark: Mark = Mark.PLAIN


@dataclass(frozen=True)
class Note:
    """A text at one lane."""

    lane: Lane
    text: str
    mood: Mood = Mood.NEUTRAL


Event = Arrow | Note

LANES = list(Lane)
STROKES = {Mark.PLAIN: "─", Mark.CHANGED: "~", Mark.FORGED: "═", Mark.STOPPED: "─"}
LEGEND = "; ".join(
    (
        f"{STROKES[Mark.CHANGED] * 2} {Mark.CHANGED.value}",
        f"{STROKES[Mark.FORGED] * 2} {Mark.FORGED.value}",
        f"an arrow that ends in x: {Mark.STOPPED.value}",
    )
)
"""The legend of the diagram as text; `sequence_html` has its own."""
MOODS = {Mood.NEUTRAL: "", Mood.GOOD: "✓ ", Mood.BAD: "✗ "}


def as_text(events: Sequence[Event], width: int = 80) -> list[str]:
    """The lines of the diagram in `width` columns; `LEGEND` explains the arrows."""
    places = [width // 8, width // 2, width - 1 - width // 8]
    lines = ["".join(_centred(lane.value, width // 3) for lane in LANES).rstrip(), _bare(places)]
    for event in events:
        lines += _arrow(event, places) if isinstance(event, Arrow) else _note(event, places, width)
    return [*lines, _bare(places)]


def _arrow(arrow: Arrow, places: Sequence[int]) -> list[str]:
    start, end = places[LANES.index(arrow.source)], places[LANES.index(arrow.target)]
    left, right = min(start, end), max(start, end)
    room = right - left - 3
    rows = textwrap.wrap(arrow.label, room) or [""]
    lines = []
    for row in rows:
        lines.append(_over(places, left + 2, row))
    stroke = STROKES[arrow.mark] * (right - left - 2)
    tip = "x" if arrow.mark is Mark.STOPPED else (">" if end > start else "<")
    lines.append(_over(places, left + 1, stroke + tip if end > start else tip + stroke))
    return lines


def _note(note: Note, places: Sequence[int], width: int) -> list[str]:
    room = width // 2 - 4
    rows = textwrap.wrap(MOODS[note.mood] + note.text, room)
    wide = max(map(len, rows), default=0)
    place = places[LANES.index(note.lane)]
    left = min(max(place - wide // 2, 0), width - wide)
    return [_over(places, left, row.ljust(wide)) for row in rows]


def _over(places: Sequence[int], left: int, text: str) -> str:
    """A line with the lanes and a text over them."""
    base = _bare(places).ljust(left + len(text))
    return (base[:left] + text + base[left + len(text) :]).rstrip()


def _bare(places: Sequence[int]) -> str:
    return "".join("│" if column in places else " " for column in range(places[-1] + 1))


def _centred(text: str, width: int) -> str:
    return text.center(width)
