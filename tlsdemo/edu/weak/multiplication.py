"""Without STRONG_GROUP: the common secret is made by multiplying, as in the story.

What is wrong: multiplying is undone by dividing. The common number and both public values pass the line, so whoever
listens divides one by the other, and has every key (attack: the eavesdropper). Nor is yesterday's recording safe.
"""

from dataclasses import replace

from tlsdemo.edu.agreement import Multiplication
from tlsdemo.edu.machine import Parts


def weaken(parts: Parts) -> Parts:
    """300 is known to all."""
    return replace(parts, group=Multiplication())
