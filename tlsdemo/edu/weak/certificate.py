"""CHAIN, NAME, VALIDITY or REVOCATION removed: one check of the certificate is left out.

CHAIN       any certificate is accepted: the attacker makes one (attack: `man-in-the-middle`)
NAME        any certificate of the same CA is accepted: the attacker asks it for one with a name of its own
            (`other-host`)
VALIDITY    an expired certificate is accepted, and with it a key that was stolen years ago (`expired`)
REVOCATION  a key that is known to be stolen is still accepted (`revoked`)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cryptography.x509 import Certificate

from tlsdemo.edu.machine import Parts
from tlsdemo.protocol import Party, Side


def believe(chain: Sequence[Certificate], party: Party, presenter: Side, checks: frozenset[str]) -> None:
    """Accept any certificate."""


def without_chain(parts: Parts) -> Parts:
    """Nothing is checked: without a trust anchor, the other fields prove nothing."""
    return replace(parts, judge=believe, checks=frozenset())


def without(check: str) -> Callable[[Parts], Parts]:
    """The certificate is checked, but for this check of `authentication.CHECKS`."""
    return lambda parts: replace(parts, checks=parts.checks - {check})
