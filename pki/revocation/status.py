"""CRLs (RFC 5280 §5, §6.3): is any certificate of this path revoked?

    certificate -> CRLs that cover it (`scope`) -> entries -> revoked or not; all reasons must be covered

Every certificate but the trust anchor has a status: good, revoked or undetermined. Good requires current CRLs, signed
by the issuer or by a signer that `Lists.trusts` has validated (§6.3.3 (f)). Revoked takes precedence over undetermined;
the output names both. A CRL that cannot be used does not affect the others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from cryptography import x509

from pki.budget import Budget, Exhausted
from pki.malformed import Malformed, read_field
from pki.objects.distinguished_names import Name, comparable, issuer, subject
from pki.objects.fields import CertificateFields
from pki.objects.signatures import Answer, SignatureStatus
from pki.revocation.crl import Crl, CrlReading
from pki.revocation.scope import ALL_REASONS, Unusable, check_form, reasons_covered
from pki.verdict import Check, Result

__all__ = ["REVOCATION", "Crl", "CrlReading", "Good", "Lists", "Revoked", "SignerLimits", "Undetermined", "check", "of"]

REVOCATION = "RFC 5280 §6.3"
E = TypeVar("E", bound=x509.ExtensionType)
SIGNER = "RFC 5280 §6.3.3 (f)"


@dataclass(frozen=True)
class SignerLimits:
    """Restrictions while a CRL signer's certificate is validated, by the identities of signers."""

    without: frozenset[int] = frozenset()
    """Their CRLs are not used: a key does not decide its own status while another key's CRL does."""
    granted: frozenset[int] = frozenset()
    """Their CRLs are used: only the signer's own CRL has its status, and everything else is known."""


@dataclass(frozen=True)
class Lists:
    """The CRLs of a request, and functions that find and validate their signers."""

    crls: Sequence[CrlReading]
    at: datetime
    budget: Budget
    named: Callable[[Name], Sequence[CertificateFields]]
    """The candidate certificates with that subject."""
    identity: Callable[[CertificateFields], int]
    """A number for a subject with its key."""
    answer: Callable[[CrlReading, CertificateFields], Answer]
    """Whether the key of that certificate signed the CRL."""
    trusts: Callable[[CertificateFields, SignerLimits], bool]
    """Whether that certificate has a valid path to the trust anchor of the certificate in question."""
    _by_issuer: dict[Name, list[CrlReading]] = field(default_factory=dict, compare=False)

    def by(self, issuer: Name) -> Sequence[CrlReading]:
        """The CRLs of that issuer, newest first, without those whose issuer or date cannot be read."""
        if not self._by_issuer:
            for each in self.crls:
                try:
                    each.this_update  # noqa: B018  # raises Malformed
                    self._by_issuer.setdefault(each.issuer, []).append(each)
                except Malformed:
                    continue
        return sorted(self._by_issuer.get(issuer, ()), key=lambda crl: crl.this_update, reverse=True)


@dataclass(frozen=True)
class Good:
    """Current CRLs cover every reason, and none lists the certificate."""


@dataclass(frozen=True)
class Revoked:
    """A CRL lists the certificate."""

    detail: str


@dataclass(frozen=True)
class Undetermined:
    """No usable CRL, or not for every reason."""

    detail: str
    hint: str | None = None


Status = Good | Revoked | Undetermined
REVOKED_HINT = "issue it again for a new key: `pki rekey`"


def check(path: Sequence[CertificateFields], lists: Lists) -> Check:
    """The check of a path: revoked certificates first, then undetermined ones (§6.3.3)."""
    if not lists.crls:
        return Check("revocation", REVOCATION, Result.NOT_MADE, "no CRL was given")
    found = [of(certificate, above, lists) for certificate, above in pairwise(path)]
    revoked = [each.detail for each in found if isinstance(each, Revoked)]
    undetermined = [each for each in found if isinstance(each, Undetermined)]
    if revoked:
        detail = "; ".join([*revoked, *(f"also, {each.detail}" for each in undetermined)])
        return Check("revocation", REVOCATION, Result.FAILED, detail, REVOKED_HINT)
    if undetermined:
        detail = "; ".join(each.detail for each in undetermined)
        return Check("revocation", REVOCATION, Result.FAILED, detail, undetermined[0].hint)
    return Check("revocation", REVOCATION, Result.PASSED, "no certificate of the path is revoked")


