"""CHAIN, NAME, VALIDITY or REVOCATION removed: one check of the certificate is left out.

CHAIN       any certificate is accepted: the attacker makes one (attack: `man-in-the-middle`)
NAME        any certificate of the same CA is accepted: the attacker asks it for one with a name of its own
            (`other-host`)
VALIDITY    an expired certificate is accepted, and with it a key that was stolen years ago (`expired`)
REVOCATION  a key that is known to be stolen is still accepted (`revoked`)
"""

from collections.abc import Sequence
from dataclasses import replace

from cryptography.x509 import Certificate

from tlsdemo.edu.machine import AnyParts
from tlsdemo.protocol import Party, Side


def believe(chain: Sequence[Certificate], party: Party, presenter: Side, checks: frozenset[str]) -> None:
    """Accept any certificate."""


def without_chain(parts: AnyParts) -> AnyParts:
    """Nothing is checked: without a trust anchor, the other fields prove nothing."""
    return replace(parts, judge=believe, checks=frozenset())


def without_name(parts: AnyParts) -> AnyParts:
    """The certificate is checked, but not its names."""
    return replace(parts, checks=parts.checks - {"name"})


def without_validity(parts: AnyParts) -> AnyParts:
    """The certificate is checked, but not its dates."""
    return replace(parts, checks=parts.checks - {"dates"})


def without_revocation(parts: AnyParts) -> AnyParts:
    """The certificate is checked, but not the CRLs."""
    return replace(parts, checks=parts.checks - {"revocation"})
