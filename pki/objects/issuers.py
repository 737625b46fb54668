"""Which certificate of a set issued which, and the path from one up to a root. Pure.

    Pool(certificates).chain(leaf) -> Chain: leaf, intermediate, ...   and its root, if the set has one

Names and signatures are compared, and nothing else: validity, constraints and revocation are for `pki.path`, which
searches from trust anchors. Here any self-signed certificate is a root.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509

from pki.budget import Budget, WorkKind, signature_price
from pki.malformed import guarded
from pki.objects.fields import CertificateFields
from pki.objects.signatures import Answer, SignatureStatus, check, encoded, key_of


@dataclass(frozen=True)
class Chain:
    """A leaf and the issuers above it, without the root."""

    certificates: tuple[x509.Certificate, ...]
    root: x509.Certificate | None = None
    """The self-signed certificate that ends it; the leaf itself if it is self-signed. None if the chain is open."""
    loop: x509.Certificate | None = None
    """The issuer of the last certificate, if it is already in the chain."""


class Pool:
    """Distinct certificates. Each signature is verified once; the work is limited (`pki.budget`)."""

    def __init__(self, certificates: Iterable[x509.Certificate]) -> None:
        self.certificates = tuple(dict.fromkeys(certificates))
        self.budget = Budget()
        self._answers: dict[tuple[x509.Certificate, x509.Certificate], Answer] = {}
        self._fields = {each: CertificateFields(each) for each in self.certificates}
        self._by_subject: dict[object, list[x509.Certificate]] = {}
        self._by_issuer: dict[object, list[x509.Certificate]] = {}
        for each, fields in self._fields.items():
            self._by_subject.setdefault(guarded(lambda f=fields: f.subject), []).append(each)  # type: ignore[misc]  # mypy does not infer the default
            self._by_issuer.setdefault(guarded(lambda f=fields: f.issuer), []).append(each)  # type: ignore[misc]  # the same

    def answer(self, certificate: x509.Certificate, authority: x509.Certificate) -> Answer:
        """Whether the key of `authority` signed `certificate`. Raises Exhausted at the limit."""
        pair = certificate, authority
        if pair not in self._answers:
            key = guarded(lambda: key_of(authority))
            if key is None:
                self._answers[pair] = Answer(SignatureStatus.UNKNOWN, "its key cannot be read")
            else:
                signed = encoded(certificate)
                self.budget.spend(WorkKind.SIGNATURE, price=signature_price(key.public, len(signed)))
                self._answers[pair] = check(signed, key)
        return self._answers[pair]

    def named(self, certificate: x509.Certificate) -> Sequence[x509.Certificate]:
        """The certificates whose subject is the issuer of `certificate`; itself included if it is self-issued."""
        name = guarded(lambda: self._fields[certificate].issuer)
        return () if name is None else self._by_subject.get(name, ())

    def signed(self, certificate: x509.Certificate, authority: x509.Certificate) -> bool:
        """Whether the key of `authority` signed `certificate`; names are not compared."""
        return self.answer(certificate, authority).outcome is SignatureStatus.HOLDS

    def issuers(self, certificate: x509.Certificate) -> list[x509.Certificate]:
        """Those that issued `certificate`: CA certificates first, and among them those that are valid longest."""
        found = [each for each in self.named(certificate) if self.signed(certificate, each)]
        return sorted(found, key=lambda each: (not self.is_authority(each), -each.not_valid_after_utc.timestamp()))

    def is_self_signed(self, certificate: x509.Certificate) -> bool:
        """Whether it names itself as its issuer, and its own key signed it."""
        return certificate in self.named(certificate) and self.signed(certificate, certificate)

    def issued_another(self, authority: x509.Certificate) -> bool:
        """Whether it issued a certificate of the set that is for another name or key."""
        name = guarded(lambda: self._fields[authority].subject)
        mine = self.identity(authority)
        named = () if name is None else self._by_issuer.get(name, ())
        return any(self.identity(each) != mine and self.signed(each, authority) for each in named)

    def is_authority(self, certificate: x509.Certificate) -> bool:
        """Whether its basic constraints say that it is a CA."""
        return bool(guarded(lambda: self._fields[certificate].is_authority))

    def identity(self, certificate: x509.Certificate) -> object:
        """Equal for certificates of one CA: the subject and the key."""
        return guarded(lambda: self._fields[certificate].identity) or certificate

    def chain(self, leaf: x509.Certificate) -> Chain:
        """The shortest chain to a root; without a root, a chain to a certificate whose issuer is missing.

        Breadth first; each certificate is visited once, so that a mesh of CAs does not take exponential time. Raises
        Exhausted at the limit.
        """
        if self.is_self_signed(leaf):
            return Chain((leaf,), root=leaf)
        waiting: deque[tuple[x509.Certificate, ...]] = deque([(leaf,)])
        seen = {leaf}
        ends: list[Chain] = []
        while waiting:
            path = waiting.popleft()
            passed = set(map(self.identity, path))
            issuers = self.issuers(path[-1])
            onward = [each for each in issuers if self.identity(each) not in passed]
            for each in onward:
                if self.is_self_signed(each):
                    return Chain(path, root=each)
            ahead = [each for each in onward if each not in seen]
            seen.update(ahead)
            waiting.extend((*path, each) for each in ahead)
            if not ahead:
                ends.append(Chain(path, loop=issuers[0] if issuers else None))
        return min(ends, key=lambda each: each.loop is not None)
