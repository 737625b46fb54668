"""The files that options name (--html FILE, --ca-out FILE): checked before the run, written in one step after it. EDGE.

    page = Output(path, "--html", is_page, force)       page.check()  ...  page.write(text)

    nothing there, or an empty file       written
    what this program made before         replaced: recognised by its content
    a key, a certificate, other PEM       never replaced, not even with --force
    anything else                         replaced with --force
    a pipe, a terminal, /dev/stdout       written to, never replaced

A file is replaced by rename, so that a reader sees the old content or the new one.
"""

import errno
import os
import re
import secrets
import shlex
import stat
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from pki.console import note
from pki.errors import ExitCode, Problem, cannot
from pki.objects.secrecy import holds_a_private_key
from pki.store.folder import Folder

LONGEST = 1 << 26  # bytes of an existing file that are looked through
PUBLIC = 0o666  # the umask takes away from it
SECRET = 0o600

Ours = Callable[[bytes], bool]
"""Whether a file with this content was made by the option that is about to replace it."""


@dataclass(frozen=True)
class Output:
    """One file to be written, and the option that names it."""

    path: Path
    option: str
    ours: Ours
    force: bool | None = None
    """Whether --force was given; None if the command has no such option."""
    what: str = ""
    """What the file is, for messages: "the key log "."""

    def check(self) -> None:
        """A Problem if the file cannot be written, or must not be: before any time is spent."""
        place = self.target()
        try:
            if place is None:
                if (descriptor := _descriptor(self.path)) is not None:
                    os.fstat(descriptor)
                return
            with Folder.open(place.parent) as folder:
                draft = _draft_name()
                folder.create(draft, b"", SECRET)
                folder.remove(draft)
        except OSError as error:
            raise self._cannot(error) from error

    def write(self, text: str | bytes) -> None:
        """Write the whole file, or a Problem."""
        data = text if isinstance(text, bytes) else text.encode()
        place = self.target()
        try:
            if place is None:
                self._pour(data)
                return
            with Folder.open(place.parent) as folder:
                before = folder.status(place.name)
                folder.replace(place.name, data, stat.S_IMODE(before.st_mode) if before else PUBLIC)
        except OSError as error:
            raise self._cannot(error) from error

    def target(self) -> Path | None:
        """The file to be replaced or made; None for what is written to as it is. A Problem if it must stay."""
        try:
            if _descriptor(self.path) is not None:
                return None
            status = os.stat(self.path)
        except FileNotFoundError:
            return self._new()
        except ValueError:  # a NUL
            hint = f"{self.option} FILE"
            raise Problem(f"{str(self.path)!r} is not a path", hint=hint, code=ExitCode.USAGE) from None
        except OSError as error:
            raise self._cannot(error) from error
        if stat.S_ISDIR(status.st_mode):
            raise self._cannot(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
        if not stat.S_ISREG(status.st_mode):
            if not os.access(self.path, os.W_OK):
                raise self._cannot(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
            return None
        place = Path(os.path.realpath(self.path))
        self._refuse_what_is_not_ours(place)
        return place

    def _new(self) -> Path:
        if self.path.is_symlink():
            raise self._stays("is a link to a file that is missing", f"remove it, or {self.option} ANOTHER_FILE")
        return self.path

    def _refuse_what_is_not_ours(self, place: Path) -> None:
        try:
            with open(os.open(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                content = file.read(LONGEST + 1)
        except OSError as error:
            raise self._cannot(error) from error
        if not content or (len(content) <= LONGEST and self.ours(content)):
            return
        another = f"{self.option} ANOTHER_FILE"
        if holds_a_private_key(content):
            raise self._stays("holds a private key", another)
        if _is_of_a_pki(content):
            raise self._stays("holds a certificate, or something else in PEM, that was not made here", another)
        if len(content) > LONGEST:
            raise self._stays(f"is longer than {LONGEST} bytes", another)
        if self.path.is_symlink():
            raise self._stays(f"is a link to {place}, which was not made here", another)
        if not self.force:
            raise self._stays("was not made here", another if self.force is None else f"--force, or {another}")

    def _stays(self, why: str, hint: str) -> Problem:
        return Problem(f"{self.path} exists and {why}", hint=hint, code=ExitCode.NO)

    def _cannot(self, error: OSError) -> Problem:
        return cannot(f"write {self.what}{self.path}", error, hint=f"{self.option} FILE, in a folder of yours")

    def _pour(self, data: bytes) -> None:
        """Into a pipe, a device or an open descriptor."""
        descriptor = _descriptor(self.path)
        if descriptor is None:
            # O_NONBLOCK: opening a FIFO that has no reader must not hang; it fails instead.
            target = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            os.set_blocking(target, True)
        else:
            sys.stdout.flush()
            target = os.dup(descriptor)
        with open(target, "wb") as file:
            file.write(data)


def check_all(outputs: Iterable[Output]) -> None:
    """Check each; a Problem also if two of them name one file."""
    seen: dict[str, str] = {}
    for each in outputs:
        each.check()
        place = os.path.realpath(each.path)
        if each.target() is not None and place in seen:
            fact = f"{seen[place]} and {each.option} name the same file: {each.path}"
            raise Problem(fact, hint="give each its own", code=ExitCode.USAGE)
        seen[place] = each.option


def _descriptor(path: Path) -> int | None:
    """The open descriptor that a path stands for: by its name (-, /dev/fd/3), or because stdout goes there."""
    if str(path) == "-":
        return 1
    if named := NAMED.fullmatch(str(path)):
        number = named["number"]
        return int(number) if number else {"stdout": 1, "stderr": 2}[named["name"]]
    with suppress(OSError, ValueError):
        status = os.stat(path)
        for number in (1, 2):
            with suppress(OSError):
                if stat.S_ISREG(status.st_mode) and os.path.samestat(status, os.fstat(number)):
                    return int(number)
    return None


NAMED = re.compile(r"/dev/(?P<name>stdout|stderr)|(?:/dev/fd|/proc/self/fd)/(?P<number>[0-9]{1,4})")


def _draft_name() -> str:
    return f".{secrets.token_hex(8)}.part"


# What was made before -----------------------------------------------------------------------------------------------


def _is_of_a_pki(content: bytes) -> bool:
    """PEM of any kind (RFC 7468), or a certificate, request, CRL in DER."""
    if b"-----BEGIN " in content.replace(b"\0", b""):
        return True
    for load in (x509.load_der_x509_certificate, x509.load_der_x509_csr, x509.load_der_x509_crl):
        try:
            load(content)
        except Exception:  # not this kind of object
            continue
        return True
    return False


def only_certificates_of(subject: x509.Name) -> Ours:
    """Whether a file holds certificates with this subject and nothing else."""

    def ours(content: bytes) -> bool:
        try:
            found = x509.load_pem_x509_certificates(content)
            blocks = content.count(b"-----BEGIN ")
            return blocks == len(found) and all(each.subject == subject for each in found)
        except Exception:  # not PEM, or an unreadable certificate
            return False

    return ours


KEY_LOG_LINE = re.compile(rb"[A-Z][A-Z0-9_]+ [0-9a-fA-F]{2,} [0-9a-fA-F]{2,}|RSA Session-ID:.*")


def is_key_log(content: bytes) -> bool:
    """Whether each line is a secret of a TLS connection (SSLKEYLOGFILE), a comment or empty; at least one is a secret.

    A file with nothing but the heading of `HEADING` is one, too.
    """
    lines = [line.strip() for line in content.splitlines()]
    secret_lines = [line for line in lines if line and not line.startswith(b"#")]
    return all(map(KEY_LOG_LINE.fullmatch, secret_lines)) and (bool(secret_lines) or HEADING in lines)


HEADING = b"# The secrets of TLS connections (SSLKEYLOGFILE format)"


def prepare_key_log(path: Path) -> None:
    """Make the file for the secrets of connections, mode 0600, if it is missing. A Problem if it must not be added to.

    OpenSSL appends to it later. A note if other users can read an existing one.
    """
    output = Output(path, "--keylog", is_key_log, what="the key log ")
    place = output.target()
    if place is None:
        return
    try:
        with Folder.open(place.parent) as folder:
            status = folder.status(place.name)
            if status is None:
                folder.create(place.name, HEADING + b"\n", SECRET)
            elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                fact = f"other users can read the secrets in {path} (mode {stat.S_IMODE(status.st_mode):04o})"
                note(f"{fact}: `chmod 600 {shlex.quote(str(path))}`")
    except OSError as error:
        raise output._cannot(error) from error
