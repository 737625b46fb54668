"""How a program begins: Ctrl-C while its modules are loading ends it with 130, and prints nothing."""

import os
import signal


class Loading:
    """While this lasts, SIGINT ends the process at once: nothing has been done that would have to be undone.

    KeyboardInterrupt instead could be raised inside the import system, which prints it and goes on. A program that was
    told to ignore SIGINT ignores it here, too.
    """

    def __enter__(self) -> None:
        self.handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.handled:
            signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))

    def __exit__(self, *_: object) -> None:
        if self.handled:
            signal.signal(signal.SIGINT, signal.default_int_handler)
