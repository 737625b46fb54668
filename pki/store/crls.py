"""Revoke certificates: read crl.pem, add an entry, write a new one (RFC 5280 §5). EDGE.

    crl.pem   [root's CRL] [intermediate's CRL]   ->   the same entries and the new one, numbers + 1, new times

crl.pem is the only record of what is revoked. So entries are never removed, and a file that is missing or damaged is an
error: a new empty CRL would make revoked certificates valid again. `pki crl --start-over` does that if it is meant.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import Authority, Revoked
from pki.console import dir_option
from pki.errors import ExitCode, Problem
from pki.malformed import MALFORMED
from pki.objects.distinguished_names import issuer as issuer_name
from pki.objects.distinguished_names import same_name, subject
from pki.objects.signatures import key_signed_list, signed_by
from pki.store.ca import CLOCK_SKEW, load_authority, old_folder
from pki.store.files import MAX_CRL_FILE, read_chain, read_crls
from pki.store.lookup import Found, find, with_same_key
from pki.store.transaction import PUBLIC, recover, transaction

FILE = "crl.pem"
AUTHORITIES = ("root", "intermediate")

REASONS = {
    "unspecified": x509.ReasonFlags.unspecified,
    "key-compromise": x509.ReasonFlags.key_compromise,
    "ca-compromise": x509.ReasonFlags.ca_compromise,
    "affiliation-changed": x509.ReasonFlags.affiliation_changed,
    "superseded": x509.ReasonFlags.superseded,
    "cessation-of-operation": x509.ReasonFlags.cessation_of_operation,
    "privilege-withdrawn": x509.ReasonFlags.privilege_withdrawn,
}
"""The values of --reason (§5.3.1). Without certificateHold and removeFromCRL: an entry here is final."""


@dataclass(frozen=True)
class Listed:
    """The CRL of one CA, as it is now in the file."""

    issuer: x509.Certificate
    crl: x509.CertificateRevocationList
    renewed: bool
    """False if the key of the CA is not in the folder, so that its CRL stayed as it was."""

    @property
    def number(self) -> int | None:
        """The CRL number (§5.2.3)."""
        return number_of(self.crl)


@dataclass(frozen=True)
class Revocation:
    """The result of `revoke`."""

    path: Path
    lists: tuple[Listed, ...]
    found: Found
    issuer: x509.Certificate
    entry: Revoked
    already: bool
    """Whether the certificate had been revoked before; then nothing was changed."""
    same_key: tuple[Found, ...] = ()
    """After a key compromise: other certificates of the folder with the same key that are not revoked."""


def revoke(directory: Path, text: str, *, reason: x509.ReasonFlags, days: int, now: datetime) -> Revocation:
    """Revoke one certificate and write new CRLs, valid for `days`. Raises Problem if it cannot."""
    now = now.replace(microsecond=0)
    recover(directory)
    with transaction(directory) as change:
        found = find(directory, text)
        signers = _Signers.read(directory, now)
        issuer = signers.issuer(found, directory)
        present = read_lists(directory)
        before = next((each for each in _entries(present, issuer) if each.serial == found.serial), None)
        if before:
            lists = tuple(Listed(ca, crl, renewed=False) for ca, crl in present)
            return Revocation(directory / FILE, lists, found, issuer, before, already=True)
        if issuer not in signers.with_key:
            raise Problem(
                f"{directory / 'root.key'} is missing, and the root CA must sign its CRL",
                hint="put the key into the folder for this command",
            )
        entry = Revoked(found.serial, now, reason)
        lists = signers.renewed(present, now, days, {issuer: [entry]})
        revoked = {(each.crl.issuer, entry.serial_number) for each in lists for entry in each.crl}
        others = tuple(
            each
            for each in (with_same_key(directory, found) if reason is x509.ReasonFlags.key_compromise else ())
            if each.certificate and (each.certificate.issuer, each.serial) not in revoked
        )
        change.replace(FILE, _pem(lists), PUBLIC)
        change.commit(old=old_folder(directory, now))
    return Revocation(directory / FILE, lists, found, issuer, entry, already=False, same_key=others)


def renew_lists(directory: Path, *, days: int, now: datetime, start_over: bool = False) -> tuple[Listed, ...]:
    """Write new CRLs with the same entries, valid for `days`; with `start_over` without entries. Raises Problem.

    A CRL that starts over has the time in seconds as its number, or one more than the largest number that can be read.
    """
    now = now.replace(microsecond=0)
    recover(directory)
    with transaction(directory) as change:
        signers = _Signers.read(directory, now)
        if start_over:
            number = max(int(now.timestamp()), _largest_number(directory) + 1)
            lists = tuple(
                Listed(ca.certificate, _signed(ca, number, now, days, ()), renewed=True)
                for ca in signers.with_key.values()
            )
            if len(lists) < len(AUTHORITIES):
                raise Problem(
                    f"{directory / 'root.key'} is missing", hint="put the key into the folder for this command"
                )
        else:
            lists = signers.renewed(read_lists(directory), now, days, {})
        change.replace(FILE, _pem(lists), PUBLIC)
        if start_over and (directory / FILE).exists():
            change.keep(FILE)
        change.commit(old=old_folder(directory, now))
    return lists


Signed = tuple[x509.Certificate, x509.CertificateRevocationList]
"""A CA of the folder, and a CRL that it signed."""


def read_lists(directory: Path) -> list[Signed]:
    """The CRLs of crl.pem, each with the CA that signed it.

    Raises Problem if the file or the CRL of a CA is missing, or a CRL is damaged or not signed by a CA of the folder:
    the file is the only record of what is revoked.
    """
    certificates = [read_chain(directory / f"{stem}.pem")[0] for stem in AUTHORITIES]
    path = directory / FILE
    forget = f"`pki crl --start-over{dir_option(directory)}`"
    hint = f"restore {path} from a backup, or forget what was revoked: {forget}"
    if not os.path.lexists(path):
        raise Problem(f"{path} is missing, so the revoked certificates are not known", hint=hint)
    damaged: list[str] = []
    found: list[Signed] = []
    try:
        crls = read_crls(path, damaged.append)
    except Problem as problem:
        if isinstance(problem.__cause__, OSError):  # it cannot be read now; its content may be whole
            raise
        damaged += [problem.fact, *problem.evidence]
        crls = ()
    for crl in crls:
        signer = next((ca for ca in certificates if same_name(crl.issuer, ca.subject)), None)
        if signer is None or not key_signed_list(crl, signer):
            damaged.append(f"a CRL of {issuer_name(crl)} is not signed by a CA of this folder")
        else:
            found.append((signer, crl))
    damaged += [f"the CRL of {subject(ca)} is missing" for ca in certificates if all(ca != each for each, _ in found)]
    if damaged:
        raise Problem(f"{path} is damaged, so the revoked certificates are not known", *damaged[:4], hint=hint)
    return found


def entries(directory: Path) -> dict[tuple[x509.Name, int], Revoked]:
    """The revoked certificates by issuer and serial number. Raises Problem as `read_lists` does."""
    return {(crl.issuer, entry.serial_number): _read(entry) for _, crl in read_lists(directory) for entry in crl}


@dataclass(frozen=True)
class _Signers:
    """The CAs of the folder: all certificates, and those whose key is there."""

    certificates: tuple[x509.Certificate, ...]
    with_key: dict[x509.Certificate, Authority]

    @classmethod
    def read(cls, directory: Path, now: datetime) -> "_Signers":
        intermediate = load_authority(directory, now)
        certificates, with_key = [], {}
        if (directory / "root.key").exists():
            root = load_authority(directory, now, "root")
            with_key[root.certificate] = root
            certificates.append(root.certificate)
        else:
            certificates.append(read_chain(directory / "root.pem")[0])
        with_key[intermediate.certificate] = intermediate
        return cls((*certificates, intermediate.certificate), with_key)

    def issuer(self, found: Found, directory: Path) -> x509.Certificate:
        """The CA that issued the certificate. A bare serial number is taken as one of the intermediate CA."""
        if found.certificate is None:
            return self.certificates[-1]
        if found.certificate in self.certificates[:1]:
            raise Problem(
                "a root CA cannot be revoked: it would have to sign that itself",
                hint=f"remove it from every trust store; `pki init --force{dir_option(directory)}` creates a new CA",
                code=ExitCode.NO,
            )
        for each in reversed(self.certificates):
            if signed_by(found.certificate, each):
                return each
        raise Problem(
            f"{found.path} was not issued by a CA in {directory}",
            f"issuer: {issuer_name(found.certificate)}",
            hint="only its issuer can revoke a certificate",
            code=ExitCode.NO,
        )

    def renewed(
        self,
        present: Sequence[Signed],
        now: datetime,
        days: int,
        more: dict[x509.Certificate, list[Revoked]],
    ) -> tuple[Listed, ...]:
        """The CRLs of the file anew, with `more` entries; one whose CA has no key here stays."""
        lists: list[Listed] = []
        for certificate in self.certificates:
            mine = [crl for ca, crl in present if ca == certificate]
            authority = self.with_key.get(certificate)
            if authority is None:
                lists += [Listed(certificate, crl, renewed=False) for crl in mine]
                continue
            number = 1 + max(number_of(crl) or 0 for crl in mine)
            revoked = (*_entries(present, certificate), *more.get(certificate, ()))
            lists.append(Listed(certificate, _signed(authority, number, now, days, revoked), renewed=True))
        return tuple(lists)


def _entries(present: Sequence[Signed], issuer: x509.Certificate) -> tuple[Revoked, ...]:
    """The entries of all CRLs of that CA, the earliest for each serial number."""
    found: dict[int, Revoked] = {}
    for ca, crl in present:
        for entry in crl if ca == issuer else ():
            each = _read(entry)
            if each.serial not in found or each.date < found[each.serial].date:
                found[each.serial] = each
    return tuple(found.values())


def _read(entry: x509.RevokedCertificate) -> Revoked:
    try:
        return Revoked.of(entry)
    except MALFORMED as error:
        raise Problem(f"an entry of {FILE} cannot be read: {error}", hint="`pki show` shows it") from None


def _signed(
    authority: Authority, number: int, now: datetime, days: int, revoked: Sequence[Revoked]
) -> x509.CertificateRevocationList:
    return authority.crl(
        number=number, this_update=now - CLOCK_SKEW, next_update=now + timedelta(days), revoked=revoked
    )


def _largest_number(directory: Path) -> int:
    """The largest CRL number in crl.pem, as far as it can be read; 0 without any."""
    try:
        return max((number_of(crl) or 0 for crl in read_crls(directory / FILE, lambda _: None)), default=0)
    except Problem:
        return 0


def number_of(crl: x509.CertificateRevocationList) -> int | None:
    """The CRL number (§5.2.3); None if it is absent or cannot be read."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return None
    except MALFORMED:
        return None


def _pem(lists: Sequence[Listed]) -> bytes:
    pem = b"".join(each.crl.public_bytes(Encoding.PEM) for each in lists)
    if len(pem) > MAX_CRL_FILE:
        raise Problem(
            f"{FILE} would have {len(pem):,} bytes, and at most {MAX_CRL_FILE:,} are read",
            hint="create a new CA with `pki init --force`",
        )
    return pem
