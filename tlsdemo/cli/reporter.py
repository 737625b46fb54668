"""Output of servers: whole lines, from any thread, without waiting for the reader. EDGE."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from pki.errors import printable
from tlsdemo.cli.line_writer import PATIENCE, Outlet, as_text
from tlsdemo.events import Dropped, Event, Warned
from tlsdemo.report.events import as_json, as_line


@dataclass
class Reporter:
    """Prints events to stdout and notes to stderr; keeps the error if stdout cannot be written."""

    as_json: bool = False

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
