"""The folder of a CA: `init` creates it, `load_authority` reads a CA from it. EDGE.

`transaction` makes a change all-or-nothing; `issue`, `crls` and `requests` make the later changes. Randomness has its
default here, at the edge: `keys.generate`, `random_serial_number`. The caller passes the clock as `now`.
"""

import os
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
from pki.console import day, dir_option
from pki.errors import ExitCode, Problem, cannot
from pki.keys import KeyType
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
    """A new certificate: its chain and files; paths are relative to the directory."""

    directory: Path
    chain: tuple[x509.Certificate, ...]
    """The certificate and its issuers without the root, as a server sends them."""
    files: tuple[str, ...]
    moved_to: Path | None = None
    """Where the previous files are; None if there were none."""
    shortened: bool = False
    """Whether the validity was cut to that of the issuer."""

    @property
    def certificate(self) -> x509.Certificate:
        """The new certificate."""
        return self.chain[0]


def init(
    directory: Path,
    *,
    name: str,
    alternative_names: Sequence[x509.GeneralName],
    key_type: KeyType,
    days: int,
    now: datetime,
    existing: Existing,
    constraints: x509.NameConstraints | None = None,
) -> Minted:
    """Create the whole tree, all or nothing. Raises Problem if files exist and `existing` is REFUSE.

    Root and intermediate have the name `constraints`. Raises Problem, wrong usage, if they do not permit a name of the
    server.
    """
    if constraints:
        own = "name a server that they permit, such as `pki init www.test --permit test`"
        check_permitted(constraints, alternative_names, own)
    recover(directory)  # before looking at existing files
    if existing is Existing.REFUSE:
        _refuse_to_overwrite(directory)  # early, since RSA keys take long to generate
    files = _mint_tree(name, alternative_names, key_type, days, now, constraints)
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
        files.server.chain,
        tuple(file for file, _, _ in files.contents),
        moved_to=directory / old if aside else None,
        shortened=shortened(files.server.certificate, now + timedelta(days)),
    )


TREE = (
    "root.key", "intermediate.key", "intermediate.pem", "server.key", "server.pem", "client.key", "client.pem",
    "crl.pem", "rogue/ca.pem", "rogue/server.key", "rogue/server.pem", "root.pem",
)  # fmt: skip
"""The files that `init` writes, in this order. root.pem is last: if it exists, `init` is complete."""


def _refuse_to_overwrite(directory: Path) -> None:
    found = present(directory, TREE)
    if found:
        anew = f"`pki init --force{dir_option(directory)}` creates a new CA and moves the old files aside"
        serve = "tlsdemo serve" + dir_option(directory).replace("--dir", "--certs")
        ready = f"the folder is ready: continue with `{serve}`; " if len(found) == len(TREE) else ""
        raise Problem(
            f"{directory} already contains {', '.join(found[:3])}{' …' if len(found) > 3 else ''}",
            hint=ready + anew,
            code=ExitCode.NO,
        )


@dataclass(frozen=True)
class _Tree:
    server: Credential
    contents: tuple[tuple[str, bytes, int], ...]  # name, bytes, mode; in the order of TREE


