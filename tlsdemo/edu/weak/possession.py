"""Without POSSESSION: nobody shows who he is.

What is wrong: both have a secret that nobody else has - but whom do they have it with? A man in the middle agrees with
each of them on its own, and passes on what he reads (attack: the man in the middle). No arithmetic mends that: what the
two know of each other is only what came over the line, and all of that can be his.
"""

from dataclasses import replace

from tlsdemo.edu.machine import Machine, Parts, State
from tlsdemo.edu.weak.tables import skip
from tlsdemo.protocol import Side

SHOWING = (State.WAIT_CERTIFICATE, State.WAIT_CERTIFICATE_VERIFY)


def show_nothing(peer: Machine) -> None:
    """No certificate."""


def weaken(parts: Parts) -> Parts:
    """Neither side shows a certificate, nor waits for one."""
    return replace(
        parts,
        client=skip(parts.client, SHOWING),
        server=skip(parts.server, SHOWING),
        prove=dict.fromkeys(Side, show_nothing),
    )
