"""Write lines to a stream without waiting for its reader. EDGE.

    put -> queue, bounded -> a thread of its own -> write(2), which may block

Lines that do not fit into the queue are dropped and counted. The count is written when the reader reads again.
"""

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

LINES = 1000  # in the queue, at most
TOGETHER = 0.03  # seconds; lines that are put within this time are written together
PATIENCE = 1.0  # seconds that `close` waits for a slow reader


def as_text(count: int) -> str:
    """The line that replaces `count` dropped lines."""
    return f"{count} line{'' if count == 1 else 's'} dropped: the reader of this output did not keep up"


class Outlet:
    """Writes to a text stream, such as `sys.stdout`."""

    def __init__(
        self, stream: TextIO, told: Callable[[int], str] = as_text, on_failure: Callable[[], None] = lambda: None
    ) -> None:
        self.failure: OSError | None = None
        """The first error of the stream. Nothing is written after it."""
        self.on_failure = on_failure
        self._told = told
        self._stream = stream
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._writing = 0  # lines that the thread is writing, dropped ones included
        self._dropped = 0
        self._some, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, *lines: str) -> None:
        """Queue these lines, to be written together; if the queue is full, count them as dropped."""
        with self._lock:
            if len(self._waiting) + len(lines) > LINES and self._waiting:
                self._dropped += len(lines)
                return
            self._waiting += lines
        if not self._thread:
            self._start()
        if not self._some.is_set():
            self._some.set()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                # A daemon: a write that blocks forever must not keep the process alive.
                self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
                self._thread.start()

    def close(self, patience: float | None = PATIENCE) -> int:
        """Write the queued lines, for at most `patience` seconds (None: no limit). Returns the number of lost lines."""
        self._closing.set()
        self._some.set()
        if self._thread:
            self._thread.join(patience)
        with self._lock:
            return len(self._waiting) + self._writing + self._dropped

    def _run(self) -> None:
        while self.failure is None:
            self._some.wait()
            self._closing.wait(TOGETHER)
            self._some.clear()
            if text := self._take():
                self._write(text)
            elif self._closing.is_set():
                return

    def _take(self) -> str:
        with self._lock:
            lines, self._waiting = self._waiting, []
            self._writing = len(lines) + self._dropped
            if self._dropped:
                lines = [*lines, self._told(self._dropped)]
                self._dropped = 0
        if lines:
            self._some.set()  # run once more, to see dropped lines and the end
        return "".join(f"{line}\n" for line in lines)

    def _write(self, text: str) -> None:
        try:
            self._write_all(text)
        except OSError as error:  # not raised: the caller handles it by `failure`
            self.failure = error
            self.on_failure()
        else:
            with self._lock:
                self._writing = 0

    def _write_all(self, text: str) -> None:
        try:
            descriptor = self._stream.fileno()
        except (OSError, ValueError, AttributeError):  # a stream without a file descriptor, as in tests
            with suppress(ValueError):  # the stream is closed
                self._stream.write(text)
                self._stream.flush()
            return
        # Bypasses the stream's buffer: a thread that blocks in the buffer would keep the interpreter from exiting.
        rest = memoryview(text.encode(self._stream.encoding, self._stream.errors or "backslashreplace"))
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:  # the parent process made the descriptor non-blocking
                select.select([], [descriptor], [])
