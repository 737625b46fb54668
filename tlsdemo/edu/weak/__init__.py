"""What is lost without a protection: each module replaces one part of the handshake by a weak one.

Each module has a function Parts -> Parts, and names the weakness and the attack that shows it. `WEAK` maps each
protection to the function that removes it, in the order in which they are applied.

secrecy            records that an eavesdropper can read
integrity          records without an authentication tag
order              records without a sequence number
closure            an end without close_notify
compression        compression before encryption
key_separation     one key for both directions
multiplication     multiplication instead of Diffie-Hellman
forward_secrecy    the shared secret comes from the server's long-lived key
post_quantum       X25519 alone
freshness          random values and key shares that are used again
transcript         a signature that does not cover the whole handshake
possession         a certificate without a signature
certificate        a certificate that is not checked, or only in part
client_identity    a client without a certificate
clear              neither secrecy nor integrity: records in the clear, and the open line of `plain`
"""

from collections.abc import Callable, Mapping

from tlsdemo.edu.machine import AnyParts, Parts
from tlsdemo.edu.weak import (
    certificate,
    clear,
    client_identity,
    closure,
    compression,
    forward_secrecy,
    freshness,
    integrity,
    key_separation,
    multiplication,
    order,
    possession,
    post_quantum,
    secrecy,
    transcript,
)
from tlsdemo.protocol import Protection

Weaken = Callable[[Parts], Parts]

WEAK: Mapping[Protection, Weaken] = {
    Protection.POST_QUANTUM: post_quantum.weaken,
    Protection.FORWARD_SECRECY: forward_secrecy.weaken,
    Protection.STRONG_GROUP: multiplication.weaken,
    Protection.FRESHNESS: freshness.weaken,
    Protection.TRANSCRIPT: transcript.weaken,
    Protection.SECRECY: secrecy.weaken,
    Protection.COMPRESSION_SAFETY: compression.weaken,
    Protection.INTEGRITY: integrity.weaken,
    Protection.ORDER: order.weaken,
    Protection.CLOSURE: closure.weaken,
    Protection.KEY_SEPARATION: key_separation.weaken,
    Protection.POSSESSION: possession.weaken,
    Protection.CHAIN: certificate.without_chain,
    Protection.NAME: certificate.without_name,
    Protection.VALIDITY: certificate.without_validity,
    Protection.REVOCATION: certificate.without_revocation,
    Protection.CLIENT_IDENTITY: client_identity.weaken,
}


def leave_out(missing: frozenset[Protection], parts: Parts) -> Parts:
    """The parts with a weak one for each of the missing protections."""
    return replaced(missing, parts, WEAK, clear.weaken)


def replaced(
    missing: frozenset[Protection],
    parts: AnyParts,
    weak: Mapping[Protection, Callable[[AnyParts], AnyParts]],
    in_the_clear: Callable[[AnyParts], AnyParts],
) -> AnyParts:
    """The parts with a weak one of `weak` for each of the missing protections, of either handshake."""
    for protection, weaken in weak.items():
        if protection in missing:
            parts = weaken(parts)
    if {Protection.SECRECY, Protection.INTEGRITY} <= missing:  # each weak cipher still provides the other of the two
        parts = in_the_clear(parts)
    return parts
