"""What happens to a certificate after it was issued: `check`, `renew`, `rekey`, `revoke`, `crl`."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pki.cli.issue import minted_json
from pki.cli.options import Directory, Json, KeyTypeName, PassphraseFile, Target, print_lines
from pki.console import CERTS, note, print_json, rfc3339
from pki.errors import ExitCode

if TYPE_CHECKING:
    from pki.store.crls import Listed
    from pki.store.issue import Renewed


class ReasonName(StrEnum):
    """The values of --reason (RFC 5280 §5.3.1); the keys of `pki.store.crls.REASONS`."""

    unspecified = "unspecified"
    key_compromise = "key-compromise"
    ca_compromise = "ca-compromise"
    affiliation_changed = "affiliation-changed"
    superseded = "superseded"
    cessation_of_operation = "cessation-of-operation"
    privilege_withdrawn = "privilege-withdrawn"


LeafDays = Annotated[
    int | None, typer.Option("--days", min=1, max=36500, help="Validity in days; default: as long as before.")
]
CrlDays = Annotated[int, typer.Option("--days", min=1, max=36500, help="Days until the next CRL is due.")]


def check(
    directory: Directory = CERTS,
    expires_in: Annotated[
        str, typer.Option("--expires-in", metavar="TIME", help="Report what ends within this time.")
    ] = "14d",
    as_json: Json = False,
) -> int:
    """Report what fails or expires soon: certificates, keys, CRLs.

    Exit code 1 if a certificate ends soon, is revoked, does not fit its key or does not verify, or a CRL ends soon. It
    also names the first date on which a path ends, and the certificate that ends it.
    """
    from pki.cli import arguments, lifecycle_text
    from pki.store import check as checking

    now = datetime.now(UTC).replace(microsecond=0)
    found = checking.check(directory, within=arguments.duration(expires_in, "--expires-in"), now=now)
    for remark in found.remarks:
        note(remark)
    if as_json:
        end = found.first_end
        print_json(
            {
                "files": list(found.files),
                "faults": [{"file": each.file, "reason": each.reason} for each in found.faults],
                "first_end": end and {"file": end.file, "at": rfc3339(end.at), "because": end.because},
            }
        )
    else:
        print_lines(lifecycle_text.checked(found, directory, expires_in))
    return ExitCode.NO if found.faults else ExitCode.YES


def renew(target: Target, directory: Directory = CERTS, days: LeafDays = None, as_json: Json = False) -> int:
    """Issue a certificate again for the same key.

    Names and extensions stay, serial number and validity are new. The previous certificate is kept in .pki/old-*; it
    remains valid until it ends or you revoke it.
    """
    from pki.store import issue as issuing

    return _renewed(issuing.renew(directory, target, days=days, now=datetime.now(UTC)), "same key", as_json)


def rekey(
    target: Target,
    directory: Directory = CERTS,
    days: LeafDays = None,
    key_type: Annotated[
        KeyTypeName | None, typer.Option("--key-type", help="Type of the new key; default: as before.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> int:
    """Issue a certificate again for a new key.

    Names and extensions stay. Key and certificate before are kept in .pki/old-*; the previous certificate remains valid
    until it ends or you revoke it. If the previous key was encrypted, the new one is encrypted, too.
    """
    from pki.keys import KeyType
    from pki.store import issue as issuing
    from pki.store.files import new_passphrase

    done = issuing.rekey(
        directory,
        target,
        days=days,
        now=datetime.now(UTC),
        key_type=KeyType(key_type.value) if key_type else None,
        passphrase=lambda: new_passphrase(passphrase_file, "the new key"),
    )
    return _renewed(done, "new key", as_json)


def _renewed(done: "Renewed", key: str, as_json: bool) -> int:
    from pki.cli import ca_text, lifecycle_text

    for remark in ca_text.notes(done.minted):
        note(remark)
    if as_json:
        print_json({**minted_json(done.minted), "previous_serial": f"{done.previous.serial_number:x}"})
    else:
        print_lines(lifecycle_text.renewed(done, key))
    return ExitCode.YES


def revoke(
    target: Target,
    reason: Annotated[
        ReasonName, typer.Option("--reason", metavar="REASON", help=f"Reason in the CRL: {', '.join(ReasonName)}.")
    ] = ReasonName.unspecified,
    directory: Directory = CERTS,
    days: CrlDays = 90,
    as_json: Json = False,
) -> int:
    """Revoke a certificate and write a new CRL.

    The CRL is in crl.pem; servers and clients of tlsdemo that use this file read it again without a restart. A revoked
    certificate stays revoked.
    """
    from pki.cli import lifecycle_text
    from pki.store import crls

    done = crls.revoke(directory, target, reason=crls.REASONS[reason.value], days=days, now=datetime.now(UTC))
    if as_json:
        print_json(
            {
                "serial": f"{done.found.serial:x}",
                "file": str(done.found.path) if done.found.path else None,
                "revoked_at": rfc3339(done.entry.date),
                "reason": lifecycle_text.reason(done.entry),
                "already": done.already,
                "same_key": [f"{each.serial:x}" for each in done.same_key],
                "crl": str(done.path),
                "crls": [_crl_json(each) for each in done.lists],
            }
        )
    else:
        print_lines(lifecycle_text.revoked(done))
    return ExitCode.YES


def crl(
    directory: Directory = CERTS,
    days: CrlDays = 90,
    start_over: Annotated[bool, typer.Option("--start-over", help="Forget all revocations: write empty CRLs.")] = False,
    as_json: Json = False,
) -> int:
    """Write new CRLs with the same entries and a later end."""
    from pki.cli import lifecycle_text
    from pki.store import crls

    lists = crls.renew_lists(directory, days=days, now=datetime.now(UTC), start_over=start_over)
    path: Path = directory / crls.FILE
    if start_over:
        note("the new CRLs are empty: certificates that were revoked before are valid again")
        note(f"the previous {crls.FILE} is kept below {directory / '.pki'}")
    if as_json:
        print_json({"crl": str(path), "crls": [_crl_json(each) for each in lists]})
    else:
        print_lines(lifecycle_text.lists(path, lists))
    return ExitCode.YES


def _crl_json(each: "Listed") -> dict[str, Any]:
    end = each.crl.next_update_utc
    return {
        "issuer": each.issuer.subject.rfc4514_string(),
        "number": each.number,
        "this_update": rfc3339(each.crl.last_update_utc),
        "next_update": rfc3339(end) if end else None,
        "revoked": [f"{entry.serial_number:x}" for entry in each.crl],
        "renewed": each.renewed,
    }
