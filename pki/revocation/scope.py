"""Of which certificates a revocation list speaks, and of which reasons (RFC 5280 §5.2.5, §6.3.3 (b), (d), (e))."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from cryptography import x509

from pki.signed import comparable, same_name, subject

Crl = x509.CertificateRevocationList
E = TypeVar("E", bound=x509.ExtensionType)
UNDERSTOOD = (x509.IssuingDistributionPoint, x509.AuthorityKeyIdentifier, x509.IssuerAlternativeName)
UNDERSTOOD_IN_ENTRIES = (x509.CRLReason, x509.CertificateIssuer)
ALL_REASONS = frozenset(x509.ReasonFlags) - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}


class Unusable(Exception):
    """Why a list does not count; the message says it, the hint what mends it."""

    def __init__(self, detail: str, hint: str | None = None) -> None:
        super().__init__(detail)
        self.hint = hint


class Extended(Protocol):
    """A certificate, a list, an entry."""

    @property
    def extensions(self) -> x509.Extensions:
        """Its extensions."""


def value(of: Extended, kind: type[E]) -> E | None:
    """What an extension says; None where it is absent."""
    try:
        return of.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def check_form(crl: Crl) -> None:
    """§5.2, §5.3: which extensions there are, and which may be critical; Unusable."""
    for extension in crl.extensions:
        if not extension.critical:
            continue
        if isinstance(extension.value, x509.CRLNumber):
            raise Unusable("the number of the list is critical, and must not be (§5.2.3)")
        if not isinstance(extension.value, (*UNDERSTOOD, x509.DeltaCRLIndicator)):
            raise Unusable(f"the list has a critical extension that nobody here understands: {_oid(extension)}")
    if value(crl, x509.CRLNumber) is None:
        raise Unusable("the list has no number (§5.2.3)")
    for entry in crl:
        for extension in entry.extensions:
            if extension.critical and not isinstance(extension.value, UNDERSTOOD_IN_ENTRIES):
                raise Unusable(f"an entry has a critical extension that is not understood: {_oid(extension)}")


def _oid(extension: x509.Extension[x509.ExtensionType]) -> str:
    return extension.oid.dotted_string


def reasons_covered(crl: Crl, certificate: x509.Certificate) -> frozenset[x509.ReasonFlags]:
    """For which reasons the list would name that certificate; Unusable if it does not speak of it at all."""
    scope = value(crl, x509.IssuingDistributionPoint)
    direct = same_name(crl.issuer, certificate.issuer)
    if not direct and (scope is None or not scope.indirect_crl):
        raise Unusable("the list is by somebody else than the issuer, and does not say that it speaks for others")
    if scope is None:
        return ALL_REASONS
    constraints = value(certificate, x509.BasicConstraints)
    authority = constraints is not None and constraints.ca
    if scope.only_contains_user_certs and authority:
        raise Unusable(f"the list speaks of no authorities, and {subject(certificate)} is one")
    if scope.only_contains_ca_certs and not authority:
        raise Unusable(f"the list speaks of authorities only, and {subject(certificate)} is none")
    if scope.only_contains_attribute_certs:
        raise Unusable("the list speaks of attribute certificates only")
    spoken = frozenset(scope.only_some_reasons or ALL_REASONS)
    points = tuple(value(certificate, x509.CRLDistributionPoints) or ())
    fitting = [point for point in points if _fits(point, scope, crl, certificate)]
    if fitting:
        return spoken & frozenset().union(*(point.reasons or ALL_REASONS for point in fitting))
    if scope.full_name or scope.relative_name or not direct:
        raise Unusable(f"the list belongs to a distribution point that {subject(certificate)} does not name")
    return spoken


def _fits(
    point: x509.DistributionPoint, scope: x509.IssuingDistributionPoint, crl: Crl, certificate: x509.Certificate
) -> bool:
    """Whether the list is what that distribution point leads to (§6.3.3 (b))."""
    issuers = [name.value for name in point.crl_issuer or () if isinstance(name, x509.DirectoryName)]
    by = issuers[0] if issuers else certificate.issuer
    if not same_name(crl.issuer, by):
        return False
    of_list = set(_names(scope.full_name, scope.relative_name, crl.issuer))
    if not of_list:
        return True
    of_point = set(_names(point.full_name, point.relative_name, by)) or {repr(comparable(name)) for name in issuers}
    return bool(of_list & of_point)


def _names(
    full: Sequence[x509.GeneralName] | None, relative: x509.RelativeDistinguishedName | None, base: x509.Name
) -> Iterator[str]:
    """Names for comparing; one that is relative continues the issuer's (§4.2.1.13)."""
    for name in full or ():
        yield repr(comparable(name.value)) if isinstance(name, x509.DirectoryName) else repr(name)
    if relative:
        yield repr(comparable(x509.Name([*base.rdns, relative])))
