"""The keys and the records of TLS 1.2 with AES-GCM (RFC 5246 §5, §6.3, §8.1; RFC 5288; RFC 7627).

    premaster secret --PRF("master secret", both randoms)-----------> master secret
                     --PRF("extended master secret", transcript)--/        |
                                     PRF("key expansion", both randoms) ---'--> client key, server key, both salts

Pure functions of secrets and bytes. The master secret, for example from a key log, decrypts everything, and so does the
premaster secret. Whether an attacker can get that one depends on the key exchange (see `static_rsa`). The older suites
(CBC with HMAC) are not implemented.
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
    """The parameters of a cipher suite."""

    name: str
    hash: str
    """The hash of the PRF and the transcript, by its name in `hashlib`."""
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
"""The AES-GCM suites of RFC 5288 §3 and RFC 5289 §3.2 that are still in use."""


@dataclass(frozen=True)
class Keys:
    """The keys of one direction (RFC 5288 §3): the key, and the four secret bytes of every nonce."""

    key: bytes
    salt: bytes


def prf(suite: Suite, secret: bytes, label: str, seed: bytes, length: int) -> bytes:
    """The pseudorandom function (§5), `length` bytes: HMAC over HMACs, with the hash of the suite."""
    seed = label.encode("ascii") + seed
    output, a = b"", seed
    while len(output) < length:
        a = hmac.digest(secret, a, suite.hash)
        output += hmac.digest(secret, a + seed, suite.hash)
    return output[:length]


def master_secret(suite: Suite, premaster_secret: bytes, client_random: bytes, server_random: bytes) -> bytes:
    """48 bytes (§8.1). Only the two random numbers bind it to this handshake: the weakness that RFC 7627 removes."""
    return prf(suite, premaster_secret, "master secret", client_random + server_random, MASTER_SECRET)


def extended_master_secret(suite: Suite, premaster_secret: bytes, transcript: bytes) -> bytes:
    """48 bytes (RFC 7627 §4). `transcript` has the messages from ClientHello to ClientKeyExchange, with headers."""
    session_hash = hashlib.new(suite.hash, transcript).digest()
    return prf(suite, premaster_secret, "extended master secret", session_hash, MASTER_SECRET)


def traffic_keys(suite: Suite, master_secret: bytes, client_random: bytes, server_random: bytes) -> tuple[Keys, Keys]:
    """The client's and the server's keys (§6.3). There are no MAC keys, since GCM needs none (RFC 5288 §3)."""
    length = suite.key_length
    # The server's random comes first here, and second in the master secret.
    block = prf(suite, master_secret, "key expansion", server_random + client_random, 2 * (length + SALT))
    salts = block[2 * length :]
    return Keys(block[:length], salts[:SALT]), Keys(block[length : 2 * length], salts[SALT:])


def opened(keys: Keys, sequence_number: int, record: Record) -> bytes:
    """The content of a protected record (§6.2.3.3, RFC 5288 §3).

    The first protected record of a direction, its Finished, has sequence number 0. InvalidTag if the record was
    changed, or was sealed with other keys or another sequence number; ValueError if it is too short.
    """
    if len(record.fragment) < EXPLICIT_NONCE + TAG:
        raise ValueError(f"{len(record.fragment)} bytes are too short for an AES-GCM record")
    explicit, ciphertext = record.fragment[:EXPLICIT_NONCE], record.fragment[EXPLICIT_NONCE:]
    # Type, version and length are authenticated, but not encrypted.
    additional_data = (
        sequence_number.to_bytes(8)
        + bytes([record.content_type])
        + record.legacy_version.to_bytes(2)
        + (len(ciphertext) - TAG).to_bytes(2)
    )
    return AESGCM(keys.key).decrypt(keys.salt + explicit, ciphertext, additional_data)
