"""Revocation lists (RFC 5280 §5, §6.3): is any certificate of this chain no longer vouched for?"""

from datetime import datetime
from itertools import pairwise

from cryptography import x509

from pki.signed import signed_list, subject
from pki.verdict import Check, Result

REVOCATION = "RFC 5280 §6.3"


def check(chain: tuple[x509.Certificate, ...], crls: tuple[x509.CertificateRevocationList, ...], at: datetime) -> Check:
    """Every certificate but the anchor must be covered by a current, well-signed list that does not name it."""

    def failed(detail: str, hint: str | None = None) -> Check:
        return Check("revocation", REVOCATION, Result.FAILED, detail, hint)

    if not crls:
        return Check("revocation", REVOCATION, Result.NOT_MADE, "no revocation list was given")
    for certificate, issuer in pairwise(chain):
        named = [crl for crl in crls if crl.issuer == issuer.subject]
        if not named:
            return failed(f"none of the lists is by {subject(issuer)}, which issued {subject(certificate)}")
        signed = [crl for crl in named if signed_list(crl, issuer)]
        if not signed:
            return failed(f"the list in the name of {subject(issuer)} was not signed by its key")
        newest = max(signed, key=lambda crl: crl.last_update_utc)
        if newest.last_update_utc > at:
            return failed(f"the list of {subject(issuer)} begins only on {newest.last_update_utc:%Y-%m-%d %H:%M}Z")
        if newest.next_update_utc is None or newest.next_update_utc < at:
            end = (
                "has no next update"
                if newest.next_update_utc is None
                else f"ended on {newest.next_update_utc:%Y-%m-%d}"
            )
            return failed(f"the list of {subject(issuer)} is stale: it {end}", "`pki init --force` writes a new one")
        entry = newest.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is not None:
            return failed(f"{subject(certificate)} was revoked on {entry.revocation_date_utc:%Y-%m-%d %H:%M}Z")
    return Check("revocation", REVOCATION, Result.PASSED, "no certificate of the chain is on its issuer's list")
