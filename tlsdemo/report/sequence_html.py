"""The sequence diagram of `sequence` as an HTML list for a page; `matrix.css` draws lanes, arrows and boxes.

The browser breaks the lines, so the text is readable at every width. An element costs few bytes, since a page has
thousands of events: end tags that HTML does not need are left out. The style sheet also adds the direction of an arrow
for screen readers ("client to server: ").
"""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from pki.errors import printable
from tlsdemo.report.sequence import MOODS, Arrow, Event, Lane, Mark, Mood

LEGEND = (
    f"Dotted red: {Mark.CHANGED.value}; dashed red: {Mark.FORGED.value}; an arrow that ends in a cross: "
    f"{Mark.STOPPED.value}."
)
"""The legend: how `matrix.css` draws each mark."""


def as_list(events: Sequence[Event]) -> Markup:
    """The `<ol>` of the diagram, with all text escaped."""
    return Markup("<ol class=seq>" + "".join(map(_item, events)) + "</ol>")


def _item(event: Event) -> str:
    """The class of an arrow is the initials of its two lanes, the class of a note the initial of its lane."""
    if isinstance(event, Arrow):
        lanes = f"{_initial(event.source)}{_initial(event.target)}"
        return _element(lanes, "" if event.mark is Mark.PLAIN else event.mark.name.lower(), event.label)
    mood = "" if event.mood is Mood.NEUTRAL else event.mood.name.lower()
    return _element(_initial(event.lane), mood, MOODS[event.mood] + event.text)


def _element(place: str, kind: str, text: str) -> str:
    classes = f'"{place} {kind}"' if kind else place
    return f"<li class={classes}>{escape(printable(text), quote=False)}"


def _initial(lane: Lane) -> str:
    return lane.value[0]
