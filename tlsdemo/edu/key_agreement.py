"""How two who never met come to a common secret over an open line (key agreement; RFC 8446 §7.4).

    client: secret a, public A = mix(common, a)          A ---->
                                                         <---- B          server: secret b, public B = mix(common, b)
    mix(B, a)  ==  mix(A, b):  both now have it, and neither has sent it

What mixes must be easy one way and hopeless the other way. `Multiplication` shows the idea, and is undone by dividing;
a power modulo a prime p (Diffie and Hellman, 1976) is not, if p is large and p - 1 has a large prime factor (compare
`logarithms.SMOOTH`); `X25519` is what is used today.
A group is a value; each draws a secret, and turns it into the text that is sent and into the shared secret, as bytes.
`Hybrid` adds a second lock of another kind, for the day when somebody opens the first.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from tlsdemo.edu.errors import ProtocolError, Violation

Randomness = Callable[[int], bytes]


class Group(Protocol):
    """What both sides agree to reckon in. Secrets are numbers; public values are text, as in the messages."""

    @property
    def name(self) -> str:
        """As it stands in the ClientHello."""

    @property
    def strong(self) -> bool:
        """Whether nobody knows how to get from the public values to the shared secret."""

    def draw(self, random: Randomness) -> int:
        """A fresh secret."""

    def public(self, secret: int) -> str:
        """What may be sent in the open."""

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        """The server's public value, and what both have in the end; ProtocolError if theirs is out of the group."""

    def shared(self, secret: int, theirs: str) -> bytes:
        """What both have in the end; ProtocolError if the other's public value is out of the group."""


class Symmetric:
    """Where both sides do the same: the answer does not depend on the question."""

    def public(self, secret: int) -> str:
        """What may be sent in the open."""
        raise NotImplementedError

    def shared(self, secret: int, theirs: str) -> bytes:
        """What both have in the end."""
        raise NotImplementedError

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        """The same two steps on the server's side."""
        return self.public(secret), self.shared(secret, theirs)


@dataclass(frozen=True)
class Nothing(Symmetric):
    """No agreement: the rung `plain` keeps no secret."""

    name = ""
    strong = False

    def draw(self, random: Randomness) -> int:
        """Nothing is secret."""
        return 0

    def public(self, secret: int) -> str:
        """Nothing is sent."""
        return ""

    def shared(self, secret: int, theirs: str) -> bytes:
        """Nothing is shared."""
        return b""


# The idea -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Multiplication(Symmetric):
    """The toy: 300 is known to all; 5 x 300 = 1500 and 7 x 300 = 2100 are sent; 5 x 2100 = 7 x 1500 = 10500 is shared.

    Whoever listens divides, 1500 / 300 = 5, and has it, too: attack `eavesdropper`.
    """

    common: int = 300
    secret: int | None = None
    """The story's: 5 for the client, 7 for the server. Otherwise it is drawn."""
    strong = False

    @property
    def name(self) -> str:
        """It names the common number."""
        return f"multiplication by {self.common}"

    def draw(self, random: Randomness) -> int:
        """A number between 1 and 2**32."""
        return self.secret if self.secret is not None else 1 + int.from_bytes(random(4))

    def public(self, secret: int) -> str:
        """The common number, so many times."""
        return str(self.common * secret)

    def shared(self, secret: int, theirs: str) -> bytes:
        """Their number, so many times; 16 bytes."""
        number = _number(theirs, 10)
        if not 0 < number <= self.common * 2**32 or number % self.common:
            raise ProtocolError(Violation.BAD_SHARE, f"{theirs[:30]} is no multiple of {self.common} that fits")
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
)  # RFC 7919 §A.1: the digits of e, so that nobody chose them
EXPONENT_BITS = 256  # RFC 7919 §5.2 asks for 225 or more in ffdhe2048


