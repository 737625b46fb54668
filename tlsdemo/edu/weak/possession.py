"""POSSESSION removed: a side presents a certificate, but does not prove that it has the private key.

A certificate is public, so an attacker can present a copy of it. Attack: `copied-certificate`.

Without any certificate, as on the rungs below `signed`, the two sides share a secret, but neither is authenticated. A
man in the middle runs one handshake with the client and another with the server. No calculation detects this: all that
the two know of each other came over a connection that the attacker controls.
"""

from dataclasses import replace

from tlsdemo import trust
from tlsdemo.driver import State, Step, Table
from tlsdemo.edu.handshake import Peer
from tlsdemo.edu.machine import Machine, Parts
from tlsdemo.edu.messages import Certificate


def present_without_proof(peer: Machine) -> None:
    """Send Certificate, if this side has one; CertificateVerify does not follow."""
    if peer.party.credential:
        peer.say(Certificate(trust.ders(peer.party.credential)))


def weaken(parts: Parts) -> Parts:
    """Remove CertificateVerify wherever a certificate is presented."""
    return replace(
        parts,
        client=_without_signature(parts.client),
        server=_without_signature(parts.server),
        prove={side: (present_without_proof,) if proofs else () for side, proofs in parts.prove.items()},
    )


def _without_signature(table: Table) -> Table:
    """The table with Finished right after Certificate, where it has a certificate."""
    if State.WAIT_CERTIFICATE not in table:
        return table
    shorter = dict(table)
    shorter[State.WAIT_CERTIFICATE] = {Certificate: Step(Peer.on_certificate, State.WAIT_FINISHED)}
    del shorter[State.WAIT_CERTIFICATE_VERIFY]
    return shorter
