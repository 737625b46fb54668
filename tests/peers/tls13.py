"""What the tests of TLS 1.3 with other programs share: the visits of clients, presets as clients, `s_client`."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from pki.keys import KeyType
from pki.trust.environment import environment
from tests.conftest import COMPILER, missing, run, tool
from tests.peers.support import Serving
from tlsdemo.lab.client import fill
from tlsdemo.lab.presets import NOT_INHERITED, PRESETS

TLS13 = ("--protocol", "tls13")
SUITES = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")
KEY_TYPES = (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048, KeyType.ED25519)

Keyed = Callable[[KeyType], Path]
"""A PKI whose keys are of that type; no test may change it."""
Standing = Callable[..., Serving]
"""`standing(*options, certs=...)`: one server of TLS 1.3 for all tests of a file with these options."""


# The server's side ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Visit:
    """One conversation between another program and a server of ours, as both report it."""

    code: int
    out: str
    err: str
    events: Mapping[str, Mapping[str, Any]]
    """The server's events by name, and the last of them as `end`."""

    @property
    def agreed(self) -> str:
        """Group and cipher suite."""
        return str(self.events["agreed"]["cipher"])

    @property
    def end(self) -> Mapping[str, Any]:
        return self.events["end"]


def visit(server: Serving, act: Callable[[], CompletedProcess[str]]) -> Visit:
    """Run a client, and wait until the server has reported the end of its conversation.

    If every client of a server is run by this function, the events are those of this client.
    """
    before = len(ended(server))
    done = act()
    (last,) = server.wait_until(lambda _: ended(server)[before : before + 1], wanted="end of the conversation")
    events = {each["event"]: each for each in server.events if each.get("peer") == last["peer"]}
    return Visit(done.returncode, done.stdout, done.stderr, events | {"end": last})


def ended(server: Serving) -> list[dict[str, Any]]:
    return [each for each in server.events if each["event"] in ("closed", "refused", "silent")]


# Clients -------------------------------------------------------------------------------------------------------------


def has_trust_store(name: str) -> bool:
    """Whether a preset has the CA in a trust store of its own, which is made when the preset is prepared."""
    return any("{ca}" in word for step in PRESETS[name].prepare for word in step)


@dataclass(frozen=True)
class Program:
    """A preset of the lab, ready to visit servers of any CA."""

    name: str
    folder: Path

    def visit(self, server: Serving, ca: Path) -> Visit:
        """Request https://localhost:port/ once, trusting only `ca`."""
        preset, values = PRESETS[self.name], self._values(server.port, ca)
        command = [fill(word, values) for word in preset.command]
        text = fill(preset.stdin, values)
        return visit(server, lambda: run(*command, env=self._environment(ca), stdin=None, input=text))

    def prepare(self, ca: Path) -> None:
        """Write its files and build it; a skip (a failure where tools are required) if something is missing."""
        preset, values = PRESETS[self.name], self._values(0, ca)
        for each in preset.needs:
            tool(each, *(COMPILER if each == "java" else ()))
        if run(*(fill(word, values) for word in preset.version)).returncode != 0:
            missing(f"what {self.name} needs")
        for name, content in preset.files.items():
            (self.folder / name).write_text(content)
        for step in preset.prepare:
            done = run(*(fill(word, values) for word in step), env=self._environment(ca))
            assert done.returncode == 0, done.stderr

    def _values(self, port: int, ca: Path) -> Mapping[str, str]:
        return {
            "url": f"https://localhost:{port}/", "host": "localhost", "port": str(port), "ca": str(ca),
            "python": sys.executable, "dir": str(self.folder),
        }  # fmt: skip

    def _environment(self, ca: Path) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        own = {name: fill(value, self._values(0, ca)) for name, value in PRESETS[self.name].environment.items()}
        return environment(ca, self.folder).applied(inherited) | own


def s_client(server: Serving, ca: Path, *options: str | Path, say: str = "hello\n") -> Visit:
    """`openssl s_client` until the server closes; it says one line."""
    command = (
        "openssl", "s_client", "-connect", server.target, "-servername", "localhost", "-CAfile", ca,
        "-verify_return_error", "-verify_hostname", "localhost", "-ign_eof", *options,
    )  # fmt: skip
    return visit(server, lambda: run(*command, stdin=None, input=say))
