"""The key schedule: from one shared secret to all the keys (RFC 8446 §7.1, with HKDF of RFC 5869).

    shared secret, both randoms --Extract--> master secret --Expand("client finished")--> proves the client's transcript
                                                           --Expand("server finished")--> proves the server's
                                                           --Expand("client key", "client iv")--> from client to server
                                                           --Expand("server key", "server iv")--> from server to client

Pure functions. TLS also derives its keys from the transcript so far (§7.1). Here only the two random numbers go in, and
Finished alone protects the transcript: this shows the purpose of Finished.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from tlsdemo.protocol import Side
from tlsdemo.wire.key_schedule13 import TrafficKeys

KEY, IV, HASH = 32, 12, 32  # bytes: ChaCha20-Poly1305 (RFC 8439), SHA-256


@dataclass(frozen=True)
class Secrets:
    """All keys that are derived from one shared secret."""

    finished: Mapping[Side, bytes]
    traffic: Mapping[Side, TrafficKeys]


def schedule(shared: bytes, client_random: bytes, server_random: bytes) -> Secrets:
    """Derive all keys from the shared secret and the two random numbers."""
    master = extract(client_random + server_random, shared)
    return Secrets(
        finished={side: expand(master, f"tlsdemo {side.value} finished", HASH) for side in Side},
        traffic={
            side: TrafficKeys(
                key=expand(master, f"tlsdemo {side.value} key", KEY), iv=expand(master, f"tlsdemo {side.value} iv", IV)
            )
            for side in Side
        },
    )


def verify_data(finished_key: bytes, transcript_hash: bytes) -> bytes:
    """verify_data of Finished (§4.4.4): HMAC over the transcript so far, 32 bytes. It takes the shared secret."""
    return hmac.digest(finished_key, transcript_hash, "sha256")


def extract(salt: bytes, input_key_material: bytes) -> bytes:
    """HKDF-Extract (RFC 5869 §2.2): a pseudorandom key of 32 bytes from a secret that need not be uniform."""
    return hmac.digest(salt or bytes(HASH), input_key_material, "sha256")


def expand(key: bytes, label: str | bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869 §2.3): `length` bytes. The output for one label reveals nothing about that for another."""
    info = label.encode() if isinstance(label, str) else label
    block, output = b"", b""
    for number in range(1, -(-length // HASH) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        output += block
    return output[:length]


def transcript_hash(transcript: bytes) -> bytes:
    """SHA-256 over all messages so far, byte for byte as they were sent (§4.4.1)."""
    return hashlib.sha256(transcript).digest()
