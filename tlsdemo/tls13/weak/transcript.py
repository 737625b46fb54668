"""TRANSCRIPT removed: keys, signatures and Finished cover the random numbers and key shares alone.

An attacker can change the rest of the hellos in transit: the offer of cipher suites, the server name. A peer with a TLS
library notices at the first encrypted record, since its keys come from the whole transcript (§7.1). Attacks:
`downgrade`, `renaming`.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from tlsdemo.tls13.machine import Parts
from tlsdemo.wire import key_schedule13
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import KEY_SHARE
from tlsdemo.wire.fields import WireError, decode
from tlsdemo.wire.handshake import ServerHello, messages

HELLOS: Mapping[int, type[ClientHello | ServerHello]] = {1: ClientHello, 2: ServerHello}


def only_the_numbers(hash_name: str, transcript: bytes) -> bytes:
    """The hash of both random numbers and both key shares."""
    return key_schedule13.transcript_hash(hash_name, b"".join(_numbers(transcript)))


def _numbers(transcript: bytes) -> Iterator[bytes]:
    for message in messages(transcript):
        if message.msg_type in HELLOS:
            with suppress(WireError):
                hello = decode(HELLOS[message.msg_type], message.body)
                yield hello.random + (hello.extension(KEY_SHARE) or b"")


def weaken(parts: Parts) -> Parts:
    """Let keys, signatures and Finished cover those numbers only."""
    return replace(parts, transcript_hash=only_the_numbers)
