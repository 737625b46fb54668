"""Output of servers: whole lines, from any thread, without waiting for the reader. EDGE."""

import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

from pki.errors import printable
from tlsdemo.cli.line_writer import PATIENCE, Outlet, as_text
from tlsdemo.driver import Moment
from tlsdemo.edu.explain import Teller
from tlsdemo.edu.machine import Machine
from tlsdemo.events import Dropped, Event, Warned
from tlsdemo.report.events import as_json, as_line


@dataclass
class Reporter:
    """Prints events to stdout and notes to stderr; keeps the error if stdout cannot be written."""

    as_json: bool = False
    _teller: Teller = field(default_factory=Teller)

    def __post_init__(self) -> None:
        self._text = as_json if self.as_json else as_line
        self._out = Outlet(sys.stdout, lambda count: self._text(Dropped(count)))
        self._notes = Outlet(sys.stderr)

    @property
    def failure(self) -> OSError | None:
        """The error of stdout; None if it can be written."""
        return self._out.failure

    def when_it_fails(self, act: Callable[[], None]) -> None:
        """Call `act`, in another thread, when stdout can no longer be written."""
        self._out.on_failure = act

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, Warned):
            self.note(event.sentence)
        else:
            self._out.put(self._text(event))

    def say(self, *lines: str) -> None:
        """Print lines together."""
        self._out.put(*lines)

    def note(self, sentence: str) -> None:
        """Print a note to stderr."""
        self._notes.put(f"note: {printable(sentence)}")

    def close(self, patience: float | None = PATIENCE) -> None:
        """Write the queued lines, for at most `patience` seconds (None: no limit); note how many were lost."""
        lost = self._out.close(patience)
        if lost and not self.failure:
            self.note(as_text(lost))
        self._notes.close(PATIENCE / 2)

    def explain(self, machine: Machine, moment: Moment) -> None:
        """Print the explanation of one handshake step; it is a `Watch`."""
        lines = [""]
        for label, sentence in self._teller.tell(machine, moment):
            for number, line in enumerate(textwrap.wrap(printable(sentence), 60)):
                lines.append(f"  {label if number == 0 else '':<18}{line}")
        self.say(*lines)
