"""CRLs (RFC 5280 §5, §6.3): is any certificate of this path revoked?

    certificate -> CRLs that speak of it (`scope`) -> entries -> revoked, or not; all reasons must be covered

Every certificate but the anchor has a status of its own: good, revoked or undetermined. Good needs current CRLs, signed
by its issuer or by a signer that `Lists.trusts` has validated (§6.3.3 (f)). Revoked takes precedence over undetermined,
and the output says both. A CRL that cannot be used decides nothing about the others (`reading`).
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
    """While the certificate of a CRL signer is validated: whose CRLs count, by the identities of the signers."""

    without: frozenset[int] = frozenset()
    """Theirs do not: a key does not clear itself as long as another key's CRL speaks."""
    granted: frozenset[int] = frozenset()
    """Theirs do: all but the status of the signer itself is known, and only its own CRL has that."""


@dataclass(frozen=True)
class Lists:
    """All CRLs at hand, and who may have signed them."""

    crls: Sequence[CrlReading]
    at: datetime
    budget: Budget
    named: Callable[[Name], Sequence[CertificateFields]]
    """The certificates at hand with that subject."""
    identity: Callable[[CertificateFields], int]
    """A number for a subject with its key."""
    answer: Callable[[CrlReading, CertificateFields], Answer]
    """Whether the key of that certificate signed the CRL."""
    trusts: Callable[[CertificateFields, SignerLimits], bool]
    """Whether that certificate has a valid path to the trust anchor of the certificate in question."""
    _by_issuer: dict[Name, list[CrlReading]] = field(default_factory=dict, compare=False)

    def by(self, issuer: Name) -> Sequence[CrlReading]:
        """The CRLs in that name, the newest first; those that have no readable issuer or date are not among them."""
        if not self._by_issuer:
            for each in self.crls:
                try:
                    each.this_update  # noqa: B018  # it can be read
                    self._by_issuer.setdefault(each.issuer, []).append(each)
                except Malformed:
                    continue
        return sorted(self._by_issuer.get(issuer, ()), key=lambda crl: crl.this_update, reverse=True)


@dataclass(frozen=True)
class Good:
    """Current CRLs cover every reason, and none names the certificate."""


@dataclass(frozen=True)
class Revoked:
    """A CRL names the certificate."""

    detail: str


@dataclass(frozen=True)
class Undetermined:
    """No CRL, or none that can be used, or not for every reason."""

    detail: str
    hint: str | None = None


Status = Good | Revoked | Undetermined
REVOKED_HINT = "with a new key, a new one: `pki issue`"


def check(path: Sequence[CertificateFields], lists: Lists) -> Check:
    """What is revoked, then what is undetermined (§6.3.3 gives each certificate its own status)."""
    if not lists.crls:
        return Check("revocation", REVOCATION, Result.NOT_MADE, "no revocation list was given")
    found = [of(certificate, above, lists) for certificate, above in pairwise(path)]
    revoked = [each.detail for each in found if isinstance(each, Revoked)]
    undetermined = [each for each in found if isinstance(each, Undetermined)]
    if revoked:
        detail = "; ".join([*revoked, *(f"besides, {each.detail}" for each in undetermined)])
        return Check("revocation", REVOCATION, Result.FAILED, detail, REVOKED_HINT)
    if undetermined:
        detail = "; ".join(each.detail for each in undetermined)
        return Check("revocation", REVOCATION, Result.FAILED, detail, undetermined[0].hint)
    return Check("revocation", REVOCATION, Result.PASSED, "no certificate of the chain is on its issuer's list")


def is_known(found: Check) -> bool:
    """Whether that check failed because a certificate is revoked, which nothing corrects."""
    return found.result is Result.FAILED and found.name == "revocation" and found.hint == REVOKED_HINT


