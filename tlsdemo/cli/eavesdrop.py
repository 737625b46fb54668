"""`tlsdemo eavesdrop`: relay connections, print what passes, and what an eavesdropper learns from it. EDGE."""

import os
import re
import sys
import textwrap

from pki.console import CERTS
from pki.errors import ExitCode, Problem, printable
from tlsdemo import net
from tlsdemo.attack.conclusions import quoted
from tlsdemo.cli.listening import ListeningCommand
from tlsdemo.cli.position import not_connected, place, run_on_path
from tlsdemo.cli.reporter import Reporter
from tlsdemo.edu.eavesdropping import LineEavesdropper
from tlsdemo.protocol import Attacker, Flight, Relay, Side
from tlsdemo.report.finding import counted
from tlsdemo.wire.records import records

ARROWS = {Side.CLIENT: ">", Side.SERVER: "<"}  # as in `socat -v`
WIDTH = 100
LONGEST = 4000  # characters of one line that are printed


def eavesdrop(upstream: str, listen: str) -> int:
    """Run until a signal. Returns the exit code."""
    where, report = place(upstream, listen), Reporter()

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

    return run_on_path(where, ListeningCommand(report), introduction, lambda peer: EavesdropRelay(report), on_end)


class EavesdropRelay(Relay):
    """Relays one connection, and prints what passes and what it learns."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._whole = not sys.stdout.isatty()  # another program reads whole lines
        self._listener = LineEavesdropper()
        self._tls: dict[Side, bytes] = dict.fromkeys(Side, b"")
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
        if flight.data[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") or self._tls[flight.sender]:
            return [f"{arrow} {line}" for line in self._records(flight)]
        told = []
        for heard in self._listener.hear(flight):
            told += self._lines(f"{arrow} ", printable(heard.line.decode("utf-8", "backslashreplace")))
            for note in heard.notes:
                told += self._lines("    = ", printable(note))
            if heard.read:
                self._has_read = True
                told += self._lines("    = ", f"reads: {quoted(heard.read)}")
        return told or [f"{arrow} {len(flight.data)} bytes of an incomplete line"]

    def _lines(self, prefix: str, text: str) -> list[str]:
        """The text after the prefix: one whole line, or shortened and wrapped for a terminal."""
        return [prefix + text] if self._whole else _folded(prefix, _shortened(text))

    def _records(self, flight: Flight) -> list[str]:
        """Type and length of the TLS records that are complete."""
        stream = self._tls[flight.sender] + flight.data
        found = list(records(stream))
        used = sum(5 + len(record.fragment) for record in found)
        self._tls[flight.sender] = stream[used:]
        return [f"TLS record: {record.name}, {counted(len(record.fragment), 'byte')}" for record in found]


def _shortened(line: str) -> str:
    """The first LONGEST characters, with long hex (such as certificates) cut."""
    shown = re.sub(r"([0-9a-f]{64})[0-9a-f]{64,}", r"\1…", line)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}… ({len(shown)} characters or more)"


def _folded(prefix: str, text: str) -> list[str]:
    """The text wrapped at WIDTH columns: the prefix in the first line, an indent in the others."""
    lines = textwrap.wrap(text, WIDTH - len(prefix), break_on_hyphens=False) or [""]
    return [(prefix if number == 0 else " " * len(prefix)) + line for number, line in enumerate(lines)]
