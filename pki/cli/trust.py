"""Which programs of this user trust the root: `trust`, `untrust`."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pki.cli.options import Directory, Json, print_lines
from pki.console import CERTS, day, note, print_json, remark
from pki.errors import ExitCode

if TYPE_CHECKING:
    from pki.trust.user_stores import Mode, Result, Watcher

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the commands without running them.")]


def trust(
    directory: Directory = CERTS,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="CA to trust; default: root.pem in --dir.", readable=False),
    ] = None,
    dry_run: DryRun = False,
    unconstrained: Annotated[
        bool, typer.Option("--unconstrained", help="Accept a root that can certify every site.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Make this user's browsers trust the root CA.

    It adds the root to the stores of Chromium and Firefox, and prints each command that it runs. `pki untrust` undoes
    exactly that. A root needs name constraints, as from `pki init --permit test`: then a person who steals its key
    cannot impersonate other sites. For the stores of the system and of Java it prints the commands and does not run
    them.
    """
    from pki.cli import trust_text
    from pki.store.transaction import notice_around, notice_half_done
    from pki.trust import user_stores
    from pki.trust.stores import Places
    from pki.trust.system import recipes_of_this_system

    notice_half_done(directory)
    hint = "create a CA with `pki init --permit test`, or name another CA certificate with --ca"
    if ca is not None:
        notice_around(ca)
        hint = "--ca takes a CA certificate in PEM or DER"
    root = user_stores.read_root(ca or directory / "root.pem", hint)
    if not unconstrained:
        user_stores.require_constraints(root)
    if root.certificate.not_valid_after_utc < datetime.now(UTC):
        note(f"{root.file} expired on {day(root.certificate.not_valid_after_utc)}; browsers reject it all the same")
    mode = user_stores.Mode.DRY_RUN if dry_run else user_stores.Mode.RUN
    known = recipes_of_this_system(str(root.file), root.name)
    try:
        results = user_stores.trust(directory, root, Places.of_user(), mode, _watcher(as_json, mode))
    except user_stores.NoStores:
        if not as_json:
            print_lines(trust_text.other_stores(known))
        raise
    except KeyboardInterrupt:
        note("interrupted; what was added until now is recorded, and `pki untrust` removes it")
        raise
    if as_json:
        print_json(
            {
                "ca": str(root.file),
                "sha256": root.sha256,
                "dry_run": dry_run,
                "stores": trust_text.as_json(results),
                "recipes": [{"where": each.where, "add": each.add, "remove": each.remove} for each in known],
            }
        )
    else:
        print_lines(trust_text.trusted(results, known, directory, mode))
    return _end(results)


def untrust(directory: Directory = CERTS, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Undo what `pki trust` did.

    It removes the certificates that `pki trust` added for this CA, also those of a root before `pki init --force`, and
    restores former trust settings. Other certificates stay. A store that `pki trust` created is deleted if it is empty.
    """
    from pki.cli import trust_text
    from pki.store.transaction import notice_half_done
    from pki.trust import user_stores
    from pki.trust.stores import Places

    notice_half_done(directory)
    mode = user_stores.Mode.DRY_RUN if dry_run else user_stores.Mode.RUN
    try:
        results = user_stores.untrust(directory, Places.of_user(), mode, _watcher(as_json, mode))
    except KeyboardInterrupt:
        note("interrupted; what is not removed yet is recorded: repeat `pki untrust`")
        raise
    if as_json:
        print_json({"dry_run": dry_run, "stores": trust_text.as_json(results)})
    else:
        print_lines(trust_text.untrusted(results, mode))
    return _end(results)


def _watcher(as_json: bool, mode: "Mode") -> "Watcher":
    """Prints the stores, commands and results as they come; silent with --json."""
    from pki.cli import trust_text
    from pki.trust import nss
    from pki.trust.user_stores import Watcher

    if as_json:
        return Watcher()
    return Watcher(
        begin=lambda store: _print(trust_text.heading(store)),
        command=lambda command: _print(f"  {nss.text(command)}"),
        end=lambda result: _print(f"  {trust_text.result(result, mode)}"),
    )


def _print(line: str) -> None:
    """Print a line while stores are changed. A write error is not the store's; the summary meets it again."""
    with suppress(OSError):
        print(line, flush=True)


def _end(results: "list[Result]") -> int:
    from pki.cli import trust_text

    if problem := trust_text.problem(results):
        remark(problem)
        return problem.code
    return ExitCode.YES
