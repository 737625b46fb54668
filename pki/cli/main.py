"""The command `pki`: parse, call, print. EDGE.

Only typer and the standard library are imported here, so that `--help` is quick; each command imports what it needs.
Commands return their exit code. What a user can cause arrives as `Problem` and is printed by `console.run`.
"""

import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pki.cli.export import bundle, export
from pki.cli.inspect import diff, show, verify
from pki.cli.issue import issue, report_minted
from pki.cli.lifecycle import check, crl, rekey, renew, revoke
from pki.cli.options import Days, Directory, Json, KeyTypeName, KeyTypeOption, San, print_lines
from pki.cli.publish import publish
from pki.cli.requests import request, sign
from pki.cli.rogue import app as rogue_app
from pki.cli.trust import trust, untrust
from pki.console import CERTS, application, note, print_json, rfc3339
from pki.errors import ExitCode, Problem

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
    permit: Annotated[
        list[str] | None,
        typer.Option("--permit", metavar="NAME", help="Permitted names: host, network, @host (repeatable)."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="NAME", help="Excluded names (repeatable)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Move existing files aside and start over.")] = False,
    as_json: Json = False,
) -> int:
    """Create a root, intermediate, server, client and rogue CA.

    It also writes empty CRLs of the root and the intermediate, and a server certificate that the rogue CA issued.
    With --permit the CA can issue for these names alone: `--permit test --permit 127.0.0.0/8` covers the host test,
    every name below it, and the addresses from 127.0.0.0 to 127.255.255.255.
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
        constraints=arguments.constraints(permit or (), exclude or ()),
    )
    return report_minted(minted, ca_text.init_summary(minted), as_json)


app.command()(issue)


@app.command("list")
def list_certificates(
    directory: Directory = CERTS,
    expires_in: Annotated[
        str | None,
        typer.Option("--expires-in", metavar="TIME", help="Only those that end within this time, such as 30d."),
    ] = None,
    as_json: Json = False,
) -> int:
    """List the certificates and their status today."""
    from pki import names
    from pki.cli import arguments, ca_text
    from pki.console import day
    from pki.objects.distinguished_names import subject
    from pki.store.inventory import inventory

    now = datetime.now(UTC)
    until = now + arguments.duration(expires_in, "--expires-in") if expires_in is not None else None
    found = inventory(directory, now)
    entries = [entry for entry in found.entries if until is None or entry.certificate.not_valid_after_utc <= until]
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
        for entry in entries
    ]
    if as_json:
        print_json({"certificates": rows})
        return ExitCode.YES
    table: list[tuple[str, ...]] = [("file", "status", "until", "names")]
    for entry in entries:
        alternatives = names.cut([names.display(name) for name in names.readable(entry.certificate)])
        end = day(entry.certificate.not_valid_after_utc)
        table.append((entry.file, entry.status, end, alternatives or subject(entry.certificate)))
    if len(table) == 1:
        which = "" if expires_in is None else f" that end within {expires_in}"
        print(f"no certificates in {directory}{which}", file=sys.stderr)
    else:
        print_lines(ca_text.table(table))
    return ExitCode.YES


# In the order of `pki -h`.
for command in (check, renew, rekey, revoke, crl, publish, request, sign, show, diff, verify, bundle, export):
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

    It prints shell commands: run eval "$(pki env)". Until the shell ends, curl, wget, git, Python, Go, Java, Ruby, PHP,
    Perl and npm trust this CA only. Node, Bun and Deno trust it beside public CAs. Browsers and the programs of GnuTLS
    are not affected. The output ends with instructions for browsers, the system and Java, and for undoing
    them.
    """
    from pki.store.transaction import notice_around, notice_half_done
    from pki.trust import environment, recipes

    notice_half_done(directory)
    hint = "create a CA with `pki init`, or name another CA certificate with --ca"
    if ca is not None:
        notice_around(ca)
        hint = "--ca takes a CA certificate in PEM"
    file = ca or directory / "root.pem"
    wanted = environment.environment(file, directory, hint)
    if as_json:
        print_json({"set": dict(wanted.set), "unset": list(wanted.unset)})
    else:
        instructions = (f"# {line}" for line in recipes.lines(os.path.abspath(file), wanted.root))
        print_lines(_as_they_are([*environment.lines(wanted, environment.Shell(shell.value)), *instructions]))
    return ExitCode.YES


app.command()(trust)
app.command()(untrust)


# Helpers ------------------------------------------------------------------------------------------------------------


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
