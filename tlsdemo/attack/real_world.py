"""Worlds for the attacks, with this machine's clock, randomness and keys. EDGE."""

import os
from datetime import UTC, datetime
from functools import cache

from cryptography import x509

from pki import keys
from pki.keys import KeyType
from tlsdemo.attack.world import DEPTH, World
from tlsdemo.credentials.minted import Mint


@cache
def world(key_type: KeyType, depth: int = DEPTH) -> World:
    """The world of this process with keys of that type. Each certificate in it is minted once."""
    now = datetime.now(UTC).replace(microsecond=0)
    mint = Mint(now, lambda: keys.generate(key_type), x509.random_serial_number)
    return World.create(mint, os.urandom, depth)