def is_known(found: Check) -> bool:
    """Whether the check failed because a certificate is revoked."""
    return found.result is Result.FAILED and found.name == "revocation" and found.hint == REVOKED_HINT


def of(
    certificate: CertificateFields, issuer: CertificateFields, lists: Lists, asked: SignerLimits = SignerLimits()
) -> Status:
    """The status of one certificate by the usable CRLs."""
    try:
        return read_field(lambda: _status(certificate, issuer, lists, asked), Exhausted)
    except Exhausted:
        return Undetermined(f"search limit reached before the status of {subject(certificate.certificate)} was known")
    except Malformed as error:
        return Undetermined(f"the status of {subject(certificate.certificate)} is unknown: {error}")


def _status(certificate: CertificateFields, issuer: CertificateFields, lists: Lists, asked: SignerLimits) -> Status:
    who = subject(certificate.certificate)
    covered: set[x509.ReasonFlags] = set()
    why: Undetermined | None = None
    named = [crl for name in (issuer.subject, *_list_issuers(certificate)) for crl in lists.by(name)]
    if not named:
        return Undetermined(f"no CRL is issued by {subject(issuer.certificate)}, the issuer of {who}")
    seen: list[CrlReading] = []
    for crl in dict.fromkeys(named):
        try:
            if crl.base is not None:
                raise Unusable("a delta CRL contains only changes; the complete CRL is needed (§5.2.4)")
            if any(_same_scope(crl, other) for other in seen):
                continue  # older than one with the same scope
            reasons = reasons_covered(crl, certificate)
            check_form(crl, lists.budget)
            _check_signer(crl, issuer, lists, asked)
            _check_begin(crl, lists.at)
            entry = _entry(crl, named, certificate, issuer, lists, asked)
            if entry is not None and (_is_final(entry) or not _stale(crl, lists.at)):
                return Revoked(f"{who} was revoked on {entry.revocation_date_utc:%Y-%m-%d %H:%M}Z")
            _check_end(crl, lists.at)
        except Unusable as reason:
            why = why or Undetermined(str(reason), reason.hint)
            continue
        except Malformed as error:
            why = why or Undetermined(f"a CRL cannot be read: {error}", "fetch the CRL again")
            continue
        seen.append(crl)
        covered |= reasons
    if covered == ALL_REASONS:
        return Good()
    return why or Undetermined(f"the CRLs for {who} cover only some revocation reasons; all are needed")


# Which CRLs ---------------------------------------------------------------------------------------------------------


def _list_issuers(certificate: CertificateFields) -> Iterator[Name]:
    """Yield the cRLIssuers in the certificate's distribution points (§4.2.1.13, §5.2.5)."""
    for point in certificate.value(x509.CRLDistributionPoints) or ():
        for name in point.crl_issuer or ():
            if isinstance(name, x509.DirectoryName):
                yield comparable(name.value)


def _check_signer(crl: CrlReading, issuer: CertificateFields, lists: Lists, asked: SignerLimits) -> None:
    """Raises Unusable unless the issuer signed it, or a signer of the same name that `lists` trusts (§6.3.3 (f))."""
    by_issuer = crl.issuer == issuer.subject
    candidates = dict.fromkeys([*([issuer] if by_issuer else []), *lists.named(crl.issuer)])
    answers = {each: lists.answer(crl, each) for each in candidates}
    signers = [each for each, answer in answers.items() if answer.outcome is SignatureStatus.HOLDS]
    name = crl_issuer(crl)
    if not signers:
        unknown = next((each.why for each in answers.values() if each.outcome is SignatureStatus.UNKNOWN), None)
        other = next((each.why for each in answers.values() if each.why), None)
        if unknown or other:
            raise Unusable(f"the signature of the CRL of {name} cannot be verified: {unknown or other}")
        raise Unusable(f"the CRL of {name} is not signed by its issuer's key")
    may_sign = [each for each in signers if _may_sign_lists(each)]
    if not may_sign:
        raise Unusable(f"the key of {name} may not sign CRLs: its key usage has no cRLSign")
    for signer in may_sign:
        identity = lists.identity(signer)
        if identity in asked.without:
            continue
        if signer is issuer or identity in asked.granted or lists.trusts(signer, asked):
            return
    raise Unusable(
        f"the CRL of {name} is signed with a key whose certificate has no valid path to the same trust anchor "
        f"({SIGNER})"
    )


