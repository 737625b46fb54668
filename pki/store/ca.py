"""The folder of a CA and its two changes, `init` and `issue`. EDGE.

`transaction` makes a change all-or-nothing; `files` and `inventory` read. Randomness has its default here, at the edge:
`keys.generate`, `random_serial_number`. The caller passes the clock as `now`.
"""

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys, names
from pki.authority import Authority, Credential, Validity, authority_name
from pki.console import CERTS, day
from pki.errors import ExitCode, Problem, cannot
from pki.keys import KeyType
from pki.malformed import MALFORMED
from pki.profiles import CLIENT, INTERMEDIATE, ROOT, SERVER, Profile
from pki.store.folder import write_below
from pki.store.transaction import PUBLIC, SECRET, STATE, recover, transaction

if TYPE_CHECKING:
    from pki.store.output import Ours

DEFAULT_NAME = "tlsdemo development CA"
DEFAULT_SAN = ("localhost", "127.0.0.1", "::1")
CLOCK_SKEW = timedelta(hours=1)  # so that peers with a slow clock accept a new certificate
OURS = ("root", "intermediate", "server", "client", "crl")  # names of files that `issue` never replaces


class Existing(Enum):
    """What to do with existing files in the place of new ones."""

    REFUSE = "refuse"
    MOVE_ASIDE = "move aside"
    """`--force`: move them into `.pki/old-<UTC>/`."""


@dataclass(frozen=True)
class Minted:
    """The result of `init` or `issue`: the leaf's credential and the files, relative to the directory."""

    directory: Path
    credential: Credential
    files: tuple[str, ...]
    moved_to: Path | None = None
    """Where `--force` moved existing files; None if there were none."""
    shortened: bool = False
    """Whether the validity of the leaf was cut to that of its issuer."""


def init(
    directory: Path,
    *,
    name: str,
    alternative_names: Sequence[x509.GeneralName],
    key_type: KeyType,
    days: int,
    now: datetime,
    existing: Existing,
) -> Minted:
    """Create the whole tree, all or nothing. Raises Problem if files exist and `existing` is REFUSE."""
    recover(directory)  # before looking at existing files
    if existing is Existing.REFUSE:
        _refuse_to_overwrite(directory)  # early, since RSA keys take long to generate
    files = _mint_tree(name, alternative_names, key_type, days, now)
    leaf = files.server
    with transaction(directory) as change:
        if existing is Existing.REFUSE:
            _refuse_to_overwrite(directory)
        aside = _everything(directory) if existing is Existing.MOVE_ASIDE else []
        old = old_folder(directory, now)
        for file, data, mode in files.contents:
            change.write(file, data, mode)
        change.commit(aside=aside, old=old)
    return Minted(
        directory,
        leaf,
        tuple(file for file, _, _ in files.contents),
        moved_to=directory / old if aside else None,
        shortened=_shortened(leaf, now, days),
    )


TREE = (
    "root.key", "intermediate.key", "intermediate.pem", "server.key", "server.pem", "client.key", "client.pem",
    "crl.pem", "rogue/ca.pem", "rogue/server.key", "rogue/server.pem", "root.pem",
)  # fmt: skip
"""The files that `init` writes, in this order. root.pem is last: if it exists, `init` is complete."""


def _refuse_to_overwrite(directory: Path) -> None:
    present = _present(directory, TREE)
    if present:
        where = "" if directory == CERTS else f" --dir {shlex.quote(str(directory))}"
        raise Problem(
            f"{directory} already contains {', '.join(present[:3])}{' …' if len(present) > 3 else ''}",
            hint=f"`pki init --force{where}` moves the existing files aside and starts over",
            code=ExitCode.NO,
        )


@dataclass(frozen=True)
class _Tree:
    server: Credential
    contents: tuple[tuple[str, bytes, int], ...]  # name, bytes, mode; in the order of TREE


def _mint_tree(
    name: str, alternative_names: Sequence[x509.GeneralName], key_type: KeyType, days: int, now: datetime
) -> _Tree:
    now = now.replace(microsecond=0)
    start = now - CLOCK_SKEW
    root = Authority.self_signed(
        ROOT,
        subject=authority_name(name, ROOT.name),
        key=keys.generate(key_type),
        validity=Validity(start, now + timedelta(ROOT.days)),
        serial=x509.random_serial_number(),
    )
    intermediate = root.subordinate(
        INTERMEDIATE,
        subject=authority_name(name, INTERMEDIATE.name),
        key=keys.generate(key_type),
        validity=Validity(start, now + timedelta(INTERMEDIATE.days)),
        serial=x509.random_serial_number(),
    )

    def leaf(profile: Profile, wanted: Iterable[x509.GeneralName]) -> Credential:
        return intermediate.issue(
            profile,
            alternative_names=wanted,
            key=keys.generate(key_type),
            validity=Validity(start, now + timedelta(days)),
            serial=x509.random_serial_number(),
        )

    server = leaf(SERVER, alternative_names)
    client = leaf(CLIENT, [x509.DNSName("client")])
    dates = Validity.of(server.certificate)
    crls = [
        authority.crl(number=1, this_update=dates.not_before, next_update=dates.not_after)
        for authority in (root, intermediate)
    ]
    rogue_ca = Authority.imitation(root.certificate, key=keys.generate(key_type), serial=x509.random_serial_number())
    rogue = rogue_ca.issue(
        SERVER,
        alternative_names=names.of_certificate(server.certificate),
        key=keys.generate(key_type),
        validity=dates,
        serial=x509.random_serial_number(),
    )
    return _Tree(
        server,
        (
            ("root.key", root.credential.key_pem, SECRET),
            ("intermediate.key", intermediate.credential.key_pem, SECRET),
            ("intermediate.pem", intermediate.credential.chain_pem, PUBLIC),
            ("server.key", server.key_pem, SECRET),
            ("server.pem", server.chain_pem, PUBLIC),
            ("client.key", client.key_pem, SECRET),
            ("client.pem", client.chain_pem, PUBLIC),
            ("crl.pem", b"".join(crl.public_bytes(Encoding.PEM) for crl in crls), PUBLIC),
            ("rogue/ca.pem", rogue_ca.credential.chain_pem, PUBLIC),
            ("rogue/server.key", rogue.key_pem, SECRET),
            ("rogue/server.pem", rogue.chain_pem, PUBLIC),
            ("root.pem", root.credential.chain_pem, PUBLIC),
        ),
    )


