"""Test certificates as files, for `pki rogue mint`. EDGE.

    DIR/expired/server.pem  server.key    what the server presents
                root.pem   [crl.pem]      what the client trusts: one root for all cases of one call
                control/...               the same chain without the deviation, which must be accepted

The root's key is never written, so no further certificate can be issued under the root.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from cryptography import x509

from pki.cases import CaseBuilder, CertificateCase, Minted, Must, Served
from pki.errors import ExitCode, Problem
from pki.store.ca import Existing, old_folder
from pki.store.transaction import PUBLIC, SECRET, transaction


@dataclass(frozen=True)
class MintedFolder:
    """What `mint` wrote: the folder of each case, and where `--force` moved the old folders."""

    directory: Path
    cases: Mapping[str, x509.GeneralName]
    """Each case, and the reference identifier of its client."""
    moved_to: Path | None


def mint(
    directory: Path,
    cases: Sequence[CertificateCase[CaseBuilder]],
    builder: CaseBuilder,
    *,
    now: datetime,
    existing: Existing,
) -> MintedFolder:
    """Write the cases and their controls: all of them, or none if one fails."""
    folders = [each.id for each in cases]
    minted = {each.id: each.mint(builder) for each in cases}
    with transaction(directory) as change:
        present = [folder for folder in folders if os.path.lexists(directory / folder)]
        if present and existing is Existing.REFUSE:
            some = f"{', '.join(present[:3])}{' …' if len(present) > 3 else ''}"
            raise Problem(
                f"{directory} already contains {some}",
                hint="--force moves the existing cases aside and mints new ones",
                code=ExitCode.NO,
            )
        old = old_folder(directory, now)
        for case in cases:
            for name, data, mode in _files(case, minted[case.id]):
                change.write(str(PurePosixPath(case.id, name)), data, mode)
        change.commit(aside=present, old=old)
    asked = {case: each.served.name for case, each in minted.items()}
    return MintedFolder(directory, asked, directory / old if present else None)


File = tuple[str, bytes, int]


def _files(case: CertificateCase[CaseBuilder], minted: Minted) -> Iterator[File]:
    yield from _served(minted.served)
    if case.must is Must.REJECT:
        for name, data, mode in _served(minted.control):
            yield f"control/{name}", data, mode


def _served(served: Served) -> Iterable[File]:
    yield "server.key", served.key_pem, SECRET
    yield "server.pem", served.chain_pem, PUBLIC
    yield "root.pem", served.anchors_pem, PUBLIC
    if served.crls:
        yield "crl.pem", served.crls_pem, PUBLIC
