"""Record protection of TLS 1.3 (RFC 8446 §5.2, §5.3).

    header(5): 23  0x0303  length              the additional data: authenticated, not encrypted
    encrypted_record(length):
        content  content type(1)  zeros        encrypted: type and length of the content are hidden
        tag(16)

The nonce is the sequence number, which both sides count, XOR the IV: a record that is repeated, dropped or moved does
not decrypt. Pure functions: the caller counts the records and decides when the keys change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from tlsdemo.wire.fields import WireError, decode
from tlsdemo.wire.key_schedule13 import TrafficKeys
from tlsdemo.wire.records import APPLICATION_DATA, HEADER, MAX_PLAINTEXT, Record

MAX_CIPHERTEXT = MAX_PLAINTEXT + 256  # bytes; §5.2: peers answer record_overflow to one more
MAX_SEQUENCE_NUMBER = 2**64 - 1


class Aead(Protocol):
    """Authenticated encryption with additional data (RFC 5116), as in `cryptography`."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


@dataclass(frozen=True)
class Suite:
    """The parameters of a cipher suite (§B.4)."""

    name: str
    hash: str
    """The hash of the key schedule and the transcript, by its name in `hashlib`."""
    key_length: int
    aead: Callable[[bytes], Aead]
    """Makes the AEAD of a key."""
    tag_length: int = 16


SUITES: Mapping[int, Suite] = {
    0x1301: Suite("TLS_AES_128_GCM_SHA256", "sha256", 16, AESGCM),
    0x1302: Suite("TLS_AES_256_GCM_SHA384", "sha384", 32, AESGCM),
    0x1303: Suite("TLS_CHACHA20_POLY1305_SHA256", "sha256", 32, ChaCha20Poly1305),
}
"""The suites of §B.4 without CCM."""


def nonce(iv: bytes, sequence_number: int) -> bytes:
    """The per-record nonce (§5.3), as long as the IV; ValueError for a number that does not fit into 64 bits."""
    if not 0 <= sequence_number <= MAX_SEQUENCE_NUMBER:
        raise ValueError(f"sequence number {sequence_number} does not fit into 64 bits")
    return (int.from_bytes(iv) ^ sequence_number).to_bytes(len(iv))


def additional_data(length: int) -> bytes:
    """The header of a record with an encrypted_record of `length` bytes (§5.2)."""
    return bytes([APPLICATION_DATA]) + b"\x03\x03" + length.to_bytes(2)


def sealed(
    suite: Suite, keys: TrafficKeys, sequence_number: int, content_type: int, content: bytes, padding: int = 0
) -> bytes:
    """The protected record with its header; `padding` is a number of zeros that hide the length of the content (§5.4).

    ValueError if content and padding are longer than a record allows.
    """
    if len(content) + padding > MAX_PLAINTEXT:
        raise ValueError(f"{len(content) + padding} bytes of content and padding, {MAX_PLAINTEXT} allowed")
    inner_plaintext = content + bytes([content_type]) + bytes(padding)
    header = additional_data(len(inner_plaintext) + suite.tag_length)
    return header + suite.aead(keys.key).encrypt(nonce(keys.iv, sequence_number), inner_plaintext, header)


def opened(suite: Suite, keys: TrafficKeys, sequence_number: int, raw_record: bytes) -> tuple[int, bytes]:
    """Type and content of a protected record, without its padding.

    `InvalidTag` if the record was changed, or was sealed with other keys or another sequence number (bad_record_mac,
    §5.2). WireError if it is not one whole record, is too short for a tag or too long (record_overflow), or has only
    zeros inside (unexpected_message, §5.4). The caller judges the content type of the header.
    """
    encrypted_record = decode(Record, raw_record).fragment
    if not suite.tag_length <= len(encrypted_record) <= MAX_CIPHERTEXT:
        allowed = f"{suite.tag_length} to {MAX_CIPHERTEXT} allowed"
        raise WireError(f"{len(encrypted_record)} bytes in a protected record, {allowed}")
    aead = suite.aead(keys.key)
    inner_plaintext = aead.decrypt(nonce(keys.iv, sequence_number), encrypted_record, raw_record[:HEADER])
    if len(inner_plaintext) > MAX_PLAINTEXT + 1:
        raise WireError(f"{len(inner_plaintext)} bytes of content, type and padding, {MAX_PLAINTEXT + 1} allowed")
    without_padding = inner_plaintext.rstrip(b"\0")
    if not without_padding:
        raise WireError("a protected record without a content type")
    return without_padding[-1], without_padding[:-1]
