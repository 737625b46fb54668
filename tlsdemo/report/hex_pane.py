"""Bytes as a pane of hexadecimal digits, 16 in a row behind their decimal offset; each run of bytes leads to its field.

    <a id="m3-b2" href="#m3-f2" data-f="2">cb 34 ec</a>     the bytes of field 2 of m3, whose row has the id m3-f2

A field that begins in one row and ends in another has an element in each. Only the first one is a link.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from markupsafe import Markup

WIDTH = 16  # bytes in a row


class Span(Protocol):
    """The bytes of a field, from `start` up to and excluding `end`."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


@dataclass(frozen=True)
class Run:
    """The bytes of a row that belong to one field."""

    start: int
    end: int
    field: int
    """The number of the field, or -1 for bytes of no field."""
    is_first: bool


def pane(data: bytes, fields: Sequence[Span], owner: str, shown: int) -> Markup:
    """The rows of the first `shown` bytes. `owner` is the id of the message: a word, not escaped."""
    end = min(shown, len(data))
    rows = [
        f"<i>{number * WIDTH:5}</i> " + " ".join(_run(data, run, owner) for run in row)
        for number, row in groupby(_runs(fields, end), lambda run: run.start // WIDTH)
    ]
    return Markup("\n".join(rows))


def _runs(fields: Sequence[Span], end: int) -> Iterator[Run]:
    """The bytes up to `end`, cut at the borders of fields and rows."""
    position = 0
    for number, field in enumerate(fields):
        yield from _cut(position, min(field.start, end), -1)
        yield from _cut(max(field.start, position), min(field.end, end), number)
        position = max(position, field.end)
    yield from _cut(position, end, -1)


def _cut(start: int, end: int, field: int) -> Iterator[Run]:
    is_first = True
    while start < end:
        stop = min(end, start - start % WIDTH + WIDTH)
        yield Run(start, stop, field, is_first)
        start, is_first = stop, False


def _run(data: bytes, run: Run, owner: str) -> str:
    digits = data[run.start : run.end].hex(" ")
    if run.field < 0:
        return digits
    odd = " class=o" if run.field % 2 else ""
    # The table of fields has a link to each field, so the Tab key does not stop here, too.
    link = f" id={owner}-b{run.field} href=#{owner}-f{run.field} tabindex=-1" if run.is_first else ""
    return f"<a data-f={run.field}{odd}{link}>{digits}</a>"