def issue(
    directory: Path,
    wanted: Sequence[x509.GeneralName],
    *,
    profile: Profile,
    key_type: KeyType,
    days: int,
    now: datetime,
    existing: Existing,
) -> Minted:
    """Issue one certificate for all the names, into `<first name>.pem` and `.key`. Raises Problem if it cannot."""
    stem = names.file_stem(wanted[0])
    if stem in OURS:
        raise Problem(
            f"{stem}.pem is a file of `pki init`, which `pki issue` does not replace",
            hint="put another name first; the first name becomes the file name",
            code=ExitCode.NO,
        )
    now = now.replace(microsecond=0)
    recover(directory)
    load_authority(directory, now)  # early, so that an error comes before the key is generated
    key = keys.generate(key_type)  # outside the lock, since it may take long
    files = (f"{stem}.key", f"{stem}.pem")
    with transaction(directory) as change:
        # Read again under the lock: `init --force` may have replaced the CA meanwhile.
        intermediate = load_authority(directory, now)
        credential = intermediate.issue(
            profile,
            alternative_names=wanted,
            key=key,
            validity=Validity(now - CLOCK_SKEW, now + timedelta(days)),
            serial=x509.random_serial_number(),
        )
        present = _present(directory, files)
        if present and not (existing is Existing.MOVE_ASIDE and _issued_here(directory / files[1], intermediate)):
            raise Problem(
                f"{directory / present[0]} already exists",
                hint="it was not made by `pki issue` with this CA, so it is not replaced; remove it yourself"
                if existing is Existing.MOVE_ASIDE
                else "`--force` moves it aside and replaces it",
                code=ExitCode.NO,
            )
        change.write(files[0], credential.key_pem, SECRET)
        change.write(files[1], credential.chain_pem, PUBLIC)
        old = old_folder(directory, now)
        change.commit(aside=present, old=old)
    return Minted(
        directory,
        credential,
        files,
        moved_to=directory / old if present else None,
        shortened=_shortened(credential, now, days),
    )


def keep(directory: Path, name: str, certificates: bytes, ours: "Ours") -> Path:
    """Write the certificate of a CA that exists only for a demonstration; an existing file is replaced if `ours`."""
    if os.path.lexists(directory / name):
        from pki.store.output import Output

        Output(directory / name, "--certs", ours).check()
    try:
        write_below(directory, name, certificates, PUBLIC)
    except OSError as error:
        raise cannot(f"write {error.filename or directory / name}", error, hint="use another folder") from error
    return directory / name


def _shortened(leaf: Credential, now: datetime, days: int) -> bool:
    return leaf.certificate.not_valid_after_utc < now.replace(microsecond=0) + timedelta(days)


def _present(directory: Path, files: Iterable[str]) -> list[str]:
    return [name for name in files if os.path.lexists(directory / name)]


def _everything(directory: Path) -> list[str]:
    """The entries that `init --force` moves aside: certificates and keys here, and the folders of other CAs."""
    found = [entry.name for entry in directory.iterdir() if entry.suffix in (".pem", ".key")]
    found += _present(directory, ["rogue", "stranger"])
    return sorted(found, key=lambda name: (name != "root.pem", name))  # root.pem is moved first and written last


def old_folder(directory: Path, now: datetime) -> PurePosixPath:
    """The folder for the files that `--force` moves aside, relative to the directory."""
    base = PurePosixPath(STATE, f"old-{now:%Y%m%dT%H%M%SZ}")
    candidate, count = base, 1
    while os.path.lexists(directory / candidate):
        count += 1
        candidate = PurePosixPath(f"{base}-{count}")
    return candidate


def _issued_here(path: Path, intermediate: Authority) -> bool:
    if path.is_symlink() or not path.exists():
        return False
    from pki.objects.signatures import signed_by
    from pki.store.files import read_file

    pem = read_file(path)  # a file that cannot be read may be ours: the user gets the Problem
    try:
        return signed_by(x509.load_pem_x509_certificates(pem)[0], intermediate.certificate)
    except MALFORMED:  # without a certificate it is not ours
        return False


def load_authority(directory: Path, now: datetime) -> Authority:
    """The intermediate CA of a folder. Raises Problem if it is missing, or not valid at `now`."""
    file = directory / "intermediate.pem"
    hint = f"create a CA with `pki init --dir {directory}`"
    from pki.store.files import read_credential

    credential = read_credential(file, directory / "intermediate.key", hint)
    dates = Validity.of(credential.certificate)
    if now >= dates.not_after:
        anew = "`pki init --force` creates a new CA and moves the old files aside"
        raise Problem(f"{file} expired on {day(dates.not_after)}; today is {day(now)}", hint=anew)
    if now < dates.not_before:
        raise Problem(
            f"{file} is not valid before {day(dates.not_before)}; today is {day(now)}", hint="check your clock"
        )
    return Authority(credential)
