"""TRANSCRIPT removed: signatures and Finished cover the random numbers and key shares, but not the rest of the hellos.

An attacker can change the cipher offer and the server name in transit. Attacks: `downgrade`, which keeps only the
weakest cipher of the offer; `renaming`, which changes the server name. In TLS 1.2 the server's signature in
ServerKeyExchange covers only both random numbers and the server's public value (RFC 5246 §7.4.3); a client's
CertificateVerify covers all messages (§7.4.8). So Finished alone protects the negotiation, and FREAK and Logjam (2015)
computed its key in time.
"""

import json
from dataclasses import replace

from tlsdemo.edu import key_schedule
from tlsdemo.edu.machine import Parts


def only_the_numbers(transcript: bytes) -> bytes:
    """The hash of both random numbers and both key shares."""
    hellos = [json.loads(line) for line in transcript.splitlines()[:2]]
    numbers = [hello["random"] + hello["share"] for hello in hellos if "share" in hello]
    return key_schedule.transcript_hash(" ".join(numbers).encode())


def weaken(parts: Parts) -> Parts:
    """Let signatures and Finished cover those numbers only."""
    return replace(parts, transcript_hash=only_the_numbers)
