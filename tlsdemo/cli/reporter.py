"""What commands that run for long print: whole lines, from any thread, without ever waiting for the reader. EDGE."""

import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

from pki.errors import printable
from tlsdemo.cli.line_writer import PATIENCE, Outlet, as_text
from tlsdemo.edu.explain import Teller
from tlsdemo.edu.machine import Machine, Moment
from tlsdemo.events import Dropped, Event, Warned
from tlsdemo.report.events import as_json, as_line


@dataclass
class Reporter:
    """Prints events to stdout and notes to stderr; remembers when nothing can be written any more."""

    as_json: bool = False
    _teller: Teller = field(default_factory=Teller)

    def __post_init__(self) -> None:
        self._text = as_json if self.as_json else as_line
        self._out = Outlet(sys.stdout, lambda count: self._text(Dropped(count)))
        self._notes = Outlet(sys.stderr)

    @property
    def failure(self) -> OSError | None:
        """Why stdout cannot be written."""
        return self._out.failure

    def when_it_fails(self, act: Callable[[], None]) -> None:
        """Call this, in another thread, when stdout cannot be written any more."""
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
        """Something that a person should know besides: to stderr."""
        self._notes.put(f"note: {printable(sentence)}")

    def close(self, patience: float | None = PATIENCE) -> None:
        """Write what waits, and give up after `patience` seconds (None: never); say what could not be written."""
        lost = self._out.close(patience)
        if lost and not self.failure:
            self.note(as_text(lost))
        self._notes.close(PATIENCE / 2)

    def explain(self, machine: Machine, moment: Moment) -> None:
        """One step of a handshake: a `Watch`."""
        lines = [""]
        for label, sentence in self._teller.tell(machine, moment):
            for number, line in enumerate(textwrap.wrap(printable(sentence), 60)):
                lines.append(f"  {label if number == 0 else '':<18}{line}")
        self.say(*lines)
