"""The output of `verify` as lines, wrapped for the terminal. `inspect` prints them."""

from collections.abc import Iterable

from pki import console
from pki.cli.show_text import clipped
from pki.console import Tone, wrapped
from pki.errors import printable
from pki.path.request import Request
from pki.verdict import NOT_REACHED, Result, Verdict
from pki.verifiers import disagreements
from pki.verifiers.opinions import Opinion

MARKS = {Result.PASSED: "passed", Result.FAILED: "FAILED", Result.NOT_MADE: "skipped"}
TONES = {Result.PASSED: Tone.GOOD, Result.FAILED: Tone.BAD}
TEXT = 26  # the column where details begin
UNREACHED = 12  # the column of the names of checks that were skipped


def verdict(judged: Verdict) -> Iterable[str]:
    """Lines: each check with its result and section, and a hint below a check that did not pass."""
    unreached = [check.name for check in judged.checks if check.detail == NOT_REACHED]
    for check in judged.checks:
        if check.detail == NOT_REACHED:
            continue
        mark = console.verdict(f"{MARKS[check.result]:<10}", TONES.get(check.result))
        hint = check.hint if check.result is not Result.PASSED else None
        yield from _entry(mark, check.name, f"{clipped(printable(check.detail))} ({check.section})", hint)
    for number, line in enumerate(wrapped(", ".join(unreached), UNREACHED)):
        yield f"  {'skipped' if number == 0 else '':<10}{line}"
    for each in judged.remarks:
        yield from _entry(f"{'note':<10}", each.name, f"{printable(each.detail)} ({each.section})", each.hint)


def _entry(mark: str, name: str, text: str, hint: str | None) -> Iterable[str]:
    """Lines of one check: `mark` is ten columns wide, `name` is padded to fourteen."""
    for number, line in enumerate(wrapped(text, TEXT)):
        yield f"  {mark}{name:<14}{line}" if number == 0 else f"{'':{TEXT}}{line}"
    if hint:
        for number, line in enumerate(wrapped(f"hint: {clipped(printable(hint))}", TEXT + 6)):
            yield f"{'':{TEXT + (0 if number == 0 else 6)}}{line}"


def answer(judged: Verdict) -> str:
    """`accepted` or `REFUSED`."""
    return console.verdict("accepted", Tone.GOOD) if judged.accepted else console.verdict("REFUSED", Tone.BAD)


def opinions(judged: Verdict, others: Iterable[Opinion], request: Request) -> Iterable[str]:
    """Lines: the verdict of each other verifier; if it differs, the reason where that is known."""
    for each in others:
        yield from _entry(f"{'others':<10}", each.engine, opinion(each, judged, request), None)


def opinion(said: Opinion, judged: Verdict, request: Request) -> str:
    """The verdict of another verifier, in one sentence."""
    words = "accepted" if said.accepted else f"REFUSED: {clipped(printable(said.words))}"
    if not said.disagrees_with(judged):
        return words
    return f"{words} (differs from pki: {disagreements.reason(said, judged, request) or 'reason unknown'})"


def remark(words: str) -> Iterable[str]:
    """Lines of a note that belongs to no check."""
    for number, line in enumerate(wrapped(clipped(printable(words)), UNREACHED)):
        yield f"  {'note' if number == 0 else '':<10}{line}"
