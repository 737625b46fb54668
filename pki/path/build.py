"""Every way from the leaf to a trust anchor, the likely ones first (RFC 4158).

A depth-first search with backtracking: a wrong turn - an expired twin, a cross-certificate that leads nowhere, a loop -
is only a detour. Hostile meshes have more ways than atoms, so the work is counted: signatures checked, steps taken.
"""

from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.malformed import MALFORMED
from pki.path.reading import Request
from pki.signed import same_name, signature_holds

UNREADABLE: tuple[type[Exception], ...] = (x509.ExtensionNotFound, *MALFORMED)
SIGNATURES, STEPS = 400, 4000
"""As many are made for one leaf. Real chains take three signatures; the worst known honest mesh, some dozens."""


class Exhausted(Exception):
    """There is still a way to try, and the patience is at its end."""


class Search:
    """One search: what was looked at, and where it went wrong first."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._anchors = set(request.trust_anchors)
        self._pool = [
            (_subject(each), each) for each in dict.fromkeys((*request.trust_anchors, *request.intermediates))
        ]
        self._signed: dict[tuple[x509.Certificate, x509.Certificate], bool] = {}
        self._steps = 0
        self.forged: tuple[x509.Certificate, x509.Certificate] | None = None
        """The first certificate whose signature does not fit, and the authority in whose name it was made."""
        self.orphan: x509.Certificate | None = None
        """The first from which no way leads on."""
        self.circle = False
        """Whether its issuer is there, and was passed already."""
        self.too_deep = False

    def paths(self) -> Iterator[tuple[x509.Certificate, ...]]:
        """Complete ones, leaf first, anchor last. Exhausted if there are too many ways."""
        yield from self._from((self._request.leaf,))

    def _from(self, walked: tuple[x509.Certificate, ...]) -> Iterator[tuple[x509.Certificate, ...]]:
        self._steps += 1
        if self._steps > STEPS:
            raise Exhausted
        last = walked[-1]
        if last in self._anchors:
            yield walked
            return
        if _intermediates(walked) > self._request.max_depth:
            self.too_deep = True
            return
        issuers = self._issuers(last)
        # The same name with the same key leads nowhere new: a loop, or a root that nobody trusts.
        onward = [each for each in issuers if not any(_is_same(each, before) for before in walked)]
        if not onward and self.orphan is None:
            self.orphan, self.circle = last, bool(issuers)
        for issuer in onward:
            if self._is_signed(last, issuer):
                yield from self._from((*walked, issuer))
            elif self.forged is None:
                self.forged = last, issuer

    def _issuers(self, certificate: x509.Certificate) -> Sequence[x509.Certificate]:
        """Those of the right name: anchors first, then those whose key identifier fits (RFC 4158 §3.5.12)."""
        wanted = certificate.issuer
        found = [each for name, each in self._pool if name is not None and same_name(name, wanted)]
        if len(found) < 2:
            return found
        identifier = _authority_key(certificate)

        def unlikely(each: x509.Certificate) -> tuple[bool, bool, bool]:
            dates = each.not_valid_before_utc <= self._request.at <= each.not_valid_after_utc
            fits = identifier is None or _key_identifier(each) in (None, identifier)
            return each not in self._anchors, not fits, not dates

        return sorted(found, key=unlikely)

    def _is_signed(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        key = certificate, issuer
        if key not in self._signed:
            if len(self._signed) >= SIGNATURES:
                raise Exhausted
            self._signed[key] = signature_holds(certificate, issuer)
        return self._signed[key]


def _intermediates(walked: Sequence[x509.Certificate]) -> int:
    """How many authorities there are between the leaf and whatever comes next; a change of keys does not count."""
    return sum(1 for each in walked[1:] if not same_name(each.subject, each.issuer))


def _is_same(one: x509.Certificate, other: x509.Certificate) -> bool:
    """The same name and the same key: for a path that is the same authority (RFC 4158 §2.4.2)."""
    if one == other:
        return True
    mine, theirs = _subject(one), _subject(other)
    return mine is not None and theirs is not None and same_name(mine, theirs) and _key(one) == _key(other)


def _key(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except MALFORMED:
        return certificate.public_bytes(Encoding.DER)


def _subject(certificate: x509.Certificate) -> x509.Name | None:
    try:
        return certificate.subject
    except MALFORMED:
        return None


def _authority_key(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except UNREADABLE:
        return None


def _key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except UNREADABLE:
        return None
