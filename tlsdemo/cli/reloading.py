"""What a server reads from files, read again when they change. EDGE.

a connection comes -> have the files changed? -> yes: read them all again -> they are good: from now on the new ones
                                                                          -> they are not: the old ones, and a note
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from pki.errors import Problem

T = TypeVar("T")
State = tuple[object, ...]


class Fresh(Generic[T]):
    """The value that `make` makes of `files`. At the beginning its Problem is the caller's; later it is a warning."""

    def __init__(self, make: Callable[[], T], files: Sequence[Path], warn: Callable[[str], None]) -> None:
        self._make, self._files, self._warn = make, tuple(map(str, files)), warn
        self._state = self._look()  # before they are read: what changes meanwhile is noticed the next time
        self._value = make()

    def value(self) -> T:
        """What the files say now; or what they said last when they could be used."""
        state = self._look()
        if state != self._state:
            self._state = state
            try:
                self._value = self._make()
            except Exception as error:  # whatever is in the files must not end a server that works
                if self._look() != state:
                    self._state = ()  # they are being replaced at this moment: wait for the next connection
                else:
                    self._warn(f"{_reason(error)}: what was read before stays in force")
        return self._value

    def _look(self) -> State:
        """What stat says of each file: it changes when the file is written or replaced."""
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
