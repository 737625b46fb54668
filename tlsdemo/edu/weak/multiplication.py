"""Without STRONG_GROUP: the common secret is made by multiplying, as in the story.

What is wrong: multiplying is undone by dividing. The common number and both public values pass the line, so whoever
has both divides one by the other, and has every key (attack: `computed-secret`). Nor is yesterday's recording safe.
"""

from dataclasses import replace

from tlsdemo.edu.handshake import draw_secret
from tlsdemo.edu.key_agreement import Multiplication
from tlsdemo.edu.machine import Parts
from tlsdemo.protocol import Side


def weaken(parts: Parts) -> Parts:
    """300 is known to all."""
    return replace(parts, group=Multiplication(), secret=dict.fromkeys(Side, draw_secret))
