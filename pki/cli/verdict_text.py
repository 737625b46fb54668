"""What `verify` prints, 80 columns where the values allow it. Pure: `inspect` prints what these return."""

import textwrap
from collections.abc import Iterable

from pki.cli.show_text import clipped
from pki.errors import printable
from pki.path.request import Request
from pki.verdict import NOT_REACHED, Result, Verdict
from pki.verifiers import disagreements
from pki.verifiers.opinions import Opinion


def verdict(judged: Verdict) -> Iterable[str]:
    """Each check with its answer; sections and hints beneath."""
    unreached = [check.name for check in judged.checks if check.detail == NOT_REACHED]
    for check in judged.checks:
        if check.detail == NOT_REACHED:
            continue
        for number, line in enumerate(textwrap.wrap(f"{clipped(printable(check.detail))} ({check.section})", 56)):
            mark = f"{check.result.value:<10}{check.name:<12}" if number == 0 else ""
            yield f"  {mark:<22}{line}"
        if check.hint and check.result is not Result.PASSED:
            for line in textwrap.wrap(f"hint: {clipped(printable(check.hint))}", 56, subsequent_indent="      "):
                yield f"{'':24}{line}"
    for number, line in enumerate(textwrap.wrap(", ".join(unreached), 66)):
        yield f"  {'not made' if number == 0 else '':<10}{line}"
    for remark in judged.remarks:
        for number, line in enumerate(textwrap.wrap(f"{printable(remark.detail)} ({remark.section})", 56)):
            mark = f"{'remark':<10}{remark.name:<12}" if number == 0 else ""
            yield f"  {mark:<22}{line}"
        if remark.hint:
            for line in textwrap.wrap(f"hint: {remark.hint}", 56, subsequent_indent="      "):
                yield f"{'':24}{line}"


def opinions(judged: Verdict, others: Iterable[Opinion], request: Request) -> Iterable[str]:
    """What other verifiers say; where they say otherwise, why, if that is known."""
    for each in others:
        for number, line in enumerate(textwrap.wrap(opinion(each, judged, request), 54)):
            yield f"  {'others' if number == 0 else '':<10}{each.engine if number == 0 else '':<12}  {line}"


def opinion(said: Opinion, judged: Verdict, request: Request) -> str:
    """What one of them says, in a sentence."""
    words = "accepted" if said.accepted else f"REFUSED: {clipped(printable(said.words))}"
    if not said.disagrees_with(judged):
        return words
    return f"{words} (otherwise: {disagreements.reason(said, judged, request) or 'we do not know why'})"


def remark(words: str) -> Iterable[str]:
    """What a user should know besides the checks."""
    for number, line in enumerate(textwrap.wrap(clipped(printable(words)), 66)):
        yield f"  {'remark' if number == 0 else '':<10}{line}"
