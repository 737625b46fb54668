"""Issue certificates in the folder of a CA, renew them, give them new keys. EDGE.

    issue     names, profile, validity    ->    a new key and certificate
    renew     a certificate               ->    a certificate with the same key and contents, and a new validity
    rekey     a certificate               ->    the same, with a new key

Every command is one transaction. `renew` and `rekey` keep the previous files in `.pki/old-<UTC>/`; the previous
certificate remains valid, and can be revoked.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys, names
from pki.authority import Authority, Extensions, Validity
from pki.console import dir_option, rfc3339
from pki.errors import ExitCode, Problem
from pki.keys import KeyType, PrivateKey
from pki.malformed import MALFORMED, guarded
from pki.profiles import SERVER, Profile
from pki.store.ca import CLOCK_SKEW, OURS, Existing, Minted, check_permitted, load_authority, old_folder, present
from pki.store.ca import shortened as is_shortened
from pki.store.transaction import PUBLIC, SECRET, Transaction, recover, transaction

Passphrase = Callable[[], bytes]
"""Asks for the passphrase of a new key."""


@dataclass(frozen=True)
class Order:
    """One certificate to issue. The first name also names its files."""

    names: Sequence[x509.GeneralName]
    profile: Profile
    validity: Validity
    subject: x509.Name | None = None
    """CN=first name if it is None."""
    extensions: Extensions = ()
    """They replace those of the profile that have the same type."""
    key: PrivateKey | None = None
    """The subject's key, if it exists already; it is not written to the folder."""

    @property
    def stem(self) -> str:
        """The name of the files, without the suffix."""
        return names.file_stem(self.names[0])


def validity(now: datetime, days: int) -> Validity:
    """From an hour before `now`, since clocks differ, until `days` after it."""
    now = now.replace(microsecond=0)
    return Validity(now - CLOCK_SKEW, now + timedelta(days))


def issue(
    directory: Path,
    orders: Sequence[Order],
    *,
    key_type: KeyType,
    now: datetime,
    existing: Existing,
    passphrase: bytes | None = None,
) -> tuple[Minted, ...]:
    """Issue the certificates, all or none, each into `<first name>.pem` and `.key`. Raises Problem if it cannot.

    With a passphrase the new keys are encrypted.
    """
    now = now.replace(microsecond=0)
    _check_stems(orders)
    recover(directory)
    authority = load_authority(directory, now)  # early, so that an error comes before keys are generated
    for order in orders:
        _check_order(order, authority)
        if order.key is not None:
            check_subject_key(directory, order.key.public_key())
    new_keys = [order.key or keys.generate(key_type) for order in orders]  # outside the lock, since it may take long
    with transaction(directory) as change:
        # Read again under the lock: `init --force` may have replaced the CA meanwhile.
        authority = load_authority(directory, now)
        replaced: list[str] = []
        minted: list[Minted] = []
        for order, key in zip(orders, new_keys, strict=True):
            minted.append(_issue_one(change, authority, order, key, passphrase))
            files = (f"{order.stem}.key", f"{order.stem}.pem") if order.key is None else (f"{order.stem}.pem",)
            if order.key is not None:
                check_key_beside(directory / f"{order.stem}.key", order.key.public_key())
            replaced += replaceable(directory, files, authority, existing)
        old = old_folder(directory, now)
        change.commit(aside=replaced, old=old)
    return tuple(replace(each, moved_to=directory / old if replaced else None) for each in minted)


def _issue_one(
    change: Transaction, authority: Authority, order: Order, key: PrivateKey, passphrase: bytes | None
) -> Minted:
    _check_order(order, authority)
    credential = authority.issue(
        order.profile,
        alternative_names=order.names,
        key=key,
        validity=order.validity,
        serial=x509.random_serial_number(),
        subject=order.subject,
        extensions=order.extensions,
    )
    files = [f"{order.stem}.pem"]
    if order.key is None:
        files.insert(0, f"{order.stem}.key")
        change.write(files[0], keys.to_pem(key, passphrase), SECRET)
    change.write(files[-1], credential.chain_pem, PUBLIC)
    return Minted(
        change.directory,
        credential.chain,
        tuple(files),
        shortened=is_shortened(credential.certificate, order.validity.not_after),
    )


def _check_stems(orders: Sequence[Order]) -> None:
    seen = set[str]()
    for order in orders:
        check_stem(order.stem)
        if order.stem in seen:
            raise Problem(
                f"{order.stem} is the first name of two certificates",
                hint="the first name becomes the file name; put another name first",
                code=ExitCode.USAGE,
            )
        seen.add(order.stem)


def check_stem(stem: str) -> None:
    """Raises Problem if it is the name of a file of `pki init`."""
    if stem in OURS:
        raise Problem(
            f"{stem}.pem is a file of `pki init`, which this command does not replace",
            hint="put another name first; the first name becomes the file name",
            code=ExitCode.NO,
        )


