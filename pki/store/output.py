"""The files that options name (--html FILE, --ca-out FILE): checked before the run, written in one step after it. EDGE.

    page = Output(path, "--html", is_page, force)       page.check()  ...  page.write(text)

    no file, or an empty file             written
    a file that this program made         replaced; recognised by its content
    a key, a certificate, other PEM       never replaced, not even with --force
    anything else                         replaced with --force
    a pipe, a terminal, /dev/stdout       written to, not replaced

A file is replaced by rename, so a reader sees either the old or the new content.
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
from itertools import combinations
from pathlib import Path

from cryptography import x509

from pki.console import note
from pki.errors import ExitCode, Problem, cannot
from pki.objects.secrecy import holds_a_private_key
from pki.store.folder import Folder

LONGEST = 1 << 26  # bytes; longer existing files are not examined
PUBLIC = 0o666  # minus the umask
SECRET = 0o600

Ours = Callable[[bytes], bool]
"""Whether the option that replaces the file also made it, judged by its content."""


@dataclass(frozen=True)
class Output:
    """One file to write, and the option that names it."""

    path: Path
    option: str
    ours: Ours
    force: bool | None = None
    """Whether --force was given; None if the command has no such option."""
    what: str = ""
    """A prefix for the path in messages: "the key log "."""
    mode: int = PUBLIC
    """The mode of a new file. SECRET also applies to a file that is replaced."""

    def check(self) -> None:
        """Raises Problem if the file cannot or must not be written. To be called before the work."""
        place = self.target()
        try:
            if place is None:
                if (descriptor := descriptor_of(self.path)) is not None:
                    os.fstat(descriptor)
                return
            with Folder.open(place.parent) as folder:
                draft = _draft_name()
                folder.create(draft, b"", SECRET)
                folder.remove(draft)
        except OSError as error:
            raise self._cannot(error) from error

    def write(self, text: str | bytes) -> None:
        """Write the whole file. Raises Problem if that fails."""
        data = text if isinstance(text, bytes) else text.encode()
        place = self.target()
        try:
            if place is None:
                self._pour(data)
                return
            with Folder.open(place.parent) as folder:
                before = folder.status(place.name)
                kept = stat.S_IMODE(before.st_mode) if before and self.mode != SECRET else self.mode
                folder.replace(place.name, data, kept)
        except OSError as error:
            raise self._cannot(error) from error

    def target(self) -> Path | None:
        """The file to replace or create; None for a pipe, device or descriptor. Raises Problem if it must stay."""
        try:
            if descriptor_of(self.path) is not None:
                return None
            status = os.stat(self.path)
        except FileNotFoundError:
            return self._new()
        except ValueError:  # a NUL
            hint = f"use {self.option} FILE"
            raise Problem(f"{str(self.path)!r} is not a valid path", hint=hint, code=ExitCode.USAGE) from None
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
            raise self._stays("is a link to a missing file", f"remove it, or use {self.option} ANOTHER_FILE")
        return self.path

    def _refuse_what_is_not_ours(self, place: Path) -> None:
        try:
            with open(os.open(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                content = file.read(LONGEST + 1)
        except OSError as error:
            raise self._cannot(error) from error
        if not content or (len(content) <= LONGEST and self.ours(content)):
            return
        another = f"use {self.option} ANOTHER_FILE"
        if holds_a_private_key(content):
            raise self._stays("contains a private key", another)
        if _is_of_a_pki(content):
            raise self._stays("contains a certificate or other PEM that was not made by this command", another)
        if len(content) > LONGEST:
            raise self._stays(f"is longer than {LONGEST} bytes", another)
        if self.path.is_symlink():
            raise self._stays(f"is a link to {place}, which was not made by this command", another)
        if not self.force:
            raise self._stays(
                "was not made by this command", another if self.force is None else f"use --force, or {another}"
            )

    def _stays(self, why: str, hint: str) -> Problem:
        return Problem(f"{self.path} exists and {why}", hint=hint, code=ExitCode.NO)

    def _cannot(self, error: OSError) -> Problem:
        return cannot(
            f"write {self.what}{self.path}",
            error,
            hint=f"use {self.option} FILE with a file in a folder that you can write to",
        )

    def _pour(self, data: bytes) -> None:
        """Write to a pipe, a device or an open descriptor."""
        descriptor = descriptor_of(self.path)
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
    """Check every output. Raises Problem also if two of them name the same file."""
    seen: dict[str, str] = {}
    for each in outputs:
        each.check()
        place = os.path.realpath(each.path)
        if each.target() is not None and place in seen:
            fact = f"{seen[place]} and {each.option} name the same file: {each.path}"
            raise Problem(fact, hint="use different files", code=ExitCode.USAGE)
        seen[place] = each.option


def descriptor_of(path: Path) -> int | None:
    """The open descriptor that a path means: by its name (-, /dev/fd/3), or as the file behind stdout; else None."""
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


# Existing content --------------------------------------------------------------------------------------------------


def _is_of_a_pki(content: bytes) -> bool:
    """Whether it is any PEM (RFC 7468), or a certificate, request or CRL in DER."""
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
    """Whether a file contains only certificates with this subject."""

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
    """Whether every line is a secret of a TLS connection (SSLKEYLOGFILE), a comment or empty, with at least one secret.

    A file with only the line HEADING also counts.
    """
    lines = [line.strip() for line in content.splitlines()]
    secret_lines = [line for line in lines if line and not line.startswith(b"#")]
    return all(map(KEY_LOG_LINE.fullmatch, secret_lines)) and (bool(secret_lines) or HEADING in lines)


def written(path: Path, secrets: str) -> str:
    """The remark about a file that was written: its mode, and the secrets in it, if there are any."""
    mode = os.stat(path).st_mode
    if not (secrets and stat.S_ISREG(mode)):
        return f"written: {path}"
    return f"written: {path} (mode {stat.S_IMODE(mode):04o}; it has the {secrets})"


def forbid_same(**paths: Path | None) -> None:
    """Raise Problem if two options name the same file; the names of the options without their dashes."""
    given = [(name, path) for name, path in paths.items() if path is not None]
    for (first, path), (second, other) in combinations(given, 2):
        if os.path.realpath(path) == os.path.realpath(other) and not path.is_char_device():
            fact = f"--{first} and --{second} name the same file: {path}"
            raise Problem(fact, hint="give each a file of its own", code=ExitCode.USAGE)


HEADING = b"# The secrets of TLS connections (SSLKEYLOGFILE format)"


def prepare_key_log(path: Path) -> None:
    """Create the key log if it is missing, as `prepare_to_append`; OpenSSL appends to it later."""
    prepare_to_append(Output(path, "--keylog", is_key_log, what="the key log "), HEADING + b"\n")


def prepare_to_append(output: Output, beginning: bytes = b"") -> None:
    """Create a file for secrets with mode 0600 if it is missing. Raises Problem if it must not be appended to.

    Prints a note if other users can read an existing one.
    """
    place = output.target()
    if place is None:
        return
    try:
        with Folder.open(place.parent) as folder:
            status = folder.status(place.name)
            if status is None:
                folder.create(place.name, beginning, SECRET)
            elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                fact = f"other users can read the secrets in {output.path} (mode {stat.S_IMODE(status.st_mode):04o})"
                note(f"{fact}; run `chmod 600 {shlex.quote(str(output.path))}`")
    except OSError as error:
        raise output._cannot(error) from error
