"""Which records of a conversation the page shows whole, which it lists, and which it counts: within a number of bytes.

    whole      with its bytes and fields                         some KB each
    listed     one row: sender, number, length, key              some 200 bytes each
    counted    "N more records from the server, M bytes"         one line for each side

The first records are shown whole, and of those in bulk (application data, or not decrypted) only a few: so handshake
messages and alerts that come later have room. The sizes are those of the HTML, so text that grows when it is escaped
is counted as it is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from markupsafe import Markup

WHOLE = 32  # records of each kind of bulk that are shown whole
LISTED = 1_000  # records that are listed
MISSES = 50  # records that did not fit; then no further one is tried
SHARE = 0.75  # of the bytes, for the records that are shown whole


class Sent(Protocol):
    """A record, as far as it matters here."""

    @property
    def id(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def bulk(self) -> str:
        """The kind of bulk; empty for a record that is none."""
        ...


R = TypeVar("R", bound=Sent)
Count = tuple[str, int, int]
"""A sender, a number of its records, and the sum of their lengths in bytes."""


@dataclass(frozen=True)
class Views(Generic[R]):
    """How records become HTML."""

    whole: Callable[[R], Markup]
    row: Callable[[R], Markup]
    """One record in a list."""
    listing: Callable[[Markup, Sequence[Count]], Markup]
    """Rows, and what is counted after them."""


class Ladder(Generic[R]):
    """The HTML of the records, in their order: at most `room` bytes, and some lines that count."""

    def __init__(self, records: Iterable[R], views: Views[R], room: int) -> None:
        self.views = views
        self.for_whole = int(room * SHARE)
        self.for_rows = room - self.for_whole
        self.steps: list[Markup] = []
        self.whole: set[str] = set()
        self.shown: set[str] = set()
        """The ids of the records that are shown whole, and of those that are shown whole or listed."""
        self.listed = self.counted = 0
        bulk: dict[str, int] = defaultdict(int)
        waiting: list[R] = []
        misses = 0
        for record in records:
            bulk[record.bulk] += 1
            is_tried = misses < MISSES and (not record.bulk or bulk[record.bulk] <= WHOLE)
            whole = self.views.whole(record) if is_tried else None
            if whole is not None and _size(whole) <= self.for_whole:
                self._list(waiting)
                waiting.clear()
                self.for_whole -= _size(whole)
                self.steps.append(whole)
                self.whole.add(record.id)
                self.shown.add(record.id)
            else:
                misses += is_tried
                waiting.append(record)
        self._list(waiting)

    def _list(self, records: Sequence[R]) -> None:
        """List records that follow each other; count the ones that do not fit."""
        rows: list[Markup] = []
        counts: dict[str, tuple[int, int]] = {}
        for record in records:
            row = self.views.row(record) if self.listed < LISTED and not counts else None
            if row is not None and _size(row) <= self.for_rows:
                self.for_rows -= _size(row)
                self.listed += 1
                self.shown.add(record.id)
                rows.append(row)
            else:
                self.counted += 1
                number, size = counts.get(record.sender, (0, 0))
                counts[record.sender] = number + 1, size + len(record.data)
        if records:
            more = [(sender, *each) for sender, each in counts.items()]
            self.steps.append(self.views.listing(Markup("").join(rows), more))


def _size(markup: Markup) -> int:
    return len(markup.encode())
