"""Key agreement: client and server compute a shared secret over an open connection (RFC 8446 §7.4).

    client: secret a, key share A = mix(base, a)         A ---->
                                                         <---- B         server: secret b, key share B = mix(base, b)
    mix(B, a)  ==  mix(A, b):  the shared secret; it was not sent

`mix` must be easy to compute and infeasible to invert. `Multiplication` shows the idea; a division inverts it. A power
modulo a prime p (Diffie and Hellman, 1976) is infeasible to invert if p is large and p - 1 has a large prime factor
(compare `logarithms.SMOOTH`). `X25519` is what is used today. `Hybrid` adds ML-KEM, in case X25519 is broken one day.
A group is a value. It draws a secret, and computes the key share (text) and the shared secret (bytes) from it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tlsdemo.violations import ProtocolError, Violation

Randomness = Callable[[int], bytes]


class Group(Protocol):
    """The group in which both sides compute. Secrets are numbers; key shares are text, as in the messages."""

    @property
    def name(self) -> str:
        """The name in ClientHello."""

    @property
    def strong(self) -> bool:
        """Whether no method is known that computes the shared secret from the key shares."""

    def draw(self, random: Randomness) -> int:
        """A new secret."""

    def public(self, secret: int) -> str:
        """The key share for that secret. It may be sent in the clear."""

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        """The server's key share and the shared secret; ProtocolError if the client's key share is invalid."""

    def shared(self, secret: int, theirs: str) -> bytes:
        """The shared secret; ProtocolError if the peer's key share is invalid."""


class Symmetric:
    """A group in which both sides compute the same: the server's key share does not depend on the client's."""

    def public(self, secret: int) -> str:
        raise NotImplementedError

    def shared(self, secret: int, theirs: str) -> bytes:
        raise NotImplementedError

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        return self.public(secret), self.shared(secret, theirs)


@dataclass(frozen=True)
class Nothing(Symmetric):
    """No key agreement: the rung `plain` has no shared secret."""

    name = ""
    strong = False

    def draw(self, random: Randomness) -> int:
        return 0

    def public(self, secret: int) -> str:
        return ""

    def shared(self, secret: int, theirs: str) -> bytes:
        return b""


# Multiplication -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Multiplication(Symmetric):
    """The toy: 300 is public; 5 x 300 = 1500 and 7 x 300 = 2100 are sent; 5 x 2100 = 7 x 1500 = 10500 is shared.

    An eavesdropper divides, 1500 / 300 = 5, and computes 10500, too: attack `computed-secret`.
    """

    common: int = 300
    secret: int | None = None
    """The secret of the story: 5 for the client, 7 for the server. If None, it is drawn."""
    strong = False

    @property
    def name(self) -> str:
        """`multiplication by 300`."""
        return f"multiplication by {self.common}"

    def draw(self, random: Randomness) -> int:
        """A number between 1 and 2**32."""
        return self.secret if self.secret is not None else 1 + int.from_bytes(random(4))

    def public(self, secret: int) -> str:
        return str(self.common * secret)

    def shared(self, secret: int, theirs: str) -> bytes:
        """The peer's key share times the secret; 16 bytes."""
        number = _number(theirs, 10)
        if not 0 < number <= self.common * 2**32 or number % self.common:
            detail = f"{theirs[:30]} is not a multiple of {self.common} between {self.common} and {self.common} x 2^32"
            raise ProtocolError(Violation.BAD_SHARE, detail)
        return (secret * number).to_bytes(16)


# Diffie-Hellman -----------------------------------------------------------------------------------------------------

FFDHE2048 = int(
    "ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695a9e13641146433fbcc939dce249b3ef9"
    "7d2fe363630c75d8f681b202aec4617ad3df1ed5d5fd65612433f51f5f066ed0856365553ded1af3b557135e7f57c935"
    "984f0c70e0e68b77e2a689daf3efe8721df158a136ade73530acca4f483a797abc0ab182b324fb61d108a94bb2c8e3fb"
    "b96adab760d7f4681d4f42a3de394df4ae56ede76372bb190b07a7c8ee0a6d709e02fce1cdf7e2ecc03404cd28342f61"
    "9172fe9ce98583ff8e4f1232eef28183c3fe3b1b4c6fad733bb5fcbc2ec22005c58ef1837d1683b2c6f34a26c1b2effa"
    "886b423861285c97ffffffffffffffff",
    16,
)  # RFC 7919 §A.1: derived from the digits of e, so that it cannot hide a weakness
EXPONENT_BITS = 256  # RFC 7919 §5.2 requires 225 or more for ffdhe2048