def _check_order(order: Order, authority: Authority) -> None:
    """Raises Problem if the CA may not issue it."""
    if authority.name_constraints:
        check_permitted(authority.name_constraints, order.names)
    check_validity(order.validity, authority)


def check_subject_key(directory: Path, key: PublicKeyTypes) -> None:
    """Raises Problem if it is the key of a CA of the folder: its holder could issue certificates."""
    from pki.store.files import read_first

    for stem in ("root", "intermediate"):
        path = directory / f"{stem}.pem"
        if path.is_file() and guarded(read_first(path).public_key) == key:
            raise Problem(
                f"this is the key of {path}; a server with it could issue certificates",
                hint="use a key of its own for each certificate",
                code=ExitCode.NO,
            )


def check_validity(wanted: Validity, authority: Authority) -> None:
    """Raises Problem, wrong usage, if it is empty, or begins after that of the CA ends."""
    end = authority.certificate.not_valid_after_utc
    if wanted.not_after <= wanted.not_before:
        raise Problem(
            f"the validity ends before it begins: from {rfc3339(wanted.not_before)} to {rfc3339(wanted.not_after)}",
            hint="give a --not-after that is later than --not-before",
            code=ExitCode.USAGE,
        )
    if wanted.not_before >= end:
        raise Problem(
            f"the validity begins after that of the issuer ends: {rfc3339(wanted.not_before)}",
            f"the issuer is valid until {rfc3339(end)}",
            hint="a certificate is never valid without its issuer; choose an earlier --not-before",
            code=ExitCode.USAGE,
        )


def replaceable(directory: Path, files: Sequence[str], authority: Authority, existing: Existing) -> list[str]:
    """Those of `files`, the certificate last, that exist. Raises Problem unless --force may move them aside."""
    found = present(directory, files)
    if found and found[-1] != files[-1]:  # a key without a certificate
        raise Problem(
            f"{directory / found[0]} already exists; it may be the key of a request",
            hint=f"certify this key with --key {shlex.quote(str(directory / found[0]))}, or move it away",
            code=ExitCode.NO,
        )
    if found and not (existing is Existing.MOVE_ASIDE and _issued_here(directory / files[-1], authority)):
        raise Problem(
            f"{directory / found[0]} already exists",
            hint="this CA did not issue it, so it is not replaced; remove it yourself"
            if existing is Existing.MOVE_ASIDE
            else "`--force` moves it aside and replaces it",
            code=ExitCode.NO,
        )
    return found


def check_key_beside(path: Path, certified: PublicKeyTypes) -> None:
    """Raises Problem if the key beside a new certificate would be another one. An encrypted key is not opened."""
    from pki.store.files import is_encrypted, read_key

    if path.is_file() and not is_encrypted(path) and read_key(path).public_key() != certified:
        raise Problem(
            f"{path} is not the key of this certificate",
            hint="move it away, or put another name first: the first name becomes the file name",
            code=ExitCode.NO,
        )


def _issued_here(path: Path, authority: Authority) -> bool:
    if path.is_symlink() or not path.exists():
        return False
    from pki.objects.signatures import signed_by
    from pki.store.files import read_file

    pem = read_file(path)  # a file that cannot be read may be ours: the user gets the Problem
    try:
        return signed_by(x509.load_pem_x509_certificates(pem)[0], authority.certificate)
    except MALFORMED:  # without a certificate it is not ours
        return False


# Renew and rekey ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Renewed:
    """The result of `renew` or `rekey`."""

    minted: Minted
    previous: x509.Certificate
    was_revoked: bool
    """Whether the previous certificate is revoked already."""


def renew(directory: Path, text: str, *, days: int | None, now: datetime) -> Renewed:
    """Issue the certificate again for the same key, with a new serial number and validity. Raises Problem.

    Without `days` it is valid for as long as before. The key is not read, so it may be encrypted or elsewhere. Raises
    Problem if the certificate is revoked: its key may be compromised.
    """
    return _again(directory, text, days, now, None)


def rekey(
    directory: Path, text: str, *, days: int | None, now: datetime, key_type: KeyType | None, passphrase: Passphrase
) -> Renewed:
    """The same with a new key, by default of the same type. It is encrypted if the previous one was. Raises Problem.

    `passphrase` is called only for an encrypted key.
    """
    found = _leaf(directory, text)
    key_path = found.path.with_suffix(".key")
    if not key_path.is_file():
        raise Problem(
            f"the key of {found.path} is not in this folder",
            hint="its owner makes a new request with the new key; sign it with `pki sign`",
        )
    from pki.store.files import is_encrypted

    kind = key_type or keys.type_of(found.certificate.public_key())
    if kind is None:
        stated = keys.describe(found.certificate.public_key())
        raise Problem(f"pki does not generate keys of this type: {stated}", hint="choose one with --key-type")
    secret = passphrase() if is_encrypted(key_path) else None
    return _again(directory, text, days, now, (keys.generate(kind), secret))


