"""POSSESSION removed: the signature in CertificateVerify is not checked.

A certificate is public, so an attacker can present a copy of it and sign with any key. Apple's TLS had this fault: a
duplicated `goto fail` skipped the check (CVE-2014-1266). The peer does not notice: it still signs. The educational
handshake sends no signature here; in TLS that would be another protocol. Attack: `copied-certificate`.
"""

from dataclasses import replace

from cryptography.x509 import Certificate

from tlsdemo.tls13.machine import Parts


def accept_any_signature(certificate: Certificate, number: int, signature: bytes, content: bytes) -> None:
    """Accept it."""


def weaken(parts: Parts) -> Parts:
    """Accept every signature of the peer."""
    return replace(parts, check_signature=accept_any_signature)
