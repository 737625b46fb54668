"""Headings, paragraphs, rows and verdicts on a terminal of 80 columns; plain text where there is none (rich)."""

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

WIDTH = 80


class Screen:
    """Prints to stdout. Colours are used on a terminal only, and never carry information alone."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        """A title, underlined."""
        self._line("")
        self._line(text, "bold")
        self._line("─" * len(text), "bold")

    def say(self, text: str) -> None:
        """A paragraph."""
        for line in textwrap.wrap(" ".join(text.split()), WIDTH):
            self._line(line)

    def show(self, label: str, value: str) -> None:
        """A value with its label: indented, the label in a column of its own."""
        for number, line in enumerate(textwrap.wrap(value, WIDTH - 24) or [""]):
            self._line(f"    {label if number == 0 else '':<20}{line}".rstrip(), "cyan")

    def good(self, text: str) -> None:
        """A verdict: the attack failed."""
        self._verdict(text, "bold green")

    def bad(self, text: str) -> None:
        """A verdict: the attack succeeded."""
        self._verdict(text, "bold red")

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """A table; the first column is left-aligned, the others are right-aligned."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            self._line(("    " + "   ".join(cells)).rstrip(), "cyan")

    def command(self, text: str) -> None:
        """A command for the user to type."""
        self._line(f"    $ {text}", "bold cyan")

    def line(self, text: str, style: str = "") -> None:
        """A line, not wrapped."""
        self._line(text, style)

    def _verdict(self, text: str, style: str) -> None:
        for line in textwrap.wrap(f"=> {text}", WIDTH, subsequent_indent="   "):
            self._line(line, style)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style))
