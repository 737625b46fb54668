"""The commands `tlsdemo lab` and `tlsdemo check-client`: parse and call. EDGE; typer and the standard library alone."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pki.errors import ExitCode, Problem


class FailOn(StrEnum):
    """The values of --fail-on."""

    must = "must"
    weak = "weak"
    informational = "informational"


Cases = Annotated[
    list[str] | None,
    typer.Option("--case", metavar="CASE", help="By id or alias; may be repeated, or separated by commas."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that was not made here; never a key.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("lab")(lab)
    app.command("check-client", cls=CheckClient)(check_client)


class CheckClient(TyperCommand):
    """What follows a program's name are the program's options; what follows a preset's name are ours."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Decide by the first word that is no option."""
        valued = {name for each in self.params for name in each.opts if not getattr(each, "is_flag", True)}
        words = list(args)
        while words and words[0].startswith("-") and words[0] != "--":
            del words[: 2 if words[0] in valued else 1]
        ctx.allow_interspersed_args = bool(words) and _are_presets(words)
        return super().parse_args(ctx, args)


def _are_presets(words: list[str]) -> bool:
    from tlsdemo.cli.check_client import is_preset

    return is_preset(words[0]) and not any("{" in word for word in words)  # `curl -sS {url}` is a command


def lab(
    list_only: Annotated[bool, typer.Option("--list", help="Print the index, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the index once as JSON, and serve quietly.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CASE", help="Serve these alone; may be repeated, or separated by commas."),
    ] = None,
    port_base: Annotated[
        int, typer.Option("--port-base", min=0, max=65535, help="The first of the ports. 0: free ones.")
    ] = 0,
    ca_out: Annotated[
        Path | None, typer.Option("--ca-out", help="Keep the certificate of the lab's authority here.", readable=False)
    ] = None,
    force: Force = False,
) -> int:
    """Serve everything that a TLS client must refuse, each on a port of its own, until Ctrl-C.

    All is minted at the start, under an authority of the lab's own: no certificate is ever too old.
    """
    from tlsdemo.cli.lab import LabOptions, lab

    return lab(LabOptions(list_only, as_json, _separated(only), port_base, ca_out, force))


def check_client(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND ...",
            help="What to run for each case, with {url}; or a preset's name. Also: {address} {port}, where to connect; "
            "{host}, whom to ask for; {ca}; {sni_url}, the port that chooses by name; {client_cert} {client_key}.",
        ),
    ] = None,
    case: Cases = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All cases; otherwise those that --fail-on is about.")
    ] = False,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="From here on, a finding is exit code 1.")] = FailOn.must,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds for one case.")] = 10.0,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="How many at a time. Default: one for each core.")] = (
        os.cpu_count() or 1
    ),
    controls: Annotated[
        bool, typer.Option("--controls", help="A refusal counts only if the same without the fault is accepted.")
    ] = False,
    excepted: Annotated[
        list[str] | None,
        typer.Option("--except", metavar="CASE[=REASON]", help="Do not fail for this case (repeatable)."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Do not fail for the findings in this file.", readable=False)
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write the findings here, for --baseline.", readable=False)
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Several presets on the same cases, as a matrix, ending with 0; without names: all here."
        ),
    ] = False,
    presets: Annotated[bool, typer.Option("--presets", help="List the presets, and end.")] = False,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --compare: as a Markdown table.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.", readable=False)] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write SARIF 2.1.0 here.", readable=False)] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page here.", readable=False)] = None,
    force: Force = False,
) -> int:
    """Does this client check certificates? Run it against the lab, and judge it by what it sends.

    For example: `tlsdemo check-client -- curl -sS {url}`, or `tlsdemo check-client curl`. Exit code 0: it accepts
    nothing that it must refuse. 1: it does, or it crashes. 3: it cannot be run, or refuses the good certificate or most
    of those that it must accept, or leaves open what it thinks of a case.
    """
    from tlsdemo.cli import check_client as commands

    if presets:
        return commands.list_presets(as_json)
    if case and everything:
        raise Problem("--case and --all together", hint="choose one of them", code=ExitCode.USAGE)
    if not (command or compare):
        hint = "`tlsdemo check-client -- curl -sS {url}`, or a preset: `tlsdemo check-client curl`"
        raise Problem("no client is named", hint=hint, code=ExitCode.USAGE)
    if markdown and (as_json or not compare):
        raise Problem(
            "--markdown goes with --compare, and without --json",
            hint="for one client, --html FILE makes a table",
            code=ExitCode.USAGE,
        )
    if compare and (junit or sarif or html):
        raise Problem("--junit, --sarif and --html tell of one client", hint="leave out --compare", code=ExitCode.USAGE)
    if compare and (excepted or baseline or write_baseline):
        raise Problem(
            "--except, --baseline and --write-baseline are about one client",
            hint="leave out --compare",
            code=ExitCode.USAGE,
        )
    settings = commands.CheckClientOptions(
        tuple(command or ()), _separated(case), everything, fail_on.value, timeout, jobs, controls, as_json, markdown,
        {"junit": junit, "sarif": sarif, "html": html}, tuple(excepted or ()), baseline, write_baseline, force,
    )  # fmt: skip
    return commands.compare(settings) if compare else commands.check(settings)


def _separated(options: list[str] | None) -> tuple[str, ...]:
    """Repeated, or separated by commas."""
    return tuple(each for option in options or () for each in option.split(",") if each)
