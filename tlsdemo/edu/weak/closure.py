"""Without CLOSURE: when the line ends, all was said.

What is wrong: anybody who can cut the line decides where the message ends (attack: `truncation`). `do not` stays `do`.
Many programs are built so, since a default SSLSocket of Python's reports a cut line as a normal end.
"""

from dataclasses import replace

from tlsdemo.edu.machine import Parts


def as_good_as_any() -> None:
    """A cut line is an end."""


def weaken(parts: Parts) -> Parts:
    """Nobody waits for close_notify."""
    return replace(parts, rules=replace(parts.rules, end_of_line=as_good_as_any))
