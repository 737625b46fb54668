"""The command `pki`: parse, call, print. EDGE.

Only typer and the standard library are imported here, so that `--help` is quick; each command imports what it needs.
Commands return their exit code. What a user can cause arrives as `Problem` and is printed by `console.run`.
"""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pki.cli.inspect import diff, show, verify
from pki.cli.options import Days, Directory, Json, KeyTypeName, KeyTypeOption, San
from pki.cli.rogue import app as rogue_app
from pki.console import CERTS, application, note, print_json, rfc3339
from pki.errors import ExitCode, Problem

if TYPE_CHECKING:
    from pki.store.ca import Minted

app = application("A development certificate authority: mint good and rogue certificates, look into them, verify them.")
for command in (show, diff, verify):
    app.command()(command)
app.add_typer(rogue_app, name="rogue")


# Commands -----------------------------------------------------------------------------------------------------------


@app.command()
def init(
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of the server, the same as --san.")
    ] = None,
    directory: Directory = CERTS,
    name: Annotated[str, typer.Option("--name", help="The authority's name.")] = "tlsdemo development CA",
    san: San = None,
    key_type: KeyTypeOption = KeyTypeName.ec_p256,
    days: Days = 90,
    force: Annotated[bool, typer.Option("--force", help="Move what is there aside, and mint anew.")] = False,
    as_json: Json = False,
) -> int:
    """Mint everything in one go, and a rogue.

    A root, an intermediate, a server, a client, empty revocation lists, and the rogue.
    """
    from pki.cli import arguments, ca_text
    from pki.keys import KeyType
    from pki.store import ca as store

    wanted = arguments.server_names([*(san or []), *(more or [])] or store.DEFAULT_SAN)
    minted = store.init(
        directory,
        name=arguments.authority_name(name),
        alternative_names=wanted,
        key_type=KeyType(key_type.value),
        days=days,
        now=datetime.now(UTC),
        existing=store.Existing.MOVE_ASIDE if force else store.Existing.REFUSE,
    )
    return _tell(minted, ca_text.init_summary(minted), as_json)


@app.command()
def issue(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="All names of the one certificate.")],
    directory: Directory = CERTS,
    client: Annotated[bool, typer.Option("--client", help="A certificate for a client.")] = False,
    san: San = None,
    key_type: KeyTypeOption = KeyTypeName.ec_p256,
    days: Days = 90,
    force: Annotated[bool, typer.Option("--force", help="Replace what `pki issue` made before.")] = False,
    as_json: Json = False,
) -> int:
    """Mint one certificate, for all the names given."""
    from pki.cli import arguments, ca_text
    from pki.keys import KeyType
    from pki.profiles import CLIENT, SERVER
    from pki.store import ca as store

    minted = store.issue(
        directory,
        (arguments.client_names if client else arguments.server_names)([*names, *(san or [])]),
        profile=CLIENT if client else SERVER,
        key_type=KeyType(key_type.value),
        days=days,
        now=datetime.now(UTC),
        existing=store.Existing.MOVE_ASIDE if force else store.Existing.REFUSE,
    )
    return _tell(minted, ca_text.issue_summary(minted, "client" if client else "server"), as_json)


@app.command("list")
def list_certificates(directory: Directory = CERTS, as_json: Json = False) -> int:
    """List the certificates, and how they stand today."""
    from pki import names
    from pki.cli import ca_text
    from pki.console import day
    from pki.objects.distinguished_names import subject
    from pki.store.inventory import inventory

    found = inventory(directory, datetime.now(UTC))
    for file, reason in found.unreadable:
        note(f"{file} was left out: {reason}")
    rows = [
        {
            "serial": f"{entry.certificate.serial_number:x}",
            "names": [names.plain(name) for name in names.readable(entry.certificate)],
            "file": entry.file,
            "not_before": rfc3339(entry.certificate.not_valid_before_utc),
            "not_after": rfc3339(entry.certificate.not_valid_after_utc),
            "status": entry.status,
            "issuer": entry.certificate.issuer.rfc4514_string(),
        }
        for entry in found.entries
    ]
    if as_json:
        print_json({"certificates": rows})
        return ExitCode.YES
    table: list[tuple[str, ...]] = [("file", "status", "until", "names")]
    for entry in found.entries:
        alternatives = names.cut([names.display(name) for name in names.readable(entry.certificate)])
        until = day(entry.certificate.not_valid_after_utc)
        table.append((entry.file, entry.status, until, alternatives or subject(entry.certificate)))
    if len(table) == 1:
        print(f"no certificates in {directory}", file=sys.stderr)
    else:
        _print(ca_text.table(table))
    return ExitCode.YES


class ShellName(StrEnum):
    """The values of --shell; `pki.trust.environment.Shell` without its imports."""

    sh = "sh"
    fish = "fish"


@app.command()
def env(
    directory: Directory = CERTS,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", help="The authority to trust, in PEM; default: root.pem in --dir.", readable=False),
    ] = None,
    shell: Annotated[ShellName, typer.Option("--shell", help="The language of the shell.")] = ShellName.sh,
    as_json: Json = False,
) -> int:
    """Print the environment that makes TLS clients trust the root: eval "$(pki env)"

    In that shell, until it ends, curl, wget, git, Python, Node, Java, Go and many others trust this one authority.
    """
    from pki.store.transaction import notice_around, notice_half_done
    from pki.trust import environment

    notice_half_done(directory)
    hint = "`pki init` makes an authority; or name another one's certificate with --ca"
    if ca is not None:
        notice_around(ca)
        hint = "--ca names the authority's certificate, in PEM"
    wanted = environment.environment(ca or directory / "root.pem", directory, hint)
    if as_json:
        print_json({"set": dict(wanted.set), "unset": list(wanted.unset)})
    else:
        _print(_as_they_are(environment.lines(wanted, environment.Shell(shell.value))))
    return ExitCode.YES


# Helpers ------------------------------------------------------------------------------------------------------------


def _tell(minted: "Minted", summary: Iterable[str], as_json: bool) -> int:
    from pki.cli import ca_text

    for remark in ca_text.notes(minted):
        note(remark)
    if as_json:
        print_json(_minted_json(minted))
    else:
        _print(summary)
    return ExitCode.YES


def _minted_json(minted: "Minted") -> dict[str, Any]:
    from pki.cli import ca_text

    certificate = minted.credential.certificate
    return {
        "directory": str(minted.directory),
        "names": ca_text.plain_names(minted.credential),
        "serial": f"{certificate.serial_number:x}",
        "not_before": rfc3339(certificate.not_valid_before_utc),
        "not_after": rfc3339(certificate.not_valid_after_utc),
        "files": list(minted.files),
        "moved_to": str(minted.moved_to) if minted.moved_to else None,
    }


def _as_they_are(lines: Iterable[str]) -> list[str]:
    """The lines, if stdout can show every character of them: an escaped path would lead nowhere."""
    whole = list(lines)
    try:
        "".join(whole).encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise Problem(
            f"the output is {error.encoding}, which has no {character!a}", hint="--json, or another locale"
        ) from None
    return whole


def _print(lines: Iterable[str]) -> None:
    print("\n".join(lines))
