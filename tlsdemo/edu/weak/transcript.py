"""Without TRANSCRIPT: signatures and Finished vouch for the numbers alone, and not for what was said around them.

What is wrong: whatever was offered, chosen and asked for may be changed on the way (attacks: `downgrade`, which leaves
the weakest offer alone; `renaming`, which has the server answer for somebody else). In TLS 1.2 the server's signature,
in ServerKeyExchange, covers no more than this: both randoms and the public value (RFC 5246 §7.4.3); a client's
CertificateVerify covers all messages (§7.4.8). So the negotiation hangs on Finished alone, whose key FREAK and Logjam
(2015) computed in time.
"""

import json
from dataclasses import replace

from tlsdemo.edu import key_schedule
from tlsdemo.edu.machine import Parts


def only_the_numbers(transcript: bytes) -> bytes:
    """The hash of both randoms and both public values."""
    hellos = [json.loads(line) for line in transcript.splitlines()[:2]]
    numbers = [hello["random"] + hello["share"] for hello in hellos if "share" in hello]
    return key_schedule.transcript_hash(" ".join(numbers).encode())


def weaken(parts: Parts) -> Parts:
    """The rest is taken on trust."""
    return replace(parts, transcript_hash=only_the_numbers)
