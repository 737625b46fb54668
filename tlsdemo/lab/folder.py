"""The temporary folder of a lab. It is removed when the lab ends, or when the next lab starts. EDGE.

    tlsdemo-lab-x7f2/owner   the process id, in a file that this process keeps locked while it runs

The lock, not the number, shows whether the owner still runs: the system reuses process ids, and two containers that
share a folder have separate ones.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "tlsdemo-lab-"
OWNER = "owner"


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder for the `with` block. Removes the folders of labs that were killed."""
    remove_stale(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with open(folder / f"{OWNER}.new", "w") as owner:
            owner.write(f"{os.getpid()}\n")
            owner.flush()
            with suppress(OSError):  # a file system without locks: then the folder is never taken for stale
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.rename(owner.name, folder / OWNER)  # it gets its name only after it is locked
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale(parent: Path) -> None:
    """Remove the folders in `parent` that belong to this user and whose owner no longer runs."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in [each for each in entries if each.name.startswith(PREFIX)]:
            with suppress(OSError):
                _remove_if_stale(Path(entry.path))


def _remove_if_stale(folder: Path) -> None:
    """Remove the folder if its owner no longer runs. No symbolic link is followed."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(opened).st_uid != os.getuid():
            return
        # O_NONBLOCK: opening a FIFO must not wait for its other end.
        owner = os.open(OWNER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=opened)
        try:
            if stat.S_ISREG(os.fstat(owner).st_mode):
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises OSError while the owner runs
                shutil.rmtree(folder, ignore_errors=True)  # follows no links either
        finally:
            os.close(owner)
    finally:
        os.close(opened)
