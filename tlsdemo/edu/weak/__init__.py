"""What is lost without a protection: each module replaces one part of the strong handshake, and says what is wrong.

Each has a function Parts -> Parts, and names the attack that shows the difference. The dict below says which of them is
for which protections; those that stand together in a key go together.
"""

from collections.abc import Callable, Mapping

from tlsdemo.edu.machine import Parts
from tlsdemo.edu.weak import certificate, clear, client_identity, multiplication, possession
from tlsdemo.protocol import Protection

WEAK: Mapping[frozenset[Protection], Callable[[Parts], Parts]] = {
    frozenset({Protection.STRONG_GROUP, Protection.FORWARD_SECRECY}): multiplication.weaken,
    clear.MADE_OF_A_KEY: clear.weaken,
    frozenset({Protection.POSSESSION}): possession.weaken,
    frozenset({Protection.CHAIN}): certificate.without_chain,
    frozenset({Protection.NAME}): certificate.without("name"),
    frozenset({Protection.VALIDITY}): certificate.without("dates"),
    frozenset({Protection.REVOCATION}): certificate.without("revocation"),
    frozenset({Protection.CLIENT_IDENTITY}): client_identity.weaken,
}
