"""The client that is tested: a command of the user or a preset, and what it needs to run. EDGE."""

import importlib.util
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pki.console import note
from pki.errors import ExitCode, Problem, did_you_mean, printable
from tlsdemo.lab.presets import PRESETS, Preset
from tlsdemo.lab.process import Nursery

PLACEHOLDER = re.compile(r"\{(url|host|address|port|ca|sni_url|client_cert|client_key|python|dir)\}")
LOOKS_LIKE_ONE = re.compile(r"\{[a-z_]+\}")
WHERE = ("{url}", "{sni_url}", "{port}")
"""A command must contain one of these; otherwise it does not connect to the lab."""
BUILDING = 180.0  # seconds for building a preset
ASKING = 20.0  # seconds for printing the version


@dataclass(frozen=True)
class ClientCommand:
    """The command to run for each case."""

    name: str
    preset: Preset

    @property
    def by_name(self) -> bool:
        """Whether the command connects only to the port that selects by server_name."""
        words = " ".join((*self.preset.command, self.preset.stdin))
        return "{sni_url}" in words and "{url}" not in words and "{port}" not in words

    @property
    def needs_certificate(self) -> bool:
        """Whether the command has a placeholder for the client certificate or its key."""
        wanted = self.preset
        commands = (wanted.command, wanted.to_address, wanted.version, *wanted.prepare)
        words = " ".join((*chain.from_iterable(commands), wanted.stdin, *wanted.environment.values()))
        return "{client_cert}" in words or "{client_key}" in words

    def command(self, values: Mapping[str, str], *, is_address: bool) -> list[str]:
        """The command for one case."""
        chosen = self.preset.to_address if is_address and self.preset.to_address else self.preset.command
        return [fill(word, values) for word in chosen]


def own(command: Sequence[str]) -> ClientCommand:
    """A command of the user. Raises Problem if it cannot be tested."""
    words = " ".join(command)
    if not any(each in words for each in WHERE):
        raise Problem(
            "the command has no placeholder for the server's address",
            f"command: {printable(shlex.join(command))}",
            hint=_where(command),
            code=ExitCode.USAGE,
        )
    for unknown in LOOKS_LIKE_ONE.findall(PLACEHOLDER.sub("", words)):
        note(f"{unknown} is not a placeholder; it is passed on unchanged")
    if not shutil.which(command[0]):
        raise Problem(f"{command[0]!r} is not an executable program", hint="is it installed, and in a folder of PATH?")
    return ClientCommand(shlex.join(command), Preset(shlex.join(command), tuple(command), (command[0],), ()))


def _where(command: Sequence[str]) -> str:
    """A hint for a command without a placeholder."""
    if len(command) > 1 and all(each in PRESETS for each in command):
        return f"to compare presets: `tlsdemo check-client --compare {shlex.join(command)}`"
    if command[0] in PRESETS:
        return "put options of check-client before the client; your own command needs {url} in place of the address"
    alike = did_you_mean(command[0], PRESETS) if len(command) == 1 else ""
    meant = f"{alike}Otherwise " if alike else ""
    return f"{meant}put {{url}} in place of the address: `tlsdemo check-client -- curl -sS {{url}}`"


def preset(name: str) -> ClientCommand:
    """The preset with this name. Raises Problem if there is none, or if it cannot run here."""
    if name not in PRESETS:
        hint = (
            "put options before the names"
            if name.startswith("-")
            else f"{did_you_mean(name, PRESETS)}the presets are: {', '.join(PRESETS)}"
        )
        raise Problem(f"unknown preset {name!r}", hint=hint, code=ExitCode.USAGE)
    found = PRESETS[name]
    for program in found.needs:
        if not shutil.which(program):
            raise Problem(f"{name} needs the program {program}, which is not installed", hint=f"install {program}")
    for module in found.modules:
        if importlib.util.find_spec(module) is None:
            hint = f"`{shlex.quote(sys.executable)} -m pip install {module}`"
            raise Problem(f"{name} needs the Python module {module}, which is not installed", hint=hint)
    return ClientCommand(name, found)


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its placeholders replaced; other braces stay."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def prepare(client: ClientCommand, nursery: Nursery, environment: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Write the client's files, build it, and return its version. Raises Problem if that fails."""
    wanted = client.preset
    for name, content in wanted.files.items():
        Path(values["dir"], name).write_text(content)
    for step in wanted.prepare:
        ran = nursery.run([fill(word, values) for word in step], environment, "", BUILDING)
        if ran.exit_code != 0:
            printed = (ran.err.strip() or ran.out.strip() or "it printed nothing").splitlines()
            raise Problem(f"cannot prepare {client.name}: {step[0]} failed", *map(printable, printed[-3:]))
    if not wanted.version:
        return ""
    ran = nursery.run([fill(word, values) for word in wanted.version], environment, "", ASKING)
    lines = [line for line in (ran.out or ran.err).splitlines() if line.strip()]
    if ran.exit_code != 0:
        evidence = (ran.err.strip() or "it printed nothing").splitlines()[0]
        raise Problem(f"{client.name} does not run here", printable(evidence), hint="is one of its libraries missing?")
    return printable(lines[0].strip()) if lines else ""


def surroundings(changes: Mapping[str, str], away: Sequence[str]) -> dict[str, str]:
    """The environment of this process with `changes`, and without the variables in `away`."""
    return {name: value for name, value in os.environ.items() if name not in away} | dict(changes)
