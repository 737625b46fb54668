"""`tlsdemo eavesdrop`: relay connections, print what passes, and what an eavesdropper learns from it. EDGE."""

import os
import re
import sys
import textwrap
from pathlib import Path

from pki.console import CERTS
from pki.errors import ExitCode, Problem, printable
from pki.keys import PrivateKey
from pki.store.files import read_key
from tlsdemo import net
from tlsdemo.attack.conclusions import quoted
from tlsdemo.cli.listening import ListeningCommand
from tlsdemo.cli.position import not_connected, place, run_on_path
from tlsdemo.cli.reporter import Reporter
from tlsdemo.edu.eavesdropping import LineEavesdropper
from tlsdemo.protocol import Attacker, Flight, Relay, Side
from tlsdemo.report.finding import counted
from tlsdemo.tls13.eavesdropping import AnyEavesdropper, RecordEavesdropper, computed, stolen
from tlsdemo.tls13.protocol import any_parts
from tlsdemo.wire.records import CONTENT_TYPES, HEADER

ARROWS = {Side.CLIENT: ">", Side.SERVER: "<"}  # as in `socat -v`
WIDTH = 100
LONGEST = 4000  # characters of one line that are printed


def eavesdrop(upstream: str, listen: str, key: Path | None) -> int:
    """Run until a signal. Returns the exit code."""
    where, report = place(upstream, listen), Reporter()
    stolen_key = read_key(key, "it is the private key of the server's certificate: certs/server.key") if key else None

    def introduction(address: net.Address) -> list[str]:
        return [
            f"listening on {address}, relaying to {where.upstream}",
            "  > from the client, < from the server, = what an eavesdropper learns",
            "",
            "  in another terminal (with the --protocol of the server):",
            f"    tlsdemo connect {address}{'' if os.path.lexists(CERTS / 'root.pem') else ' --protocol plain'}",
            "",
        ]

    def on_end(peer: str, relay: Attacker, problem: Problem | None) -> ExitCode:
        assert isinstance(relay, EavesdropRelay)
        report.say(
            f"{peer}  {not_connected(problem, where.upstream, ' --protocol NAME') if problem else relay.conclusion()}",
            "",
        )
        return ExitCode.YES

    return run_on_path(
        where, ListeningCommand(report), introduction, lambda peer: EavesdropRelay(report, stolen_key), on_end
    )


class EavesdropRelay(Relay):
    """Relays one connection, and prints what passes and what it learns."""

    def __init__(self, report: Reporter, key: PrivateKey | None = None) -> None:
        self._report = report
        self._whole = not sys.stdout.isatty()  # another program reads whole lines
        self._listener = LineEavesdropper()
        self._tls = records_listener(key)
        self._is_tls = False
        self._bytes = 0
        self._has_read = False

    def on_data(self, flight: Flight) -> list[tuple[Side, bytes]]:
        self._bytes += len(flight.data)
        self._report.say(*self._told(flight))
        return [(flight.sender.other, flight.data)]

    def conclusion(self) -> str:
        """What the eavesdropper learned from the connection."""
        if self._has_read:
            return f"closed after {self._bytes} bytes: the eavesdropper read the message"
        return (
            f"closed after {self._bytes} bytes: the eavesdropper saw addresses, times and lengths, and read no message"
        )

    def _told(self, flight: Flight) -> list[str]:
        arrow = ARROWS[flight.sender]
        if self._bytes == len(flight.data):
            self._is_tls = flight.data[0] in CONTENT_TYPES
        told = []
        for heard in (self._tls if self._is_tls else self._listener).hear(flight):
            told += self._lines(f"{arrow} ", self._shown(heard.line))
            for note in heard.notes:
                told += self._lines("    = ", printable(note))
            if heard.read:
                self._has_read = True
                told += self._lines("    = ", f"reads: {quoted(heard.read)}")
        if self._is_tls:
            return told
        return told or [f"{arrow} {len(flight.data)} bytes of an incomplete line"]

    def _shown(self, passed: bytes) -> str:
        """A line as it is; of a TLS record, its type and length."""
        if not self._is_tls:
            return printable(passed.decode("utf-8", "backslashreplace"))
        name = CONTENT_TYPES.get(passed[0], f"type {passed[0]}")
        return f"TLS record: {name}, {counted(len(passed) - HEADER, 'byte')}"

    def _lines(self, prefix: str, text: str) -> list[str]:
        """The text after the prefix: one whole line, or shortened and wrapped for a terminal."""
        return [prefix + text] if self._whole else _folded(prefix, _shortened(text))


def records_listener(key: PrivateKey | None) -> AnyEavesdropper:
    """Listens to TLS 1.3, with a key that was stolen from the server, or without one."""
    if key is None:
        return AnyEavesdropper([RecordEavesdropper(parts, computed) for parts in any_parts()])
    hopeless = "the server's key share does not belong to the stolen key: it does not give the shared secret"
    return AnyEavesdropper([RecordEavesdropper(parts, stolen(key), hopeless) for parts in any_parts()])


def _shortened(line: str) -> str:
    """The first LONGEST characters, with long hex (such as certificates) cut."""
    shown = re.sub(r"([0-9a-f]{64})[0-9a-f]{64,}", r"\1…", line)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}… ({len(shown)} characters or more)"


def _folded(prefix: str, text: str) -> list[str]:
    """The text wrapped at WIDTH columns: the prefix in the first line, an indent in the others."""
    lines = textwrap.wrap(text, WIDTH - len(prefix), break_on_hyphens=False) or [""]
    return [(prefix if number == 0 else " " * len(prefix)) + line for number, line in enumerate(lines)]
