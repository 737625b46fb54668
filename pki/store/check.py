"""Will the certificates of a folder work, and until when? EDGE: reads files.

Each certificate is judged by `pki.path.verify` with the root, the intermediate and the CRLs of the folder, as a client
would. Test certificates, the rogue CA and other folders below are not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from pki.console import day
from pki.errors import Problem
from pki.malformed import guarded
from pki.path import verify
from pki.revocation.crl import CrlReading
from pki.store import crls
from pki.store.ca import init_hint
from pki.store.files import is_encrypted, read_certificates, read_chain, read_key, read_passphrase
from pki.store.inventory import Entry, inventory
from pki.verdict import PathProfile, Purpose


@dataclass(frozen=True)
class Fault:
    """Something that fails now, or will soon."""

    file: str
    reason: str


@dataclass(frozen=True)
class End:
    """When the path of a certificate ends, and the certificate that ends it."""

    file: str
    at: datetime
    because: str


@dataclass(frozen=True)
class Checked:
    """The result of `check`."""

    files: tuple[str, ...]
    faults: tuple[Fault, ...]
    remarks: tuple[str, ...]
    """What was not checked."""
    first_end: End | None
    """The first path that ends in the future; None without a valid one."""


def check(directory: Path, *, within: timedelta, now: datetime) -> Checked:
    """Check certificates, keys and CRLs. Raises Problem if the folder has no root CA or cannot be read."""
    found = inventory(directory, now)
    anchor = read_chain(directory / "root.pem", init_hint(directory))[0]
    faults = [Fault(file, reason) for file, reason in found.unreadable if file != crls.FILE]
    lists, problems = _lists(directory, within, now)
    faults += problems
    if not (directory / "intermediate.key").exists():
        faults.append(Fault("intermediate.key", "is missing, so this CA cannot issue; restore it from a backup"))
    ends: list[End] = []
    remarks: list[str] = []
    entries = [entry for entry in found.entries if "/" not in entry.file]
    for entry in entries:
        faults += [Fault(entry.file, reason) for reason in _reasons(directory, entry, anchor, lists, within, now)]
        faults += [Fault(f"{Path(entry.file).stem}.key", reason) for reason in _key(directory, entry, remarks)]
        if entry.status == "valid":
            ends.append(_end(directory, entry, anchor))
    first = min(ends, key=lambda end: end.at, default=None)
    return Checked(tuple(entry.file for entry in entries), tuple(faults), tuple(remarks), first)


def _lists(
    directory: Path, within: timedelta, now: datetime
) -> tuple[tuple[x509.CertificateRevocationList, ...], list[Fault]]:
    try:
        found = tuple(crl for _, crl in crls.read_lists(directory))
    except Problem as problem:
        return (), [Fault(crls.FILE, "; ".join((problem.fact, *problem.evidence)))]
    faults = []
    for crl in found:
        end = CrlReading(crl).next_update
        if end is not None and end <= now:
            faults.append(Fault(crls.FILE, f"a CRL expired on {day(end)}; `pki crl` writes new ones"))
        elif end is not None and end <= now + within:
            faults.append(Fault(crls.FILE, f"a CRL ends on {day(end)}; `pki crl` writes new ones"))
    return found, list(dict.fromkeys(faults))


def _reasons(
    directory: Path,
    entry: Entry,
    anchor: x509.Certificate,
    lists: tuple[x509.CertificateRevocationList, ...],
    within: timedelta,
    now: datetime,
) -> Iterator[str]:
    """What is wrong with one certificate: one reason, the most telling."""
    certificate = entry.certificate
    end = certificate.not_valid_after_utc
    if entry.status == "expired":
        yield f"expired on {day(end)}"
    elif entry.status == "not yet valid":
        yield f"is not valid before {day(certificate.not_valid_before_utc)}"
    elif entry.status == "revoked":
        yield "is revoked"
    else:
        others = read_certificates(directory / entry.file, remark=lambda _: None)[1:]
        verdict = verify(
            certificate,
            intermediates=others,
            trust_anchors=[anchor],
            name=None,
            at=now,
            crls=lists,
            purpose=Purpose.ANY,
            profile=PathProfile.RFC5280,
        )
        if verdict.failure:
            yield f"is refused: {verdict.failure.detail} ({verdict.failure.section})"
        elif end <= now + within:
            yield f"ends on {day(end)}"


def _key(directory: Path, entry: Entry, remarks: list[str]) -> Iterator[str]:
    """What is wrong with the key beside a certificate. An encrypted key needs the passphrase of PKI_PASSPHRASE_FILE."""
    path = directory / f"{Path(entry.file).stem}.key"
    if not path.is_file():
        return
    try:
        if is_encrypted(path) and read_passphrase() is None:
            remarks.append(
                f"{path.name} is encrypted, so it was not compared; PKI_PASSPHRASE_FILE names its passphrase"
            )
            return
        key = read_key(path)
    except Problem as problem:
        yield "; ".join((problem.fact, *problem.evidence))
        return
    if guarded(entry.certificate.public_key) != key.public_key():
        yield f"does not belong to {entry.file}"


def _end(directory: Path, entry: Entry, anchor: x509.Certificate) -> End:
    others = read_certificates(directory / entry.file, remark=lambda _: None)[1:]
    path = [(entry.file, entry.certificate), *(("intermediate.pem", each) for each in others), ("root.pem", anchor)]
    because, first = min(path, key=lambda pair: pair[1].not_valid_after_utc)
    return End(entry.file, first.not_valid_after_utc, because)
