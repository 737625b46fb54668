"""What `show` and `diff` print, 80 columns where the values allow it. Pure: `inspect` prints what these return."""

import textwrap
from collections.abc import Iterable, Sequence
from enum import Enum

from pki import names
from pki.show import diff
from pki.show.describe import Description, Row
from pki.show.diff import Difference


class Explain(Enum):
    """How much to say of each field."""

    NOTHING = "nothing"
    REASONS = "reasons"


def descriptions(found: Sequence[Description], explain: Explain) -> Iterable[str]:
    """Every object with its rows; if asked for, beneath a row its reason where it is met for the first time."""
    explained: set[str] = set()
    for place, described in enumerate(found, start=1):
        number = f"{place} of {len(found)}: " if len(found) > 1 else ""
        yield from textwrap.wrap(
            number + clipped(described.title, LONGEST_TITLE), 80, subsequent_indent=" " * len(number)
        )
        for row in described.rows:
            yield from _columns(row.label, _cut(row))
            if explain is Explain.REASONS and row.reason not in explained:
                yield from _columns("", row.reason, "· ")
            explained.add(row.reason)
        yield ""
    if explain is Explain.REASONS:
        yield "§ without a name is RFC 5280."
    else:
        yield "--explain says why each is there."


MOST_CHARACTERS = 1_200  # of a value on a terminal; JSON has the whole
LONGEST_TITLE = 300


def _cut(row: Row) -> str:
    """The value for a terminal: of a long list the first items, of a long text the first characters."""
    value = row.value
    if len(row.items) > names.LONGEST_LIST:
        value = names.cut(row.items) + row.value[len(", ".join(row.items)) :]
    return clipped(value)


def clipped(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text, or its first characters and how many more there are."""
    return text if len(text) <= most else f"{text[:most]}… and {len(text) - most:,} more characters"


def _columns(label: str, text: str, mark: str = "") -> Iterable[str]:
    for number, line in enumerate(textwrap.wrap(text, 56 - len(mark)) or [""]):
        yield f"  {label if number == 0 else '':<21}{mark if number == 0 else ' ' * len(mark)}{line}".rstrip()


def difference(fields: Sequence[Difference]) -> Iterable[str]:
    """Two certificates side by side, and what the eye could have noticed."""
    for field in fields:
        yield f"  {'same      ' if field.same else 'DIFFERENT '}{field.label:<20}{_clip(field.one)}"
        if not field.same:
            yield f"{'':32}{_clip(field.other)}"
    yield ""
    different = [field.label for field in fields if not field.same]
    if not different:
        yield "They are the same certificate."
    elif set(different) <= diff.ARITHMETIC:
        yield f"Only {_and(different)} differ: mere numbers to the eye."
        yield "Which one is real? Neither tells; a fingerprint from another source does."
    else:
        yield from textwrap.wrap(f"They differ in {_and(different)}.", 80)


def _clip(text: str | None, width: int = 48) -> str:
    shown = "(none)" if text is None else text
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
