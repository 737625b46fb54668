"""Which certificates may sign a CRL: a signer's certificate is validated like any other (RFC 5280 §6.3.3 (f)).

It needs a valid path to the same trust anchor as the certificate in question, and it must not be revoked. A CRL signed
by its own key decides that only if no other CRL does, as after a key rollover. Its names and its extended key usage
are not checked: it is neither a server nor a client.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from pki.budget import Exhausted, WorkKind, signature_price
from pki.malformed import Malformed, read_field
from pki.objects.fields import CertificateFields
from pki.objects.signatures import Answer, SignatureStatus, check_again
from pki.path.build import Pool, Search
from pki.path.profiles import SIGNER
from pki.path.request import Path, Request
from pki.path.steps import Failure
from pki.revocation import status
from pki.revocation.status import CrlReading, Good, Lists, SignerLimits, Undetermined

NESTED = 3
"""The longest chain of dependent signers: of a CRL, of the CRL for that signer's certificate, and so on."""


class CrlSigners:
    """The CRLs of one request and their signers; shared by all paths of the request."""

    def __init__(self, request: Request, pool: Pool, could_issue: Callable[[CertificateFields], bool]) -> None:
        self._request = request
        self._pool = pool
        self._could_issue = could_issue
        self._crls = tuple(map(CrlReading, request.crls))
        self._answers: dict[tuple[CrlReading, int], Answer] = {}
        self._trusted: dict[tuple[CertificateFields, CertificateFields, SignerLimits], bool] = {}

    def lists(self, anchor: CertificateFields) -> Lists:
        """The CRLs, for a path that ends at that trust anchor."""
        return Lists(
            self._crls,
            self._request.at,
            self._pool.budget,
            named=self._pool.named,
            identity=self._pool.identity,
            answer=self._answer,
            trusts=lambda signer, asked: self._trusts(signer, anchor, asked),
        )

    def _answer(self, crl: CrlReading, signer: CertificateFields) -> Answer:
        pair = crl, self._pool.identity(signer)
        if pair not in self._answers:
            try:
                key = signer.key
            except Malformed as error:
                self._answers[pair] = Answer(SignatureStatus.UNKNOWN, f"the key cannot be read: {error}")
            else:
                self._pool.budget.spend(WorkKind.SIGNATURE, price=signature_price(key.public, len(crl.der)))
                self._answers[pair] = check_again(crl.der, key)
        return self._answers[pair]

    def _trusts(self, signer: CertificateFields, anchor: CertificateFields, asked: SignerLimits) -> bool:
        if len(asked.without) >= NESTED:
            return False
        case = signer, anchor, asked
        if case not in self._trusted:
            self._trusted[case] = False  # while it is being validated
            self._trusted[case] = any(
                self._is_valid(path, asked) for path in self._paths(signer, anchor) if self._passes(path)
            )
        return self._trusted[case]

    def _paths(self, signer: CertificateFields, anchor: CertificateFields) -> Iterator[Path]:
        search = Search(signer, [anchor], self._pool, could_issue=self._could_issue, max_depth=self._request.max_depth)
        return (Path(chain, self._pool.budget) for chain in search.paths())

    def _passes(self, path: Path) -> bool:
        self._pool.budget.spend(WorkKind.JUDGING)
        try:
            for step in SIGNER[self._request.profile]:
                read_field(partial(step.follow, path, self._request), Failure, Exhausted)
        except (Failure, Malformed):
            return False
        return True

    def _is_valid(self, path: Path, asked: SignerLimits) -> bool:
        """Whether every certificate of the path is known not to be revoked."""
        own = frozenset({self._pool.identity(path.leaf)})
        lists = self.lists(path.anchor)
        for certificate, issuer in pairwise(path.certificates):
            found = status.of(certificate, issuer, lists, SignerLimits(asked.without | own, asked.granted))
            if isinstance(found, Undetermined) and certificate is path.leaf:
                found = status.of(certificate, issuer, lists, SignerLimits(asked.without, asked.granted | own))
            if not isinstance(found, Good):
                return False
        return True
