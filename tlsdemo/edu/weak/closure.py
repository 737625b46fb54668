"""CLOSURE removed: the end of TCP counts as the end of the data.

An attacker that can cut the connection decides where the message ends: `do not` becomes `do`. Many programs have this
weakness: Python's SSLSocket reports a missing close_notify as a normal end by default. Attack: `truncation`.
"""

from dataclasses import replace

from tlsdemo.edu.machine import AnyParts


def as_good_as_any() -> None:
    """Accept the end of TCP as the end of the data."""


def weaken(parts: AnyParts) -> AnyParts:
    """Do not require close_notify."""
    return replace(parts, rules=replace(parts.rules, end_of_stream=as_good_as_any))
