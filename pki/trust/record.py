"""What `pki trust` added to the stores of browsers: DIR/.pki/trust.json. EDGE.

    {"schema": 1, "stores": [{"folder": "/home/ann/.pki/nssdb", "created": ["/home/ann/.pki", ...],
                              "certificates": [{"sha256": "5f3a…", "nickname": "… 5f3a…", "before": null}]}]}

An entry is written before the store is changed, so that nothing is added without a record, also by a process that is
killed. `before` has the former trust flags of a certificate that was in the store already.

The folder may come from another person, and the record with it. So a record can only undo: `pki untrust` uses it for
the stores of this user, removes a certificate only if it has the nickname that `pki trust` gives it, and never raises
the trust of one.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pki.errors import Problem, cannot_read
from pki.store.folder import Folder, write_below
from pki.store.transaction import SECRET, STATE
from pki.trust.nss import FLAGS

FILE = "trust.json"
SCHEMA = 1
LONGEST = 1 << 20  # bytes
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass
class Added:
    """The changes to one store; the certificates by fingerprint."""

    created: tuple[Path, ...] | None = None
    """The folders that were created with the store; None if the store existed."""
    certificates: dict[str, "Certificate"] = field(default_factory=dict)


@dataclass(frozen=True)
class Certificate:
    """A certificate that was added, or whose trust was changed."""

    nickname: str
    """For messages."""
    before: str | None
    """The former trust flags; None if the certificate was not in the store."""


@dataclass
class Record:
    """All changes that were made for the CA in one folder, by the folder of the store."""

    directory: Path
    stores: dict[Path, Added]

    @classmethod
    def read(cls, directory: Path) -> "Record":
        """The record; without stores if there is none. Raises Problem if it cannot be read."""
        path = directory / STATE / FILE
        try:
            with Folder.open(directory) as top, top.inside(STATE) as state:
                if state.status(FILE) is None:
                    return cls(directory, {})
                with open(state.open_file(FILE, os.O_RDONLY), "rb") as file:
                    data = file.read(LONGEST + 1)
        except FileNotFoundError:
            return cls(directory, {})
        except OSError as error:
            raise cannot_read(path, error) from error
        try:
            if len(data) > LONGEST:
                raise ValueError("too long")
            return cls(directory, _decoded(json.loads(data)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Problem(
                f"{path} is damaged, so what `pki trust` added is not known",
                hint=f"remove the certificates in the browsers' settings, then delete {path}",
            ) from None

    def write(self) -> None:
        """Write the record in one step; remove it if it has no stores. The caller has the lock. Raises OSError."""
        self.stores = {folder: added for folder, added in self.stores.items() if added.certificates}
        if self.stores:
            write_below(self.directory, f"{STATE}/{FILE}", json.dumps(self._encoded(), indent=1).encode(), SECRET)
            return
        with Folder.open(self.directory) as top, top.inside(STATE) as state:
            if state.status(FILE) is not None:
                state.remove(FILE)
                state.sync()

    def _encoded(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "stores": [
                {
                    "folder": str(folder),
                    "created": None if added.created is None else [str(each) for each in added.created],
                    "certificates": [
                        {"sha256": sha256, "nickname": each.nickname, "before": each.before}
                        for sha256, each in added.certificates.items()
                    ],
                }
                for folder, added in self.stores.items()
            ],
        }


def _decoded(content: Mapping[str, Any]) -> dict[Path, Added]:
    if content["schema"] != SCHEMA:
        raise ValueError("unknown schema")
    found = {}
    for store in content["stores"]:
        folder = _path(store["folder"])
        created = None if store["created"] is None else tuple(_path(each) for each in store["created"])
        if any(each != folder and each not in folder.parents for each in created or ()):
            raise ValueError("a folder that is not above the store")
        certificates = {
            _matching(SHA256, each["sha256"]): Certificate(
                str(each["nickname"]),
                None if each["before"] is None else _matching(FLAGS, each["before"]),
            )
            for each in store["certificates"]
        }
        if certificates:
            found[folder] = Added(created, certificates)
    return found


def _path(value: str) -> Path:
    if not value.startswith("/") or "\0" in value or ".." in Path(value).parts:
        raise ValueError("not an absolute path")
    return Path(value)


def _matching(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(value)
    return value


# Nicknames ----------------------------------------------------------------------------------------------------------

LONGEST_NAME = 48  # characters of the CA's name in a nickname


def nickname(name: str, sha256: str) -> str:
    """The nickname in a store: the name of the CA, and the start of its fingerprint.

    NSS takes the part before a colon as the name of a token, and certutil reads arguments in the locale's encoding. So
    other characters than letters, digits and a few signs become a hyphen.
    """
    plain = re.sub(r"[^A-Za-z0-9 ._()-]+", "-", name)[:LONGEST_NAME].strip(" .-_()")
    return f"{plain or 'CA'}{mark(sha256)}"


def mark(sha256: str) -> str:
    """The end of a nickname, which is different for each certificate."""
    return f" {sha256[:16]}"
