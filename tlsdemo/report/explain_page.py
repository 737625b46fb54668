"""An explained conversation as one self-contained page: a ladder of records, each of which opens to its bytes.

Every field has an id of its own, such as m3-f12: field 12 of the third message. A link to it opens the message. The
page is whole without its script, which marks the bytes of the field under the pointer, and the field of the byte.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from tlsdemo.report import html
from tlsdemo.report.hex_pane import pane

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
    is_application_data: bool
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    shown: int
    """How many bytes are shown."""

    @property
    def hex(self) -> Markup:
        """The bytes."""
        return pane(self.data, [field for part in self.parts for field in part.fields], self.id, self.shown)

    @property
    def lines(self) -> Sequence[str]:
        """Application data as text."""
        return self.data[: self.shown].decode("utf-8", "backslashreplace").split("\n")


@dataclass(frozen=True)
class Record:
    """A record on the wire, and what it carries."""

    id: str
    sender: str
    title: str
    attackers_title: str
    """The same without the name of the secret."""
    data: bytes
    fields: tuple[Field, ...]
    decrypted: bytes
    """Empty if the record is not encrypted, or could not be decrypted."""
    is_encrypted: bool
    key: str
    """The id of the secret that decrypted it, or empty."""
    contents: tuple[Content, ...]

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
            return max(each.shown for each in self.contents)
        if self.contents and not self.is_encrypted:
            return self.fields[2].end if len(self.fields) > 2 else len(self.data)
        return len(self.data)

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
    hint: str
    problems: tuple[str, ...]
    records: tuple[Record, ...]
    keys: tuple[Key, ...]
    key_checks: tuple[Check, ...]

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
    return html.render(
        "explanation.html",
        "page.css",
        "explanation.css",
        script="explanation.js",
        conversations=conversations,
        made=made,
        has_switch=has_switch,
        amount=amount,
    )


def amount(count: int) -> str:
    """`1 byte`, `2,048 bytes`."""
    return f"{count:,} byte{'s' * (count != 1)}"
