"""Rogues on disk: `pki rogue mint`. EDGE: clock, keys and serials have their defaults here.

    DIR/expired/server.pem  server.key    what a server shows
                root.pem   [crl.pem]      what its client knows: one root for all that were minted in one go
                control/...               the same without the fault: to be accepted

The root's key is never written: nobody can sign anything more with it, so that trusting it is safe for experiments.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path, PurePosixPath

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys, names
from pki.cases import CATALOGUE, Must, Rogue, Served, Specimen, Workshop
from pki.cases.builder import GALLERY
from pki.errors import ExitCode, Problem
from pki.keys import KeyType
from pki.store.ca import Existing, old_folder
from pki.store.transaction import PUBLIC, SECRET, transaction

LONGEST = 64
"""Characters of a host: some rogues have it in the common name, which has no more (RFC 5280 appendix A.1)."""


@dataclass(frozen=True)
class Hung:
    """What `mint` wrote: the folder of each case, and where `--force` put what was there before."""

    directory: Path
    cases: Mapping[str, x509.GeneralName]
    """Each case, and the name that its client asks for."""
    moved_to: Path | None


def find(case: str) -> Rogue[Workshop]:
    """The rogue of that id, or that somebody else calls so; a Problem where there is none."""
    if case in CATALOGUE:
        return CATALOGUE[case]
    for each in CATALOGUE.values():
        if case in each.aliases:
            return each
    alike = [name for name in CATALOGUE if case and (case in name or name in case)]
    alike = alike or get_close_matches(case.lower(), CATALOGUE)
    hint = f"perhaps {', '.join(alike[:3])}; `pki rogue list` shows all" if alike else "`pki rogue list` shows all"
    raise Problem(f"no rogue is called {case!r}", hint=hint, code=ExitCode.USAGE)


def workshop(wanted: Sequence[x509.GeneralName], now: datetime, name: str = GALLERY) -> Workshop:
    """A new root, whose subject has `name`, for certificates with the names `wanted`."""
    for each in wanted:
        if isinstance(each, x509.DNSName) and len(each.value) > LONGEST:
            raise Problem(
                f"{each.value[:20]}… has {len(each.value)} characters, and rogues have at most {LONGEST}",
                hint="several cases put the host into the common name, which has no room for more",
                code=ExitCode.USAGE,
            )
    return Workshop.opened(
        _askable(wanted),
        now=now,
        new_key=lambda: keys.generate(KeyType.EC_P256),
        new_serial=x509.random_serial_number,
        rsa_key=_rsa_key,
        name=name,
    )


def _askable(wanted: Sequence[x509.GeneralName]) -> Sequence[x509.GeneralName]:
    """With a host beside a wildcard directly below a top-level name, which by itself covers nobody (RFC 9525 §7.1)."""
    first = next((name for name in wanted if isinstance(name, x509.DNSName)), None)
    if first is None or names.matches(first, host := x509.DNSName(first.value.replace("*", "www"))):
        return wanted
    return (host, *wanted)


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def mint(
    directory: Path, rogues: Sequence[Rogue[Workshop]], room: Workshop, *, now: datetime, existing: Existing
) -> Hung:
    """Write the rogues and their controls, all or none of them."""
    folders = [each.id for each in rogues]
    specimens = [each.mint(room) for each in rogues]
    with transaction(directory) as change:
        present = [folder for folder in folders if os.path.lexists(directory / folder)]
        if present and existing is Existing.REFUSE:
            some = f"{', '.join(present[:3])}{' …' if len(present) > 3 else ''}"
            raise Problem(
                f"{directory} already holds {some}",
                hint="--force moves what is there aside, and mints anew",
                code=ExitCode.NO,
            )
        old = old_folder(directory, now)
        for rogue, specimen in zip(rogues, specimens, strict=True):
            for name, data, mode in _files(rogue, specimen):
                change.write(str(PurePosixPath(rogue.id, name)), data, mode)
        change.commit(aside=present, old=old)
    asked = {rogue.id: specimen.served.name for rogue, specimen in zip(rogues, specimens, strict=True)}
    return Hung(directory, asked, directory / old if present else None)


File = tuple[str, bytes, int]


def _files(rogue: Rogue[Workshop], specimen: Specimen) -> Iterator[File]:
    yield from _served(specimen.served)
    if rogue.must is Must.REJECT:
        for name, data, mode in _served(specimen.control):
            yield f"control/{name}", data, mode


def _served(served: Served) -> Iterable[File]:
    yield "server.key", served.key_pem, SECRET
    yield "server.pem", served.chain_pem, PUBLIC
    yield "root.pem", served.anchors_pem, PUBLIC
    if served.crls:
        yield "crl.pem", b"".join(each.public_bytes(Encoding.PEM) for each in served.crls), PUBLIC
