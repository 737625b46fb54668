"""How a failure reaches a person: the fact, the evidence, what mends it, and an exit code.

    error: certs/server.key does not belong to certs/server.pem
      certificate:  public key 4f1e…
      key file:     public key 90aa…
      hint: mint a new pair with `pki init --force`

Only for what a user can cause. Misuse of our own functions is ValueError or TypeError;
the judgement of a certificate is data (`pki.verdict.Verdict`), not an exception.
"""

import errno
import shlex
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What a command's exit code means, the same in every command."""

    YES = 0
    """Yes, or done."""
    NO = 1
    """The answer is no: refused, untrusted, would overwrite."""
    USAGE = 2
    """Wrong usage; invalid names and option values included."""
    CANNOT = 3
    """Could not do or decide: file, permission, disk, port, connection."""
    INTERRUPTED = 130
    """A finite command was ended by Ctrl-C."""


class Problem(Exception):
    """Something that a user should read, with the exit code that the command ends with."""

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
        return "\n".join(map(printable, lines))  # the names of files may be a stranger's, too


def printable(text: str) -> str:
    """`text` with control characters escaped: what a peer or a certificate says must not drive a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cannot(doing: str, error: OSError, hint: str | None = None) -> Problem:
    """The Problem for an operating-system error met while `doing` something ("write certs/root.key")."""
    return Problem(f"cannot {doing}", printable(error.strerror or str(error)), hint=hint)


def cannot_read(path: Path, error: OSError, hint: str | None = None) -> Problem:
    """The Problem for an operating-system error met while reading `path`.

    `hint` says how to make what is missing. It is no answer to a permission or a failing disk.
    """
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = f"this user may not read it; `ls -ld {shlex.quote(str(path))}` shows who may"
    elif error.errno in (errno.EIO, errno.ENOSPC, errno.ESTALE):
        hint = "nothing was changed; check the disk"
    return cannot(f"read {path}", error, hint)
