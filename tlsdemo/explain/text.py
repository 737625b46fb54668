"""An explanation as text, for the terminal: entry after entry, then what was explained, learned, and how it ended.

A reason is told once: where it is printed for the first time.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from tlsdemo.explain import values
from tlsdemo.explain.conversation import Entry, Explanation, Kind, as_seen, public
from tlsdemo.explain.proofs import Proof
from tlsdemo.explain.rows import flat
from tlsdemo.report.bytes import Style, folded, paragraphs, table


def lines(explanation: Explanation, style: Style, *, as_attacker: bool = False) -> Iterator[str]:
    """The lines of the first entries, and a summary. As the attacker, nothing encrypted is shown, and no secret."""
    if as_attacker:
        explanation = as_seen(explanation)
    yield from _entries(explanation.entries, style, as_attacker=as_attacker)
    yield ""
    yield from _summary(explanation, style, as_attacker=as_attacker)


def _entries(entries: Sequence[Entry], style: Style, *, as_attacker: bool) -> Iterator[str]:
    """At most MOST lines, and what is left out."""
    printer, left = EntryPrinter(style, as_attacker=as_attacker), MOST
    for number, entry in enumerate(entries):
        printed = list(islice(printer.lines(entry), left + 1))
        yield from printed[:left]
        left -= len(printed)
        if left < 0:
            rest = [each for each in entries[number:] if not as_attacker or each.kind is Kind.RECORD or not each.hidden]
            yield ""
            yield from paragraphs(_left_out(rest), style.width, "")
            return


def _left_out(entries: Sequence[Entry]) -> Iterator[str]:
    """What is not printed, by kind, and how to see it. Of the first one, the beginning is printed."""
    counts = Counter(each.kind for each in entries)
    listed = ", ".join(values.amount(count, NAMES[kind]) for kind, count in counts.items())
    yield f"not printed, or not whole: {listed}"
    yield "`tlsdemo explain --json` prints all of them; with --filter N, those of one connection of a capture"


MOST = 5_000  # lines before the summary
NAMES = {
    Kind.RECORD: "record",
    Kind.KEYS: "set of keys",
    Kind.MESSAGE: "message",
    Kind.ALERT: "alert",
    Kind.DATA: "piece of application data",
    Kind.CHANGE_CIPHER_SPEC: "ChangeCipherSpec",
    Kind.UNREADABLE: "unknown content",
}


class EntryPrinter:
    """Prints the entries of one conversation, one after the other."""

    def __init__(self, style: Style, *, as_attacker: bool = False) -> None:
        self._style = style
        self._as_attacker = as_attacker
        self._told: set[str] = set()

    def lines(self, entry: Entry) -> Iterator[str]:
        """The lines of the next entry; none if only the two sides can read it, and this is the attacker."""
        if self._as_attacker and entry.hidden and entry.kind is not Kind.RECORD:
            return
        if self._as_attacker:
            entry = public(entry)
        # The reasons of the headers of TLS records are not printed.
        if entry.kind is not Kind.RECORD or entry.is_text:
            printed = flat(entry.rows) if self._style.der else entry.rows
            tiles = tuple(replace(row, reason=self._fresh(row.reason)) for row in printed)
            entry = replace(entry, why=self._fresh(entry.why), rows=tiles)
        yield from _entry(entry, self._style)

    def _fresh(self, reason: str) -> str:
        """The reason, or empty if it was told."""
        if reason in self._told:
            return ""
        self._told.add(reason)
        return reason


def _entry(entry: Entry, style: Style) -> Iterator[str]:
    if entry.kind is Kind.RECORD:
        yield ""
        yield from folded("", f"{entry.sender.upper()} {entry.title}", style.width)
        if entry.is_text:
            yield from table(entry.data, entry.rows, style, as_text=True)
            return
        yield from folded(f"{0:6} {_header(entry):<16} ", _meaning(entry), style.width)
        return
    yield from folded("   ", entry.title + (f": {entry.why}" if entry.why else ""), style.width)
    yield from table(entry.data, entry.rows, style, as_text=entry.is_text)
    for derived in entry.derived:
        yield from folded("      ", f"{derived.name} = {derived.call}", style.width)
        yield from folded("        ", derived.value.hex(), style.width)
    yield from paragraphs(entry.notes, style.width, "      ")
    yield from paragraphs(map(_checked, entry.checks), style.width, "      ")
    if entry.eavesdropper:
        yield from folded("      ", f"eavesdropper: {entry.eavesdropper}", style.width)


def _header(entry: Entry) -> str:
    """The five bytes of a record header."""
    return f"{entry.data[:1].hex()} {entry.data[1:3].hex()} {entry.data[3:5].hex()}"


def _meaning(entry: Entry) -> str:
    """The header of a record in words, and the parts of what follows."""
    kind, _, _, *parts = entry.rows
    length = int.from_bytes(entry.data[3:5])
    sizes = [f"{row.value} {row.name}" for row in parts if row.name != "fragment"]
    return f"{kind.value}, {values.amount(length)} follow{'s' * (length == 1)}" + (
        f": {', '.join(sizes)}" if sizes else ""
    )


def _checked(check: Proof) -> str:
    sign = {True: "✓ recomputed: ", False: "✗ recomputed: ", None: ""}[check.passed]
    return sign + check.sentence


def _summary(explanation: Explanation, style: Style, *, as_attacker: bool) -> Iterator[str]:
    agreed = ", ".join(part for part in (explanation.version, explanation.suite) if part)
    if agreed:
        yield from folded("negotiated  ", agreed, style.width)
    if not as_attacker:
        yield f"explained   {explanation.explained:,} of {explanation.total:,} bytes"
    yield "an eavesdropper learns:"
    yield from _labelled("", explanation.learned or ("nothing but addresses, times and lengths",), style)
    yield from _labelled("note", explanation.problems, style)
    yield from _labelled("ending", explanation.ending.sentences, style)
    if explanation.ending.hint:
        yield from folded("hint: ", explanation.ending.hint, style.width)


def _labelled(label: str, sentences: tuple[str, ...], style: Style) -> Iterator[str]:
    for number, sentence in enumerate(sentences):
        yield from folded(f"{label if number == 0 else '':<12}", values.cut(sentence), style.width)
