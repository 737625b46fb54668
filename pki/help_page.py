"""The help pages of both programs: whole summaries, metavars such as `FILE`, exit codes; and `--version`.

EDGE; no library but typer.
"""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup

EXIT_CODES = "Exit codes: 0 yes or done, 1 the answer is no, 2 wrong usage, 3 could not do or decide, 130 interrupted."
SERVER_EXIT_CODES = "Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 wrong usage, 3 could not do."
ONCE_EXIT_CODES = f"{SERVER_EXIT_CODES} With --once: 0 yes, 1 no, 130 interrupted before that."
DISTRIBUTION = "tlsdemo"  # the package that contains both programs
METAVARS: dict[type, str] = {Path: "FILE", int: "N", float: "N"}
"""Default metavars, by the type of the value."""


class Command(TyperCommand):
    """A command whose help page shows its arguments as `FILE`, `[NAME...]`."""

    def get_params(self, ctx: Any) -> list[Any]:
        found: list[Any] = super().get_params(ctx)
        for each in found:
            if each.metavar is None:
                each.metavar = _metavar(each)
            elif each.param_type_name == "argument":
                each.metavar = each.metavar.strip("[.]")  # `_as_typed` adds them
        return found

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        options = [self.options_metavar] if self.options_metavar else []
        return options + [_as_typed(each) for each in self.get_params(ctx) if each.param_type_name == "argument"]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        records = [(each, each.get_help_record(ctx)) for each in self.get_params(ctx)]
        arguments = [
            (each.metavar, record[1]) for each, record in records if record and each.param_type_name == "argument"
        ]
        options = [record for each, record in records if record and each.param_type_name == "option"]
        for title, rows in (("Arguments", arguments), ("Options", options)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Group(TyperGroup):
    """A group of commands whose help page shows every summary whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, summary(each)) for name, each in self.commands.items() if not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Application(typer.Typer):
    """A typer application whose commands are of class Command."""

    def command(self, name: str | None = None, **settings: Any) -> Any:
        return super().command(name, **{"cls": Command, "epilog": EXIT_CODES, **settings})


def summary(command: Any) -> str:
    """The first paragraph of a command's help, on one line."""
    return " ".join((command.help or "").split("\n\n")[0].split())


def _metavar(parameter: Any) -> str:
    """`FILE`, `N`, `one|other` or `TEXT`, by the type of one value; for an argument its name in upper case."""
    kind = parameter.type_descriptor.annotation
    kind = next(iter(get_args(kind)), kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(each.value) for each in kind)
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    return METAVARS.get(kind, "TEXT")


def _as_typed(argument: Any) -> str:
    name = f"{argument.metavar}..." if argument.nargs != 1 else str(argument.metavar)
    return name if argument.required else f"[{name}]"


def print_version(program: str) -> None:
    """Print `pki 0.1.0`, with the version of the installed package. The lookup is slow, so it is not done at import."""
    from importlib.metadata import version

    print(f"{program} {version(DISTRIBUTION)}")


def version_option(program: str) -> Any:
    """The typer callback that adds `--version` to a program."""

    def show(asked: bool) -> None:
        if asked:
            print_version(program)
            raise typer.Exit

    def callback(
        version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=show, help="Show the version and exit.")
        ] = False,
    ) -> None: ...

    return callback
