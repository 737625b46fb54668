"""INTEGRITY removed: records are encrypted, but not authenticated (AES in CBC mode, RFC 5246 §6.2.3.2).

An attacker that flips a bit of the initialization vector flips the same bit of the first block of the plaintext
(attack: `bit-flip`). The receiver refuses invalid padding, and the attacker sees that refusal: with enough attempts it
learns every byte (attack: `padding-oracle`; Vaudenay, 2002). CBC suites of TLS up to 1.2 have a MAC below the
encryption. That stops the bit flip, but not the padding oracle, if the two kinds of refusal can be distinguished, for
example by their time (Lucky Thirteen, 2013). SSL 3.0 does not check the padding bytes, and the MAC does not cover them:
a forged last block is accepted once in 256 times (POODLE, 2014).
"""

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tlsdemo.edu.machine import Parts
from tlsdemo.violations import ProtocolError, Violation

BLOCK = 16  # bytes


@dataclass(frozen=True)
class Cbc:
    """AES-CBC with PKCS#7 padding and the initialization vector in front."""

    length: int
    """Of the key, in bytes."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes, header: bytes = b"") -> bytes:
        """The initialization vector and the encrypted blocks."""
        vector = nonce.ljust(BLOCK, b"\0")
        padder = PKCS7(8 * BLOCK).padder()
        encryptor = self._cipher(key, vector).encryptor()
        return vector + encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()

    def open(self, key: bytes, nonce: bytes, sealed: bytes, header: bytes = b"") -> bytes:
        """The plaintext; ProtocolError for invalid padding."""
        return self._unpadded(key, sealed[:BLOCK], sealed[BLOCK:])

    def sealed_length(self, length: int) -> int:
        return BLOCK + (length // BLOCK + 1) * BLOCK

    def _unpadded(self, key: bytes, vector: bytes, blocks: bytes) -> bytes:
        unpadder = PKCS7(8 * BLOCK).unpadder()
        try:
            plaintext = self._cipher(key, vector).decryptor().update(blocks)
            return unpadder.update(plaintext) + unpadder.finalize()
        except ValueError:
            raise ProtocolError(Violation.BAD_RECORD, "invalid padding") from None

    def _cipher(self, key: bytes, vector: bytes) -> "Cipher[modes.CBC]":
        return Cipher(algorithms.AES(key[: self.length]), modes.CBC(vector))


CIPHERS = {"AES-256-CBC without MAC": Cbc(32), "AES-128-CBC without MAC": Cbc(16)}


def weaken(parts: Parts) -> Parts:
    """Offer CBC without a MAC."""
    return replace(parts, ciphers=CIPHERS)
