"""Revocation lists (RFC 5280 §5, §6.3): is any certificate of this chain no longer vouched for?

    certificate -> lists that speak of it (`scope`) -> entries -> revoked, or not; all reasons must be covered

Every certificate but the anchor must be covered by current lists that its issuer, or somebody whom the certificate
names for that, has signed. What a list says that is not understood makes it no list at all: so it fails closed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography import x509

from pki.malformed import MALFORMED, why
from pki.revocation.scope import ALL_REASONS, Crl, Unusable, check_form, reasons_covered, value
from pki.signed import key_signed_list, same_name, subject
from pki.verdict import Check, Result

REVOCATION = "RFC 5280 §6.3"
Trusts = Callable[[x509.Certificate], bool]


@dataclass(frozen=True)
class Lists:
    """All lists at hand, and who may have signed them."""

    crls: Sequence[Crl]
    pool: Sequence[x509.Certificate]
    """Certificates by which a list may be signed, besides the chain's own."""
    trusts: Trusts
    """Whether a certificate leads to a trust anchor, too."""
    at: datetime


def check(chain: tuple[x509.Certificate, ...], lists: Lists) -> Check:
    """The first certificate that is revoked, or that no list covers."""
    if not lists.crls:
        return Check("revocation", REVOCATION, Result.NOT_MADE, "no revocation list was given")
    for certificate, issuer in pairwise(chain):
        try:
            entry = _entry(certificate, issuer, lists)
        except Unusable as reason:
            return Check("revocation", REVOCATION, Result.FAILED, str(reason), reason.hint)
        except MALFORMED as error:
            detail = f"a list cannot be read: {why(error)}"
            return Check("revocation", REVOCATION, Result.FAILED, detail, "fetch the list again")
        if entry is not None:
            detail = f"{subject(certificate)} was revoked on {entry.revocation_date_utc:%Y-%m-%d %H:%M}Z"
            return Check("revocation", REVOCATION, Result.FAILED, detail, "with a new key, a new one: `pki issue`")
    return Check("revocation", REVOCATION, Result.PASSED, "no certificate of the chain is on its issuer's list")


def _entry(certificate: x509.Certificate, issuer: x509.Certificate, lists: Lists) -> x509.RevokedCertificate | None:
    """Where it stands on a list; Unusable unless the lists at hand cover every reason."""
    covered: set[x509.ReasonFlags] = set()
    why: Unusable | None = None
    named = [crl for crl in lists.crls if _speaks_for(crl, certificate, issuer)]
    if not named:
        raise Unusable(f"none of the lists is by {subject(issuer)}, which issued {subject(certificate)}")
    newest_first = sorted(named, key=lambda crl: crl.last_update_utc, reverse=True)
    seen: list[Crl] = []
    for crl in newest_first:
        if value(crl, x509.DeltaCRLIndicator) is not None:
            why = why or Unusable("a delta list says only what has changed; the whole list is needed (§5.2.4)")
            continue
        try:
            _check_signer(crl, certificate, issuer, lists)
            check_form(crl)
            reasons = reasons_covered(crl, certificate)
            if any(_same_scope(crl, other) for other in seen):
                continue  # an older one of the same kind says nothing new
            _check_dates(crl, issuer, lists.at)
        except Unusable as reason:
            why = why or reason
            continue
        seen.append(crl)
        found = _find(crl, certificate)
        for delta in _deltas(crl, newest_first, certificate, issuer, lists):
            changed = _find(delta, certificate)
            found = changed if changed is not None else found
        if found is not None and _reason(found) is not x509.ReasonFlags.remove_from_crl:
            return found
        covered |= reasons
    if covered != ALL_REASONS:
        raise why or Unusable("the lists at hand speak of some reasons only; all of them are needed")
    return None


# Which lists -------------------------------------------------------------------------------------------------------


