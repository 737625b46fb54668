"""STRONG_GROUP removed: the shared secret is a product, as in the story.

A division inverts a multiplication. The base and both key shares are sent in the clear, so an eavesdropper computes the
shared secret and every key. Recordings are not safe, either. Attack: `computed-secret`.
"""

from dataclasses import replace

from tlsdemo.edu.handshake import draw_secret
from tlsdemo.edu.machine import Parts
from tlsdemo.key_agreement import Multiplication
from tlsdemo.protocol import Side


def weaken(parts: Parts) -> Parts:
    """Multiply by 300, with secrets that each side draws."""
    return replace(parts, group=Multiplication(), secret=dict.fromkeys(Side, draw_secret))
