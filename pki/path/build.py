"""Every path from a certificate to a trust anchor, the likely ones first (RFC 4158).

A depth-first search with backtracking, twice: first by way of issuers that could sign (CA:TRUE, keyCertSign, valid now
and all that a certificate shows by itself), then by way of the others, so that the answer can say what is wrong with
them. So no number of useless twins hides a good path. A hostile mesh has more paths than atoms: the work is counted
(`pki.budget`).
"""

from collections.abc import Callable, Iterator, Sequence

from cryptography import x509

from pki.budget import Budget, Exhausted, WorkKind, signature_price
from pki.malformed import Malformed
from pki.objects.distinguished_names import Name
from pki.objects.fields import CertificateFields
from pki.objects.signatures import Answer, SignatureStatus, check

SELF_ISSUED = 16
"""As many certificates of a change of keys may be in a path besides `max_depth`."""


class Pool:
    """The candidates of one verification: each is read once, and each signature is verified once."""

    def __init__(self, anchors: Sequence[x509.Certificate], others: Sequence[x509.Certificate], budget: Budget) -> None:
        self.budget = budget
        self.is_whole = True
        """Whether all of them were read; if not, a path may be there that was not found."""
        self._readings: dict[bytes, CertificateFields] = {}
        self._by_subject: dict[Name, list[CertificateFields]] = {}
        self._identities: dict[tuple[Name, bytes], int] = {}
        self._answers: dict[tuple[CertificateFields, int], Answer] = {}
        least = budget.left // 2  # reading them leaves enough for a search
        for each in (*anchors, *others):
            if budget.left < least:
                self.is_whole = False
                break
            self._add(each)

    def _add(self, certificate: x509.Certificate) -> None:
        self.budget.spend(WorkKind.READING)
        try:
            reading = self.reading(certificate)
            found = self._by_subject.setdefault(reading.subject, [])
        except Malformed:
            return  # not even its name can be read: it is nothing's issuer
        if reading not in found:
            found.append(reading)

    def reading(self, certificate: x509.Certificate) -> CertificateFields:
        """The one Reading of that certificate; Malformed if its bytes cannot be had."""
        reading = CertificateFields(certificate)
        return self._readings.setdefault(reading.der, reading)

    def named(self, name: Name) -> Sequence[CertificateFields]:
        """Those with that subject, in the order given, anchors first."""
        return self._by_subject.get(name, ())

    def identity(self, reading: CertificateFields) -> int:
        """The same number for the same name with the same key; a number of its own if they cannot be read."""
        try:
            return self._identities.setdefault(reading.identity, len(self._identities))
        except Malformed:
            return -1 - id(reading)

    def answer(self, signed: CertificateFields, issuer: CertificateFields) -> Answer:
        """Whether the issuer's key made that signature; Exhausted if too many were asked for."""
        pair = signed, self.identity(issuer)
        if pair not in self._answers:
            try:
                key = issuer.key
            except Malformed as error:
                self._answers[pair] = Answer(SignatureStatus.UNKNOWN, f"the key cannot be read: {error}")
            else:
                self.budget.spend(WorkKind.SIGNATURE, price=signature_price(key.public, len(signed.der)))
                self._answers[pair] = check(signed.der, key)
        return self._answers[pair]