def _mint_tree(
    name: str,
    alternative_names: Sequence[x509.GeneralName],
    key_type: KeyType,
    days: int,
    now: datetime,
    constraints: x509.NameConstraints | None,
) -> _Tree:
    now = now.replace(microsecond=0)
    limits = [(constraints, True)] if constraints else []  # a critical extension (RFC 5280 §4.2.1.10)
    start = now - CLOCK_SKEW
    root = Authority.self_signed(
        ROOT,
        subject=authority_name(name, ROOT.name),
        key=keys.generate(key_type),
        validity=Validity(start, now + timedelta(ROOT.days)),
        serial=x509.random_serial_number(),
        extensions=limits,
    )
    intermediate = root.subordinate(
        INTERMEDIATE,
        subject=authority_name(name, INTERMEDIATE.name),
        key=keys.generate(key_type),
        validity=Validity(start, now + timedelta(INTERMEDIATE.days)),
        serial=x509.random_serial_number(),
        extensions=limits,  # also here: some verifiers ignore them in a trust anchor (RFC 5280 §6.2)
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
    client = leaf(CLIENT, [_client_name(constraints, alternative_names)])
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


def _client_name(
    constraints: x509.NameConstraints | None, server_names: Sequence[x509.GeneralName]
) -> x509.GeneralName:
    """`client`; or a name that the constraints permit: `client` below the first permitted host, or a server's name."""
    candidates: list[x509.GeneralName] = [x509.DNSName("client")]
    if constraints is None:
        return candidates[0]
    from pki.name_constraints import NOWHERE
    from pki.path.constraints import objection

    for each in constraints.permitted_subtrees or ():
        if isinstance(each, x509.DNSName) and each.value not in ("", NOWHERE):
            candidates.append(x509.DNSName(f"client.{each.value}"))
    return next((each for each in (*candidates, *server_names) if objection(constraints, each) is None), candidates[0])


PERMITTED = "give names that they permit (`pki show` lists them), or create a CA with another --permit"


def check_permitted(
    constraints: x509.NameConstraints, wanted: Iterable[x509.GeneralName], hint: str = PERMITTED
) -> None:
    """Raises Problem, wrong usage, if a CA with these name constraints must not issue for one of the names."""
    from pki.path.constraints import objection

    for name in wanted:
        if reason := objection(constraints, name):
            raise Problem(
                f"the name constraints of this CA do not permit {names.display(name)}",
                reason,
                hint=hint,
                code=ExitCode.USAGE,
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


def shortened(leaf: x509.Certificate, wanted: datetime) -> bool:
    """Whether the certificate ends before the wanted time."""
    return leaf.not_valid_after_utc < wanted.replace(microsecond=0)


def present(directory: Path, files: Iterable[str]) -> list[str]:
    """Those of the files that exist."""
    return [name for name in files if os.path.lexists(directory / name)]


def _everything(directory: Path) -> list[str]:
    """The entries that `init --force` moves aside: certificates and keys here, and the folders of other CAs.

    `stranger` is the earlier name of `untrusted-ca`.
    """
    found = [entry.name for entry in directory.iterdir() if entry.suffix in (".pem", ".key", ".csr")]
    found += present(directory, ["rogue", "untrusted-ca", "stranger"])
    return sorted(found, key=lambda name: (name != "root.pem", name))  # root.pem is moved first and written last


def old_folder(directory: Path, now: datetime) -> PurePosixPath:
    """The folder for the files that `--force` moves aside, relative to the directory."""
    base = PurePosixPath(STATE, f"old-{now:%Y%m%dT%H%M%SZ}")
    candidate, count = base, 1
    while os.path.lexists(directory / candidate):
        count += 1
        candidate = PurePosixPath(f"{base}-{count}")
    return candidate


def init_hint(directory: Path) -> str:
    """The hint for a missing file of the CA: a backup if other files are there, else the command that creates it."""
    if present(directory, TREE):
        return f"restore it from a backup; `pki init --force{dir_option(directory)}` would create a new CA"
    init = "pki init" + dir_option(directory)
    return f"create a CA with `{init}`"


def load_authority(directory: Path, now: datetime, stem: str = "intermediate") -> Authority:
    """A CA of a folder, by default the intermediate CA. Raises Problem if it is missing, or not valid at `now`."""
    file = directory / f"{stem}.pem"
    hint = init_hint(directory)
    from pki.store.files import read_credential

    credential = read_credential(file, directory / f"{stem}.key", hint)
    dates = Validity.of(credential.certificate)
    if now >= dates.not_after:
        anew = f"`pki init --force{dir_option(directory)}` creates a new CA and moves the old files aside"
        raise Problem(f"{file} expired on {day(dates.not_after)}; today is {day(now)}", hint=anew)
    if now < dates.not_before:
        raise Problem(
            f"{file} is not valid before {day(dates.not_before)}; today is {day(now)}", hint="check your clock"
        )
    return Authority(credential)
