"""The lookup of a case by id or alias, with similar names where there is none; the lab uses it for its cases, too."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Protocol, TypeVar

from pki.errors import ExitCode, Problem

SHOWN = 3  # similar names in a hint


class Named(Protocol):
    """What can be found."""

    @property
    def id(self) -> str:
        """Unique among the cases."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names, such as those that badssl.com uses."""


Found = TypeVar("Found", bound=Named)


def by_any_name(cases: Iterable[Found]) -> dict[str, Found]:
    """Each case under its aliases and under its id. An alias does not hide the id of another case."""
    cases = tuple(cases)
    aliases = {alias: each for each in cases for alias in each.aliases}
    return aliases | {each.id: each for each in cases}


def find(text: str, cases: Iterable[Found], *, kind: str, listing: str) -> Found:
    """The case whose id or alias is `text`.

    Raises Problem (usage) where there is none. `kind` is what the message calls a case, `listing` the command that
    lists them.
    """
    named = by_any_name(cases)
    if text in named:
        return named[text]
    alike = [name for name in named if text and (text in name or name in text)]
    alike = alike or get_close_matches(text.lower(), named)
    perhaps = f"perhaps {', '.join(alike[:SHOWN])}; " if alike else ""
    raise Problem(f"no {kind} is called {text!r}", hint=f"{perhaps}`{listing}` shows all", code=ExitCode.USAGE)