class Search:
    """One search: the paths, and where it went wrong first."""

    def __init__(
        self,
        leaf: CertificateFields,
        anchors: Sequence[CertificateFields],
        pool: Pool,
        *,
        could_issue: Callable[[CertificateFields], bool],
        max_depth: int,
    ) -> None:
        self.leaf = leaf
        self._anchors = frozenset(anchors)
        self._pool = pool
        self._could_issue = could_issue
        self._max_depth = max_depth
        self._sound: dict[CertificateFields, bool] = {}
        self._candidates: dict[CertificateFields, list[CertificateFields]] = {}
        self.forged: tuple[CertificateFields, CertificateFields, Answer] | None = None
        """The first certificate that its issuer by name did not sign, that issuer, and what is known about it."""
        self.undecided: tuple[CertificateFields, CertificateFields, Answer] | None = None
        """The first certificate whose signature could not be verified, likewise."""
        self.orphan: CertificateFields | None = None
        """The first from which no path leads on."""
        self.circle = False
        """Whether its issuer is there, and is on the path already."""
        self.too_deep = False

    def paths(self) -> Iterator[tuple[CertificateFields, ...]]:
        """Complete ones, leaf first, anchor last. Exhausted if there are too many."""
        yield from self._walk(self._is_sound)
        for path in self._walk(lambda _: True):
            if not all(map(self._is_sound, path[1:])):
                yield path

    def _is_sound(self, issuer: CertificateFields) -> bool:
        if issuer not in self._sound:
            self._pool.budget.spend(WorkKind.READING)
            self._sound[issuer] = self._could_issue(issuer)
        return self._sound[issuer]

    def _walk(self, wanted: Callable[[CertificateFields], bool]) -> Iterator[tuple[CertificateFields, ...]]:
        """Depth first, without recursion: a path may be long."""
        walked: list[CertificateFields] = []
        ahead: list[Iterator[CertificateFields]] = [iter((self.leaf,))]
        while ahead:
            last = next(ahead[-1], None)
            if last is None:
                ahead.pop()
                if walked:
                    walked.pop()
                continue
            self._pool.budget.spend(WorkKind.STEP)
            walked.append(last)
            if last in self._anchors:
                yield tuple(walked)
                walked.pop()
            elif self._is_too_long(walked):
                self.too_deep = True
                walked.pop()
            else:
                ahead.append(self._onward(tuple(walked), wanted))

    def _is_too_long(self, walked: Sequence[CertificateFields]) -> bool:
        """Whether there are more CAs between the leaf and whatever comes next than asked for."""
        above = walked[1:]
        changes_of_keys = sum(map(_is_self_issued, above))
        return len(above) - changes_of_keys > self._max_depth or changes_of_keys > SELF_ISSUED

    def _onward(
        self, walked: tuple[CertificateFields, ...], wanted: Callable[[CertificateFields], bool]
    ) -> Iterator[CertificateFields]:
        """The issuers of the last one that are not on the path and have signed it."""
        last = walked[-1]
        passed = {self._pool.identity(each) for each in walked}
        issuers = self._issuers(last)
        self._pool.budget.spend(WorkKind.COMPARISON, len(issuers) + len(walked))
        # The same name with the same key leads nowhere new: a loop, or a root that is not a trust anchor.
        onward = [each for each in issuers if self._pool.identity(each) not in passed]
        if not onward and self.orphan is None:
            self.orphan, self.circle = last, bool(issuers)
        for issuer in filter(wanted, onward):
            answer = self._pool.answer(last, issuer)
            if answer.outcome is SignatureStatus.HOLDS:
                yield issuer
            elif answer.outcome is SignatureStatus.UNKNOWN:
                self.undecided = self.undecided or (last, issuer, answer)
            else:
                self.forged = self.forged or (last, issuer, answer)

    def _issuers(self, certificate: CertificateFields) -> list[CertificateFields]:
        """Those with the right name; first what could sign, then anchors, then fitting key ids (RFC 4158 §3.5.12)."""
        if certificate not in self._candidates:
            try:
                found = self._pool.named(certificate.issuer)
            except Malformed:
                found = ()
            identifier = _authority_key(certificate)
            self._candidates[certificate] = sorted(
                found,
                key=lambda each: (
                    not self._is_sound(each),
                    each not in self._anchors,
                    identifier is not None and _key_identifier(each) not in (None, identifier),
                ),
            )
        return self._candidates[certificate]


def _is_self_issued(certificate: CertificateFields) -> bool:
    try:
        return certificate.is_self_issued
    except Malformed:
        return False


def _authority_key(certificate: CertificateFields) -> bytes | None:
    try:
        stated = certificate.value(x509.AuthorityKeyIdentifier)
    except Malformed:
        return None
    return stated.key_identifier if stated else None


def _key_identifier(certificate: CertificateFields) -> bytes | None:
    try:
        stated = certificate.value(x509.SubjectKeyIdentifier)
    except Malformed:
        return None
    return stated.digest if stated else None


__all__ = ["Exhausted", "Pool", "Search"]
