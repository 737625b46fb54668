"""Judges the certificate chain of a peer: for both of our handshakes.

    Certificate:  leaf <- intermediate CA <- trust anchor, which this side has beforehand (RFC 8446 §4.4.2)

The judgement itself is `pki.path.verify`. This module turns its first failed check into a violation.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import Check, Credential, Purpose, Verdict
from pki.path import SIGNATURE, verify
from pki.verdict import Result
from tlsdemo import peer
from tlsdemo.protocol import Party, Side
from tlsdemo.violations import ProtocolError, Violation

PURPOSES = {Side.SERVER: Purpose.SERVER, Side.CLIENT: Purpose.CLIENT}

CHECKS = ("purpose", "chain", "dates", "name", "revocation")
"""The checks of `pki.verify`, by their names."""

VIOLATIONS: Mapping[str, Violation] = {
    "form": Violation.BAD_CERTIFICATE,
    "purpose": Violation.WRONG_PURPOSE,
    "chain": Violation.UNTRUSTED,
    "dates": Violation.OUT_OF_DATE,
    "name": Violation.WRONG_NAME,
    "revocation": Violation.REVOKED,
}


def read_chain(ders: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """Parse the certificates of a message; ProtocolError if one of them cannot be parsed."""
    chain = [_loaded(der) for der in ders]
    for each in chain:
        if isinstance(each, peer.Unreadable):
            raise ProtocolError(Violation.BAD_CERTIFICATE, each.why)
    return tuple(each for each in chain if not isinstance(each, peer.Unreadable))


@lru_cache(128)
def _loaded(der: bytes) -> x509.Certificate | peer.Unreadable:
    """The certificate; the same object for the same bytes, so that what was read of it is not read again."""
    return peer.load(der)


def judge(chain: Sequence[x509.Certificate], party: Party, presenter: Side, checks: frozenset[str]) -> Verdict:
    """The verdict of `party` about the chain that `presenter` sent; ProtocolError at the first of `checks` that fails.

    A check in `checks` that was not made counts as failed. A certificate that `verify` cannot judge is refused.
    """
    verdict = peer.attempt(
        lambda: verify(
            chain[0],
            intermediates=chain[1:],
            trust_anchors=party.anchors,
            name=party.name if presenter is Side.SERVER else None,
            purpose=PURPOSES[presenter],
            at=party.clock(),
            crls=party.crls if "revocation" in checks else (),
        )
    )
    if isinstance(verdict, peer.Unreadable):
        raise ProtocolError(Violation.BAD_CERTIFICATE, verdict.why)
    wanted = checks - {"name"} if presenter is Side.CLIENT else checks  # a client may have any name
    for check in verdict.checks:
        if check.result is Result.FAILED and _kind(check) in wanted | {"form"}:
            raise ProtocolError(_violation(check), check.detail, check)
    passed = {check.name for check in verdict.checks if check.result is Result.PASSED}
    for name in CHECKS:
        if name in wanted - passed:
            missing = next((check for check in verdict.checks if check.name == name), verdict.failure)
            raise ProtocolError(VIOLATIONS[name], missing.detail if missing else "this was not checked", missing)
    return verdict


def _violation(check: Check) -> Violation:
    return Violation.FORGED if check.section == SIGNATURE else VIOLATIONS[_kind(check)]


def _kind(check: Check) -> str:
    """The check's name in CHECKS; "chain" for any other."""
    return check.name if check.name in VIOLATIONS else "chain"


def ders(credential: Credential) -> tuple[bytes, ...]:
    """The chain in DER as it is sent: leaf first, no root."""
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in credential.chain)
