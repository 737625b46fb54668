"""The certificates in a CA's folder, read from its PEM files. The files are the only record. EDGE."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from pki.authority import Revoked
from pki.errors import Problem, cannot_read
from pki.malformed import guarded
from pki.objects.signatures import signed_by
from pki.store import crls
from pki.store.ca import OURS, init_hint
from pki.store.files import read_first
from pki.store.transaction import notice_half_done


@dataclass(frozen=True)
class Entry:
    """One row of `pki list`: the first certificate of a file, and its status."""

    file: str
    certificate: x509.Certificate
    status: str
    """`valid`, `expired`, `not yet valid`, `revoked`; `untrusted`: not signed by a CA of this folder; `revocation
    unknown`: crl.pem is missing or damaged."""


@dataclass(frozen=True)
class Inventory:
    """The certificates of a folder by file name, and the unreadable files with the reason."""

    entries: tuple[Entry, ...]
    unreadable: tuple[tuple[str, str], ...]


def inventory(directory: Path, now: datetime) -> Inventory:
    """Read every PEM file of the folder. Raises Problem if the folder cannot be read."""
    notice_half_done(directory)
    try:
        top = sorted(path for path in directory.iterdir() if path.suffix == ".pem" and path.name != "crl.pem")
    except OSError as error:
        raise cannot_read(directory, error, init_hint(directory)) from error
    nested = [
        path for folder in ("rogue", "untrusted-ca", "stranger") for path in sorted((directory / folder).glob("*.pem"))
    ]
    found: list[tuple[str, x509.Certificate]] = []
    unreadable: list[tuple[str, str]] = []
    for path in [*top, *nested]:
        file = str(path.relative_to(directory))
        try:
            certificate = read_first(path)
            if guarded(certificate.public_key) is None:
                unreadable.append((file, "its public key cannot be read; see `pki show`"))
                continue
            found.append((file, certificate))
        except Problem as error:
            unreadable.append((file, "; ".join((error.fact, *error.evidence))))
    authorities = {file: certificate for file, certificate in found if file in ("root.pem", "intermediate.pem")}
    revoked: Mapping[tuple[x509.Name, int], Revoked] | None = None
    try:
        revoked = crls.entries(directory) if authorities else {}
    except Problem as error:
        unreadable.append((crls.FILE, "; ".join((error.fact, *error.evidence))))
    entries = (
        Entry(file, certificate, _status(certificate, list(authorities.values()), revoked, now))
        for file, certificate in found
    )
    order = {f"{stem}.pem": place for place, stem in enumerate(OURS)}
    return Inventory(
        tuple(sorted(entries, key=lambda entry: ("/" in entry.file, order.get(entry.file, len(order)), entry.file))),
        tuple(unreadable),
    )


def _status(
    certificate: x509.Certificate,
    authorities: list[x509.Certificate],
    revoked: Mapping[tuple[x509.Name, int], Revoked] | None,
    now: datetime,
) -> str:
    if not any(signed_by(certificate, authority) for authority in authorities):
        return "untrusted"
    if revoked is not None and (certificate.issuer, certificate.serial_number) in revoked:
        return "revoked"
    if now < certificate.not_valid_before_utc:
        return "not yet valid"
    if now > certificate.not_valid_after_utc:
        return "expired"
    return "valid" if revoked is not None else "revocation unknown"