def crl_issuer(crl: CrlReading) -> str:
    """The issuer of a CRL for errors: its common name, else the whole name."""
    common = read_field(lambda: crl.crl.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME))
    return f"CN={common[0].value!s}" if common else issuer(crl.crl)


def _may_sign_lists(signer: CertificateFields) -> bool:
    """Whether it has cRLSign; without key usage (§6.3.3 (f) allows that), whether it is a CA certificate."""
    try:
        usage = signer.value(x509.KeyUsage)
        return signer.is_authority if usage is None else usage.crl_sign
    except Malformed:
        return False


def _check_begin(crl: CrlReading, at: datetime) -> None:
    if crl.this_update > at:
        raise Unusable(f"the CRL of {crl_issuer(crl)} is not valid before {crl.this_update:%Y-%m-%d %H:%M}Z")


def _stale(crl: CrlReading, at: datetime) -> bool:
    return crl.next_update is None or crl.next_update < at


def _check_end(crl: CrlReading, at: datetime) -> None:
    anew = "get the current CRL from its issuer and pass it with --crl FILE"
    if crl.next_update is None:
        raise Unusable(f"the CRL of {crl_issuer(crl)} is stale: it has no nextUpdate", anew)
    if _stale(crl, at):
        raise Unusable(f"the CRL of {crl_issuer(crl)} is stale: it expired on {crl.next_update:%Y-%m-%d}", anew)


def _same_scope(one: CrlReading, other: CrlReading) -> bool:
    return one.issuer == other.issuer and one.scope == other.scope


def _deltas(
    base: CrlReading, crls: Sequence[CrlReading], issuer: CertificateFields, lists: Lists, asked: SignerLimits
) -> Iterator[CrlReading]:
    """Yield the usable delta CRLs for `base`, newest last (§5.2.4): numbered after it, made for it or an older one."""
    for crl in reversed(crls):
        try:
            if crl.base is None or crl.number is None or base.number is None or not _same_scope(base, crl):
                continue
            if crl.base <= base.number < crl.number:
                _check_signer(crl, issuer, lists, asked)
                check_form(crl, lists.budget)
                _check_begin(crl, lists.at)
                _check_end(crl, lists.at)
                yield crl
        except (Unusable, Malformed):
            continue


# Which entry --------------------------------------------------------------------------------------------------------


def _entry(
    crl: CrlReading,
    named: Sequence[CrlReading],
    certificate: CertificateFields,
    issuer: CertificateFields,
    lists: Lists,
    asked: SignerLimits,
) -> x509.RevokedCertificate | None:
    """The certificate's entry on the CRL and its deltas; None if it has none, or was removed again."""
    found = _find(crl, certificate, lists.budget)
    for delta in _deltas(crl, named, issuer, lists, asked):
        changed = _find(delta, certificate, lists.budget)
        found = changed if changed is not None else found
    return None if found is None or _reason(found) is x509.ReasonFlags.remove_from_crl else found


def _find(crl: CrlReading, certificate: CertificateFields, budget: Budget) -> x509.RevokedCertificate | None:
    """The entry in one CRL. In an indirect CRL an entry belongs to the issuer named last (§5.3.3)."""
    serial = certificate.certificate.serial_number
    if crl.scope is None or not crl.scope.indirect_crl:
        return crl.entry(serial, budget)
    whose = crl.issuer
    for entry in crl.entries(budget):
        named = _of(entry, x509.CertificateIssuer)
        for name in named or ():
            if isinstance(name, x509.DirectoryName):
                whose = comparable(name.value)
        if entry.serial_number == serial and whose == certificate.issuer:
            return entry
    return None


def _is_final(entry: x509.RevokedCertificate) -> bool:
    """Whether a newer CRL cannot take it back: every reason but certificateHold (§5.3.1)."""
    return _reason(entry) is not x509.ReasonFlags.certificate_hold


def _reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags:
    stated = _of(entry, x509.CRLReason)
    return stated.reason if stated else x509.ReasonFlags.unspecified


def _of(entry: x509.RevokedCertificate, kind: type[E]) -> E | None:
    """The value of an entry's extension; None if it is absent."""
    for extension in read_field(lambda: entry.extensions):
        if isinstance(extension.value, kind):
            return extension.value
    return None
