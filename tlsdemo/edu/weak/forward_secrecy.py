"""Without FORWARD_SECRECY: the server's half of the agreement is the key of its certificate.

What is wrong: one key for all conversations, and it lies on a disk. Whoever records today and has the key tomorrow -
stolen, bought with the old machine, demanded by a court - reads everything (attack: `recorded-today`). TLS up to 1.2
has it as static (EC)DH and as RSA key transport (RFC 5246 §7.4.7.1); TLS 1.3 dropped both.
"""

import re
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.key_agreement import Randomness, Symmetric
from tlsdemo.edu.machine import Machine, Parts
from tlsdemo.protocol import Side

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3)


@dataclass(frozen=True)
class P256(Symmetric):
    """The curve of most certificates' keys (secp256r1, §4.2.7): so such a key can agree as well as sign."""

    name = "secp256r1"
    strong = True

    def draw(self, random: Randomness) -> int:
        """A number below the order of the curve."""
        return 1 + int.from_bytes(random(40)) % (ORDER - 1)

    def public(self, secret: int) -> str:
        """A point, in hex (§4.2.8.2)."""
        point = self._key(secret).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return point.hex()

    def shared(self, secret: int, theirs: str) -> bytes:
        """The first coordinate of the common point, 32 bytes; ProtocolError if theirs is not on the curve."""
        if not re.fullmatch("04[0-9a-f]{128}", theirs):
            raise ProtocolError(Violation.BAD_SHARE, "a P-256 share is an uncompressed point: 04 and 128 hex digits")
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(theirs))
        except ValueError:
            raise ProtocolError(Violation.BAD_SHARE, "this point is not on the curve") from None
        return self._key(secret).exchange(ec.ECDH(), point)

    def _key(self, secret: int) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(secret, ec.SECP256R1())


def of_the_certificate(machine: Machine) -> int:
    """The long-lived key, which a rung that shows no certificate has all the same; ValueError if it is no such key."""
    if machine.party.credential is None:
        raise ProtocolError(Violation.NO_CERTIFICATE, "its key is the server's half of the agreement")
    key = machine.party.credential.key
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.key_size != 256:
        raise ValueError("without FORWARD_SECRECY the server needs a P-256 key, to agree with")
    return key.private_numbers().private_value


def weaken(parts: Parts) -> Parts:
    """The client draws a fresh secret, the server does not."""
    return replace(parts, group=P256(), secret={**parts.secret, Side.SERVER: of_the_certificate})
