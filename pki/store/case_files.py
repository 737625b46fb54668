"""Test certificates as files, for `pki rogue mint`. EDGE: default clock, keys and serial numbers.

    DIR/expired/server.pem  server.key    what the server presents
                root.pem   [crl.pem]      what the client trusts: one root for all cases of one call
                control/...               the same chain without the deviation, which must be accepted

The root's key is never written, so no further certificate can be issued under the root.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path, PurePosixPath

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys, names
from pki.cases import CaseBuilder, CertificateCase, Minted, Must, Served
from pki.cases.builder import CA_NAME
from pki.errors import ExitCode, Problem
from pki.keys import KeyType
from pki.store.ca import Existing, old_folder
from pki.store.transaction import PUBLIC, SECRET, transaction

LONGEST = 64
"""Characters of a host name: some cases have it as common name, which is limited (RFC 5280 appendix A.1)."""


@dataclass(frozen=True)
class MintedFolder:
    """What `mint` wrote: the folder of each case, and where `--force` moved the old folders."""

    directory: Path
    cases: Mapping[str, x509.GeneralName]
    """Each case, and the reference identifier of its client."""
    moved_to: Path | None


def case_builder(wanted: Sequence[x509.GeneralName], now: datetime, name: str = CA_NAME) -> CaseBuilder:
    """A builder with a new root, whose subject has `name`, for certificates with the names `wanted`.

    Raises Problem (usage) for a host of more than LONGEST characters.
    """
    for each in wanted:
        if isinstance(each, x509.DNSName) and len(each.value) > LONGEST:
            raise Problem(
                f"{each.value[:20]}… has {len(each.value)} characters; the limit for test certificates is {LONGEST}",
                hint="some cases have the host as common name (RFC 5280 appendix A.1); choose a shorter --name",
                code=ExitCode.USAGE,
            )
    return CaseBuilder.with_new_root(
        _askable(wanted),
        now=now,
        new_key=lambda: keys.generate(KeyType.EC_P256),
        new_serial=x509.random_serial_number,
        rsa_key=_rsa_key,
        name=name,
    )


def _askable(wanted: Sequence[x509.GeneralName]) -> Sequence[x509.GeneralName]:
    """The names, with a host added if the first is a wildcard that clients refuse, such as *.com (RFC 9525 §7.1)."""
    first = next((name for name in wanted if isinstance(name, x509.DNSName)), None)
    if first is None or names.matches(first, host := x509.DNSName(first.value.replace("*", "www"))):
        return wanted
    return (host, *wanted)


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


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
        yield "crl.pem", b"".join(each.public_bytes(Encoding.PEM) for each in served.crls), PUBLIC
