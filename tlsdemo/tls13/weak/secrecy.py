"""SECRECY removed: records are authenticated, but not encrypted.

An eavesdropper reads everything. RFC 9150 defines such suites for TLS 1.3, for devices that need no secrecy. A peer
without them answers handshake_failure. Attack: `eavesdropper`.
"""

from dataclasses import replace

from tlsdemo.edu.weak.secrecy import Mac
from tlsdemo.tls13.machine import Parts, Suite

SUITES = {
    0xC0B4: Suite("TLS_SHA256_SHA256", "sha256", 32, Mac(32)),
    0xFF04: Suite("HMAC-SHA256-64 alone", "sha256", 32, Mac(8)),  # of our own: something weaker to select
}


def weaken(parts: Parts) -> Parts:
    """Offer suites that add a tag and do not encrypt."""
    return replace(parts, suites=SUITES)
