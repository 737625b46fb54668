"""POST_QUANTUM removed: X25519 alone.

No attack is possible today. But a recording of today could be decrypted by a later quantum computer that computes
discrete logarithms. No such machine exists, so the attack `quantum` is given the logarithms. Signatures are not
protected in either case: such a machine could forge them as soon as it exists, also with ML-KEM.
"""

from dataclasses import replace

from tlsdemo.edu.machine import Parts
from tlsdemo.key_agreement import X25519


def weaken(parts: Parts) -> Parts:
    """Use X25519 without ML-KEM."""
    return replace(parts, group=X25519())
