"""All-or-nothing changes to a folder of files: lock, stage, journal, rename.

    staging-…/root.key      first every new file is written and fsynced here, keys with mode 0600 from the start
    journal.json            then the list of renames is written; this decides that the change happens
    root.key … root.pem     then the renames, root.pem last; then journal and staging folder are removed

`write` is for new files: a file in their place is moved aside. `replace` is for the next version of a file, such
as crl.pem: one rename, so that a reader sees either version and the file is never missing.

The next command that writes completes a journal, or removes staged files without one, under the lock. A command that
only reads does neither: it prints a note (`notice_half_done`) and reads the files as they are. The kernel releases
`flock` when the process ends, so a lock is never stale.

A folder from another person may contain a journal. A journal is executed only if this user owns the folder and every
file in `.pki` that leads to it, if the staging folder has the inode number in the journal (a clone, archive or copy has
another one), and if each move is from that staging folder to the same name. Links are not followed.

The folder as a whole cannot be renamed: `certs/` exists beforehand, with its README.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pki.console import note
from pki.errors import Problem, cannot
from pki.store.folder import Folder

STATE = ".pki"
JOURNAL = "journal.json"
LOCK = "lock"
SECRET = 0o600
PUBLIC = 0o644
SCHEMA = 3
LONGEST_JOURNAL = 1 << 24  # bytes; a file with a long name takes about 600
FEW = 32  # files that are synced one after the other
WAITING = 8  # threads that sync at the same time
PATIENCE = 20.0  # seconds to wait for the lock
SILENCE = 1.0  # seconds after which a waiting command prints a note
PAUSE = 0.02  # seconds between two attempts to lock


@dataclass
class Transaction:
    """A change to the files of one folder, under its lock. Nothing is visible before `commit`."""

    directory: Path
    staging: Path
    _store: Folder
    _state: Folder
    _staging: Folder
    _staged: list[str] = field(default_factory=list)
    _replaced: list[str] = field(default_factory=list)
    _kept: list[str] = field(default_factory=list)
    decided: bool = False
    """Whether the change will happen, now or with the next command that writes."""

    def write(self, name: str, data: bytes, mode: int) -> None:
        """Stage one new file; `name` is relative to the folder. Raises OSError."""
        self._stage(name, data, mode)
        self._staged.append(name)

    def replace(self, name: str, data: bytes, mode: int) -> None:
        """Stage the next version of a file; `name` is relative to the folder. Raises OSError."""
        self._stage(name, data, mode)
        self._replaced.append(name)

    def keep(self, name: str) -> None:
        """Keep a copy of the present version of a file in `old`; `name` is an entry of the folder itself."""
        self._kept.append(name)

    def _stage(self, name: str, data: bytes, mode: int) -> None:
        *folders, last = PurePosixPath(name).parts
        _refuse_links(self._store, folders)
        with self._staging.down(tuple(folders), make=True) as folder:
            folder.create_unsynced(last, data, mode)

    def _sync_staged(self) -> None:
        """Wait until the staged files are on disk. Of many files several wait together, since a disk writes them so."""
        names = (*self._staged, *self._replaced)
        if len(names) <= FEW:
            for name in names:
                self._sync_file(name)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(WAITING) as pool:
            for done in pool.map(self._sync_file, names):
                assert done is None  # an exception of a thread is raised here

    def _sync_file(self, name: str) -> None:
        *folders, last = PurePosixPath(name).parts
        with self._staging.down(tuple(folders)) as folder:
            folder.sync_file(last)

    def commit(self, *, old: PurePosixPath, aside: Sequence[str] = ()) -> None:
        """Move the files `aside` into `old`, then the staged files into place, in the order of `write`, `replace`."""
        for name in self._kept:  # before the decision: a copy that is too many is harmless, one that is missing is not
            self._copy(name, old)
        journal = _Journal(self.staging.name, old.name, tuple(aside), tuple(self._staged), tuple(self._replaced))
        self._sync_staged()
        for folders in journal.folders:
            with self._staging.down(folders) as folder:
                folder.sync()
        encoded = journal.encoded(os.fstat(self._staging.descriptor).st_ino)
        if len(encoded) > LONGEST_JOURNAL:
            fact = f"{len(journal.place):,} files are too many for one change"
            raise Problem(fact, hint="nothing was changed; use several smaller files")
        self._staging.create(JOURNAL, encoded, SECRET)
        self._staging.rename(JOURNAL, self._state, JOURNAL)
        self.decided = True
        self._state.sync()
        _carry_out(journal, self._store, self._state, self._staging)
        shutil.rmtree(self.staging.name, ignore_errors=True, dir_fd=self._state.descriptor)

    def _copy(self, name: str, old: PurePosixPath) -> None:
        with open(self._store.open_file(name, os.O_RDONLY), "rb") as file:
            status, data = os.fstat(file.fileno()), file.read()
        with self._state.made_inside(old.name) as kept:
            kept.create(name, data, stat.S_IMODE(status.st_mode))
            kept.sync()

    @property
    def placed(self) -> list[str]:
        """The new files that are already in place."""
        return [
            name
            for name in (*self._staged, *self._replaced)
            if os.path.lexists(self.directory / name) and not os.path.lexists(self.staging / name)
        ]


@contextmanager
def transaction(directory: Path) -> Iterator[Transaction]:
    """Take the lock, complete or drop an earlier change, and begin a new one.

    Missing folders are created with mode 0700. Staged files that are not committed are removed. Raises Problem if an
    operation fails, with the state that it left; and after PATIENCE seconds without the lock.
    """
    change: Transaction | None = None
    try:
        with Folder.made(directory) as store, store.made_inside(STATE) as state, _locked(state):
            _finish(store, state)
            name = f"staging-{secrets.token_hex(8)}"
            with state.made_inside(name) as staging:
                change = Transaction(directory, staging.path, store, state, staging)
                try:
                    yield change
                finally:
                    # An error or Ctrl-C may come after the rename that decides, so check the disk.
                    change.decided = change.decided or state.status(JOURNAL) is not None
                    if not change.decided:
                        shutil.rmtree(name, ignore_errors=True, dir_fd=state.descriptor)
    except OSError as error:
        raise _failure(directory, change, error) from error


def recover(directory: Path) -> None:
    """Complete an unfinished change, if there is one. Commands that write call it before they read."""
    if os.path.lexists(directory / STATE / JOURNAL):
        with transaction(directory):
            pass


def notice_half_done(directory: Path) -> None:
    """Print a note if a change to the folder is unfinished. For commands that only read."""
    if os.path.lexists(directory / STATE / JOURNAL):
        note(f"a change to {directory} is unfinished; the files are read as they are")
        note("the next command that writes to that folder, such as `pki issue`, completes it")


def notice_around(file: Path) -> None:
    """`notice_half_done` for the folder of a file and for its parent: `certs/rogue/ca.pem` belongs to `certs`."""
    for folder in (file.parent, file.parent.parent):
        notice_half_done(folder)


def _failure(directory: Path, change: Transaction | None, error: OSError) -> Problem:
    """The Problem for an I/O error, with the state of the change."""
    place = error.filename if isinstance(error.filename, str) else directory
    problem = cannot(f"write {place}", error)
    unfinished = os.path.lexists(directory / STATE / JOURNAL)
    if change is None and unfinished:
        problem.hint = "an earlier change is unfinished and this one was not started; repeat the command later"
    elif change is None or not change.decided:
        problem.hint = "nothing was changed; try another folder"
    else:
        problem.evidence += (f"in place: {_some(change.placed) or 'no files'}",)
        problem.hint = "the change is complete, but a power loss may undo it; check the disk"
        if unfinished:
            problem.hint = "the next command that writes to this folder, such as `pki issue`, completes the change"
    return problem


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" … {len(names)} files" if len(names) > 4 else "")


def _refuse_links(folder: Folder, names: Sequence[str]) -> None:
    """Raises Problem if one of the nested folders is a link; they need not exist."""
    if names and (status := folder.status(names[0])) and not stat.S_ISREG(status.st_mode):
        with folder.inside(names[0]) as child:
            _refuse_links(child, names[1:])


# The lock -----------------------------------------------------------------------------------------------------------


@contextmanager
def _locked(state: Folder) -> Iterator[None]:
    descriptor = state.open_file(LOCK, os.O_RDWR | os.O_CREAT, SECRET)
    try:
        _lock(state.path / LOCK, descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, descriptor: int) -> None:
    begin, said = time.monotonic(), False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - begin
        if waited > PATIENCE:
            raise Problem(
                f"{path} is locked by {_holder(descriptor)}",
                f"timed out after {PATIENCE:g} s",
                hint="nothing was changed; repeat the command when the other process has ended",
            )
        if waited > SILENCE and not said:
            note(f"waiting for {path}, which is locked by {_holder(descriptor)}")
            said = True
        time.sleep(PAUSE)


def _holder(descriptor: int) -> str:
    """`process 1234` if the system has it (Linux, /proc/locks); otherwise `another process`."""
    inode = str(os.fstat(descriptor).st_ino)
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            # 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
            words = line.split()
            if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode and words[4] != "0":
                return f"process {words[4]}"
    return "another process"


# The journal --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Journal:
    staging: str
    """Name of the staging folder, in `.pki`."""
    old: str
    """Name of the folder for files that are moved aside, in `.pki`."""
    aside: tuple[str, ...]
    place: tuple[str, ...]
    """Names relative to the folder."""
    replace: tuple[str, ...]
    """The same, for files whose present version is replaced."""

    @property
    def folders(self) -> set[tuple[str, ...]]:
        """The folders of the new files, and the folder itself."""
        return {(), *(PurePosixPath(name).parts[:-1] for name in (*self.place, *self.replace))}

    @property
    def moves(self) -> dict[str, list[list[str]]]:
        """Source and target of each move, relative to the folder."""
        staging, old = PurePosixPath(STATE, self.staging), PurePosixPath(STATE, self.old)
        return {
            "aside": [[name, str(old / name)] for name in self.aside],
            "place": [[str(staging / name), name] for name in self.place],
            "replace": [[str(staging / name), name] for name in self.replace],
        }

    def encoded(self, inode: int) -> bytes:
        """The journal in JSON; `inode` is that of the staging folder."""
        head = {"schema": SCHEMA, "staging": self.staging, "inode": inode, "old": self.old}
        return json.dumps(head | self.moves, indent=1).encode()


def _finish(store: Folder, state: Folder) -> None:
    """Complete the change of a journal; remove staged files without a journal."""
    if state.status(JOURNAL) is not None:
        with Folder.without_links(store.path) as same:
            if not os.path.samestat(os.fstat(same.descriptor), os.fstat(store.descriptor)):
                raise Problem(f"{store.path} was replaced while the command was running", hint="repeat the command")
        journal = _read_journal(store, state)
        with state.inside(journal.staging) as staging:
            _carry_out(journal, store, state, staging)
    for name in os.listdir(state.descriptor):
        status = state.status(name)
        if name.startswith("staging-") and status and stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            shutil.rmtree(name, ignore_errors=True, dir_fd=state.descriptor)


def _carry_out(journal: _Journal, store: Folder, state: Folder, staging: Folder) -> None:
    """Make all moves, then remove the journal. Repeatable: completed moves are skipped."""
    for name in journal.aside:
        if store.status(name) is not None:
            with state.made_inside(journal.old) as old:
                if old.status(name) is None:
                    store.rename(name, old, name)
    for name in journal.place:
        *folders, last = PurePosixPath(name).parts
        with staging.down(tuple(folders)) as source, store.down(tuple(folders), make=True) as target:
            if source.status(last) is None:
                continue
            if target.status(last) is not None:  # created after this change was interrupted; it is kept, too
                with state.made_inside(journal.old) as old, old.down(tuple(folders), make=True) as kept:
                    target.rename(last, kept, _unused(kept, last))
            source.rename(last, target, last)
    for name in journal.replace:
        *folders, last = PurePosixPath(name).parts
        with staging.down(tuple(folders)) as source, store.down(tuple(folders)) as target:
            if source.status(last) is not None:
                source.rename(last, target, last)
    for folder_names in journal.folders:
        with store.down(folder_names) as folder:
            folder.sync()
    if state.status(journal.old) is not None:
        with state.inside(journal.old) as old:
            old.sync()
    state.remove(JOURNAL)
    state.sync()


def _unused(folder: Folder, name: str) -> str:
    candidate, count = name, 1
    while folder.status(candidate) is not None:
        count += 1
        candidate = f"{count}-{name}"
    return candidate


def _read_journal(store: Folder, state: Folder) -> _Journal:
    """The journal. Raises Problem unless a command of this user wrote it for this folder."""
    path = state.path / JOURNAL
    with open(state.open_file(JOURNAL, os.O_RDONLY), "rb") as file:
        _refuse_others(os.fstat(store.descriptor), store.path, path, stat.S_IWOTH)
        _refuse_others(os.fstat(state.descriptor), state.path, path)
        _refuse_others(os.fstat(file.fileno()), path, path)
        data = file.read(LONGEST_JOURNAL + 1)
    if len(data) > LONGEST_JOURNAL:
        raise Problem(f"{path} is longer than {LONGEST_JOURNAL} bytes", hint=_delete(path))
    try:
        content = json.loads(data)
        moves = {part: [[str(source), str(target)] for source, target in content[part]] for part in PARTS}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Problem(f"{path} is not a valid journal", hint=_delete(path)) from None
    for name in (name for part in moves.values() for move in part for name in move):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise Problem(f"{path} names a file outside its folder: {name}", hint=_delete(path))
    journal = _Journal(
        str(content.get("staging")),
        str(content.get("old")),
        tuple(source for source, _ in moves["aside"]),
        tuple(target for _, target in moves["place"]),
        tuple(target for _, target in moves["replace"]),
    )
    if content.get("schema") != SCHEMA or journal.moves != moves or not _is_possible(journal):
        raise Problem(f"{path} contains a move that `pki` does not make", hint=_delete(path))
    status = state.status(journal.staging)
    if status is None or status.st_ino != content.get("inode"):
        raise Problem(
            f"{path} was written for another folder",
            f"inode of {journal.staging}: journal {content.get('inode')}, disk {status and status.st_ino}",
            hint=_delete(path),
        )
    _refuse_others(status, state.path / journal.staging, path)
    return journal


def _delete(journal: Path) -> str:
    return f"no file was moved; the journal may come from a copy, archive or clone. Check {journal}, then delete it"


def _refuse_others(
    status: os.stat_result, what: Path, journal: Path, writers: int = stat.S_IWGRP | stat.S_IWOTH
) -> None:
    """Raises Problem if another user owns `what`, or may write to it."""
    if status.st_uid != os.geteuid():
        fault = f"{what} belongs to user {status.st_uid}; this is user {os.geteuid()}"
    elif status.st_mode & writers:
        fault = f"other users may write to {what} (mode {stat.S_IMODE(status.st_mode):04o})"
    else:
        return
    raise Problem(f"{journal} is not executed", fault, hint=_delete(journal))


STAGING = re.compile(r"staging-[0-9a-f]+")
OLD = re.compile(r"old-[0-9]{8}T[0-9]{6}Z(-[0-9]+)?")
PARTS = ("aside", "place", "replace")
SUFFIXES = (".pem", ".key", ".csr")
DEEPEST = 3  # CASE/control/server.key


def _is_possible(journal: _Journal) -> bool:
    """Whether a command could have written it: folders in `.pki`, and names that `pki` uses."""
    return bool(
        STAGING.fullmatch(journal.staging)
        and OLD.fullmatch(journal.old)
        and all("/" not in name and _plain(name) for name in journal.aside)
        and all(_plain(name) and PurePosixPath(name).suffix in SUFFIXES for name in (*journal.place, *journal.replace))
    )


def _plain(name: str) -> bool:
    """Whether it is printable, not too deep, and no part begins with a dot."""
    parts = name.split("/")
    return name.isprintable() and len(parts) <= DEEPEST and all(part and part[0] != "." for part in parts)
