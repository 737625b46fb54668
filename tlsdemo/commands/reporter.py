"""What commands that run for long print: whole lines, at once, from any thread. EDGE."""

import textwrap
import threading
from dataclasses import dataclass, field

from pki.errors import printable
from tlsdemo.edu.explain import Teller
from tlsdemo.edu.machine import Machine, Moment
from tlsdemo.events import Event
from tlsdemo.report.events import as_json, as_line


@dataclass
class Reporter:
    """Prints events, and remembers when nobody can read them any more."""

    as_json: bool = False
    failure: OSError | None = None
    _teller: Teller = field(default_factory=Teller)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        """Print one event."""
        self.say(as_json(event) if self.as_json else as_line(event))

    def say(self, *lines: str) -> None:
        """Print lines together, flushed."""
        with self._lock:
            try:
                print("\n".join(lines), flush=True)
            except OSError as error:  # kept apart from the errors of sockets, which are somebody else's
                self.failure = self.failure or error

    def explain(self, machine: Machine, moment: Moment) -> None:
        """One step of a handshake: a `Watch`."""
        lines = [""]
        for label, sentence in self._teller.tell(machine, moment):
            for number, line in enumerate(textwrap.wrap(printable(sentence), 60)):
                lines.append(f"  {label if number == 0 else '':<18}{line}")
        self.say(*lines)