@dataclass(frozen=True)
class FiniteField(Symmetric):
    """Powers of g modulo a prime p. ValueError for numbers that are no such group."""

    p: int
    g: int

    def __post_init__(self) -> None:
        if not (5 <= self.p < 2**4096 and 1 < self.g < self.p - 1):
            raise ValueError(f"{self.p}:{self.g} is no group: p from 5 to 4096 bits, and g between 1 and p - 1")
        if any(pow(base, self.p - 1, self.p) != 1 for base in (2, 3, 5, 7) if base % self.p):  # Fermat
            raise ValueError(f"{self.p} is not a prime number")

    @property
    def name(self) -> str:
        """`ffdhe2048`, or `p:g` for one that was made up."""
        return "ffdhe2048" if self.strong else f"{self.p}:{self.g}"

    @property
    def strong(self) -> bool:
        """Of a group that was made up, nobody knows."""
        return (self.p, self.g) == (FFDHE2048, 2)

    def draw(self, random: Randomness) -> int:
        """An exponent, of 256 bits where the group is larger than that."""
        most = min(self.p - 2, 1 << EXPONENT_BITS)
        secret = int.from_bytes(random(EXPONENT_BITS // 8)) % most + 1
        while not self._inside(pow(self.g, secret, self.p)):  # in a tiny group it may hit the edge
            secret = secret % most + 1
        return secret

    def public(self, secret: int) -> str:
        """G to the power of the secret."""
        return self.text(pow(self.g, secret, self.p))

    def shared(self, secret: int, theirs: str) -> bytes:
        """Their number to the power of the secret."""
        number = self.number(theirs)
        if not self._inside(number):  # RFC 7919 §5.1: else the result is 0, 1 or -1, whatever the secrets are
            raise ProtocolError(Violation.BAD_SHARE, f"{theirs[:30]} is not between 1 and p - 1")
        return self.padded(pow(number, secret, self.p))

    def text(self, number: int) -> str:
        """As it is sent: decimal where it is short enough to be read, else hex."""
        return str(number) if self.p < 2**64 else self.padded(number).hex()

    def padded(self, number: int) -> bytes:
        """As it goes into the keys (§7.4.1)."""
        return number.to_bytes((self.p.bit_length() + 7) // 8)

    def number(self, share: str) -> int:
        """What was sent, as a number; ProtocolError if it is none."""
        return _number(share, 10 if self.p < 2**64 else 16)

    def _inside(self, number: int) -> bool:
        return 1 < number < self.p - 1


@dataclass(frozen=True)
class X25519(Symmetric):
    """Points of a curve instead of numbers: as hard with 32 bytes as the other with hundreds (RFC 7748)."""

    name = "x25519"
    strong = True

    def draw(self, random: Randomness) -> int:
        """32 bytes, as a number."""
        return int.from_bytes(random(32))

    def public(self, secret: int) -> str:
        """32 bytes in hex."""
        return self._key(secret).public_key().public_bytes_raw().hex()

    def shared(self, secret: int, theirs: str) -> bytes:
        """32 bytes; a point that makes them all zero is refused (§7.4.2)."""
        if not re.fullmatch("[0-9a-f]{64}", theirs):
            raise ProtocolError(Violation.BAD_SHARE, f"an x25519 share has 64 hex digits, this has {len(theirs)}")
        try:
            return self._key(secret).exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(theirs)))
        except ValueError:
            raise ProtocolError(Violation.BAD_SHARE, "with this point, every secret gives the same") from None

    def _key(self, secret: int) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(secret.to_bytes(32))


ENCAPSULATION_KEY, CIPHERTEXT, SEED, POINT = 1184, 1088, 64, 32  # bytes: ML-KEM-768 (FIPS 203 §8), X25519


@dataclass(frozen=True)
class Hybrid:
    """X25519 and ML-KEM-768 side by side: both must fall before the secret does (draft-ietf-tls-ecdhe-mlkem).

    ML-KEM is no exchange of like halves: the client sends a key, the server locks a secret into it and sends that back.
    TLS calls the pair X25519MLKEM768, and puts the ML-KEM part first, as here.
    """

    name = "x25519mlkem768"
    strong = True

    def draw(self, random: Randomness) -> int:
        """The seed of the ML-KEM key and the secret of X25519: 96 bytes. The server needs the latter alone."""
        return int.from_bytes(random(SEED + POINT))

    def public(self, secret: int) -> str:
        """The client's: an encapsulation key and a point, in hex."""
        return self._key(secret).public_key().public_bytes_raw().hex() + X25519().public(secret % 2**256)

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        """The server's: a ciphertext that only the client opens, and a point."""
        key, point = self._parts(theirs, ENCAPSULATION_KEY)
        try:
            locked, ciphertext = MLKEM768PublicKey.from_public_bytes(key).encapsulate()
        except ValueError:
            raise ProtocolError(Violation.BAD_SHARE, "this is no ML-KEM key (FIPS 203 §7.2)") from None
        mine, shared = X25519().answer(secret % 2**256, point)
        return ciphertext.hex() + mine, locked + shared

    def shared(self, secret: int, theirs: str) -> bytes:
        """The client opens the ciphertext, and joins both secrets."""
        ciphertext, point = self._parts(theirs, CIPHERTEXT)
        return self._key(secret).decapsulate(ciphertext) + X25519().shared(secret % 2**256, point)

    def _key(self, secret: int) -> MLKEM768PrivateKey:
        return MLKEM768PrivateKey.from_seed_bytes((secret >> 8 * POINT).to_bytes(SEED))

    def _parts(self, share: str, length: int) -> tuple[bytes, str]:
        if not re.fullmatch(f"[0-9a-f]{{{2 * (length + POINT)}}}", share):
            wanted = 2 * (length + POINT)
            raise ProtocolError(Violation.BAD_SHARE, f"this share has {wanted} hex digits, not {len(share)}")
        return bytes.fromhex(share[: 2 * length]), share[2 * length :]


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise ProtocolError(Violation.BAD_SHARE, f"{text[:30]!r} is no number here") from None
