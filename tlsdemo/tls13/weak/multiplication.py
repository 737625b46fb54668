"""STRONG_GROUP removed: the shared secret is a product, as in the story.

A division inverts a multiplication: an eavesdropper computes the shared secret from ClientHello and ServerHello, and
every key. The group has a number for private use (§4.2.7), so a peer without it answers handshake_failure. Attack:
`computed-secret`.
"""

from dataclasses import replace

from tlsdemo.key_agreement import Multiplication
from tlsdemo.protocol import Side
from tlsdemo.tls13.handshake import draw_secret
from tlsdemo.tls13.key_agreement import NamedGroup
from tlsdemo.tls13.machine import Parts

MULTIPLICATION = 0xFE00  # ecdhe_private_use, §4.2.7


def decimal(share: bytes) -> str:
    """The digits of a key share."""
    return share.decode("ascii", "backslashreplace")


def weaken(parts: Parts) -> Parts:
    """Multiply by 300; a key share is the digits of the product, with secrets that each side draws."""
    group = Multiplication()
    named = NamedGroup(group.name, group, None, None, encode=str.encode, decode=decimal)
    return replace(
        parts, groups={MULTIPLICATION: named}, shares=(MULTIPLICATION,), secret=dict.fromkeys(Side, draw_secret)
    )
