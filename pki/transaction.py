"""All or nothing, for a directory of files: lock, stage, journal, rename.

    staging-…/root.key      every new file is written and fsynced here, keys with mode 0600 from the first byte
    journal.json            then the list of renames; from here on the change will happen
    root.key … root.pem     then the renames, root.pem last; after them journal and staging go

Whoever finds a journal finishes it; whoever finds staged files without a journal drops them. Both happen under the
lock, at the start of the next command. `flock` is freed by the kernel when its holder dies, so no lock is ever stale.

Rename of the directory as a whole is not possible: `certs/` exists beforehand, with its README.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pki.errors import Problem, cannot

STATE = ".pki"
JOURNAL = "journal.json"
SECRET = 0o600
PUBLIC = 0o644


@dataclass
class Transaction:
    """A change to the files of one directory, under its lock. Nothing is visible before `commit`."""

    directory: Path
    staging: Path
    _staged: list[str] = field(default_factory=list)

    def write(self, name: str, data: bytes, mode: int) -> None:
        """Stage one new file; `name` is relative to the directory. OSError as the system gives it."""
        if (folder := (self.directory / name).parent) != self.directory and folder.is_symlink():
            raise Problem(
                f"{folder} is a link", hint="keys are not written through links: remove it, or use another folder"
            )
        staged = self.staging / name
        _make_directories(staged.parent)
        # O_EXCL and O_NOFOLLOW: we make this file and no other; the mode is right before the first byte is written.
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._staged.append(name)

    def commit(self, *, aside: Sequence[str] = (), old: PurePosixPath | None = None) -> None:
        """Move the files named `aside` into `old`, and the staged ones into place, in the order in which they came."""
        if aside and old is None:
            raise ValueError("where to shall they be moved?")
        moves = [[name, str(old / name)] for name in aside] if old else []
        places = [[str(PurePosixPath(STATE, self.staging.name, name)), name] for name in self._staged]
        for folder in {(self.staging / name).parent for name in self._staged}:
            _sync(folder)
        state = self.directory / STATE
        draft = self.staging / JOURNAL
        draft.write_text(json.dumps({"schema": 1, "aside": moves, "place": places}, indent=1))
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.rename(draft, state / JOURNAL)
        _sync(state)
        _finish(self.directory)


@contextmanager
def transaction(directory: Path) -> Iterator[Transaction]:
    """Take the lock (waiting for whoever has it), finish or drop what was left behind, and begin a change.

    The directory and its parents are created, 0700, where they do not exist. A Problem says what could not be done;
    what was staged and not committed is dropped.
    """
    if (directory / STATE).is_symlink():
        raise Problem(f"{directory / STATE} is a link", hint="keys are not written through links: remove it")
    try:
        _make_directories(directory / STATE)
        with _locked(directory):
            _finish(directory)
            staging = Path(tempfile.mkdtemp(prefix="staging-", dir=directory / STATE))
            try:
                yield Transaction(directory, staging)
            finally:
                if not os.path.lexists(directory / STATE / JOURNAL):
                    shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else directory
        begun = os.path.lexists(directory / STATE / JOURNAL)
        hint = "the next command will finish this change" if begun else "nothing was changed; try another folder"
        raise cannot(f"write {place}", error, hint=hint) from error


def recover(directory: Path) -> None:
    """Finish a half-done change, if there is one: for commands that only read."""
    if os.path.lexists(directory / STATE / JOURNAL):
        with transaction(directory):
            pass


def recover_around(file: Path) -> None:
    """The same for the folder that a file is in, and for the one above: `certs/rogue/ca.pem` belongs to `certs`."""
    for folder in (file.parent, file.parent.parent):
        recover(folder)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory / STATE / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, SECRET)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _finish(directory: Path) -> None:
    """Roll the journal forward; a rename that has happened is skipped, so this may be cut short and repeated."""
    state = directory / STATE
    journal = state / JOURNAL
    if os.path.lexists(journal):
        aside, place = _read_journal(journal)
        for source, target in aside:
            if not os.path.lexists(directory / target) and os.path.lexists(directory / source):
                _rename(directory, source, target)
        for source, target in place:
            if os.path.lexists(directory / source):
                _rename(directory, source, target)
        for folder in {(directory / target).parent for _, target in [*aside, *place]}:
            if folder.is_dir():
                _sync(folder)
        journal.unlink()
        _sync(state)
    for left_over in state.glob("staging-*"):
        shutil.rmtree(left_over, ignore_errors=True)


def _read_journal(journal: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    try:
        content = json.loads(journal.read_bytes())
        moves = [[(str(source), str(target)) for source, target in content[part]] for part in ("aside", "place")]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Problem(
            f"{journal} cannot be read", hint="a change was cut short and its journal is damaged: look, then delete it"
        ) from None
    for name in (name for part in moves for move in part for name in move):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise Problem(f"{journal} names a file outside its directory: {name}", hint="this tool did not write that")
    return moves[0], moves[1]


def _rename(directory: Path, source: str, target: str) -> None:
    _make_directories((directory / target).parent)
    os.rename(directory / source, directory / target)


def _make_directories(path: Path) -> None:
    """Create `path` and its missing parents with mode 0700; leave existing ones alone."""
    for folder in [*reversed(path.parents), path]:
        if not folder.is_dir():
            try:
                os.mkdir(folder, 0o700)
            except FileExistsError:
                if not folder.is_dir():  # somebody else making the same directory is no error; a file in its place is
                    raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
