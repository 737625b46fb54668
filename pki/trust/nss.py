"""One NSS store: read it, and the commands that change it. EDGE: runs certutil, reads cert9.db.

    certutil -A -d sql:FOLDER -t C,, -n NICKNAME -i FILE    add a certificate that may issue for TLS servers ("C")
    certutil -M -d sql:FOLDER -t p,, -n NICKNAME            change its trust: "SSL,e-mail,code signing"
    certutil -D -d sql:FOLDER -n NICKNAME                   remove it

certutil names a certificate by its nickname alone, and two certificates may have one nickname. So which certificate has
which nickname is read from cert9.db itself, an SQLite file with one row for each PKCS #11 object. certutil makes all
changes, and the result is read again.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pki.errors import Problem, printable
from pki.trust.stores import DATABASE

PATIENCE = 20.0  # seconds for one command; certutil takes 0.03
FILES = frozenset({DATABASE, "key4.db", "pkcs11.txt"})
"""The files of a store."""

CERTIFICATE_CLASS = bytes.fromhex("00000001")  # CKO_CERTIFICATE (PKCS #11 v2.40 §4.6)
CLASS, LABEL, VALUE = "a0", "a3", "a11"  # the columns of CKA_CLASS, CKA_LABEL, CKA_VALUE, by their number in hex
NO_VALUE = b"\xa5\x00\x5a"  # what NSS writes for an attribute of length 0

Command = tuple[str, ...]


class StoreError(Exception):
    """A store cannot be read or changed; the message is the reason."""


# Programs -----------------------------------------------------------------------------------------------------------


def require_certutil() -> None:
    """Raises Problem, with the packages that contain it, if certutil is not installed."""
    if shutil.which("certutil") is None:
        raise Problem(
            "certutil is not installed; it changes the stores of Chromium and Firefox",
            hint="install libnss3-tools (Debian, Ubuntu), nss-tools (Fedora) or nss (Homebrew)",
        )


def run(command: Command) -> str:
    """The standard output of a program. Raises StoreError if it fails.

    The program has no terminal and no input, so certutil cannot ask for a password: it fails instead.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StoreError(f"{command[0]} did not end within {PATIENCE:g} s") from None
    except OSError as error:
        raise StoreError(f"{command[0]} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise StoreError(_reason(command[0], done.returncode, done.stderr))
    return done.stdout


PASSWORD = "the store has a password"


def _reason(program: str, code: int, errors: str) -> str:
    if "SEC_ERROR_BAD_PASSWORD" in errors or "opening input terminal" in errors:
        return PASSWORD
    if "SEC_ERROR_READ_ONLY" in errors:
        return "the store is read-only"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return printable(lines[-1]) if lines else f"{program} ended with exit code {code}"


def text(command: Command) -> str:
    """The command as a shell takes it."""
    return printable(shlex.join(command))


# Trust flags --------------------------------------------------------------------------------------------------------

TRUSTED = "C,,"  # trusted CA for TLS servers; not for client certificates (T), e-mail or code signing
FLAGS = re.compile(r"[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*")
SETTABLE = "pPcTC"  # certutil also lists u (a private key is here) and w, which cannot be set


def is_trusted(flags: str) -> bool:
    """Whether these flags make a certificate a trusted CA for TLS servers."""
    return "C" in flags.split(",")[0]


def with_trust(flags: str) -> str:
    """The flags with trust for TLS servers; the rest is kept, except a prohibition for them."""
    servers, mail, code = _settable(flags)
    return ",".join(("C" + "".join(each for each in servers if each == "T"), mail, code))


def without_trust(flags: str, former: str) -> str:
    """The flags without trust for TLS servers, but with the prohibition or similar (p, P, c) that was in `former`."""
    servers, mail, code = _settable(flags)
    kept = "".join(each for each in servers if each == "T")
    return ",".join((kept + "".join(each for each in _settable(former)[0] if each in "pPc"), mail, code))


def _settable(flags: str) -> list[str]:
    return ["".join(each for each in part if each in SETTABLE) for part in flags.split(",")]


# The database -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A certificate in a store."""

    nickname: str
    der: bytes

    @property
    def sha256(self) -> str:
        """The fingerprint, in hex."""
        return hashlib.sha256(self.der).hexdigest()


@dataclass(frozen=True)
class Database:
    """The store in one folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The name for certutil's -d."""
        return f"sql:{self.folder}"

    def entries(self) -> list[Entry]:
        """All certificates. Raises StoreError if the database cannot be read."""
        rows = self._select(DATABASE, f"SELECT {LABEL}, {VALUE} FROM nssPublic WHERE {CLASS} = ?", CERTIFICATE_CLASS)
        return [Entry(_label(label), bytes(der)) for label, der in rows if isinstance(der, bytes)]

    def find(self, sha256: str) -> Entry | None:
        """The certificate with this fingerprint. Raises StoreError if its nickname does not identify it to certutil."""
        entries = self.entries()
        found = next((each for each in entries if each.sha256 == sha256), None)
        if found is None:
            return None
        if not found.nickname:
            raise StoreError("the certificate is in the store without a nickname, which certutil needs")
        if sum(each.nickname == found.nickname for each in entries) > 1:
            raise StoreError(f"several certificates have the nickname {found.nickname!r}")
        return found

    def flags(self, nickname: str) -> str:
        """The trust flags of a certificate, such as `CT,C,`. Raises StoreError."""
        for line in run(("certutil", "-L", "-d", self.name)).splitlines():
            listed, _, flags = line.rstrip().rpartition(" ")
            if listed.rstrip() == nickname and FLAGS.fullmatch(flags):
                return flags
        raise StoreError(f"certutil does not list {nickname!r}")

    def is_empty(self, without: Collection[str] = ()) -> bool:
        """Whether the store has nothing but the certificates `without` (fingerprints), and the folder no other file.

        Raises StoreError, OSError.
        """
        if not set(os.listdir(self.folder)) <= FILES:
            return False
        if any(each.sha256 not in without for each in self.entries()):
            return False
        # Each certificate may have an object with its trust; other objects are for example keys.
        public = self._count(DATABASE, "nssPublic")
        private = self._count("key4.db", "nssPrivate")
        return private == 0 and public <= 2 * len(without)

    def _count(self, file: str, table: str) -> int:
        if not (self.folder / file).exists():
            return 0
        ((count,),) = self._select(file, f"SELECT count(*) FROM {table}")
        return int(str(count))

    def _select(self, file: str, query: str, *values: bytes) -> list[tuple[object, ...]]:
        path = self.folder / file
        try:
            import sqlite3
        except ImportError:  # a Python may be built without it
            raise StoreError("this Python has no sqlite3 module") from None
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
                return connection.execute(query, values).fetchall()
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(f"{file} cannot be read: {error}") from None

    # Commands

    # Without `certutil -N`: if another program creates the store at the same time, -N asks for a password in a loop.

    def added_by(self, nickname: str, file: Path) -> Command:
        """The command that adds the certificate in a file, as a trusted CA for TLS servers.

        If the folder has no store, certutil creates one without a password.
        """
        return ("certutil", "-A", "-d", self.name, "-t", TRUSTED, "-n", nickname, "-i", str(file))

    def changed_by(self, nickname: str, flags: str) -> Command:
        """The command that sets trust flags."""
        return ("certutil", "-M", "-d", self.name, "-t", flags, "-n", nickname)

    def removed_by(self, nickname: str) -> Command:
        """The command that removes a certificate."""
        return ("certutil", "-D", "-d", self.name, "-n", nickname)

    def deleted_by(self, folders: Sequence[Path]) -> list[Command]:
        """The commands that delete the files of the store, and after it those of `folders` that are then empty."""
        here = sorted(FILES & set(os.listdir(self.folder))) if self.folder.is_dir() else []
        commands: list[Command] = [("rm", *(str(self.folder / file) for file in here))] if here else []
        leaving: list[str] = []
        for folder in sorted(folders, reverse=True):  # a folder comes after those inside it
            rest = {str(folder / name) for name in os.listdir(folder)} if folder.is_dir() else {""}
            if rest <= {*leaving, *(str(self.folder / file) for file in here)}:
                leaving.append(str(folder))
        return [*commands, *([("rmdir", *leaving)] if leaving else [])]


def _label(value: object) -> str:
    return "" if not isinstance(value, bytes) or value == NO_VALUE else value.decode("utf-8", "replace")