@dataclass(frozen=True)
class FiniteField(Symmetric):
    """Powers of g modulo a prime p. ValueError for an invalid p or g."""

    p: int
    g: int

    def __post_init__(self) -> None:
        if not (5 <= self.p < 2**4096 and 1 < self.g < self.p - 1):
            raise ValueError(f"{self.p}:{self.g} is not a group: p from 5 to 4096 bits, and g between 1 and p - 1")
        # Fermat's test. RFC 7919 proves FFDHE2048, so that it costs nothing at start-up.
        if self.p != FFDHE2048 and any(pow(base, self.p - 1, self.p) != 1 for base in (2, 3, 5, 7) if base % self.p):
            raise ValueError(f"{self.p} is not a prime number")

    @property
    def name(self) -> str:
        """`ffdhe2048`, or `p:g` for any other group."""
        return "ffdhe2048" if self.strong else f"{self.p}:{self.g}"

    @property
    def strong(self) -> bool:
        """True for ffdhe2048 alone: the strength of other groups is not known here."""
        return (self.p, self.g) == (FFDHE2048, 2)

    def draw(self, random: Randomness) -> int:
        """An exponent of at most 256 bits, below p - 1."""
        most = min(self.p - 2, 1 << EXPONENT_BITS)
        secret = int.from_bytes(random(EXPONENT_BITS // 8)) % most + 1
        while not self._inside(pow(self.g, secret, self.p)):  # in a tiny group the power may be 1 or p - 1
            secret = secret % most + 1
        return secret

    def public(self, secret: int) -> str:
        return self.text(pow(self.g, secret, self.p))

    def shared(self, secret: int, theirs: str) -> bytes:
        """The peer's key share to the power of the secret, as long as p."""
        number = self.number(theirs)
        if not self._inside(number):  # RFC 7919 §5.1: else the result is 0, 1 or -1, for every secret
            raise ProtocolError(Violation.BAD_SHARE, f"{theirs[:30]} is not between 1 and p - 1")
        return self.padded(pow(number, secret, self.p))

    def text(self, number: int) -> str:
        """The number as a key share: decimal if p has at most 64 bits, else hex."""
        return str(number) if self.p < 2**64 else self.padded(number).hex()

    def padded(self, number: int) -> bytes:
        """The number in big-endian order, as long as p (§7.4.1)."""
        return number.to_bytes((self.p.bit_length() + 7) // 8)

    def number(self, share: str) -> int:
        """The key share as a number; ProtocolError if it is not one."""
        return _number(share, 10 if self.p < 2**64 else 16)

    def _inside(self, number: int) -> bool:
        return 1 < number < self.p - 1


@dataclass(frozen=True)
class X25519(Symmetric):
    """Points of a curve instead of numbers: 32 bytes are as strong as hundreds of bytes modulo a prime (RFC 7748)."""

    name = "x25519"
    strong = True

    def draw(self, random: Randomness) -> int:
        """32 random bytes, as a number."""
        return int.from_bytes(random(32))

    def public(self, secret: int) -> str:
        """32 bytes in hex."""
        return self._key(secret).public_key().public_bytes_raw().hex()

    def shared(self, secret: int, theirs: str) -> bytes:
        """32 bytes. ProtocolError for a point that makes all of them zero (§7.4.2)."""
        if not re.fullmatch("[0-9a-f]{64}", theirs):
            detail = "an x25519 key share is 64 lowercase hex digits"
            raise ProtocolError(Violation.BAD_SHARE, f"{detail}; this one has {len(theirs)} characters")
        try:
            return self._key(secret).exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(theirs)))
        except ValueError:
            detail = "this point gives the same shared secret, zero, with every secret"
            raise ProtocolError(Violation.BAD_SHARE, detail) from None

    def _key(self, secret: int) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(secret.to_bytes(32))


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


ENCAPSULATION_KEY, CIPHERTEXT, SEED, POINT = 1184, 1088, 64, 32  # bytes: ML-KEM-768 (FIPS 203 §8), X25519


@dataclass(frozen=True)
class Hybrid:
    """X25519 and ML-KEM-768 together: the secret is safe unless both are broken (draft-ietf-tls-ecdhe-mlkem).

    ML-KEM is not symmetric: the client sends an encapsulation key, and the server encapsulates a secret with it and
    sends the ciphertext. TLS calls the pair X25519MLKEM768, and puts the ML-KEM part first, as here.
    """

    name = "x25519mlkem768"
    strong = True

    def draw(self, random: Randomness) -> int:
        """The seed of the ML-KEM key and the X25519 secret: 96 bytes. The server uses only the X25519 secret."""
        return int.from_bytes(random(SEED + POINT))

    def public(self, secret: int) -> str:
        """The client's key share: an encapsulation key and a point, in hex."""
        return self._key(secret).public_key().public_bytes_raw().hex() + X25519().public(secret % 2**256)

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        """The server's key share, which is a ciphertext and a point, and the shared secret, 64 bytes."""
        key, point = self._parts(theirs, ENCAPSULATION_KEY)
        try:
            locked, ciphertext = MLKEM768PublicKey.from_public_bytes(key).encapsulate()
        except ValueError:
            raise ProtocolError(Violation.BAD_SHARE, "not a valid ML-KEM-768 key (FIPS 203 §7.2)") from None
        mine, shared = X25519().answer(secret % 2**256, point)
        return ciphertext.hex() + mine, locked + shared

    def shared(self, secret: int, theirs: str) -> bytes:
        """The client's shared secret: the decapsulated one, then that of X25519; 64 bytes."""
        ciphertext, point = self._parts(theirs, CIPHERTEXT)
        return self._key(secret).decapsulate(ciphertext) + X25519().shared(secret % 2**256, point)

    def _key(self, secret: int) -> MLKEM768PrivateKey:
        return MLKEM768PrivateKey.from_seed_bytes((secret >> 8 * POINT).to_bytes(SEED))

    def _parts(self, share: str, length: int) -> tuple[bytes, str]:
        if not re.fullmatch(f"[0-9a-f]{{{2 * (length + POINT)}}}", share):
            wanted = 2 * (length + POINT)
            detail = f"the key share must be {wanted} lowercase hex digits; this one has {len(share)} characters"
            raise ProtocolError(Violation.BAD_SHARE, detail)
        return bytes.fromhex(share[: 2 * length]), share[2 * length :]


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        kind = "decimal" if base == 10 else "hexadecimal"
        raise ProtocolError(Violation.BAD_SHARE, f"{text[:30]!r} is not a {kind} number") from None
