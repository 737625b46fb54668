"""SECRECY removed: records are authenticated, but not encrypted.

An eavesdropper reads everything. Changes are still detected, and for some machines that is enough: RFC 9150 has such
cipher suites for TLS 1.3, and TLS 1.2 has its NULL suites. Attack: `eavesdropper`.
"""

import hmac
from dataclasses import dataclass, replace

from tlsdemo.edu.machine import Parts
from tlsdemo.violations import ProtocolError, Violation


@dataclass(frozen=True)
class Mac:
    """The plaintext, and a tag over nonce, header and plaintext (HMAC-SHA256)."""

    length: int
    """Of the tag, in bytes."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes, header: bytes = b"") -> bytes:
        """The plaintext and the tag."""
        return plaintext + self._tag(key, nonce + header, plaintext)

    def open(self, key: bytes, nonce: bytes, sealed: bytes, header: bytes = b"") -> bytes:
        """The plaintext; ProtocolError if the tag is wrong."""
        plaintext, tag = sealed[: -self.length], sealed[-self.length :]
        if not hmac.compare_digest(tag, self._tag(key, nonce + header, plaintext)):
            raise ProtocolError(Violation.BAD_RECORD)
        return plaintext

    def sealed_length(self, length: int) -> int:
        return length + self.length

    def _tag(self, key: bytes, before: bytes, plaintext: bytes) -> bytes:
        return hmac.digest(key, before + plaintext, "sha256")[: self.length]


CIPHERS = {"HMAC-SHA256 alone": Mac(32), "HMAC-SHA256-64 alone": Mac(8)}


def weaken(parts: Parts) -> Parts:
    """Offer ciphers that add a tag and do not encrypt."""
    return replace(parts, ciphers=CIPHERS)
