"""What is lost without a protection, in real TLS: each module replaces one part of the handshake by a weak one.

Eight protections are removed by the modules of `edu.weak`, unchanged: compression, order, closure, key_separation, and
the four checks of a certificate. The modules here remove the others. Each module has a function Parts -> Parts, and
says whether a peer with a TLS library notices. `WEAK` maps each protection to the function that removes it,
in the order in which they are applied.

post_quantum       groups without ML-KEM
forward_secrecy    the shared secret comes from the key of the server's certificate
multiplication     multiplication as a private group
freshness          random values and key shares that are used again
transcript         a transcript hash that covers the random values and key shares alone
secrecy            suites that authenticate and do not encrypt
integrity          suites that encrypt and do not authenticate
clear              a suite that does neither
possession         a signature that is not checked
client_identity    a client without a certificate
"""

from collections.abc import Callable, Mapping

from tlsdemo.edu.weak import certificate, closure, compression, key_separation, order, replaced
from tlsdemo.protocol import Protection
from tlsdemo.tls13.machine import Parts
from tlsdemo.tls13.weak import (
    clear,
    client_identity,
    forward_secrecy,
    freshness,
    integrity,
    multiplication,
    possession,
    post_quantum,
    secrecy,
    transcript,
)

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
