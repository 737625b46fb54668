"""Add a root to the stores of this user's browsers, and undo that. EDGE.

    trust      for each store: write the record, run certutil, read the store again
    untrust    for each store of the record: remove the certificate, or set its former trust back

Each store is changed on its own: if one fails, the others are changed all the same. The lock of the CA's folder is
held, so that of two commands neither overwrites an entry of the other.
"""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pki.errors import ExitCode, Problem
from pki.malformed import Malformed, read_field
from pki.objects import blocks
from pki.objects.blocks import BlockKind
from pki.objects.distinguished_names import subject
from pki.store.files import read_certificates, read_file
from pki.store.transaction import recover, transaction
from pki.trust import nss
from pki.trust.nss import Command, Database, StoreError
from pki.trust.reach import open_sites
from pki.trust.record import Added, Certificate, Record, mark, nickname
from pki.trust.stores import Places, Store, store_at, stores


class NoStores(Problem):
    """The user has no store of Chromium or Firefox."""


class Outcome(StrEnum):
    """What became of one store."""

    ADDED = "added"
    CHANGED = "trust changed"
    ALREADY = "trusted already"
    REMOVED = "removed"
    RESTORED = "former trust restored"
    NOTHING = "not there any more"
    GONE = "the store is gone"
    FAILED = "failed"


@dataclass
class Result:
    """The result for one store, with the commands that were run, or would be."""

    store: Store
    nickname: str
    outcome: Outcome = Outcome.FAILED
    commands: list[Command] = field(default_factory=list)
    reason: str | None = None
    """Of a failure."""


class Mode(StrEnum):
    """Whether commands are run."""

    RUN = "run"
    DRY_RUN = "dry run"


@dataclass(frozen=True)
class Watcher:
    """Called as the work proceeds: with a store, with each command before it is run, and with the result."""

    begin: Callable[[Store], None] = lambda _: None
    command: Callable[[Command], None] = lambda _: None
    end: Callable[[Result], None] = lambda _: None


