"""Errors for users: the fact, the evidence, a hint, and an exit code.

    error: certs/server.key does not belong to certs/server.pem
      certificate: public key 4f1e… (SHA-256)
      key file:    public key 90aa…
      hint: use the key that was generated for this certificate

Only for what a user can cause. Misuse of our own functions is ValueError or TypeError; the validation of a certificate
returns data (`pki.verdict.Verdict`).
"""

import errno
import shlex
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """The exit codes of all commands."""

    YES = 0
    """Yes, or done."""
    NO = 1
    """The answer is no: refused, untrusted, would overwrite."""
    USAGE = 2
    """Wrong usage; invalid names and option values included."""
    CANNOT = 3
    """Could not do or decide: file, permission, disk, port, connection, program."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""


class Problem(Exception):
    """An error for the user, with the exit code of the command."""

    def __init__(self, fact: str, *evidence: str, hint: str | None = None, code: ExitCode = ExitCode.CANNOT) -> None:
        super().__init__(fact)
        self.fact = fact
        self.evidence = evidence
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        evidence = [line for each in self.evidence for line in each.split("\n")]
        lines = [f"error: {self.fact}", *(f"  {line}" for line in evidence)]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(map(printable, lines))  # names of files are untrusted, too


def printable(text: str) -> str:
    """`text` with control characters escaped, so that text from a peer or certificate cannot control the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def did_you_mean(text: str, names: Iterable[str]) -> str:
    """`did you mean a or b? ` for names that are similar to `text`; empty if none is."""
    from difflib import get_close_matches

    names = tuple(names)
    alike = [name for name in names if text and (text in name or name in text)]
    alike = alike or get_close_matches(text.lower(), names)
    return f"did you mean {' or '.join(alike[:SHOWN])}? " if alike else ""


SHOWN = 3  # similar names in a hint


def cannot(doing: str, error: OSError, hint: str | None = None) -> Problem:
    """The Problem for an operating-system error while `doing` something ("write certs/root.key")."""
    return Problem(f"cannot {doing}", printable(error.strerror or str(error)), hint=hint)


def cannot_read(path: Path, error: OSError, hint: str | None = None) -> Problem:
    """The Problem for an operating-system error while reading `path`.

    `hint` tells how to create a missing file; it is replaced for a permission error or a failing disk.
    """
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = f"check the permissions with `ls -ld {shlex.quote(str(path))}`"
    elif error.errno in (errno.EIO, errno.ENOSPC, errno.ESTALE):
        hint = "check the disk; nothing was changed"
    return cannot(f"read {path}", error, hint)
