"""Finds a case by id or alias, and suggests similar names. The lab uses it for its cases, too."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from pki.errors import ExitCode, Problem, did_you_mean


class Named(Protocol):
    """A case that has an id and aliases."""

    @property
    def id(self) -> str:
        """Unique among the cases."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names, such as those of badssl.com."""


Found = TypeVar("Found", bound=Named)


def by_any_name(cases: Iterable[Found]) -> dict[str, Found]:
    """The cases by alias and by id. If an alias is also the id of another case, the id counts."""
    cases = tuple(cases)
    aliases = {alias: each for each in cases for alias in each.aliases}
    return aliases | {each.id: each for each in cases}


def find(text: str, cases: Iterable[Found], *, kind: str, listing: str) -> Found:
    """The case whose id or alias is `text`.

    Raises Problem (usage) if there is none. `kind` is the message's word for a case, `listing` the command that lists
    the cases.
    """
    named = by_any_name(cases)
    if text in named:
        return named[text]
    hint = f"{did_you_mean(text, named)}`{listing}` lists all"
    raise Problem(f"unknown {kind} {text!r}", hint=hint, code=ExitCode.USAGE)
