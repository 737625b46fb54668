"""Without CHAIN, NAME, VALIDITY or REVOCATION: one question about the certificate is not asked.

What is wrong, and the attack that shows it:
CHAIN       any certificate will do: he makes one himself (attack: `man-in-the-middle`)
NAME        any certificate of the same authority will do: he asks it for one, for his own name (`other-host`)
VALIDITY    a certificate is good for ever, and so is a key that was lost years ago (`expired`)
REVOCATION  a key that is known to be stolen goes on opening doors (`revoked`)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cryptography.x509 import Certificate

from tlsdemo.edu.machine import Parts
from tlsdemo.protocol import Party, Side


def believe(chain: Sequence[Certificate], party: Party, presenter: Side, checks: frozenset[str]) -> None:
    """Whoever it says it is."""


def without_chain(parts: Parts) -> Parts:
    """Nobody is asked, so there is nothing to look at."""
    return replace(parts, judge=believe, checks=frozenset())


def without(check: str) -> Callable[[Parts], Parts]:
    """The certificate is looked at, but for that check."""
    return lambda parts: replace(parts, checks=parts.checks - {check})
