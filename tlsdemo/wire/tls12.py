"""The keys and the records of TLS 1.2 with an AEAD (RFC 5246 §5, §6.3, §8.1; RFC 5288, 6655, 7905; RFC 7627).

    premaster secret --PRF("master secret", both randoms)-----------> master secret
                     --PRF("extended master secret", transcript)--/        |
                                     PRF("key expansion", both randoms) ---'--> client key, server key, both write IVs

    nonce with GCM and CCM: write IV (4), explicit nonce (8, sent with the record)
          with ChaCha20-Poly1305: write IV (12) XOR sequence number, as in TLS 1.3

Pure functions of secrets and bytes. The master secret, for example from a key log, decrypts everything, and so does the
premaster secret. Whether an attacker can get that one depends on the key exchange (see `static_rsa`). The older suites
(CBC with HMAC) are not implemented.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from tlsdemo.wire.protection13 import Aead
from tlsdemo.wire.protection13 import nonce as xor_nonce
from tlsdemo.wire.records import Record

MASTER_SECRET = 48  # bytes, §8.1
NONCE = 12  # bytes, RFC 5116 §5.1


@dataclass(frozen=True)
class Suite:
    """The parameters of a cipher suite."""

    name: str
    hash: str
    """The hash of the PRF and the transcript, by its name in `hashlib`."""
    key_length: int
    aead: Callable[[bytes], Aead]
    """Makes the AEAD of a key."""
    explicit_nonce: int = 8
    """The bytes of the nonce that each record has in the clear (RFC 5288 §3, RFC 6655 §3)."""
    tag_length: int = 16

    @property
    def iv_length(self) -> int:
        """The bytes of the write IV."""
        return NONCE - self.explicit_nonce


CCM_8 = partial(AESCCM, tag_length=8)

SUITES: Mapping[int, Suite] = {
    0x009C: Suite("TLS_RSA_WITH_AES_128_GCM_SHA256", "sha256", 16, AESGCM),
    0x009D: Suite("TLS_RSA_WITH_AES_256_GCM_SHA384", "sha384", 32, AESGCM),
    0x009E: Suite("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "sha256", 16, AESGCM),
    0x009F: Suite("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "sha384", 32, AESGCM),
    0x00A6: Suite("TLS_DH_anon_WITH_AES_128_GCM_SHA256", "sha256", 16, AESGCM),
    0x00A7: Suite("TLS_DH_anon_WITH_AES_256_GCM_SHA384", "sha384", 32, AESGCM),
    0xC02B: Suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "sha256", 16, AESGCM),
    0xC02C: Suite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "sha384", 32, AESGCM),
    0xC02F: Suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "sha256", 16, AESGCM),
    0xC030: Suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "sha384", 32, AESGCM),
    0xC09C: Suite("TLS_RSA_WITH_AES_128_CCM", "sha256", 16, AESCCM),
    0xC09D: Suite("TLS_RSA_WITH_AES_256_CCM", "sha256", 32, AESCCM),
    0xC09E: Suite("TLS_DHE_RSA_WITH_AES_128_CCM", "sha256", 16, AESCCM),
    0xC09F: Suite("TLS_DHE_RSA_WITH_AES_256_CCM", "sha256", 32, AESCCM),
    0xC0A0: Suite("TLS_RSA_WITH_AES_128_CCM_8", "sha256", 16, CCM_8, tag_length=8),
    0xC0A1: Suite("TLS_RSA_WITH_AES_256_CCM_8", "sha256", 32, CCM_8, tag_length=8),
    0xC0A2: Suite("TLS_DHE_RSA_WITH_AES_128_CCM_8", "sha256", 16, CCM_8, tag_length=8),
    0xC0A3: Suite("TLS_DHE_RSA_WITH_AES_256_CCM_8", "sha256", 32, CCM_8, tag_length=8),
    0xC0AC: Suite("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "sha256", 16, AESCCM),
    0xC0AD: Suite("TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "sha256", 32, AESCCM),
    0xC0AE: Suite("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "sha256", 16, CCM_8, tag_length=8),
    0xC0AF: Suite("TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "sha256", 32, CCM_8, tag_length=8),
    0xCCA8: Suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "sha256", 32, ChaCha20Poly1305, explicit_nonce=0),
    0xCCA9: Suite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "sha256", 32, ChaCha20Poly1305, explicit_nonce=0),
    0xCCAA: Suite("TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "sha256", 32, ChaCha20Poly1305, explicit_nonce=0),
}
"""The AEAD suites of RFC 5288 §3, RFC 5289 §3.2, RFC 6655 §3, RFC 7251 §2 and RFC 7905 §2 that are still in use."""


@dataclass(frozen=True)
class Keys:
    """The keys of one direction (§6.3): the key, and the secret bytes of every nonce."""

    key: bytes
    iv: bytes


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
    """The client's and the server's keys (§6.3). There are no MAC keys, since an AEAD needs none (RFC 5288 §3)."""
    length = suite.key_length
    # The server's random comes first here, and second in the master secret.
    block = prf(suite, master_secret, "key expansion", server_random + client_random, 2 * (length + suite.iv_length))
    ivs = block[2 * length :]
    return (
        Keys(block[:length], ivs[: suite.iv_length]),
        Keys(block[length : 2 * length], ivs[suite.iv_length :]),
    )


def opened(suite: Suite, keys: Keys, sequence_number: int, record: Record) -> bytes:
    """The content of a protected record (§6.2.3.3).

    The first protected record of a direction, its Finished, has sequence number 0. InvalidTag if the record was
    changed, or was sealed with other keys or another sequence number; ValueError if it is too short.
    """
    if len(record.fragment) < suite.explicit_nonce + suite.tag_length:
        raise ValueError(f"{len(record.fragment)} bytes are too short for a record of {suite.name}")
    explicit, ciphertext = record.fragment[: suite.explicit_nonce], record.fragment[suite.explicit_nonce :]
    # Type, version and length are authenticated, but not encrypted.
    additional_data = (
        sequence_number.to_bytes(8)
        + bytes([record.content_type])
        + record.legacy_record_version.to_bytes(2)
        + (len(ciphertext) - suite.tag_length).to_bytes(2)
    )
    nonce = keys.iv + explicit if explicit else xor_nonce(keys.iv, sequence_number)
    return suite.aead(keys.key).decrypt(nonce, ciphertext, additional_data)
