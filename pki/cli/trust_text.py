"""The output of `trust` and `untrust` as lines. Pure: `trust` prints them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pki.cli import ca_text
from pki.errors import Problem, printable
from pki.trust.nss import PASSWORD
from pki.trust.recipes import Recipe
from pki.trust.stores import Store
from pki.trust.user_stores import Mode, Outcome, Result

DONE = {
    Outcome.ADDED: "added as {nickname}",
    Outcome.CHANGED: "{nickname} was in the store and is trusted now",
    Outcome.ALREADY: "{nickname} is trusted already",
    Outcome.REMOVED: "removed {nickname}",
    Outcome.RESTORED: "{nickname} has its former trust again",
    Outcome.NOTHING: "{nickname} is not there any more, or was changed since; nothing to undo",
    Outcome.GONE: "the store is gone, and {nickname} with it",
    Outcome.FAILED: "FAILED: {reason}",
}
WOULD = DONE | {
    Outcome.ADDED: "would add {nickname}",
    Outcome.CHANGED: "{nickname} is in the store, and would be trusted",
    Outcome.REMOVED: "would remove {nickname}",
    Outcome.RESTORED: "{nickname} would have its former trust again",
}


def heading(store: Store) -> str:
    """The name of a store."""
    return printable(f"{store.reader}: {store.folder}")


def result(found: Result, mode: Mode) -> str:
    """What became of a store, or would become of it."""
    words = (DONE if mode is Mode.RUN else WOULD)[found.outcome]
    return printable(words.format(nickname=repr(found.nickname), reason=found.reason))


def trusted(results: Sequence[Result], known: Sequence[Recipe], directory: Path, mode: Mode) -> Iterable[str]:
    """Lines after the stores: what to do next, and the recipes for other stores."""
    yield ""
    if mode is Mode.DRY_RUN:
        yield "No command was run."
    elif any(each.outcome in (Outcome.ADDED, Outcome.CHANGED) for each in results):
        yield "Restart the browsers. To undo this:"
        yield f"  pki untrust{ca_text.directory_option(directory)}"
    yield ""
    yield from other_stores(known)


def other_stores(known: Sequence[Recipe]) -> Iterable[str]:
    """Lines: the recipes for stores that `pki` does not change."""
    yield "Other stores, which `pki` does not change:"
    for each in known:
        yield f"  {each.where}"
        yield from (f"    add     {printable(command)}" for command in each.add)
        yield from (f"    remove  {printable(command)}" for command in each.remove)


def untrusted(results: Sequence[Result], mode: Mode) -> Iterable[str]:
    """Lines after the stores."""
    if mode is Mode.DRY_RUN:
        yield "No command was run."
    elif any(each.outcome in (Outcome.REMOVED, Outcome.RESTORED) for each in results):
        yield "Restart the browsers."
    else:
        yield "No store was changed."


def problem(results: Sequence[Result]) -> Problem | None:
    """The error for the stores that failed; None if all succeeded."""
    failed = [each for each in results if each.outcome is Outcome.FAILED]
    if not failed:
        return None
    hint = "the other stores are done and recorded; mend the cause and repeat the command"
    if any(each.reason == PASSWORD for each in failed):
        hint = "import the root in the browser's settings, or remove the password, then repeat the command"
    stores = "store" if len(results) == 1 else "stores"
    return Problem(
        f"{len(failed)} of {len(results)} {stores} could not be changed",
        *(f"{each.store.folder}: {each.reason}" for each in failed),
        hint=hint,
    )


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """The results for --json."""
    return [
        {
            "reader": each.store.reader,
            "folder": str(each.store.folder),
            "nickname": each.nickname,
            "outcome": each.outcome.name.lower(),
            "reason": each.reason,
            "commands": [list(command) for command in each.commands],
        }
        for each in results
    ]
