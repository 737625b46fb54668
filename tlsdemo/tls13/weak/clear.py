"""SECRECY and INTEGRITY removed: records in the clear.

TLS up to 1.2 has a name for it, TLS_NULL_WITH_NULL_NULL: the state before the handshake, which must not be negotiated
(RFC 5246 §A.5). The suite here has a number of our own, so a peer answers handshake_failure. Attacks: `eavesdropper`,
`bit-flip`.
"""

from dataclasses import replace

from tlsdemo.edu.weak.clear import Clear
from tlsdemo.tls13.machine import Parts, Suite

SUITES = {0xFF03: Suite("no cipher", "sha256", 32, Clear())}


def weaken(parts: Parts) -> Parts:
    """Offer a suite that changes nothing."""
    return replace(parts, suites=SUITES)
