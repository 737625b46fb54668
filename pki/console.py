"""Shared by both programs: run a command, exit codes, JSON, messages, terminals. EDGE; no library but typer."""

import io
import os
import shlex
import sys
import textwrap
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum, StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer
from typer.exceptions import TyperException

from pki.errors import ExitCode, Problem, cannot, printable
from pki.help_page import EXIT_CODES, Application, Group, version_option

CERTS = Path("certs")  # the default folder of all commands


def dir_option(folder: Path) -> str:
    """` --dir FOLDER` for a command of `pki`; empty if `pki` uses that folder anyway: PKI_DIR, else certs."""
    return "" if folder == Path(os.environ.get("PKI_DIR") or CERTS) else f" --dir {shlex.quote(str(folder))}"


HELP = {"help_option_names": ["-h", "--help"]}


def application(about: str, program: str | None = None) -> typer.Typer:
    """A typer application whose `-h` is a page of `pki.help_page`; a `program` also has `--version`."""
    return Application(
        help=about,
        cls=Group,
        callback=version_option(program) if program else None,
        epilog=EXIT_CODES,
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
        warnings.simplefilter("ignore")  # a library's warning about a certificate is not meant for users
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
    except OSError as error:  # not handled by the command; usually stdout on a full disk
        code = ExitCode.CANNOT
        remark(cannot(f"use {error.filename}" if error.filename else "write the output", error))
    _end(code)


def _convert_quickly(command: Any) -> None:
    """Convert most option values without pydantic: importing pydantic takes longer than `pki list` does."""
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
    """The value of an option or argument; typer's own `convert` handles unusual and invalid values."""
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
        if stream is None:  # the parent process closed it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it lives as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # so that a character that the terminal cannot show is not an error


def _end(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError:
        # The buffer cannot be written. With stdout redirected, the interpreter prints no complaint about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(int(code))


def _usage(error: TyperException, program: str) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else program
    if type(error).__name__ == "NoArgsIsHelpError":
        remark(error.format_message())
    else:
        fact = error.format_message().rstrip(".")
        for of_pydantic, plain in ((": Value error, ", ": "), (": Input should be ", ": it must be ")):
            fact = fact.replace(of_pydantic, plain)
        remark(Problem(fact, hint=f"`{command} --help`"))
    return ExitCode.USAGE


def rfc3339(moment: datetime) -> str:
    """`2026-11-22T21:40:00Z` (RFC 3339)."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def day(moment: datetime) -> str:
    """`2026-11-22`, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object, with the version of its schema, to stdout."""
    import json  # here: the import takes a tenth of the time of --help

    print(json.dumps({"schema": 2, **content}, indent=2))


def remark(text: object) -> None:
    """Print a message to stderr. Write errors are ignored. On a terminal, lines are wrapped at its width."""
    lines = str(text).split("\n")
    if sys.stderr is not None and sys.stderr.isatty():
        lines = [part for line in lines for part in _wrapped_error(line)]
    with suppress(OSError):
        print("\n".join(lines), file=sys.stderr, flush=True)


def _wrapped_error(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(
        line, terminal_width(sys.stderr), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]


def warn(fact: str, *more: str) -> None:
    """Print a warning to stderr; in bold on a terminal that shows colours."""
    on, off = ("\x1b[1m", "\x1b[0m") if shows_colours(sys.stderr) else ("", "")
    remark("\n".join([f"{on}WARNING: {printable(fact)}{off}", *(f"  {printable(line)}" for line in more)]))


def note(text: str) -> None:
    """Print a note to stderr."""
    remark(f"note: {printable(text)}")


# Terminals ----------------------------------------------------------------------------------------------------------

LEAST_WIDTH = 40  # columns; tables do not fit into fewer
WIDTH = 80  # columns, if the output is not a terminal


def terminal_width(stream: TextIO) -> int:
    """Columns of the terminal behind `stream`; 80 if there is none."""
    try:
        return max(LEAST_WIDTH, os.get_terminal_size(stream.fileno()).columns or WIDTH)
    except (OSError, ValueError):
        return WIDTH


def wrapped(text: str, indent: int = 0) -> list[str]:
    """`text` in lines for stdout, to be printed after `indent` columns.

    Lines end at a space. Only a word that is longer than a whole line is cut, such as a key in hex.
    """
    return textwrap.wrap(text, max(LEAST_WIDTH // 2, terminal_width(sys.stdout) - indent), break_on_hyphens=False)


def shows_colours(stream: TextIO) -> bool:
    """Whether `stream` is a terminal with colours, and the user did not set `NO_COLOR`."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Tone(Enum):
    """The colour of a verdict."""

    GOOD = "green"
    BAD = "red"


def verdict(text: str, tone: Tone | None) -> str:
    """`text` in the colour of its tone where stdout shows colours; unchanged elsewhere."""
    return typer.style(text, fg=tone.value, bold=True) if tone and shows_colours(sys.stdout) else text