def of(
    certificate: CertificateFields, issuer: CertificateFields, lists: Lists, asked: SignerLimits = SignerLimits()
) -> Status:
    """The status of one certificate, by the CRLs that count."""
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
        return Undetermined(f"none of the lists is by {subject(issuer.certificate)}, which issued {who}")
    seen: list[CrlReading] = []
    for crl in dict.fromkeys(named):
        try:
            if crl.base is not None:
                raise Unusable("a delta list says only what has changed; the whole list is needed (§5.2.4)")
            if any(_same_scope(crl, other) for other in seen):
                continue  # an older one of the same kind says nothing new
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
            why = why or Undetermined(f"a list cannot be read: {error}", "fetch the list again")
            continue
        seen.append(crl)
        covered |= reasons
    if covered == ALL_REASONS:
        return Good()
    return why or Undetermined(f"the CRLs for {who} speak of some reasons only; all of them are needed")


# Which CRLs ---------------------------------------------------------------------------------------------------------


def _list_issuers(certificate: CertificateFields) -> Iterator[Name]:
    """The issuers of indirect CRLs that the certificate names (§4.2.1.13, §5.2.5)."""
    for point in certificate.value(x509.CRLDistributionPoints) or ():
        for name in point.crl_issuer or ():
            if isinstance(name, x509.DirectoryName):
                yield comparable(name.value)


def _check_signer(crl: CrlReading, issuer: CertificateFields, lists: Lists, asked: SignerLimits) -> None:
    """Unusable unless it is signed by the issuer's key, or another of its name that `lists` trusts (§6.3.3 (f))."""
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
        raise Unusable(f"the list in the name of {name} was not signed by its key")
    may_sign = [each for each in signers if _may_sign_lists(each)]
    if not may_sign:
        raise Unusable(f"the key of {name} may not sign revocation lists: key usage does not say so")
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
    """The name in which it was issued, as errors show it: the common name, else all of it."""
    common = read_field(lambda: crl.crl.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME))
    return f"CN={common[0].value!s}" if common else issuer(crl.crl)


def _may_sign_lists(signer: CertificateFields) -> bool:
    """cRLSign; without a key usage, which §6.3.3 (f) allows, a CA certificate."""
    try:
        usage = signer.value(x509.KeyUsage)
        return signer.is_authority if usage is None else usage.crl_sign
    except Malformed:
        return False


def _check_begin(crl: CrlReading, at: datetime) -> None:
    if crl.this_update > at:
        raise Unusable(f"the list of {crl_issuer(crl)} begins only on {crl.this_update:%Y-%m-%d %H:%M}Z")


def _stale(crl: CrlReading, at: datetime) -> bool:
    return crl.next_update is None or crl.next_update < at


def _check_end(crl: CrlReading, at: datetime) -> None:
    anew = "get the current CRL from its issuer, and give it with --crl FILE"
    if crl.next_update is None:
        raise Unusable(f"the list of {crl_issuer(crl)} is stale: it has no next update", anew)
    if _stale(crl, at):
        raise Unusable(f"the list of {crl_issuer(crl)} is stale: it ended on {crl.next_update:%Y-%m-%d}", anew)


def _same_scope(one: CrlReading, other: CrlReading) -> bool:
    return one.issuer == other.issuer and one.scope == other.scope


def _deltas(
    base: CrlReading, crls: Sequence[CrlReading], issuer: CertificateFields, lists: Lists, asked: SignerLimits
) -> Iterator[CrlReading]:
    """What has changed since, the newest last (§5.2.4): numbered after the base, and made for it or an older one."""
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
    """Where the certificate stands on that CRL and its deltas; None if nowhere, or taken off again."""
    found = _find(crl, certificate, lists.budget)
    for delta in _deltas(crl, named, issuer, lists, asked):
        changed = _find(delta, certificate, lists.budget)
        found = changed if changed is not None else found
    return None if found is None or _reason(found) is x509.ReasonFlags.remove_from_crl else found


def _find(crl: CrlReading, certificate: CertificateFields, budget: Budget) -> x509.RevokedCertificate | None:
    """In an indirect list each entry belongs to the issuer named last (§5.3.3)."""
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
    """What an entry's extension says; None where it is absent."""
    for extension in read_field(lambda: entry.extensions):
        if isinstance(extension.value, kind):
            return extension.value
    return None