@dataclass(frozen=True)
class _Leaf:
    path: Path
    certificate: x509.Certificate


def _leaf(directory: Path, text: str) -> _Leaf:
    """The certificate that `text` means, in this folder. Raises Problem for a CA and for a copy elsewhere."""
    from pki.store.lookup import find

    found = find(directory, text)
    if found.certificate is None or found.path is None or found.path.resolve().parent != directory.resolve():
        where = f"this file is in another folder: {found.path}" if found.path else "no file has this serial number"
        hint = "`pki list` shows them; --dir names another folder"
        raise Problem(f"{text} is not a current certificate of {directory}", where, hint=hint)
    if found.path.suffix != ".pem":
        raise Problem(f"{found.path} is not a .pem file of `pki`", hint="rename it to NAME.pem", code=ExitCode.NO)
    if found.path.stem in ("root", "intermediate"):
        raise Problem(
            f"{found.path} is a CA certificate, which this command does not renew",
            hint=f"`pki init --force{dir_option(directory)}` creates a new CA; all certificates are then issued again",
            code=ExitCode.NO,
        )
    return _Leaf(found.path, found.certificate)


def _again(
    directory: Path, text: str, days: int | None, now: datetime, new_key: tuple[PrivateKey, bytes | None] | None
) -> Renewed:
    from pki.objects.signatures import signed_by
    from pki.store import crls

    now = now.replace(microsecond=0)
    recover(directory)
    with transaction(directory) as change:
        found = _leaf(directory, text)
        authority = load_authority(directory, now)
        before = found.certificate
        if not signed_by(before, authority.certificate):
            raise Problem(
                f"{found.path} was not issued by the CA in {directory}",
                hint="only its issuer renews it",
                code=ExitCode.NO,
            )
        entry = crls.entries(directory).get((before.issuer, before.serial_number))
        if entry and new_key is None:
            raise Problem(
                f"{found.path} is revoked since {rfc3339(entry.date)}, so its key is not certified again",
                hint=f"`pki rekey {shlex.quote(text)}{dir_option(directory)}` issues it for a new key",
                code=ExitCode.NO,
            )
        wanted = _validity_again(before, days, now)
        check_validity(wanted, authority)
        certificate = authority.certify(
            replace(SERVER, purposes=()),  # the purposes are among the copied extensions
            subject=before.subject,
            alternative_names=(),
            public_key=new_key[0].public_key() if new_key else _public_key(before),
            validity=wanted,
            serial=x509.random_serial_number(),
            extensions=_copied(before, found.path, new_key[0] if new_key else None),
        )
        chain = (certificate, *authority.issuers)
        files = [found.path.name]
        change.keep(found.path.name)
        if new_key:
            files.insert(0, f"{found.path.stem}.key")
            change.keep(files[0])
            change.replace(files[0], keys.to_pem(*new_key), SECRET)
        change.replace(found.path.name, b"".join(each.public_bytes(Encoding.PEM) for each in chain), PUBLIC)
        old = old_folder(directory, now)
        change.commit(old=old)
    ended = is_shortened(certificate, wanted.not_after)
    return Renewed(
        Minted(directory, chain, tuple(files), moved_to=directory / old, shortened=ended), before, entry is not None
    )


def _validity_again(before: x509.Certificate, days: int | None, now: datetime) -> Validity:
    """Valid for `days`, or for as long as before."""
    if days is not None:
        return validity(now, days)
    lifetime = before.not_valid_after_utc - before.not_valid_before_utc
    if lifetime > 2 * CLOCK_SKEW:
        return Validity(now - CLOCK_SKEW, now - CLOCK_SKEW + lifetime)
    return Validity(now, now + lifetime)


def _public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    try:
        return certificate.public_key()
    except MALFORMED as error:
        raise Problem(f"the public key cannot be read: {error}", hint="`pki rekey` makes a new key") from None


def _copied(certificate: x509.Certificate, path: Path, new_key: PrivateKey | None) -> Extensions:
    """Its extensions without those that depend on the key: key identifiers, and keyUsage if the type of key changes."""
    depends: tuple[type[x509.ExtensionType], ...] = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)
    if new_key is not None and type(new_key.public_key()) is not type(guarded(certificate.public_key)):
        depends += (x509.KeyUsage,)
    try:
        return [(each.value, each.critical) for each in certificate.extensions if not isinstance(each.value, depends)]
    except MALFORMED as error:
        raise Problem(
            f"an extension of {path} cannot be read: {error}", hint="issue it again with `pki issue`"
        ) from None