# The root -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Root:
    """A CA certificate in a file that certutil can read."""

    file: Path
    certificate: x509.Certificate

    @property
    def sha256(self) -> str:
        """The fingerprint, in hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def name(self) -> str:
        """The common name, or what else names the root."""
        return subject(self.certificate).removeprefix("CN=")

    @property
    def nickname(self) -> str:
        """The name in the stores."""
        return nickname(self.name, self.sha256)

    @property
    def open_sites(self) -> str | None:
        """Why the root can impersonate foreign sites; None if its name constraints prevent that."""
        try:
            found = read_field(
                lambda: self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value,
                x509.ExtensionNotFound,
            )
        except x509.ExtensionNotFound:
            return open_sites(None)
        except Malformed as error:
            return f"its extensions cannot be read: {error}"
        return open_sites(found)


READABLE = {"CERTIFICATE", "X509 CERTIFICATE", "DER"}
"""The formats of a certificate that certutil reads."""


def read_root(path: Path, hint: str) -> Root:
    """The one CA certificate in a file, PEM or DER. Raises Problem."""
    contents = blocks.read(read_file(path, hint))  # not standard input: certutil reads the file again
    labels = {block.label for block in contents.of(BlockKind.CERTIFICATE)}
    if contents.of(BlockKind.PKCS12):
        labels.add("PKCS #12")
    if not labels <= READABLE:
        form = ", ".join(sorted(labels))
        raise Problem(f"{path} is {form}, which certutil does not read", hint="convert it to PEM: `openssl x509`")
    found = read_certificates(path, hint)
    if len(found) != 1:
        raise Problem(f"{path} contains {len(found)} certificates", hint="give a file with the root alone")
    try:
        basic = read_field(
            lambda: found[0].extensions.get_extension_for_class(x509.BasicConstraints).value, x509.ExtensionNotFound
        )
    except (x509.ExtensionNotFound, Malformed):
        basic = None
    if basic is None or not basic.ca:
        raise Problem(
            f"{path} is not a CA certificate",
            f"subject: {subject(found[0])}",
            hint="give the root's certificate, such as root.pem in the folder of a CA",
            code=ExitCode.NO,
        )
    return Root(path.absolute(), found[0])


def require_constraints(root: Root) -> None:
    """Raises Problem if the root could impersonate foreign sites to a browser that trusts it."""
    if reason := root.open_sites:
        raise Problem(
            "a root without name constraints in your browser can impersonate every site"
            if root.open_sites == open_sites(None)
            else "this root in your browser could impersonate foreign sites",
            f"root: {subject(root.certificate)}, {root.file}",
            f"{reason}: anyone with its key can certify such names",
            hint="limit the root: `pki init --permit test shop.test`; or accept the risk with --unconstrained",
            code=ExitCode.NO,
        )


# Trust --------------------------------------------------------------------------------------------------------------


def trust(
    directory: Path, root: Root, places: Places, mode: Mode = Mode.RUN, watcher: Watcher = Watcher()
) -> list[Result]:
    """Add the root to each store of the user. Raises Problem if none is found, or if certutil is missing."""
    nss.require_certutil()
    targets = stores(places)
    if not targets:
        raise NoStores(
            "no certificate store of Chromium or Firefox was found",
            *(f"looked at {place}" for place in places.looked_at),
            hint="start the browser once, so that it creates its store",
        )
    with _recorded(directory, mode) as record, _alone(places, mode):
        return [_Work(record, store, mode, watcher).trust(root) for store in targets]


def untrust(directory: Path, places: Places, mode: Mode = Mode.RUN, watcher: Watcher = Watcher()) -> list[Result]:
    """Undo what `trust` did, by its record. Raises Problem without a record, or if certutil is missing."""
    if not Record.read(directory).stores:
        raise Problem(
            f"`pki trust` has added nothing for the CA in {directory}",
            hint="name the folder of the CA with --dir; `certutil -L -d sql:FOLDER` lists what is in a store",
            code=ExitCode.NO,
        )
    nss.require_certutil()
    results = []
    with _recorded(directory, mode) as record, _alone(places, mode):
        for folder in list(record.stores):
            store = store_at(places, folder)
            results += _Work(record, store or Store("store", folder), mode, watcher).untrust(is_own=store is not None)
    return results


@contextmanager
def _recorded(directory: Path, mode: Mode) -> Iterator[Record]:
    """The record of a folder, under its lock. A dry run changes no file."""
    if mode is Mode.DRY_RUN:
        yield Record.read(directory)
        return
    recover(directory)
    with transaction(directory):
        yield Record.read(directory)


@contextmanager
def _alone(places: Places, mode: Mode) -> Iterator[None]:
    """Hold a lock on the home folder: another CA's `untrust` must not delete a store that this command adds to."""
    if mode is Mode.DRY_RUN:
        yield
        return
    descriptor = os.open(places.home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@dataclass
class _Work:
    """The work on one store."""

    record: Record
    store: Store
    mode: Mode
    watcher: Watcher

    @property
    def database(self) -> Database:
        return Database(self.store.folder)

    @property
    def added(self) -> Added:
        return self.record.stores.setdefault(self.store.folder, Added())

    def trust(self, root: Root) -> Result:
        """Add the root, or trust it where it is in the store already."""
        result = Result(self.store, root.nickname)
        known = self.added.certificates.get(root.sha256)
        self.watcher.begin(self.store)
        try:
            self._trust(root, known, result)
        except (StoreError, OSError) as error:
            result.reason = _reason(error)
            if self.mode is Mode.RUN and known is None and root.sha256 in self.added.certificates:
                self._settle(root.sha256, result)
        self.watcher.end(result)
        return result

    def _trust(self, root: Root, known: Certificate | None, result: Result) -> None:
        present = self.database.find(root.sha256) if self.store.exists else None
        flags = self.database.flags(present.nickname) if present else None
        if present and flags and nss.is_trusted(flags):
            result.nickname, result.outcome = present.nickname, Outcome.ALREADY
            return
        name = present.nickname if present else root.nickname
        if not present and self.store.exists and any(each.nickname == name for each in self.database.entries()):
            raise StoreError(f"another certificate has the nickname {name!r}")
        # The certificate is in the store without trust also if an earlier `pki trust` was killed while adding it.
        before = known.before if present and known else flags
        self.added.certificates[root.sha256] = Certificate(name, before)
        commands: list[Command] = []
        if not self.store.exists:
            missing = _missing(self.store.folder)
            self.added.created = tuple(dict.fromkeys((*(self.added.created or ()), *missing)))
            if missing:
                commands.append(("mkdir", "-p", "-m", "700", *map(str, missing)))
        if flags is None:
            commands.append(self.database.added_by(name, root.file))
        else:
            commands.append(self.database.changed_by(name, nss.with_trust(flags)))
        self._write()
        self._run(commands, result)
        if self.mode is Mode.RUN:
            self._verify(root.sha256)
        result.nickname = name
        result.outcome = Outcome.ADDED if flags is None else Outcome.CHANGED

    def _verify(self, sha256: str) -> None:
        found = self.database.find(sha256)
        if found is None or not nss.is_trusted(self.database.flags(found.nickname)):
            raise StoreError("certutil reported success, but the store does not trust the certificate")

    def _settle(self, sha256: str, result: Result) -> None:
        """After a failed addition, remove what it left, and make the record true again."""
        try:
            found = self.database.find(sha256) if self.store.exists else None
            before = self.added.certificates[sha256].before
            name = self.added.certificates[sha256].nickname  # the file may have been replaced after it was checked
            ours = self.store.exists and any(each.nickname == name for each in self.database.entries())
            if before is None and ours and name.endswith(mark(sha256)):
                self._run([self.database.removed_by(name)], result)
                found = None
            if found is None or not nss.is_trusted(self.database.flags(found.nickname)):
                del self.added.certificates[sha256]
            if not self.added.certificates:
                self._delete_if_empty(result)
            self._write()
        except (StoreError, OSError) as error:  # the entry stays in the record on disk: `pki untrust` tries again
            result.reason = f"{result.reason}; {_reason(error)}"

    def untrust(self, *, is_own: bool) -> list[Result]:
        """Undo each change to this store; what could not be undone stays in the record."""
        self.watcher.begin(self.store)
        added = self.added
        undone: list[str] = []
        results = []
        for sha256, certificate in list(added.certificates.items()):
            result = Result(self.store, certificate.nickname)
            results.append(result)
            try:
                result.outcome = self._undo(sha256, certificate.before, result, is_own=is_own)
                del added.certificates[sha256]
                undone.append(sha256)
                if not added.certificates and is_own:
                    self._delete_if_empty(result, undone if self.mode is Mode.DRY_RUN else ())
                self._write()
            except (StoreError, OSError) as error:
                added.certificates[sha256] = certificate
                result.outcome, result.reason = Outcome.FAILED, _reason(error)
            self.watcher.end(result)
        return results

    def _undo(self, sha256: str, before: str | None, result: Result, *, is_own: bool) -> Outcome:
        if not self.store.exists:
            return Outcome.GONE
        if not is_own:
            raise StoreError("it is not a store of this user's browsers")
        found = self.database.find(sha256)
        if found is None:
            return Outcome.NOTHING
        if before is None:
            if not found.nickname.endswith(mark(sha256)):  # the user removed the certificate and added it again
                return Outcome.NOTHING
            self._run([self.database.removed_by(found.nickname)], result)
            if self.mode is Mode.RUN and self.database.find(sha256) is not None:
                raise StoreError("certutil reported success, but the certificate is still in the store")
            return Outcome.REMOVED
        flags = self.database.flags(found.nickname)
        if not nss.is_trusted(flags):
            return Outcome.NOTHING
        self._run([self.database.changed_by(found.nickname, nss.without_trust(flags, before))], result)
        return Outcome.RESTORED

    def _delete_if_empty(self, result: Result, without: Collection[str] = ()) -> None:
        """Delete a store that `trust` created, if it has nothing but the certificates `without`."""
        if self.added.created is None:
            return
        if not self.store.exists or self.database.is_empty(without):
            self._run(self.database.deleted_by(self.added.created), result)
        self.added.created = None

    def _run(self, commands: Sequence[Command], result: Result) -> None:
        for command in commands:
            result.commands.append(command)
            self.watcher.command(command)
            if self.mode is Mode.RUN:
                nss.run(command)

    def _write(self) -> None:
        if self.mode is Mode.RUN:
            self.record.write()


def _missing(folder: Path) -> list[Path]:
    """The folder and those above it that do not exist, from the top."""
    return [each for each in (*reversed(folder.parents), folder) if not each.exists()]


def _reason(error: StoreError | OSError) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
