"""Every path from a certificate to a trust anchor, the likely ones first (RFC 4158).

A depth-first search with backtracking, in two passes. The first pass uses only issuers that can issue: CA:TRUE,
keyCertSign, valid now, and every other check that needs no path. The second pass uses the others, so that the verdict
can name what is wrong with them. Useless twins of an issuer therefore cannot hide a good path. A hostile mesh of CAs
has an exponential number of paths, so the work is counted and limited (`pki.budget`).
"""

from collections.abc import Callable, Iterator, Sequence

from cryptography import x509

from pki.budget import Budget, Exhausted, WorkKind, signature_price
from pki.malformed import Malformed
from pki.objects.distinguished_names import Name
from pki.objects.fields import CertificateFields
from pki.objects.signatures import Answer, SignatureStatus, check

SELF_ISSUED = 16
"""The most self-issued certificates (key rollover) in a path; they do not count for `max_depth`."""


class Pool:
    """The candidate certificates of one request. Each is read once, and each signature is verified once."""

    def __init__(self, anchors: Sequence[x509.Certificate], others: Sequence[x509.Certificate], budget: Budget) -> None:
        self.budget = budget
        self.is_whole = True
        """False if the budget did not allow reading all of them; then a path may exist that was not found."""
        self._readings: dict[bytes, CertificateFields] = {}
        self._by_subject: dict[Name, list[CertificateFields]] = {}
        self._identities: dict[tuple[Name, bytes], int] = {}
        self._answers: dict[tuple[CertificateFields, int], Answer] = {}
        least = budget.left // 2  # reading may take half; the rest is for the search
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
            return  # its subject cannot be read, so that no issuer name matches it
        if reading not in found:
            found.append(reading)

    def reading(self, certificate: x509.Certificate) -> CertificateFields:
        """The one CertificateFields for these DER bytes. Raises Malformed if the certificate cannot be encoded."""
        reading = CertificateFields(certificate)
        return self._readings.setdefault(reading.der, reading)

    def named(self, name: Name) -> Sequence[CertificateFields]:
        """The candidates with that subject, anchors first, otherwise in the order given."""
        return self._by_subject.get(name, ())

    def identity(self, reading: CertificateFields) -> int:
        """A number for the pair of subject and key; a unique one if the two cannot be read."""
        try:
            return self._identities.setdefault(reading.identity, len(self._identities))
        except Malformed:
            return -1 - id(reading)

    def answer(self, signed: CertificateFields, issuer: CertificateFields) -> Answer:
        """Whether the issuer's key made the signature of `signed`. Raises Exhausted at the limit."""
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
    """One search: the paths, and the first obstacle of each kind."""

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
        """The first certificate whose signature is wrong, the issuer that it names, and the answer."""
        self.undecided: tuple[CertificateFields, CertificateFields, Answer] | None = None
        """The first certificate whose signature could not be verified, the issuer that it names, and the answer."""
        self.orphan: CertificateFields | None = None
        """The first certificate without a usable issuer."""
        self.circle = False
        """Whether the issuer of `orphan` is present, but already on the path."""
        self.too_deep = False

    def paths(self) -> Iterator[tuple[CertificateFields, ...]]:
        """Yield complete paths, leaf first, anchor last. Raises Exhausted at the limit."""
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
        """Depth first. Not recursive, since a path may be longer than Python's stack."""
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
        """Whether the path already has more intermediates than `max_depth`, or too many self-issued ones."""
        above = walked[1:]
        changes_of_keys = sum(map(_is_self_issued, above))
        return len(above) - changes_of_keys > self._max_depth or changes_of_keys > SELF_ISSUED

    def _onward(
        self, walked: tuple[CertificateFields, ...], wanted: Callable[[CertificateFields], bool]
    ) -> Iterator[CertificateFields]:
        """Yield the issuers that signed the last certificate and are not on the path yet."""
        last = walked[-1]
        passed = {self._pool.identity(each) for each in walked}
        issuers = self._issuers(last)
        self._pool.budget.spend(WorkKind.COMPARISON, len(issuers) + len(walked))
        # The same name with the same key again is a loop, or a root that is not a trust anchor.
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
        """Candidates by name: sound ones first, then anchors, then matching key ids (RFC 4158 §3.5.12)."""
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
