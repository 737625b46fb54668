"""The temporary folder of a lab: gone when the lab ends; if the process is killed, gone when the next lab starts. EDGE.

    tlsdemo-lab-x7f2/owner   the process id, in a file that this process holds locked for as long as it lives

The lock, not the number, says whether the owner is alive: the system gives a process id to the next program, and two
containers that share a folder have numbers of their own.
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
    """A new folder for this process, for as long as a `with` block lasts. Removes those of labs that were killed."""
    remove_stale(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with open(folder / f"{OWNER}.new", "w") as owner:
            owner.write(f"{os.getpid()}\n")
            owner.flush()
            with suppress(OSError):  # a file system without locks: then nothing here is ever taken for stale
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.rename(owner.name, folder / OWNER)  # it has its name only once it is locked
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale(parent: Path) -> None:
    """Remove the folders in `parent` that are this user's, and whose owner is not running any more."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in [each for each in entries if each.name.startswith(PREFIX)]:
            with suppress(OSError):
                _remove_if_stale(Path(entry.path))


def _remove_if_stale(folder: Path) -> None:
    """No symbolic link is followed: the folder, and its `owner`, are opened as what they are."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(opened).st_uid != os.getuid():
            return
        # O_NONBLOCK: opening a FIFO must not wait for its other end.
        owner = os.open(OWNER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=opened)
        try:
            if stat.S_ISREG(os.fstat(owner).st_mode):
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an OSError while the owner lives
                shutil.rmtree(folder, ignore_errors=True)  # which follows no link either
        finally:
            os.close(owner)
    finally:
        os.close(opened)
