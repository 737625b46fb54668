"""An explained conversation as one self-contained page: a ladder of records, each of which opens to its bytes.

Every field has an id of its own, such as m3-f12: field 12 of the third message. A link to it opens the message. The
page is whole without its script, which marks the bytes of the field under the pointer, and the field of the byte.
It has less than a megabyte, and says what it leaves out.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from markupsafe import Markup

from tlsdemo.report import html
from tlsdemo.report.hex_pane import pane
from tlsdemo.report.ladder import Ladder, Views

PAGE = 940_000  # bytes of HTML for all conversations: with style, script and legend, less than a megabyte
KEYS = 60_000  # bytes for the facts and the keys of a conversation
LEAST = 80_000  # bytes for a conversation; with less, it is only named
MOST_OTHERS = 200  # conversations that are named
MOST_LINKS = 40  # from a key to its records
MOST_FIELDS = 1_500  # of a message

LONGEST = 4096  # bytes shown of application data, and of a record with application data
GENEROUS = 4 * LONGEST  # bytes of application data in a conversation; later data is only begun
BEGINNING = 256  # bytes shown of later application data


@dataclass(frozen=True)
class Field:
    """A span of the bytes from `start` up to and excluding `end`, and what it means."""

    start: int
    end: int
    depth: int
    name: str
    value: str
    reason: str


@dataclass(frozen=True)
class Part:
    """Fields that follow each other, in a table of their own."""

    title: str
    """Empty, or the line to which the table is folded: the elements of a certificate."""
    first: int
    """The number of its first field among those of the message."""
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Check:
    """A value that was computed again: whether it is the sent one, None if it was not computed; and a sentence."""

    passed: bool | None
    sentence: str

    @property
    def kind(self) -> str:
        """The CSS class."""
        return {True: "held", False: "broken", None: "moot"}[self.passed]

    @property
    def word(self) -> str:
        """The result in a word, with its sign."""
        return {True: "✓ checked", False: "✗ check failed", None: "- not checked"}[self.passed]


@dataclass(frozen=True)
class Content:
    """A message, an alert, or application data, as it was before encryption."""

    id: str
    title: str
    why: str
    data: bytes
    parts: tuple[Part, ...]
    is_secret: bool
    """Whether an eavesdropper cannot read it."""
    is_inside: bool
    """Whether reason, notes and checks tell what an eavesdropper cannot know."""
    is_application_data: bool
    is_refusal: bool
    """Whether it is an alert that ends the conversation as a failure."""
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    shown: int
    """How many bytes are shown."""
    more_fields: int
    """How many fields are not shown."""
    eavesdropper: str
    """What an eavesdropper learns from it, in a sentence; empty if that is told elsewhere."""

    @property
    def is_cut(self) -> bool:
        """Whether bytes or fields are left out."""
        return self.shown < len(self.data) or self.more_fields > 0

    @property
    def hex(self) -> Markup:
        """The bytes."""
        return pane(self.data, [field for part in self.parts for field in part.fields], self.id, self.shown)

    @property
    def lines(self) -> Sequence[str]:
        """Application data as text."""
        return self.data[: self.shown].decode("utf-8", "backslashreplace").removesuffix("\n").split("\n")


@dataclass(frozen=True)
class Record:
    """A record on the wire, and what it carries."""

    id: str
    sender: str
    title: str
    secret: str
    """The name of the secret that decrypted it, or empty."""
    sequence_number: str
    """The end of its title, after the name of the secret."""
    data: bytes
    fields: tuple[Field, ...]
    decrypted: bytes
    """Empty if the record is not encrypted, or could not be decrypted."""
    is_encrypted: bool
    key: str
    """The id of the secret that decrypted it, or empty."""
    contents: tuple[Content, ...]
    most: int
    """How many of its bytes are shown at most."""

    @property
    def bulk(self) -> str:
        """The kind of record of which there can be thousands; empty for another one."""
        if any(each.is_application_data for each in self.contents):
            return "application data"
        return "not decrypted" if self.is_encrypted and not self.decrypted else ""

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its fields in one table."""
        return (Part("", 0, self.fields),)

    @property
    def receiver(self) -> str:
        return "server" if self.sender == "client" else "client"

    @property
    def shown(self) -> int:
        """How many bytes are shown: the header alone if the rest is explained as messages."""
        if any(each.is_application_data for each in self.contents):
            is_whole = all(each.shown == len(each.data) for each in self.contents)
            return len(self.data) if is_whole else max(each.shown for each in self.contents)
        if self.contents and not self.is_encrypted:
            return self.fields[2].end if len(self.fields) > 2 else len(self.data)
        return min(len(self.data), self.most)

    @property
    def is_cut(self) -> bool:
        """Whether bytes are left out that nothing else on the page shows."""
        return self.shown < len(self.data) and self.is_encrypted

    @property
    def hex(self) -> Markup:
        """The bytes on the wire."""
        return pane(self.data, self.fields, self.id, self.shown)

    @property
    def decrypted_hex(self) -> Markup:
        """The bytes that decryption gave."""
        return pane(self.decrypted, (), self.id, self.shown)


