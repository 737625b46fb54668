"""Start-up: Ctrl-C while modules are being imported ends the program with 130 and prints nothing."""

import os
import signal


class Loading:
    """A context in which SIGINT ends the process immediately: there is nothing to clean up yet.

    KeyboardInterrupt could be raised inside the import system, which prints it and continues. A program that was
    started with SIGINT ignored still ignores it.
    """

    def __enter__(self) -> None:
        self.handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.handled:
            signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))

    def __exit__(self, *_: object) -> None:
        if self.handled:
            signal.signal(signal.SIGINT, signal.default_int_handler)
