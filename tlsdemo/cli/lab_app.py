"""The commands `tlsdemo lab` and `tlsdemo check-client`: parse and call. EDGE; typer and the standard library alone."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from pki.errors import ExitCode, Problem
from pki.help_page import SERVER_EXIT_CODES, Command


class FailOn(StrEnum):
    """The values of --fail-on."""

    must = "must"
    weak = "weak"
    informational = "informational"


Cases = Annotated[
    list[str] | None,
    typer.Option("--case", metavar="CASE", help="Case by id or alias (repeatable, or comma-separated)."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that tlsdemo did not write (not a key).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("lab", epilog=SERVER_EXIT_CODES)(lab)
    app.command("check-client", cls=CheckClient)(check_client)


class CheckClient(Command):
    """Options after the name of a program belong to the program; options after a preset are for check-client."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse according to the first word that is not an option."""
        valued = {name for each in self.params for name in each.opts if not getattr(each, "is_flag", True)}
        words = list(args)
        while words and words[0].startswith("-") and words[0] != "--":
            del words[: 2 if words[0] in valued else 1]
        ctx.allow_interspersed_args = bool(words) and _are_presets(words)
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            option = getattr(error, "option_name", None)
            if not ctx.allow_interspersed_args or type(error).__name__ != "NoSuchOption":
                raise
            command = f"tlsdemo check-client -- {words[0]} {option} {{url}}"
            hint = f"put the client's own options into a command after `--`: `{command}`"
            raise Problem(f"check-client has no option {option}", hint=hint, code=ExitCode.USAGE) from None


def _are_presets(words: list[str]) -> bool:
    from tlsdemo.cli.check_client import is_preset

    return is_preset(words[0]) and not any("{" in word for word in words)  # `curl -sS {url}` is a command


def lab(
    list_only: Annotated[bool, typer.Option("--list", help="List the cases and exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the index as JSON; log no connections.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CASE", help="Serve only this case (repeatable, or comma-separated)."),
    ] = None,
    port_base: Annotated[
        int, typer.Option("--port-base", metavar="PORT", min=0, max=65535, help="First port (0: any free ports).")
    ] = 0,
    ca_out: Annotated[
        Path | None,
        typer.Option("--ca-out", metavar="FILE", help="Write the certificate of the lab's CA.", readable=False),
    ] = None,
    force: Force = False,
) -> int:
    """Serve test cases for TLS clients, each on its own port.

    The lab creates its own CA and mints all certificates when it starts. It runs until Ctrl-C.
    """
    from tlsdemo.cli.lab import LabOptions, lab

    return lab(LabOptions(list_only, as_json, _separated(only), port_base, ca_out, force))


def check_client(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND",
            help="A preset, or a command in which {url} stands for the address of a case. Also {address} and {port} "
            "(where to connect), {host} (the name to ask for), {ca}, {sni_url} (the port that selects by SNI), "
            "{client_cert}, {client_key}.",
        ),
    ] = None,
    case: Cases = None,
    everything: Annotated[bool, typer.Option("--all", help="Run all cases (default: those of --fail-on).")] = False,
    fail_on: Annotated[
        FailOn,
        typer.Option("--fail-on", metavar="SEVERITY", help="Fail from this severity on: must, weak, informational."),
    ] = FailOn.must,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Time limit for one case.")
    ] = 10.0,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            help="Cases to run at the same time (default: one per core).",
            show_default=False,
        ),
    ] = (os.cpu_count() or 1),
    controls: Annotated[
        bool, typer.Option("--controls", help="Count a refusal only if the control is accepted.")
    ] = False,
    excepted: Annotated[
        list[str] | None,
        typer.Option("--except", metavar="CASE[=REASON]", help="Do not fail for this case (repeatable)."),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Do not fail for the findings in this file.", readable=False),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="FILE", help="Write the findings, for --baseline.", readable=False),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Compare presets in a matrix (default: all presets)."),
    ] = False,
    presets: Annotated[bool, typer.Option("--presets", help="List the presets and exit.")] = False,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --compare: print a Markdown table.")] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.", readable=False)
    ] = None,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write SARIF 2.1.0.", readable=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write an HTML page.", readable=False)
    ] = None,
    force: Force = False,
) -> int:
    """Run a TLS client against the lab and report what it accepts.

    Examples: `tlsdemo check-client curl`, `tlsdemo check-client -- curl -sS {url}`. The client accepts a case if it
    sends application data. Exit code 0: the client accepts no bad case (see --fail-on). 1: it accepts one, or crashes.
    3: it cannot be run, it refuses the valid certificate or most valid cases, or a case is inconclusive.
    """
    from tlsdemo.cli import check_client as commands

    if presets:
        return commands.list_presets(as_json)
    if case and everything:
        raise Problem("--case and --all are mutually exclusive", hint="remove one of them", code=ExitCode.USAGE)
    if not (command or compare):
        hint = "name a preset: `tlsdemo check-client curl`; or a command: `tlsdemo check-client -- curl -sS {url}`"
        raise Problem("no client is named", hint=hint, code=ExitCode.USAGE)
    if markdown and (as_json or not compare):
        raise Problem(
            "--markdown needs --compare, and excludes --json",
            hint="for one client, --html FILE writes a page",
            code=ExitCode.USAGE,
        )
    if compare and (junit or sarif or html):
        raise Problem("--junit, --sarif and --html exclude --compare", hint="remove --compare", code=ExitCode.USAGE)
    if compare and (excepted or baseline or write_baseline):
        raise Problem(
            "--except, --baseline and --write-baseline exclude --compare",
            hint="remove --compare",
            code=ExitCode.USAGE,
        )
    settings = commands.CheckClientOptions(
        tuple(command or ()), _separated(case), everything, fail_on.value, timeout, jobs, controls, as_json, markdown,
        {"junit": junit, "sarif": sarif, "html": html}, tuple(excepted or ()), baseline, write_baseline, force,
    )  # fmt: skip
    return commands.compare(settings) if compare else commands.check(settings)


def _separated(options: list[str] | None) -> tuple[str, ...]:
    """The values of a repeatable option, whose values may also be comma-separated."""
    return tuple(each for option in options or () for each in option.split(",") if each)