@dataclass(frozen=True)
class Key:
    """A secret or a key, what is derived from it, and the records that it protects."""

    id: str
    name: str
    how: str
    """How it is derived, or its source."""
    value: bytes
    """Empty if it is not known here."""
    sender: str
    """The side whose records it protects; empty for a secret that is used by neither."""
    records: tuple[tuple[str, str], ...]
    """The id of each record, and the text of the link to it."""
    children: tuple["Key", ...]

    def linked(self, shown: Collection[str]) -> Sequence[tuple[str, str]]:
        """The first of its records that the page shows, or lists."""
        return list(islice((each for each in self.records if each[0] in shown), MOST_LINKS))


@dataclass(frozen=True)
class Conversation:
    """A whole conversation."""

    title: str
    version: str
    suite: str
    explained: str
    """How many of the bytes were explained; empty if that is not told."""
    learned: tuple[str, ...]
    failed: bool
    ending: tuple[str, ...]
    seen_ending: tuple[str, ...]
    """The same for an eavesdropper; empty if that is not told apart."""
    hint: str
    problems: tuple[str, ...]
    records: tuple[Record, ...]
    keys: tuple[Key, ...]
    more_keys: int
    """How many secrets are not among the keys."""
    key_checks: tuple[Check, ...]

    def refusal(self, whole: Collection[str]) -> Content | None:
        """The first alert that refuses, if its record is among these."""
        contents = (each for record in self.records if record.id in whole for each in record.contents)
        return next((each for each in contents if each.is_refusal), None)

    @cached_property
    def longest(self) -> int:
        """The length of the longest record."""
        return max((len(each.data) for each in self.records), default=1)

    def bar(self, record: Record) -> Iterator[tuple[str, str, str]]:
        """The parts of a record as CSS class, position and width: its length beside the longest record."""
        position = 0
        for kind, end in _parts(record):
            start, width = (100 * each / self.longest for each in (position, end - position))
            yield kind, f"{start:.2f}%", f"{width:.2f}%"
            position = end


def _parts(record: Record) -> Iterator[tuple[str, int]]:
    """The header, the fragment and the tag of a record: CSS class and end."""
    header = record.fields[2].end if len(record.fields) > 2 else 0
    tag = next((field.start for field in record.fields if field.name == "tag"), len(record.data))
    yield "head", header
    yield ("sealed" if record.is_encrypted else "open"), tag
    if tag < len(record.data):
        yield "tag", len(record.data)


def shown_of_data(lengths: Sequence[int]) -> Iterator[int]:
    """For each piece of application data in a conversation, how many of its bytes the page shows."""
    before = 0
    for length in lengths:
        yield min(length, LONGEST if before < GENEROUS else BEGINNING)
        before += length


def render(conversations: Sequence[Conversation], made: str, *, has_switch: bool) -> str:
    """The page as HTML. `has_switch`: whether a checkbox hides what an eavesdropper cannot read."""
    sections: list[Markup] = []
    others: list[Conversation] = []
    room = PAGE
    for told in conversations:
        section = _section(told, room - KEYS, is_alone=len(conversations) == 1) if room >= LEAST else None
        if section is None:
            others.append(told)
        else:
            room -= len(section.encode())
            sections.append(section)
    return html.render(
        "explanation.html",
        "page.css",
        "explanation.css",
        script="explanation.js",
        title=conversations[0].title,
        sections=sections,
        others=others,
        most_others=MOST_OTHERS,
        made=made,
        has_switch=has_switch,
    )


PARTS = "explanation_parts.html"


def _section(told: Conversation, room: int, *, is_alone: bool) -> Markup:
    """One conversation, with at most `room` bytes for its records."""
    whole = html.macro(PARTS, "whole")
    views = Views[Record](
        lambda record: whole(record, list(told.bar(record))), html.macro(PARTS, "row"), html.macro(PARTS, "listing")
    )
    ladder = Ladder(told.records, views, room)
    refusal, left_out = told.refusal(ladder.whole), list(_left_out(ladder))
    return html.macro(PARTS, "section")(told, ladder.steps, ladder.shown, refusal, left_out, is_alone)


def _left_out(ladder: Ladder[Record]) -> Iterator[str]:
    """What is left out, and how to see it."""
    if ladder.listed:
        yield f"{html.amount(ladder.listed, 'record')} {_are(ladder.listed)} listed in one line each."
    if ladder.counted:
        yield f"{html.amount(ladder.counted, 'record')} {_are(ladder.counted)} only counted."
    if ladder.listed or ladder.counted:
        yield "With --json, the command prints all bytes; with --by-hand N, the numbers of record N."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
