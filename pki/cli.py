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
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pki.console import CERTS, application, note, print_json, rfc3339
from pki.errors import ExitCode, Problem
from pki.rogue_cli import app as rogue_app

if TYPE_CHECKING:
    from pki.store import Minted

app = application("A development certificate authority: mint good and rogue certificates, look into them, verify them.")
app.add_typer(rogue_app, name="rogue")


# Options ------------------------------------------------------------------------------------------------------------


class KeyTypeName(StrEnum):
    """The values of --key-type; `pki.keys.KeyType` without its import, which costs more than all of --help."""

    ec_p256 = "ec-p256"
    ec_p384 = "ec-p384"
    ed25519 = "ed25519"
    rsa_2048 = "rsa-2048"
    rsa_3072 = "rsa-3072"
    rsa_4096 = "rsa-4096"


class PurposeName(StrEnum):
    """The values of --purpose."""

    server = "server"
    client = "client"
    any = "any"


class ProfileName(StrEnum):
    """The values of --profile."""

    rfc5280 = "rfc5280"
    tls = "tls"
    webpki = "webpki"


Directory = Annotated[
    Path,
    typer.Option(
        "--dir", envvar="PKI_DIR", help="The folder with the certificates.", show_default="certs", readable=False
    ),
]
KeyTypeOption = Annotated[KeyTypeName, typer.Option("--key-type", help="The type of all keys.")]
Days = Annotated[int, typer.Option("--days", min=1, max=36500, help="Lifetime of the leaf certificates.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
San = Annotated[
    list[str] | None,
    typer.Option("--san", metavar="NAME", help="A name of the server: host, wildcard, IP address. May be repeated."),
]


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
    from pki import arguments, store, text
    from pki.keys import KeyType

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
    return _tell(minted, text.init_summary(minted), as_json)


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
    from pki import arguments, store, text
    from pki.keys import KeyType
    from pki.profiles import CLIENT, SERVER

    minted = store.issue(
        directory,
        (arguments.client_names if client else arguments.server_names)([*names, *(san or [])]),
        profile=CLIENT if client else SERVER,
        key_type=KeyType(key_type.value),
        days=days,
        now=datetime.now(UTC),
        existing=store.Existing.MOVE_ASIDE if force else store.Existing.REFUSE,
    )
    return _tell(minted, text.issue_summary(minted, "client" if client else "server"), as_json)


@app.command("list")
def list_certificates(directory: Directory = CERTS, as_json: Json = False) -> int:
    """List the certificates, and how they stand today."""
    from pki import names, text
    from pki.inventory import inventory
    from pki.signed import subject
    from pki.store import day

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
        alternatives = ", ".join(names.plain(name) for name in names.readable(entry.certificate))
        until = day(entry.certificate.not_valid_after_utc)
        table.append((entry.file, entry.status, until, alternatives or subject(entry.certificate)))
    if len(table) == 1:
        print(f"no certificates in {directory}", file=sys.stderr)
    else:
        _print(text.table(table))
    return ExitCode.YES


@app.command()
def show(
    file: Annotated[
        Path, typer.Argument(help="A certificate, chain, request, CRL or key; PEM or DER; - for stdin.", readable=False)
    ],
    as_json: Json = False,
) -> int:
    """Explain what stands in a file, and why."""
    from pki import describe, text
    from pki.files import read_file, read_stdin
    from pki.transaction import recover_around

    recover_around(file)
    found = list(describe.everything(read_stdin() if str(file) == "-" else read_file(file)))
    if not found:
        raise Problem(
            f"{file} holds nothing that can be explained",
            hint="a certificate, request, CRL or private key, in PEM or DER, is expected",
        )
    if as_json:
        objects = [
            {"title": each.title, "rows": [{"label": r.label, "value": r.value, "reason": r.reason} for r in each.rows]}
            for each in found
        ]
        print_json({"file": str(file), "objects": objects})
        return ExitCode.YES
    _print(text.descriptions(found))
    return ExitCode.YES


@app.command()
def diff(
    one: Annotated[Path, typer.Argument(help="A certificate; of a chain, the first.", readable=False)],
    other: Annotated[Path, typer.Argument(help="Another one.", readable=False)],
    as_json: Json = False,
) -> int:
    """Compare two certificates, field by field."""
    from pki import compare, text
    from pki.files import read_certificates
    from pki.transaction import recover_around

    recover_around(one)
    recover_around(other)
    fields = compare.difference(read_certificates(one)[0], read_certificates(other)[0])
    if as_json:
        different = [field.label for field in fields if not field.same]
        rows = [{"label": f.label, "same": f.same, "one": f.one, "other": f.other} for f in fields]
        print_json({"one": str(one), "other": str(other), "different": different, "fields": rows})
        return ExitCode.YES
    print(f"{one}  and  {other}\n")
    _print(text.difference(fields))
    return ExitCode.YES


@app.command()
def verify(
    file: Annotated[
        Path, typer.Argument(help="The certificate to judge, then its intermediates; - for stdin.", readable=False)
    ],
    directory: Directory = CERTS,
    name: Annotated[str | None, typer.Option("--name", help="The name that a client would ask for.")] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", help="The trust anchor; default: root.pem in --dir.", readable=False)
    ] = None,
    crl: Annotated[
        Path | None, typer.Option("--crl", help="Revocation lists; default: crl.pem beside --trust.", readable=False)
    ] = None,
    untrusted: Annotated[
        Path | None, typer.Option("--untrusted", help="More intermediates, which nobody trusts.", readable=False)
    ] = None,
    purpose: Annotated[PurposeName, typer.Option("--purpose", help="Who would use it.")] = PurposeName.server,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Judge at that moment: 2026-11-24T12:00:00Z.")
    ] = None,
    profile: Annotated[
        ProfileName, typer.Option("--profile", help="How strict: path validation, and more in each of the others.")
    ] = ProfileName.tls,
    as_json: Json = False,
) -> int:
    """Judge a certificate as a careful client would: each check with its clause, the first that fails decides."""
    from pki import arguments, engines, files, names, path, text
    from pki.path.reading import Request
    from pki.transaction import recover, recover_around
    from pki.verdict import PathProfile, Purpose

    moment = arguments.moment(at) if at is not None else datetime.now(UTC)
    recover(directory)
    recover_around(file)
    chain = files.read_certificates(file)
    anchor_file = trust or directory / "root.pem"
    crl_file = crl or anchor_file.with_name("crl.pem")
    request = Request(
        chain[0],
        intermediates=(*chain[1:], *(files.read_certificates(untrusted) if untrusted else ())),
        trust_anchors=files.read_certificates(
            anchor_file, hint="`pki init` makes an authority; or name one with --trust"
        ),
        name=arguments.reference(name),
        purpose=Purpose(purpose.value),
        at=moment,
        crls=files.read_crls(crl_file) if crl or os.path.lexists(crl_file) else (),
        profile=PathProfile(profile.value),
        max_depth=path.MAX_DEPTH,
    )
    verdict = path.judge(request)
    others = tuple(engines.opinions(request))
    code = ExitCode.YES if verdict.accepted else ExitCode.NO
    presented = [names.show(each) for each in names.readable(chain[0])]
    if as_json:
        checks = [
            {"name": c.name, "result": c.result.value, "detail": c.detail, "section": c.section, "hint": c.hint}
            for c in verdict.checks
        ]
        print_json(
            {
                "file": str(file),
                "trust": str(anchor_file),
                "accepted": verdict.accepted,
                "reason": verdict.reason,
                "presented": presented,
                "checks": checks,
                "chain": [each.subject.rfc4514_string() for each in verdict.chain],
                "engines": [{"engine": each.engine, "accepted": each.accepted, "words": each.words} for each in others],
            }
        )
        return code
    _print(text.verdict(verdict))
    _print(text.opinions(verdict, others))
    answer = "accepted" if verdict.accepted else "REFUSED"
    print(f"{file} is {answer}{'' if name else ', whatever its name'}, trusting {anchor_file}")
    return code


# Helpers ------------------------------------------------------------------------------------------------------------


def _tell(minted: "Minted", summary: Iterable[str], as_json: bool) -> int:
    from pki import text

    for remark in text.notes(minted):
        note(remark)
    if as_json:
        print_json(_minted_json(minted))
    else:
        _print(summary)
    return ExitCode.YES


def _minted_json(minted: "Minted") -> dict[str, Any]:
    from pki import text

    certificate = minted.credential.certificate
    return {
        "directory": str(minted.directory),
        "names": text.plain_names(minted.credential),
        "serial": f"{certificate.serial_number:x}",
        "not_before": rfc3339(certificate.not_valid_before_utc),
        "not_after": rfc3339(certificate.not_valid_after_utc),
        "files": list(minted.files),
        "moved_to": str(minted.moved_to) if minted.moved_to else None,
    }


def _print(lines: Iterable[str]) -> None:
    print("\n".join(lines))
