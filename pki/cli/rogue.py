"""The commands `pki rogue`: parse, call, print. EDGE; imports as little at the top as `pki.cli.main`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pki.console import CERTS, application, note, print_json
from pki.errors import ExitCode, Problem

app = application("Deliberately broken certificates, each with one fault, and a control without it.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="HOST", help="A name that they bear. May be repeated; default: this machine's."),
]


@app.command("list")
def list_rogues(
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the full table for a document.")] = False,
) -> int:
    """List all cases: by what is wrong, what a strict client does with each, and how grave it is."""
    from pki.cases import CATALOGUE
    from pki.cli import case_text

    if as_json:
        print_json({"rogues": [case_text.as_data(each) for each in CATALOGUE.values()]})
    else:
        print("\n".join(case_text.markdown() if markdown else case_text.overview()))
    return ExitCode.YES


@app.command()
def mint(
    cases: Annotated[list[str] | None, typer.Argument(metavar="[CASE]...", help="Which ones.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder; default: rogues in --dir.", readable=False)
    ] = None,
    directory: Annotated[
        Path, typer.Option("--dir", envvar="PKI_DIR", help="The folder with the certificates.", readable=False)
    ] = CERTS,
    name: Names = None,
    force: Annotated[bool, typer.Option("--force", help="Move what is there aside, and mint anew.")] = False,
    as_json: Json = False,
) -> int:
    """Mint rogues, each with its key, the root that its client trusts, and its control."""
    from pki import names
    from pki.cases import CATALOGUE, find
    from pki.cli import arguments, case_text
    from pki.store import ca, case_files

    if every is bool(cases):
        raise Problem(
            "which rogues?" if not every else "--all, or some cases: not both",
            hint="`pki rogue mint expired`, or --all; `pki rogue list` shows them",
            code=ExitCode.USAGE,
        )
    wanted = arguments.server_names(name or ca.DEFAULT_SAN)
    chosen = list(CATALOGUE.values()) if every else list(dict.fromkeys(map(find, cases or [])))
    now = datetime.now(UTC)
    builder = case_files.case_builder(wanted, now)
    existing = ca.Existing.MOVE_ASIDE if force else ca.Existing.REFUSE
    folder = case_files.mint(out or directory / "rogues", chosen, builder, now=now, existing=existing)
    if folder.moved_to:
        note(f"what was there before is now in {folder.moved_to}")
    if as_json:
        asked = {case: names.plain(each) for case, each in folder.cases.items()}
        print_json({"directory": str(folder.directory), "cases": list(folder.cases), "names": asked})
    else:
        print("\n".join(case_text.written(folder, builder)))
    return ExitCode.YES


@app.command()
def show(
    case: Annotated[str, typer.Argument(help="A case, or what badssl.com calls it.")],
    name: Names = None,
    as_json: Json = False,
) -> int:
    """Explain one case; it is minted and judged on the spot."""
    from pki.cases import find
    from pki.cli import arguments, case_text
    from pki.store import ca, case_files

    found = find(case)
    now = datetime.now(UTC)
    minted = found.mint(case_files.case_builder(arguments.server_names(name or ca.DEFAULT_SAN), now))
    if as_json:
        print_json(case_text.as_data(found) | case_text.judged_as_data(minted, now))
    else:
        print("\n".join(case_text.explained(found, minted, now)))
    return ExitCode.YES
