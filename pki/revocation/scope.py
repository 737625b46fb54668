"""Which certificates and reasons a CRL covers (RFC 5280 §5.2.5, §6.3.3 (b), (d), (e))."""

from collections.abc import Iterator, Sequence

from cryptography import x509

from pki.budget import Budget
from pki.malformed import read_field
from pki.objects.distinguished_names import Name, comparable, subject
from pki.objects.fields import CertificateFields
from pki.revocation.crl import CrlReading

UNDERSTOOD = (x509.IssuingDistributionPoint, x509.AuthorityKeyIdentifier, x509.IssuerAlternativeName)
UNDERSTOOD_IN_ENTRIES = (x509.CRLReason, x509.CertificateIssuer)
ALL_REASONS = frozenset(x509.ReasonFlags) - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}


class Unusable(Exception):
    """A CRL cannot be used; the message is the reason, the hint the remedy."""

    def __init__(self, detail: str, hint: str | None = None) -> None:
        super().__init__(detail)
        self.hint = hint


def check_form(crl: CrlReading, budget: Budget) -> None:
    """Raises Unusable for a missing CRL number, or a critical extension that is not processed (§5.2, §5.3)."""
    for extension in crl.extensions:
        if not extension.critical:
            continue
        if isinstance(extension.value, x509.CRLNumber):
            raise Unusable("the CRL number is critical; it must not be (§5.2.3)")
        if not isinstance(extension.value, (*UNDERSTOOD, x509.DeltaCRLIndicator)):
            raise Unusable(f"the CRL has a critical extension that this program does not process: {_oid(extension)}")
    if crl.number is None:
        raise Unusable("the CRL has no CRL number (§5.2.3)")
    if crl.has_critical_entries:
        for entry in crl.entries(budget):
            _check_entry(entry)


def _check_entry(entry: x509.RevokedCertificate) -> None:
    for extension in read_field(lambda: entry.extensions):
        if extension.critical and not isinstance(extension.value, UNDERSTOOD_IN_ENTRIES):
            raise Unusable(
                f"a CRL entry has a critical extension that this program does not process: {_oid(extension)}"
            )


def _oid(extension: x509.Extension[x509.ExtensionType]) -> str:
    return extension.oid.dotted_string


def reasons_covered(crl: CrlReading, certificate: CertificateFields) -> frozenset[x509.ReasonFlags]:
    """The reasons that the CRL covers for the certificate. Raises Unusable if it does not cover the certificate."""
    scope = crl.scope
    direct = crl.issuer == certificate.issuer
    if not direct and (scope is None or not scope.indirect_crl):
        raise Unusable("the CRL has another issuer and is not an indirect CRL")
    if scope is None:
        return ALL_REASONS
    authority = certificate.is_authority
    who = subject(certificate.certificate)
    if scope.only_contains_user_certs and authority:
        raise Unusable(f"the CRL covers no CA certificates, and {who} is one")
    if scope.only_contains_ca_certs and not authority:
        raise Unusable(f"the CRL covers only CA certificates, and {who} is not one")
    if scope.only_contains_attribute_certs:
        raise Unusable("the CRL covers only attribute certificates")
    spoken = frozenset(scope.only_some_reasons or ALL_REASONS)
    points = tuple(certificate.value(x509.CRLDistributionPoints) or ())
    fitting = [point for point in points if _fits(point, scope, crl, certificate)]
    if fitting:
        return spoken & frozenset().union(*(point.reasons or ALL_REASONS for point in fitting))
    if scope.full_name or scope.relative_name or not direct:
        raise Unusable(f"the CRL belongs to a distribution point that {who} does not name")
    return spoken


def _fits(
    point: x509.DistributionPoint, scope: x509.IssuingDistributionPoint, crl: CrlReading, certificate: CertificateFields
) -> bool:
    """Whether the CRL corresponds to that distribution point (§6.3.3 (b))."""
    issuers = [name.value for name in point.crl_issuer or () if isinstance(name, x509.DirectoryName)]
    by = issuers[0] if issuers else certificate.certificate.issuer
    if crl.issuer != comparable(by):
        return False
    of_list = set(_names(scope.full_name, scope.relative_name, crl.crl.issuer))
    if not of_list:
        return True
    of_point: set[object] = set(_names(point.full_name, point.relative_name, by)) or set(map(comparable, issuers))
    return bool(of_list & of_point)


def _names(
    full: Sequence[x509.GeneralName] | None, relative: x509.RelativeDistinguishedName | None, base: x509.Name
) -> Iterator[x509.GeneralName | Name]:
    """Names in comparable form; a relative name is appended to `base`, the issuer's name (§4.2.1.13)."""
    for name in full or ():
        yield comparable(name.value) if isinstance(name, x509.DirectoryName) else name
    if relative:
        yield comparable(x509.Name([*base.rdns, relative]))
