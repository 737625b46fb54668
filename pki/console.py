"""What every command line of the project shares: exit codes, errors, JSON. EDGE; typer and standard library alone."""

import io
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.exceptions import TyperException

from pki.errors import ExitCode, Problem, cannot, printable

CERTS = Path("certs")  # the folder that all commands use by default
HELP = {"help_option_names": ["-h", "--help"]}


def application(about: str) -> typer.Typer:
    """A typer application in the project's manner: `-h` works, no markup, no tracebacks of typer's own."""
    return typer.Typer(
        help=about,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings=HELP,
    )


def run(app: typer.Typer, program: str) -> NoReturn:
    """Run a typer application and end the process with the documented exit code; never a traceback for a user."""
    code: int = ExitCode.YES
    _prepare_streams()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # a library's remark about somebody's certificate is not for our users
    try:
        command = typer.main.get_command(app)
        _convert_quickly(command)
        code = command(prog_name=program, standalone_mode=False) or ExitCode.YES
        sys.stdout.flush()
    except Problem as problem:
        remark(problem)
        code = problem.code
    except TyperException as error:  # wrong usage, in typer's words
        code = _usage(error, program)
    except typer.Abort:
        code = ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except SystemExit as error:  # typer ends by itself when the reader of our output has gone
        code = ExitCode.CANNOT if isinstance(error.__context__, BrokenPipeError) else int(error.code or 0)
    except BrokenPipeError:
        code = ExitCode.CANNOT
    except OSError as error:  # what no command has explained better; most likely stdout on a full disk
        code = ExitCode.CANNOT
        remark(cannot(f"use {error.filename}" if error.filename else "write the output", error))
    _end(code)


def _convert_quickly(command: Any) -> None:
    """Convert most values of options without pydantic: importing it takes typer longer than all of `pki list`."""
    for each in getattr(command, "commands", {}).values():
        _convert_quickly(each)
    given = command.get_params

    def parameters(context: Any) -> list[Any]:
        found: list[Any] = given(context)
        for each in found:
            if not isinstance(each.process_value, partial):
                each.process_value = partial(_converted, each, each.process_value)
        return found

    command.get_params = parameters


def _converted(parameter: Any, convert: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    """The value of an option or argument; whatever is unusual or wrong is left to typer's own `convert`."""
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if kind is None or (parameter.required and not value):
        return convert(context, value)
    if value is None:
        value = () if parameter.multiple or parameter.nargs == -1 else None
    elif kind is Path and isinstance(value, str | Path):
        value = Path(value)
    elif kind == list[str] and isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        value = list(value)
    elif isinstance(kind, type) and issubclass(kind, StrEnum) and value in list(kind):
        value = kind(value)
    elif not (kind in (str, bool, int, float) and type(value) is kind):
        return convert(context, value)
    return parameter.callback(context, parameter, value) if parameter.callback else value


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us: nobody wants to read it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it lives as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no error


def _end(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError:
        # What is still in the buffer cannot be written; pointing stdout elsewhere keeps the interpreter quiet about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(int(code))


def _usage(error: TyperException, program: str) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else program
    if type(error).__name__ == "NoArgsIsHelpError":
        remark(error.format_message())
    else:
        remark(Problem(error.format_message().rstrip("."), hint=f"`{command} --help`"))
    return ExitCode.USAGE


def rfc3339(moment: datetime) -> str:
    """`2026-11-22T21:40:00Z` (RFC 3339)."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def day(moment: datetime) -> str:
    """`2026-11-22`, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def print_json(content: dict[str, Any]) -> None:
    """One JSON object with the version of its schema, to stdout."""
    import json  # here, since it costs as much as a tenth of all of --help

    print(json.dumps({"schema": 1, **content}, indent=2))


def remark(text: object) -> None:
    """A line beside the result: to stderr, which is not data. That nobody can read it changes no result."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def warn(fact: str, *more: str) -> None:
    """Something that a person must not miss: in capitals, and in bold on a terminal that has colours."""
    bold = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    on, off = ("\x1b[1m", "\x1b[0m") if bold else ("", "")
    remark("\n".join([f"{on}WARNING: {printable(fact)}{off}", *(f"  {printable(line)}" for line in more)]))


def note(text: str) -> None:
    """Something that a person should know besides."""
    remark(f"note: {printable(text)}")
