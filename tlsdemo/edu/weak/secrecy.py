"""Without SECRECY: every record is authenticated, and none is encrypted.

What is wrong: whoever listens reads along (attack: `eavesdropper`). Nobody can change anything unseen, though, and for
some machines that is enough: RFC 9150 has such ciphers for TLS 1.3, and TLS 1.2 its NULL suites.
"""

import hmac
from dataclasses import dataclass, replace

from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.machine import Parts


@dataclass(frozen=True)
class Mac:
    """What is said, and a tag of so many bytes over its number and itself (HMAC-SHA256)."""

    length: int

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        """In the clear, and the tag behind it."""
        return plaintext + self._tag(key, nonce, plaintext)

    def open(self, key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        """Nothing of it is given out unless the tag is right."""
        plaintext, tag = sealed[: -self.length], sealed[-self.length :]
        if not hmac.compare_digest(tag, self._tag(key, nonce, plaintext)):
            raise ProtocolError(Violation.BAD_RECORD)
        return plaintext

    def _tag(self, key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        return hmac.digest(key, nonce + plaintext, "sha256")[: self.length]


CIPHERS = {"HMAC-SHA256 alone": Mac(32), "HMAC-SHA256-64 alone": Mac(8)}


def weaken(parts: Parts) -> Parts:
    """A tag, and nothing else."""
    return replace(parts, ciphers=CIPHERS)
