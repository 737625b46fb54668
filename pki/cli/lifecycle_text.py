"""The output of `check`, `renew`, `rekey`, `revoke` and `crl` as lines. Pure: `lifecycle` prints them."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from pki.authority import Revoked
from pki.cli import ca_text
from pki.console import day
from pki.objects.distinguished_names import subject
from pki.store.check import Checked
from pki.store.crls import REASONS, Listed, Revocation
from pki.store.issue import Renewed


def checked(found: Checked, directory: Path, within: str) -> Iterable[str]:
    """Lines: each fault; what was checked; the first end of a path."""
    if found.faults:
        yield from ca_text.table([(fault.file, fault.reason) for fault in found.faults])
        yield ""
    count = len(found.files)
    noun = "certificate" if count == 1 else "certificates"
    verdict = f"{len(found.faults)} to mend" if found.faults else f"all are valid, and none ends within {within}"
    yield f"{count} {noun} checked in {directory}/: {verdict}."
    if end := found.first_end:
        because = "" if end.because == end.file else f", because {end.because} ends then"
        yield f"The first path ends on {day(end.at)}: {end.file}{because}."


def renewed(done: Renewed, key: str) -> Iterable[str]:
    """Lines: what was issued again, and what became of the certificate before it."""
    minted, before = done.minted, done.previous
    names = ", ".join(ca_text.plain_names(minted.certificate)) or subject(minted.certificate)
    yield f"Issued {minted.directory / minted.files[-1]} again with the {key}, for {names}"
    yield f"valid until {day(minted.certificate.not_valid_after_utc)}."
    yield ""
    if done.was_revoked:
        yield f"The previous certificate, serial number {before.serial_number:x}, is revoked."
        return
    yield f"The previous certificate is valid until {day(before.not_valid_after_utc)}. To revoke it:"
    yield f"  pki revoke {before.serial_number:x} --reason superseded" + ca_text.directory_option(minted.directory)


def reason(entry: Revoked) -> str:
    """The value of --reason for an entry of a CRL."""
    return next((name for name, flag in REASONS.items() if flag == entry.reason), "unspecified")


def revoked(done: Revocation) -> Iterable[str]:
    """Lines: what was revoked, the new CRL, and who notices."""
    what = f"serial number {done.found.serial:x}"
    if done.found.certificate is not None:
        what = f"{done.found.path}, {what}"
    if done.already:
        yield f"Already revoked on {day(done.entry.date)} ({reason(done.entry)}): {what}"
        yield f"{done.path} was not changed."
        return
    yield f"Revoked {what} ({reason(done.entry)})."
    if done.found.certificate is None:
        yield "No file of this folder has this number; the CRL of the intermediate CA lists it now."
    yield from lists(done.path, done.lists)
    yield ""
    folder = done.path.parent
    root, crl = shlex.quote(str(folder / "root.pem")), shlex.quote(str(done.path))
    if done.same_key:
        yield "These certificates have the same key and are still valid:"
        for each in done.same_key:
            yield f"  {each.path}, serial number {each.serial:x}"
        yield ""
    yield "A client notices only if it reads the CRL:"
    yield f"  tlsdemo connect --name NAME --trust {root}    # reads {done.path.name} beside the root"
    yield f"  openssl verify -crl_check -CRLfile {crl} -CAfile {root} ..."


def lists(path: Path, found: Sequence[Listed]) -> Iterable[str]:
    """Lines: the CRLs that are now in the file."""
    yield f"{path} has the CRLs of"
    for each in found:
        end = each.crl.next_update_utc
        count = len(each.crl)
        entries = "1 entry" if count == 1 else f"{count} entries"
        until = f", valid until {day(end)}" if end else ""
        kept = "" if each.renewed else " (unchanged)"
        yield f"  {subject(each.issuer)}: number {each.number}, {entries}{until}{kept}"
