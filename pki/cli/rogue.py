"""The commands `pki rogue`: parse, call, print. EDGE; imports as little at the top as `pki.cli.main`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pki.console import CERTS, application, note, print_json
from pki.errors import ExitCode, Problem

app = application("Test certificates: each breaks one rule, with a valid control.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="NAME", help="Name for the certificates (repeatable; default: localhost)."),
]


@app.command("list")
def list_rogues(
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> int:
    """List the test certificates, with verdict and severity."""
    from pki.cases import CATALOGUE
    from pki.cli import case_text

    if as_json:
        print_json({"rogues": [case_text.as_data(each) for each in CATALOGUE.values()]})
    else:
        print("\n".join(case_text.markdown() if markdown else case_text.overview()))
    return ExitCode.YES


@app.command()
def mint(
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="CASE", help="Test certificates to mint (see `pki rogue list`).")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Mint all test certificates.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the cases (default: rogues/ in --dir).", readable=False),
    ] = None,
    directory: Annotated[
        Path,
        typer.Option("--dir", metavar="DIR", envvar="PKI_DIR", help="Folder with the CA's files.", readable=False),
    ] = CERTS,
    name: Names = None,
    force: Annotated[bool, typer.Option("--force", help="Move existing cases aside and mint new ones.")] = False,
    as_json: Json = False,
) -> int:
    """Mint test certificates, with keys, root and valid controls."""
    from pki import names
    from pki.cases import CATALOGUE, find
    from pki.cases.minting import case_builder
    from pki.cli import arguments, case_text
    from pki.store import ca, case_files

    if every is bool(cases):
        raise Problem(
            "--all and case names are mutually exclusive" if every else "no test certificate is named",
            hint="`pki rogue mint expired`, or `pki rogue mint --all`; `pki rogue list` lists the names",
            code=ExitCode.USAGE,
        )
    wanted = arguments.server_names(name or ca.DEFAULT_SAN)
    chosen = list(CATALOGUE.values()) if every else list(dict.fromkeys(map(find, cases or [])))
    now = datetime.now(UTC)
    builder = case_builder(wanted, now)
    existing = ca.Existing.MOVE_ASIDE if force else ca.Existing.REFUSE
    folder = case_files.mint(out or directory / "rogues", chosen, builder, now=now, existing=existing)
    if folder.moved_to:
        note(f"moved the existing cases to {folder.moved_to}")
    if as_json:
        asked = {case: names.plain(each) for case, each in folder.cases.items()}
        print_json({"directory": str(folder.directory), "cases": list(folder.cases), "names": asked})
    else:
        print("\n".join(case_text.written(folder, builder)))
    return ExitCode.YES


@app.command()
def show(
    case: Annotated[str, typer.Argument(help="A test certificate, by id or by its badssl.com name.")],
    name: Names = None,
    as_json: Json = False,
) -> int:
    """Explain a test certificate, mint it and verify it."""
    from pki.cases import find
    from pki.cases.minting import case_builder
    from pki.cli import arguments, case_text
    from pki.store import ca

    found = find(case)
    now = datetime.now(UTC)
    minted = found.mint(case_builder(arguments.server_names(name or ca.DEFAULT_SAN), now))
    if as_json:
        print_json(case_text.as_data(found) | case_text.judged_as_data(minted, now))
    else:
        print("\n".join(case_text.explained(found, minted, now)))
    return ExitCode.YES
