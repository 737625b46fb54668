"""INTEGRITY removed: records are encrypted, but not authenticated (AES in CBC mode without a MAC).

An attacker that flips a bit of the initialization vector flips the same bit of the first block of the plaintext
(attack: `bit-flip`), and learns the plaintext from the refusals of invalid padding (`padding-oracle`). In TLS 1.3 every
alert has the same length, so two alerts cannot be told apart: the oracle is the difference between an alert and
silence. So this part also has the rule of TLS 1.0 that a record of an unknown type is ignored (RFC 2246 §6). The suites
have numbers for private use: a peer without them answers handshake_failure.
"""

from dataclasses import replace

from tlsdemo.edu.weak.integrity import Cbc
from tlsdemo.tls13.machine import Parts, Suite

SUITES = {
    0xFF01: Suite("AES-256-CBC without MAC", "sha256", 32, Cbc(32)),
    0xFF02: Suite("AES-128-CBC without MAC", "sha256", 32, Cbc(16)),
}


def ignore_unknown_content(content_type: int) -> None:
    """Ignore a record of an unknown content type, as TLS 1.0 does."""


def weaken(parts: Parts) -> Parts:
    """Offer CBC without a MAC, and ignore records of unknown types."""
    return replace(parts, suites=SUITES, unknown_content=ignore_unknown_content)
