"""A tree of spans as rows of one value each: a list on one row, a length beside what it measures.

    00 09 6c 6f 63 61 6c 68 6f 73 74    name: "localhost"           instead of a row for the length and one for the text
    00 33 00 26                         key_share (51): 38 bytes     type and length of an extension; its content below

The rows tile the bytes, as the leaves of the tree do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tlsdemo.explain import values
from tlsdemo.wire.fields import LENGTH, Field
from tlsdemo.wire.handshake import Extension
from tlsdemo.wire.registry import EXTENSION_TYPES
from tlsdemo.wire.registry import name as registered


@dataclass(frozen=True)
class Row:
    """A span of the bytes from `start` up to and excluding `end`, and what it means."""

    start: int
    end: int
    depth: int
    name: str
    value: str
    reason: str
    inside: "tuple[Row, ...]" = ()
    """Of a certificate: its elements. They tile the end of the span, after the length."""


def flat(tiles: Iterable[Row]) -> Iterator[Row]:
    """The rows, and after each the rows inside it; together they tile the same bytes."""
    for row in tiles:
        if row.inside:
            yield replace(row, end=row.inside[0].start, inside=())
            yield from row.inside
        else:
            yield row


def rows(field: Field, depth: int = 0, structure: str = "") -> Iterator[Row]:
    """The rows of a field and of everything in it, in the order of their bytes.

    `structure` is the name of the structure around the field.
    """
    if isinstance(field.value, Extension) and field.children:
        yield from _extension(field, depth)
    elif not field.children:
        if field.end > field.start or field.value not in (None, b"", ()):
            yield Row(field.start, field.end, depth, field.name, values.shown(field, structure=structure), field.reason)
    elif _has_length(field):
        yield from _vector(field, depth, structure)
    else:
        for child in field.children:
            yield from rows(child, depth, type(field.value).__name__)


def _has_length(field: Field) -> bool:
    return field.children[0].name == "length" and field.children[0].reason == LENGTH


def _vector(field: Field, depth: int, structure: str) -> Iterator[Row]:
    """A field behind its length: one row for bytes or a list of numbers, else one for the length and its parts."""
    length, *inner = field.children
    if not inner:
        yield Row(field.start, field.end, depth, field.name, "empty", field.reason)
    elif len(inner) == 1 and not inner[0].children and isinstance(inner[0].value, bytes):
        shown = values.shown(inner[0], field.name, structure)
        yield Row(field.start, field.end, depth, field.name, shown, field.reason)
    elif all(isinstance(each.value, int) and not each.children for each in inner):
        shown = values.listed([values.shown(each, field.name, structure) for each in inner])
        yield Row(field.start, field.end, depth, field.name, shown, field.reason)
    else:
        yield Row(field.start, length.end, depth, field.name, values.amount(length.value), field.reason)
        for each in inner:
            yield from rows(each, depth + 1)


def _extension(field: Field, depth: int) -> Iterator[Row]:
    """An extension: type and length on one row, then the content."""
    kind, data = field.children
    length, content = data.children
    title = f"{registered(EXTENSION_TYPES, kind.value)} ({kind.value})"
    end = field.end if content.end == content.start or not content.children else length.end
    yield Row(field.start, end, depth, title, values.amount(length.value), content.reason)
    if content.children:
        yield from rows(content, depth + 1)
