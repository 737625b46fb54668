"""FORWARD_SECRECY removed: the server's secret is the private key of its certificate.

All conversations depend on one key, which is stored for years. An attacker that records conversations today and gets
the key later (stolen, found on an old disk, demanded by a court) decrypts all of them. TLS up to 1.2 has this as static
(EC)DH and as RSA key transport (RFC 5246 §7.4.7.1); TLS 1.3 removed both. Attack: `recorded-today`.
"""

import re
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tlsdemo.edu.key_agreement import Randomness, Symmetric
from tlsdemo.edu.machine import Machine, Parts
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError, Violation

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3)


@dataclass(frozen=True)
class P256(Symmetric):
    """ECDH on secp256r1 (§4.2.7), the curve of many certificate keys: the same key can sign and agree."""

    name = "secp256r1"
    strong = True

    def draw(self, random: Randomness) -> int:
        """A number below the order of the curve."""
        return 1 + int.from_bytes(random(40)) % (ORDER - 1)

    def public(self, secret: int) -> str:
        """An uncompressed point in hex (§4.2.8.2)."""
        point = self._key(secret).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return point.hex()

    def shared(self, secret: int, theirs: str) -> bytes:
        """The x coordinate of the shared point, 32 bytes; ProtocolError if the peer's point is not on the curve."""
        if not re.fullmatch("04[0-9a-f]{128}", theirs):
            detail = "a P-256 key share is an uncompressed point: 04 and 128 lowercase hex digits"
            raise ProtocolError(Violation.BAD_SHARE, detail)
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(theirs))
        except ValueError:
            raise ProtocolError(Violation.BAD_SHARE, "this point is not on the curve") from None
        return self._key(secret).exchange(ec.ECDH(), point)

    def _key(self, secret: int) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(secret, ec.SECP256R1())


def of_the_certificate(machine: Machine) -> int:
    """The private key of the server's certificate, also on a rung that does not present it.

    ValueError if it is not a P-256 key.
    """
    if machine.party.credential is None:
        raise ProtocolError(Violation.NO_CERTIFICATE, "without FORWARD_SECRECY its private key is the server's secret")
    key = machine.party.credential.key
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.key_size != 256:
        raise ValueError("without FORWARD_SECRECY the server's certificate needs a P-256 key")
    return key.private_numbers().private_value


def weaken(parts: Parts) -> Parts:
    """Use P-256, and the certificate's key as the server's secret. The client still draws a new one."""
    return replace(parts, group=P256(), secret={**parts.secret, Side.SERVER: of_the_certificate})
