"""Without INTEGRITY: every record is encrypted, and none is authenticated (AES in CBC mode, RFC 5246 §6.2.3.2).

What is wrong: whoever flips a bit of the initialization vector flips the same bit of what is said (attack: `bit-flip`).
What does not end in a proper padding is refused, and that answer is heard: asked often enough, it gives away every byte
(attack: `padding-oracle`; Vaudenay, 2002). TLS up to 1.2 has a MAC inside, which stops the first; not the second, as
long as the two refusals can be told apart, be it by their time (Lucky Thirteen, 2013). SSL 3.0 does not even check the
bytes of the padding, which no MAC covers: a forged last block is accepted once in 256 times (POODLE, 2014).
"""

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.machine import Parts

BLOCK = 16  # bytes


@dataclass(frozen=True)
class Cbc:
    """Padding, encryption with a key of so many bytes, and the initialization vector in front."""

    length: int

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        """The vector, and whole blocks."""
        vector = nonce.ljust(BLOCK, b"\0")
        padder = PKCS7(8 * BLOCK).padder()
        encryptor = self._cipher(key, vector).encryptor()
        return vector + encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()

    def open(self, key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        """The vector is taken as it came."""
        return self._unpadded(key, sealed[:BLOCK], sealed[BLOCK:])

    def _unpadded(self, key: bytes, vector: bytes, blocks: bytes) -> bytes:
        unpadder = PKCS7(8 * BLOCK).unpadder()
        try:
            plaintext = self._cipher(key, vector).decryptor().update(blocks)
            return unpadder.update(plaintext) + unpadder.finalize()
        except ValueError:
            raise ProtocolError(Violation.BAD_RECORD, "what comes out of it ends in no padding") from None

    def _cipher(self, key: bytes, vector: bytes) -> "Cipher[modes.CBC]":
        return Cipher(algorithms.AES(key[: self.length]), modes.CBC(vector))


CIPHERS = {"AES-256-CBC without MAC": Cbc(32), "AES-128-CBC without MAC": Cbc(16)}


def weaken(parts: Parts) -> Parts:
    """CBC without a MAC."""
    return replace(parts, ciphers=CIPHERS)
