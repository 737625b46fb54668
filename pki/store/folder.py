"""An open folder: entries are accessed relative to its descriptor, without following symbolic links. EDGE.

    with Folder.open(Path("certs")) as store, store.inside("rogue") as rogue:
        rogue.create("server.key", key_pem, 0o600)

Every call names one entry relative to a descriptor (POSIX openat, renameat, mkdirat), so replacing a folder by a link
between two calls has no effect. Each OSError has the whole path in `filename`.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pki.errors import Problem

STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
"""Flags to open a folder on the way to another. O_PATH (Linux) works without permission to list it."""
NEW_FOLDER = 0o700
NO_LINKS = "remove the link or use another folder; `pki` does not write through links"


@dataclass(frozen=True)
class Folder:
    """An open folder, to be used as a context manager. `path` is only for messages."""

    path: Path
    descriptor: int

    @classmethod
    def open(cls, path: Path) -> Self:
        """The folder `path` as the user gave it: links in the path are followed. Raises OSError."""
        return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY))

    @classmethod
    def made(cls, path: Path) -> Self:
        """The same; missing folders are created with mode 0700 and their parents synced."""
        for folder in (*reversed(path.parents), path):
            if not folder.is_dir():
                _make(folder)
        return cls.open(path)

    @classmethod
    def without_links(cls, path: Path) -> Self:
        """The folder `path`. Raises Problem if a component of the path is a link.

        Links directly below / are followed, since the system makes them (macOS: /tmp, /var).
        """
        parts = path.parts if path.is_absolute() else (".", *path.parts)
        at = os.open(parts[0], STEP)
        for number, part in enumerate(parts[1:], start=1):
            systems_own = path.is_absolute() and number == 1
            try:
                following = os.open(part, STEP | (0 if systems_own else os.O_NOFOLLOW), dir_fd=at)
                if not stat.S_ISDIR(os.fstat(following).st_mode):  # O_PATH opens the link itself
                    os.close(following)
                    raise NotADirectoryError
            except OSError as error:
                here = Path(*parts[: number + 1])
                if here.is_symlink():
                    raise Problem(
                        f"{here} is a link", hint=f"use the folder itself: {os.path.realpath(path)}"
                    ) from None
                error.filename = str(here)
                raise
            finally:
                os.close(at)
            at = following
        try:
            return cls(path, os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=at))
        finally:
            os.close(at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def inside(self, name: str) -> "Folder":
        """The folder `name` in this one. Raises Problem if it is a link."""
        with self._naming(name):
            try:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                return Folder(self.path / name, os.open(name, flags, dir_fd=self.descriptor))
            except OSError:
                status = self.status(name)
                if status and stat.S_ISLNK(status.st_mode):
                    raise Problem(f"{self.path / name} is a link", hint=NO_LINKS) from None
                raise

    def made_inside(self, name: str) -> "Folder":
        """The same; created with mode 0700 if it is missing."""
        if self.status(name) is None:
            with self._naming(name), suppress(FileExistsError):
                os.mkdir(name, NEW_FOLDER, dir_fd=self.descriptor)
        return self.inside(name)

    @contextmanager
    def down(self, names: tuple[str, ...], *, make: bool = False) -> Iterator["Folder"]:
        """The folder several levels below; with `make`, missing folders are created."""
        if not names:
            yield self
            return
        with (self.made_inside if make else self.inside)(names[0]) as child, child.down(names[1:], make=make) as found:
            yield found

    def status(self, name: str) -> os.stat_result | None:
        """The status of an entry, without following a link; None if it does not exist."""
        with self._naming(name):
            try:
                return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def create(self, name: str, data: bytes, mode: int) -> None:
        """Write a new file and sync it; the mode is set from the start. Raises FileExistsError if it exists."""
        self.create_unsynced(name, data, mode)
        self.sync_file(name)

    def create_unsynced(self, name: str, data: bytes, mode: int) -> None:
        """Write a new file, without waiting until it is on disk."""
        with self._naming(name):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            descriptor = os.open(name, flags, mode, dir_fd=self.descriptor)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)

    def sync_file(self, name: str) -> None:
        """Wait until the content of a file is on disk."""
        with self._naming(name):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self.descriptor)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def replace(self, name: str, data: bytes, mode: int) -> None:
        """Write a file atomically: a reader sees either the old or the new content."""
        draft = f".{secrets.token_hex(8)}.part"  # short: `name` may already have the maximum length
        try:
            self.create(draft, data, mode)
            self.rename(draft, self, name)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft, dir_fd=self.descriptor)
            raise
        self.sync()

    def open_file(self, name: str, flags: int, mode: int = 0) -> int:
        """A descriptor of the regular file `name`. Raises Problem for a link, FIFO, folder or device."""
        with self._naming(name):
            status = self.status(name)
            # O_NONBLOCK: opening a FIFO that has no writer must not hang.
            if status is None or stat.S_ISREG(status.st_mode):
                found = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, mode, dir_fd=self.descriptor)
                if stat.S_ISREG(os.fstat(found).st_mode):
                    return found
                os.close(found)
        kind = "a link" if status and stat.S_ISLNK(status.st_mode) else "not a regular file"
        raise Problem(f"{self.path / name} is {kind}", hint="check it, then remove it")

    def rename(self, name: str, target: "Folder", new_name: str) -> None:
        """Move an entry of this folder to `target`; an existing file is replaced."""
        with target._naming(new_name):
            os.rename(name, new_name, src_dir_fd=self.descriptor, dst_dir_fd=target.descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, or a link itself."""
        with self._naming(name):
            os.unlink(name, dir_fd=self.descriptor)

    def sync(self) -> None:
        """Wait until the entries of this folder are on disk."""
        with self._naming(""):
            os.fsync(self.descriptor)

    @contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = str(self.path / name)
            raise


def write_below(directory: Path, name: str, data: bytes, mode: int) -> None:
    """Write `name`, relative to `directory`, atomically. Folders are created. Raises Problem if one is a link."""
    *folders, last = Path(name).parts
    with Folder.made(directory) as top, top.down(tuple(folders), make=True) as folder:
        folder.replace(last, data, mode)


def make_below(directory: Path, name: str) -> None:
    """Make the folder `name`, relative to `directory`, if it does not exist. Raises Problem if a part is a link."""
    with Folder.made(directory) as top, top.down(Path(name).parts, make=True):
        pass


def _make(folder: Path) -> None:
    try:
        os.mkdir(folder, NEW_FOLDER)
    except FileExistsError:
        if not folder.is_dir():  # another process may create the same folder; a file in its place is an error
            raise
    # Otherwise a power loss may remove the new folder with everything that was synced inside it.
    with suppress(PermissionError), Folder.open(folder.parent) as parent:
        parent.sync()
