"""The output of `show` and `diff` as lines, wrapped for the terminal. `inspect` prints them."""

import sys
from collections.abc import Iterable, Sequence
from enum import Enum

from pki import names
from pki.console import terminal_width, wrapped
from pki.show import diff
from pki.show.describe import Description, Row
from pki.show.diff import Difference


class Explain(Enum):
    """Whether to explain each field."""

    NOTHING = "nothing"
    REASONS = "reasons"


def descriptions(found: Sequence[Description], explain: Explain) -> Iterable[str]:
    """Lines: every object with its rows. Each reason is printed once, below the first row that has it."""
    explained: set[str] = set()
    for place, described in enumerate(found, start=1):
        number = f"{place} of {len(found)}: " if len(found) > 1 else ""
        for line_number, line in enumerate(wrapped(clipped(described.title, LONGEST_TITLE), indent=len(number))):
            yield f"{number if line_number == 0 else ' ' * len(number)}{line}"
        for row in described.rows:
            yield from _columns(row.label, _cut(row))
            if explain is Explain.REASONS and row.reason not in explained:
                yield from _columns("", row.reason, "· ")
            explained.add(row.reason)
        yield ""
    if explain is Explain.REASONS:
        yield "Sections without an RFC number are from RFC 5280."
    else:
        yield "--explain explains each field."


MOST_CHARACTERS = 1_200  # of one value; JSON has the whole value
LONGEST_TITLE = 300


def _cut(row: Row) -> str:
    """The value; of a long list the first items, of a long text the first characters."""
    value = row.value
    if len(row.items) > names.LONGEST_LIST:
        value = names.cut(row.items) + row.value[len(", ".join(row.items)) :]
    return clipped(value)


def clipped(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text, or its first characters and how many more there are."""
    return text if len(text) <= most else f"{text[:most]}… and {len(text) - most:,} more characters"


def _columns(label: str, text: str, mark: str = "") -> Iterable[str]:
    for number, line in enumerate(wrapped(text, indent=23 + len(mark)) or [""]):
        yield f"  {label if number == 0 else '':<21}{mark if number == 0 else ' ' * len(mark)}{line}".rstrip()


def difference(fields: Sequence[Difference]) -> Iterable[str]:
    """Lines: the fields of two certificates, and which of them differ."""
    for field in fields:
        yield f"  {'same      ' if field.same else 'DIFFERENT '}{field.label:<20}{_clip(field.one)}"
        if not field.same:
            yield f"{'':32}{_clip(field.other)}"
    yield ""
    different = [field.label for field in fields if not field.same]
    if not different:
        yield "The two certificates are identical."
    elif set(different) <= diff.ARITHMETIC:
        yield from wrapped(
            f"Only {_and(different)} differ. To find out which certificate is genuine, compare its fingerprint with "
            "one from another source."
        )
    else:
        yield from wrapped(f"They differ in {_and(different)}.")


def _clip(text: str | None) -> str:
    """The text on one line, after 32 columns."""
    shown = "(none)" if text is None else text
    width = terminal_width(sys.stdout) - 32
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
