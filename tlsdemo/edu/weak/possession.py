"""Without POSSESSION: nobody proves that the certificate is his.

What is wrong: a certificate is public, and whoever has seen it can show it (attack: `copied-certificate`).
`without_certificates` is for the rungs below `signed`, in which nobody shows one at all: both have a secret that nobody
else has - but whom do they have it with? A man in the middle agrees with each of them on its own, and passes on what he
reads. No arithmetic mends that: what the two know of each other is only what came over the line, and all of that can be
his.
"""

from dataclasses import replace

from tlsdemo.edu import authentication
from tlsdemo.edu.machine import Machine, Parts, State
from tlsdemo.edu.messages import Certificate
from tlsdemo.edu.weak.tables import skip
from tlsdemo.protocol import Side

SHOWING = (State.WAIT_CERTIFICATE, State.WAIT_CERTIFICATE_VERIFY)


def show_nothing(peer: Machine) -> None:
    """No certificate."""


def show_without_proof(peer: Machine) -> None:
    """A certificate, perhaps one's own."""
    if peer.party.credential:
        peer.say(Certificate(authentication.ders(peer.party.credential)))


def weaken(parts: Parts) -> Parts:
    """Nobody signs, nor waits for a signature."""
    return replace(
        parts,
        client=skip(parts.client, SHOWING[1:]),
        server=skip(parts.server, SHOWING[1:]),
        prove=dict.fromkeys(Side, show_without_proof),
    )


def without_certificates(parts: Parts) -> Parts:
    """Neither side shows a certificate, nor waits for one."""
    return replace(
        parts,
        client=skip(parts.client, SHOWING),
        server=skip(parts.server, SHOWING),
        prove=dict.fromkeys(Side, show_nothing),
    )
