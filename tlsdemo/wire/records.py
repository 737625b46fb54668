"""TLS records: the envelopes in which everything travels (RFC 8446 §5.1).

    type(1)  version(2)  length(2)  fragment(length)

The five bytes in front are never encrypted: whoever listens sees how many envelopes of which size go which way.
"""

from collections.abc import Iterator
from dataclasses import dataclass

HEADER = 5  # bytes
CONTENT_TYPES = {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}


@dataclass(frozen=True)
class Record:
    """One record as it stands on the wire: still encrypted, where it is."""

    content_type: int
    legacy_version: int
    fragment: bytes

    @property
    def name(self) -> str:
        """The content type in the words of RFC 8446 §5.1."""
        return CONTENT_TYPES.get(self.content_type, f"type {self.content_type}")


def records(stream: bytes) -> Iterator[Record]:
    """The complete records of one direction, from its first byte; a cut-off one at the end is left out."""
    while len(stream) >= HEADER:
        end = HEADER + int.from_bytes(stream[3:HEADER])
        if len(stream) < end:
            return
        yield Record(stream[0], int.from_bytes(stream[1:3]), stream[HEADER:end])
        stream = stream[end:]
