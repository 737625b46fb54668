"""Values that a server reads from files, and reads again when the files change. EDGE.

connection -> files changed? -> yes: read them all again -> success: use the new value
                                                         -> failure: keep the old value, and print a note
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from pki.errors import Problem

T = TypeVar("T")
State = tuple[object, ...]


class Fresh(Generic[T]):
    """The value that `make` reads from `files`. The first call of `make` may raise; later errors become warnings."""

    def __init__(self, make: Callable[[], T], files: Sequence[Path], warn: Callable[[str], None]) -> None:
        self._make, self._files, self._warn = make, tuple(map(str, files)), warn
        self._state = self._look()  # before reading: a change during the reading is noticed next time
        self._value = make()

    def value(self) -> T:
        """The value from the files as they are now, or the last value if they cannot be used."""
        state = self._look()
        if state != self._state:
            self._state = state
            try:
                self._value = self._make()
            except Exception as error:  # invalid files must not stop the server
                if self._look() != state:
                    self._state = ()  # the files are being replaced: try again at the next connection
                else:
                    self._warn(f"{_reason(error)}; the previous files stay in use")
        return self._value

    def _look(self) -> State:
        """The stat result of each file. It changes when a file is written or replaced."""
        return tuple(map(_state, self._files))


def _state(file: str) -> State:
    try:
        found = os.stat(file)
    except OSError as error:
        return (error.errno,)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _reason(error: Exception) -> str:
    if isinstance(error, Problem):
        return "; ".join((error.fact, *error.evidence))
    return f"{type(error).__name__}: {error}"
