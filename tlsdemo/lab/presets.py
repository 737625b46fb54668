"""Clients that people use, each only as data: what to type, what it needs, how to ask for its version.

Placeholders: {url} {host} {port} {ca} {sni_url} as in a command of one's own; {python} is this Python; {dir} a folder
in which the preset's files lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Preset:
    """One client, as somebody would use it without thinking of TLS."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...]
    """Programs that must be on the path."""
    version: tuple[str, ...]
    """A command whose first line tells the version."""
    modules: tuple[str, ...] = ()
    """Modules that this Python must have."""
    stdin: str = ""
    """What is typed into it."""
    files: Mapping[str, str] = field(default_factory=dict)
    """What must lie in {dir}: name and content."""
    prepare: tuple[tuple[str, ...], ...] = ()
    """Commands to run once before, such as a compiler; also with {ca}."""
    environment: Mapping[str, str] = field(default_factory=dict)


PRESETS: Mapping[str, Preset] = {
    each.name: each
    for each in (Preset("curl", ("curl", "-sS", "{url}"), needs=("curl",), version=("curl", "--version")),)
}
"""By name."""
