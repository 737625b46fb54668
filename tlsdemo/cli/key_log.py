"""The key log of a handshake of ours, as a file (SSLKEYLOGFILE). EDGE."""

import os
from collections.abc import Callable
from pathlib import Path

from pki.store.output import prepare_key_log
from tlsdemo.tls13.machine import Log
from tlsdemo.wire import key_log


def writer(path: Path, lost: Callable[[str], None]) -> Log:
    """A function that appends secrets to the file, which is created with mode 0600.

    Raises Problem if the file cannot be appended to. When that fails later (disk full), `lost` is called once with the
    path, and the handshakes go on.
    """
    prepare_key_log(path)
    is_lost = False

    def write(label: str, client_random: bytes, secret: bytes) -> None:
        nonlocal is_lost
        try:
            # Opened for each line: the file may have been moved or removed since. One write is one whole line.
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600)
            try:
                os.write(file, key_log.line(label, client_random, secret).encode() + b"\n")
            finally:
                os.close(file)
        except OSError:
            if not is_lost:
                is_lost = True
                lost(str(path))

    return write
