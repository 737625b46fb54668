"""Authentication: a signature over the handshake, and a certificate chain to a trust anchor.

CertificateVerify:  signed( 64 spaces, the signer's side, a zero byte, the transcript hash )          §4.4.3
Certificate:        leaf <- intermediate CA <- trust anchor, which the peer has beforehand            §4.4.2
"""

from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from pki import Check, Credential, Purpose, Verdict, keys
from pki.malformed import MALFORMED
from pki.path import SIGNATURE, verify
from pki.verdict import Result
from tlsdemo import peer
from tlsdemo.protocol import Party, Side
from tlsdemo.violations import ProtocolError, Violation

PURPOSES = {Side.SERVER: Purpose.SERVER, Side.CLIENT: Purpose.CLIENT}


def signed_content(signer: Side, transcript_hash: bytes) -> bytes:
    """The bytes that are signed. They name the side: a server's signature does not verify as a client's."""
    return b" " * 64 + f"tlsdemo, {signer.value} CertificateVerify".encode() + b"\0" + transcript_hash


def sign(key: keys.PrivateKey, content: bytes) -> bytes:
    """Prove possession of the key. With EC and Ed25519 the same content gives the same signature (RFC 6979, 8032)."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return key.sign(content)
        case ec.EllipticCurvePrivateKey():
            return key.sign(content, ec.ECDSA(_hash(key.public_key()), deterministic_signing=True))
        case rsa.RSAPrivateKey():
            return key.sign(content, _pss(), hashes.SHA256())
    raise ValueError(f"a {type(key).__name__} cannot sign a handshake")


def check_signature(certificate: x509.Certificate, signature: bytes, content: bytes) -> None:
    """Verify that the certificate's key made the signature over `content`; ProtocolError if not."""
    try:
        match key := _public_key(certificate):
            case ed25519.Ed25519PublicKey():
                key.verify(signature, content)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, content, ec.ECDSA(_hash(key)))
            case rsa.RSAPublicKey():
                key.verify(signature, content, _pss(), hashes.SHA256())
            case _:
                raise ProtocolError(Violation.WEAK_KEY, keys.describe(key))
    except InvalidSignature:
        detail = "it was made with a key other than the certificate's, or over another handshake"
        raise ProtocolError(Violation.BAD_SIGNATURE, detail) from None
    except MALFORMED as error:
        raise ProtocolError(Violation.WEAK_KEY, str(error)) from None


def _public_key(certificate: x509.Certificate) -> PublicKeyTypes:
    found = peer.attempt(certificate.public_key)
    if isinstance(found, peer.Unreadable):
        raise ProtocolError(Violation.WEAK_KEY, found.why)
    return found


def _hash(key: ec.EllipticCurvePublicKey) -> hashes.HashAlgorithm:
    return hashes.SHA384() if key.key_size > 256 else hashes.SHA256()


def _pss() -> padding.PSS:
    return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


# The certificate ----------------------------------------------------------------------------------------------------

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
    chain = [peer.load(der) for der in ders]
    for each in chain:
        if isinstance(each, peer.Unreadable):
            raise ProtocolError(Violation.BAD_CERTIFICATE, each.why)
    return tuple(each for each in chain if not isinstance(each, peer.Unreadable))


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
            crls=party.crls,
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