def _speaks_for(crl: Crl, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """By the issuer; or by one whom the certificate names as the issuer of its list (§5.2.5, indirect)."""
    return any(same_name(crl.issuer, name) for name in (issuer.subject, *_list_issuers(certificate)))


def _list_issuers(certificate: x509.Certificate) -> Iterator[x509.Name]:
    for point in value(certificate, x509.CRLDistributionPoints) or ():
        for name in point.crl_issuer or ():
            if isinstance(name, x509.DirectoryName):
                yield name.value


def _check_signer(crl: Crl, certificate: x509.Certificate, issuer: x509.Certificate, lists: Lists) -> None:
    """By the issuer's key, or another of that name which leads to an anchor, and may sign lists (§6.3.3 (f))."""
    by_issuer = same_name(crl.issuer, issuer.subject)
    if by_issuer and _may_sign_lists(issuer) and key_signed_list(crl, issuer):
        return
    candidates = [issuer] if by_issuer else []
    candidates += [each for each in lists.pool if each != issuer and same_name(each.subject, crl.issuer)]
    signers = [each for each in candidates if key_signed_list(crl, each)]
    if not signers:
        raise Unusable(f"the list in the name of {subject(issuer)} was not signed by its key")
    for signer in signers:
        if _may_sign_lists(signer) and (signer == issuer or lists.trusts(signer)):
            return
    raise Unusable(f"the key of {subject(issuer)} may not sign revocation lists: key usage does not say so")


def _may_sign_lists(signer: x509.Certificate) -> bool:
    usage = value(signer, x509.KeyUsage)
    return usage is None or usage.crl_sign


def _check_dates(crl: Crl, issuer: x509.Certificate, at: datetime) -> None:
    anew = "`pki init --force` writes a new one"
    if crl.last_update_utc > at:
        raise Unusable(f"the list of {subject(issuer)} begins only on {crl.last_update_utc:%Y-%m-%d %H:%M}Z")
    if crl.next_update_utc is None:
        raise Unusable(f"the list of {subject(issuer)} is stale: it has no next update", anew)
    if crl.next_update_utc < at:
        raise Unusable(f"the list of {subject(issuer)} is stale: it ended on {crl.next_update_utc:%Y-%m-%d}", anew)


def _same_scope(one: Crl, other: Crl) -> bool:
    return same_name(one.issuer, other.issuer) and value(one, x509.IssuingDistributionPoint) == value(
        other, x509.IssuingDistributionPoint
    )


def _deltas(
    base: Crl, crls: Sequence[Crl], certificate: x509.Certificate, issuer: x509.Certificate, lists: Lists
) -> Iterator[Crl]:
    """What has changed since, the newest last (§5.2.4): numbered after the base, and made for it or an older one."""
    number = value(base, x509.CRLNumber)
    for crl in reversed(crls):
        delta, own = value(crl, x509.DeltaCRLIndicator), value(crl, x509.CRLNumber)
        if delta is None or own is None or number is None or not _same_scope(base, crl):
            continue
        if delta.crl_number <= number.crl_number < own.crl_number:
            try:
                _check_signer(crl, certificate, issuer, lists)
                check_form(crl)
                _check_dates(crl, issuer, lists.at)
            except Unusable:
                continue
            yield crl


# Which entry --------------------------------------------------------------------------------------------------------


def _find(crl: Crl, certificate: x509.Certificate) -> x509.RevokedCertificate | None:
    """In an indirect list each entry belongs to the issuer named last (§5.3.3)."""
    scope = value(crl, x509.IssuingDistributionPoint)
    if scope is None or not scope.indirect_crl:
        return crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    whose = crl.issuer
    for entry in crl:
        named = value(entry, x509.CertificateIssuer)
        for name in named or ():
            if isinstance(name, x509.DirectoryName):
                whose = name.value
        if entry.serial_number == certificate.serial_number and same_name(whose, certificate.issuer):
            return entry
    return None


def _reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags:
    stated = value(entry, x509.CRLReason)
    return stated.reason if stated else x509.ReasonFlags.unspecified
