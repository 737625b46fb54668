"""Without CHAIN, NAME, VALIDITY or REVOCATION: one question about the certificate is not asked.

What is wrong, and the man in the middle's way through it:
CHAIN       any certificate will do: he makes one himself (`--credential self-signed`, `stranger`, `rogue`)
NAME        any certificate of the same authority will do: he asks it for one, for a name of his own
VALIDITY    a certificate is good for ever, and so is a key that was lost years ago
REVOCATION  a key that is known to be stolen goes on opening doors
"""

from collections.abc import Callable
from dataclasses import replace

from tlsdemo.edu.machine import Parts
from tlsdemo.edu.trust import CHECKS


def without(check: str) -> Callable[[Parts], Parts]:
    """The certificate is looked at without that check; without the chain, there is nothing to look at."""
    left_out = set(CHECKS) if check == "chain" else {check}
    return lambda parts: replace(parts, checks=parts.checks - left_out)
