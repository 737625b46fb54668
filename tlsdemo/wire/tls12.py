"""The keys and the records of TLS 1.2 with AES-GCM (RFC 5246 §5, §6.3, §8.1; RFC 5288; RFC 7627).

    premaster secret --PRF("master secret", both randoms)-----------> master secret
                     --PRF("extended master secret", transcript)--/        |
                                     PRF("key expansion", both randoms) ---'--> client key, server key, both salts

Pure functions of secrets and bytes. Whoever has the master secret - from a key log, say - reads everything, and whoever
has the premaster secret too: only how it travelled decides whether a recording stays shut (see `static_rsa`).
The older suites (CBC with HMAC) are not here.
"""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tlsdemo.wire.records import Record

MASTER_SECRET = 48  # bytes, §8.1
SALT, EXPLICIT_NONCE, TAG = 4, 8, 16  # bytes, RFC 5288 §3 and RFC 5116 §5.1


@dataclass(frozen=True)
class Suite:
    """What a cipher suite says about keys."""

    name: str
    hash: str
    """Of the PRF and of the transcript, as `hashlib` calls it."""
    key_length: int


SUITES = {
    0x009C: Suite("TLS_RSA_WITH_AES_128_GCM_SHA256", "sha256", 16),
    0x009D: Suite("TLS_RSA_WITH_AES_256_GCM_SHA384", "sha384", 32),
    0x009E: Suite("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "sha256", 16),
    0x009F: Suite("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "sha384", 32),
    0xC02B: Suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "sha256", 16),
    0xC02C: Suite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "sha384", 32),
    0xC02F: Suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "sha256", 16),
    0xC030: Suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "sha384", 32),
}
"""The AES-GCM suites of RFC 5288 §3 and RFC 5289 §3.2 that are still met."""


@dataclass(frozen=True)
class Keys:
    """What encrypts one direction (RFC 5288 §3): a key, and the four secret bytes of every nonce."""

    key: bytes
    salt: bytes


def prf(suite: Suite, secret: bytes, label: str, seed: bytes, length: int) -> bytes:
    """As many evenly random bytes as wanted (§5): HMAC over HMACs, with the hash of the suite."""
    seed = label.encode("ascii") + seed
    output, a = b"", seed
    while len(output) < length:
        a = hmac.digest(secret, a, suite.hash)
        output += hmac.digest(secret, a + seed, suite.hash)
    return output[:length]


def master_secret(suite: Suite, premaster_secret: bytes, client_random: bytes, server_random: bytes) -> bytes:
    """48 bytes (§8.1). Nothing but two randoms ties it to this handshake: the flaw that RFC 7627 mends."""
    return prf(suite, premaster_secret, "master secret", client_random + server_random, MASTER_SECRET)


def extended_master_secret(suite: Suite, premaster_secret: bytes, transcript: bytes) -> bytes:
    """48 bytes (RFC 7627 §4), tied to the messages from ClientHello to ClientKeyExchange inclusive, frames and all."""
    session_hash = hashlib.new(suite.hash, transcript).digest()
    return prf(suite, premaster_secret, "extended master secret", session_hash, MASTER_SECRET)


def traffic_keys(suite: Suite, master_secret: bytes, client_random: bytes, server_random: bytes) -> tuple[Keys, Keys]:
    """The client's and the server's (§6.3): no MAC keys, since GCM needs none (RFC 5288 §3)."""
    length = suite.key_length
    # The server's random comes first here, and second in the master secret.
    block = prf(suite, master_secret, "key expansion", server_random + client_random, 2 * (length + SALT))
    salts = block[2 * length :]
    return Keys(block[:length], salts[:SALT]), Keys(block[length : 2 * length], salts[SALT:])


def opened(keys: Keys, sequence_number: int, record: Record) -> bytes:
    """The content of a protected record (§6.2.3.3, RFC 5288 §3).

    The first protected record of a direction - its Finished - has sequence number 0. InvalidTag if the record is not
    what was written with these keys in this place; ValueError if it is too short to be one at all.
    """
    if len(record.fragment) < EXPLICIT_NONCE + TAG:
        raise ValueError(f"{len(record.fragment)} bytes are no AES-GCM record")
    explicit, ciphertext = record.fragment[:EXPLICIT_NONCE], record.fragment[EXPLICIT_NONCE:]
    # Type, version and length go unencrypted, but not unauthenticated.
    additional_data = (
        sequence_number.to_bytes(8)
        + bytes([record.content_type])
        + record.legacy_version.to_bytes(2)
        + (len(ciphertext) - TAG).to_bytes(2)
    )
    return AESGCM(keys.key).decrypt(keys.salt + explicit, ciphertext, additional_data)
