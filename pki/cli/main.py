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

app = application("A development CA: issue certificates, good and deliberately broken, explain and verify them.", "pki")


# Commands -----------------------------------------------------------------------------------------------------------


@app.command()
def init(
    more: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Names of the server; the same as --san.")
    ] = None,
    directory: Directory = CERTS,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the CA.")] = "tlsdemo development CA",
    san: San = None,
    key_type: KeyTypeOption = KeyTypeName.ec_p256,
    days: Days = 90,
    force: Annotated[bool, typer.Option("--force", help="Move existing files aside and start over.")] = False,
    as_json: Json = False,
) -> int:
    """Create a root, intermediate, server, client and rogue CA.

    It also writes empty CRLs of the root and the intermediate, and a server certificate that the rogue CA issued.
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
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names that the certificate is valid for.")],
    directory: Directory = CERTS,
    client: Annotated[bool, typer.Option("--client", help="Issue a client certificate.")] = False,
    san: San = None,
    key_type: KeyTypeOption = KeyTypeName.ec_p256,
    days: Days = 90,
    force: Annotated[bool, typer.Option("--force", help="Replace files of an earlier `pki issue`.")] = False,
    as_json: Json = False,
) -> int:
    """Issue one certificate for all the names."""
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
    """List the certificates and their status today."""
    from pki import names
    from pki.cli import ca_text
    from pki.console import day
    from pki.objects.distinguished_names import subject
    from pki.store.inventory import inventory

    found = inventory(directory, datetime.now(UTC))
    for file, reason in found.unreadable:
        note(f"{file} is not listed: {reason}")
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


# In the order of `pki -h`.
for command in (show, diff, verify):
    app.command()(command)
app.add_typer(rogue_app, name="rogue")


class ShellName(StrEnum):
    """The values of --shell; `pki.trust.environment.Shell` without its imports."""

    sh = "sh"
    fish = "fish"


@app.command()
def env(
    directory: Directory = CERTS,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", help="CA to trust, in PEM; default: root.pem in --dir.", readable=False),
    ] = None,
    shell: Annotated[ShellName, typer.Option("--shell", help="Shell that evaluates the output.")] = ShellName.sh,
    as_json: Json = False,
) -> int:
    """Make TLS clients in this shell trust the root CA.

    It prints shell commands: run eval "$(pki env)". Until the shell ends, curl, wget, git, Python, Node, Java, Go and
    others then trust this CA and no other.
    """
    from pki.store.transaction import notice_around, notice_half_done
    from pki.trust import environment

    notice_half_done(directory)
    hint = "create a CA with `pki init`, or name another CA certificate with --ca"
    if ca is not None:
        notice_around(ca)
        hint = "--ca takes a CA certificate in PEM"
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
    """The lines. Raises Problem if stdout cannot encode a character: an escaped path would not work."""
    whole = list(lines)
    try:
        "".join(whole).encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise Problem(
            f"the output encoding {error.encoding} cannot encode {character!a}", hint="use --json or a UTF-8 locale"
        ) from None
    return whole


def _print(lines: Iterable[str]) -> None:
    print("\n".join(lines))
