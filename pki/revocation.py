"""Revocation lists (RFC 5280 §5, §6.3): is any certificate of this chain no longer vouched for?

Every certificate but the anchor must be covered by a current list that its issuer has signed, and must not be on it.
What a list says that is not understood here - a delta, an indirect list, some reasons only - makes it no list at all:
so it fails closed.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509

from pki.malformed import MALFORMED
from pki.signed import same_name, signed_list, subject
from pki.verdict import Check, Result

REVOCATION = "RFC 5280 §6.3"
Crl = x509.CertificateRevocationList


class Unusable(Exception):
    """Why a list does not count; the message says it."""


def check(chain: tuple[x509.Certificate, ...], crls: Sequence[Crl], at: datetime) -> Check:
    """The first certificate that is revoked, or that no list covers."""
    if not crls:
        return Check("revocation", REVOCATION, Result.NOT_MADE, "no revocation list was given")
    for certificate, issuer in pairwise(chain):
        try:
            entry = _newest(certificate, issuer, crls, at).get_revoked_certificate_by_serial_number(
                certificate.serial_number
            )
        except Unusable as reason:
            hint = "`pki init --force` writes a new one" if "stale" in str(reason) else None
            return Check("revocation", REVOCATION, Result.FAILED, str(reason), hint)
        if entry is not None:
            detail = f"{subject(certificate)} was revoked on {entry.revocation_date_utc:%Y-%m-%d %H:%M}Z"
            return Check("revocation", REVOCATION, Result.FAILED, detail)
    return Check("revocation", REVOCATION, Result.PASSED, "no certificate of the chain is on its issuer's list")


def _newest(certificate: x509.Certificate, issuer: x509.Certificate, crls: Sequence[Crl], at: datetime) -> Crl:
    """The list that counts for a certificate; Unusable if there is none."""
    named = [crl for crl in crls if same_name(crl.issuer, issuer.subject)]
    if not named:
        raise Unusable(f"none of the lists is by {subject(issuer)}, which issued {subject(certificate)}")
    signed = [crl for crl in named if signed_list(crl, issuer)]
    if not signed:
        raise Unusable(f"the list in the name of {subject(issuer)} was not signed by its key")
    if not _may_sign_lists(issuer):
        raise Unusable(f"the key of {subject(issuer)} may not sign revocation lists: key usage does not say so")
    usable, why = [], ""
    for crl in sorted(signed, key=lambda crl: crl.last_update_utc, reverse=True):
        try:
            _check_form(crl)
            _check_scope(crl, certificate)
            _check_dates(crl, issuer, at)
        except Unusable as reason:
            why = why or str(reason)
        except MALFORMED as error:
            why = why or f"the list of {subject(issuer)} cannot be read: {str(error).splitlines()[0][:150]}"
        else:
            usable.append(crl)
    if not usable:
        raise Unusable(why)
    return usable[0]


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    """§6.3.3 (f): where the key usage is limited, it must be among it."""
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _check_dates(crl: Crl, issuer: x509.Certificate, at: datetime) -> None:
    if crl.last_update_utc > at:
        raise Unusable(f"the list of {subject(issuer)} begins only on {crl.last_update_utc:%Y-%m-%d %H:%M}Z")
    if crl.next_update_utc is None:
        raise Unusable(f"the list of {subject(issuer)} is stale: it has no next update")
    if crl.next_update_utc < at:
        raise Unusable(f"the list of {subject(issuer)} is stale: it ended on {crl.next_update_utc:%Y-%m-%d}")


UNDERSTOOD = (x509.IssuingDistributionPoint, x509.AuthorityKeyIdentifier, x509.IssuerAlternativeName)


def _check_form(crl: Crl) -> None:
    """§5.2: which extensions there are, and which may be critical; also of the entries (§5.3)."""
    for extension in crl.extensions:
        if isinstance(extension.value, x509.DeltaCRLIndicator):
            raise Unusable("a delta list says only what has changed; the whole list is needed (§5.2.4)")
        if isinstance(extension.value, x509.CRLNumber) and extension.critical:
            raise Unusable("the number of the list is critical, and must not be (§5.2.3)")
        if extension.critical and not isinstance(extension.value, UNDERSTOOD):
            raise Unusable(f"the list has a critical extension that nobody here understands: {_oid(extension)}")
    try:
        crl.extensions.get_extension_for_class(x509.CRLNumber)
    except x509.ExtensionNotFound:
        raise Unusable("the list has no number (§5.2.3)") from None
    for entry in crl:
        for extension in entry.extensions:
            if extension.critical and not isinstance(extension.value, x509.CRLReason):
                raise Unusable(f"an entry has a critical extension that is not understood: {_oid(extension)}")


def _oid(extension: x509.Extension[x509.ExtensionType]) -> str:
    return extension.oid.dotted_string


def _check_scope(crl: Crl, certificate: x509.Certificate) -> None:
    """§5.2.5: the list speaks of all certificates, or says of which."""
    try:
        scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return
    authority = _is_authority(certificate)
    if scope.only_contains_user_certs and authority:
        raise Unusable(f"the list speaks of no authorities, and {subject(certificate)} is one")
    if scope.only_contains_ca_certs and not authority:
        raise Unusable(f"the list speaks of authorities only, and {subject(certificate)} is none")
    if scope.only_contains_attribute_certs:
        raise Unusable("the list speaks of attribute certificates only")
    if scope.indirect_crl:
        raise Unusable("the list is indirect: it speaks for others, which is not understood here")
    if scope.only_some_reasons:
        raise Unusable("the list speaks of some reasons only; all of them are needed")
    if scope.full_name and not _is_pointed_at(scope.full_name, certificate):
        raise Unusable(f"the list belongs to a distribution point that {subject(certificate)} does not name")
    if scope.relative_name:
        raise Unusable("the list names its distribution point by a part of a name, which is not understood here")


def _is_pointed_at(point: Sequence[x509.GeneralName], certificate: x509.Certificate) -> bool:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return False
    return any(name in point for each in points if not each.reasons for name in each.full_name or each.crl_issuer or ())


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
