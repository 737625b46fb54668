"""The client that is tried: a command of somebody's own, or one of the presets, and what it needs to run. EDGE."""

import importlib.util
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

from pki.console import note
from pki.errors import ExitCode, Problem, printable
from tlsdemo.lab.presets import PRESETS, Preset
from tlsdemo.lab.process import Nursery

PLACEHOLDER = re.compile(r"\{(url|host|address|port|ca|sni_url|client_cert|client_key|python|dir)\}")
LOOKS_LIKE_ONE = re.compile(r"\{[a-z_]+\}")
WHERE = ("{url}", "{sni_url}", "{port}")
"""One of these must be in a command: otherwise it goes where it likes."""
BUILDING = 180.0  # seconds for what a preset has to build first
ASKING = 20.0  # seconds for a version


@dataclass(frozen=True)
class ClientCommand:
    """What to run for each case. `Nursery.run` takes it from here."""

    name: str
    preset: Preset

    @property
    def by_name(self) -> bool:
        """Whether it goes to the port that chooses by name, and to no other."""
        words = " ".join((*self.preset.command, self.preset.stdin))
        return "{sni_url}" in words and "{url}" not in words and "{port}" not in words

    @property
    def needs_certificate(self) -> bool:
        """Whether it is told where a client's certificate or its key is."""
        wanted = self.preset
        commands = (wanted.command, wanted.to_address, wanted.version, *wanted.prepare)
        words = " ".join((*chain.from_iterable(commands), wanted.stdin, *wanted.environment.values()))
        return "{client_cert}" in words or "{client_key}" in words

    def command(self, values: Mapping[str, str], *, is_address: bool) -> list[str]:
        """The words for one case."""
        chosen = self.preset.to_address if is_address and self.preset.to_address else self.preset.command
        return [fill(word, values) for word in chosen]


def own(command: Sequence[str]) -> ClientCommand:
    """A command of somebody's own; a Problem if it cannot be tried."""
    words = " ".join(command)
    if not any(each in words for each in WHERE):
        raise Problem(
            "the command does not say where to go",
            f"it is: {printable(shlex.join(command))}",
            hint=_where(command),
            code=ExitCode.USAGE,
        )
    for unknown in LOOKS_LIKE_ONE.findall(PLACEHOLDER.sub("", words)):
        note(f"{unknown} is no placeholder, and stays as it is")
    if not shutil.which(command[0]):
        raise Problem(f"there is no program {command[0]!r}", hint="is it installed, and on the path?")
    return ClientCommand(shlex.join(command), Preset(shlex.join(command), tuple(command), (command[0],), ()))


def _where(command: Sequence[str]) -> str:
    """What was probably meant."""
    if len(command) > 1 and all(each in PRESETS for each in command):
        return f"several presets: `tlsdemo check-client --compare {shlex.join(command)}`"
    if command[0] in PRESETS:
        return "options of check-client go before the client; for one of your own, say where {url} belongs in it"
    alike = get_close_matches(command[0], PRESETS) if len(command) == 1 else []
    meant = f"perhaps {alike[0]}, a preset; or " if alike else ""
    return f"{meant}put {{url}} where the address belongs: `tlsdemo check-client -- curl -sS {{url}}`"


def preset(name: str) -> ClientCommand:
    """A preset; a Problem if there is none of that name, or if it cannot run here."""
    if name not in PRESETS:
        hint = "options go before the names" if name.startswith("-") else f"there are: {', '.join(PRESETS)}"
        raise Problem(f"no preset is called {name!r}", hint=hint, code=ExitCode.USAGE)
    found = PRESETS[name]
    for program in found.needs:
        if not shutil.which(program):
            raise Problem(f"{name} needs the program {program}, and it is not on the path", hint=f"install {program}")
    for module in found.modules:
        if importlib.util.find_spec(module) is None:
            hint = f"`{shlex.quote(sys.executable)} -m pip install {module}`"
            raise Problem(f"{name} needs the Python module {module}, and this Python does not have it", hint=hint)
    return ClientCommand(name, found)


def fill(text: str, values: Mapping[str, str]) -> str:
    """The placeholders replaced; other braces are the command's own."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def prepare(client: ClientCommand, nursery: Nursery, environment: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Put its files into {dir}, build what must be built, and ask for its version. A Problem if that fails."""
    wanted = client.preset
    for name, content in wanted.files.items():
        Path(values["dir"], name).write_text(content)
    for step in wanted.prepare:
        ran = nursery.run([fill(word, values) for word in step], environment, "", BUILDING)
        if ran.exit_code != 0:
            said = (ran.err.strip() or ran.out.strip() or "nothing").splitlines()
            raise Problem(f"{client.name} cannot be made ready: {step[0]} failed", *map(printable, said[-3:]))
    if not wanted.version:
        return ""
    ran = nursery.run([fill(word, values) for word in wanted.version], environment, "", ASKING)
    lines = [line for line in (ran.out or ran.err).splitlines() if line.strip()]
    if ran.exit_code != 0:
        evidence = (ran.err.strip() or "it says nothing").splitlines()[0]
        raise Problem(f"{client.name} does not run here", printable(evidence), hint="is a library of it missing?")
    return printable(lines[0].strip()) if lines else ""


def surroundings(changes: Mapping[str, str], away: Sequence[str]) -> dict[str, str]:
    """The environment of this process, with these changes, and without those."""
    return {name: value for name, value in os.environ.items() if name not in away} | dict(changes)
