"""The TLS 1.3 key schedule (RFC 8446 §7.1-§7.3, §4.4).

             0
             |
    PSK -> Extract = early secret ------> "ext binder", "res binder", "c e traffic", "e exp master"
             |
         "derived"
             |
    DH --> Extract = handshake secret --> "c hs traffic", "s hs traffic"
             |
         "derived"
             |
    0 ---> Extract = master secret -----> "c ap traffic", "s ap traffic", "exp master", "res master"

    each traffic secret: "key", "iv" -> traffic keys     "finished" -> finished key     "traffic upd" -> the next secret

Pure functions of secrets and transcript hashes; no messages, no I/O. A PSK or a shared secret that the handshake does
not have is replaced by zeros. `hash_name` is the hash of the cipher suite, by its name in `hashlib`.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from tlsdemo.wire.fields import encode, uint, vector
from tlsdemo.wire.messages13 import MessageHash, encode_message

IV_LENGTH = 12  # bytes; §5.3: as long as the nonces of all AEADs of TLS 1.3


class Label(StrEnum):
    """The labels of Derive-Secret and HKDF-Expand-Label, by the name of what they give (§7.1, §7.2, §7.3)."""

    EXTERNAL_BINDER_KEY = "ext binder"
    RESUMPTION_BINDER_KEY = "res binder"
    CLIENT_EARLY_TRAFFIC_SECRET = "c e traffic"
    EARLY_EXPORTER_MASTER_SECRET = "e exp master"
    CLIENT_HANDSHAKE_TRAFFIC_SECRET = "c hs traffic"
    SERVER_HANDSHAKE_TRAFFIC_SECRET = "s hs traffic"
    CLIENT_APPLICATION_TRAFFIC_SECRET_0 = "c ap traffic"
    SERVER_APPLICATION_TRAFFIC_SECRET_0 = "s ap traffic"
    EXPORTER_MASTER_SECRET = "exp master"
    RESUMPTION_MASTER_SECRET = "res master"
    DERIVED = "derived"
    RESUMPTION_PSK = "resumption"
    FINISHED_KEY = "finished"
    TRAFFIC_KEY = "key"
    TRAFFIC_IV = "iv"
    NEXT_TRAFFIC_SECRET = "traffic upd"


KEY_LOG_LABELS: Mapping[Label, str] = {
    Label.CLIENT_EARLY_TRAFFIC_SECRET: "CLIENT_EARLY_TRAFFIC_SECRET",
    Label.EARLY_EXPORTER_MASTER_SECRET: "EARLY_EXPORTER_SECRET",
    Label.CLIENT_HANDSHAKE_TRAFFIC_SECRET: "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    Label.SERVER_HANDSHAKE_TRAFFIC_SECRET: "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    Label.CLIENT_APPLICATION_TRAFFIC_SECRET_0: "CLIENT_TRAFFIC_SECRET_0",
    Label.SERVER_APPLICATION_TRAFFIC_SECRET_0: "SERVER_TRAFFIC_SECRET_0",
    Label.EXPORTER_MASTER_SECRET: "EXPORTER_SECRET",
}
"""The name of a secret in a key log (RFC 9850 §2.1), for the secrets that may be in one."""


# The secrets of the diagram -----------------------------------------------------------------------------------------


def early_secret(hash_name: str, psk: bytes = b"") -> bytes:
    """The first secret (§7.1); without a PSK it is the same in every connection."""
    return extract(hash_name, b"", psk or zeros(hash_name))


def handshake_secret(hash_name: str, early: bytes, shared_secret: bytes) -> bytes:
    """The early secret and the shared secret of the key exchange (§7.1); b"" if there was none (psk_ke)."""
    return extract(hash_name, _derived(hash_name, early), shared_secret or zeros(hash_name))


def master_secret(hash_name: str, handshake: bytes) -> bytes:
    """The last secret (§7.1): nothing new enters it."""
    return extract(hash_name, _derived(hash_name, handshake), zeros(hash_name))


def _derived(hash_name: str, secret: bytes) -> bytes:
    return derive_secret(hash_name, secret, Label.DERIVED, transcript_hash(hash_name, b""))


# What is derived from them ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrafficKeys:
    """The keys of one direction (§7.3): they protect its records."""

    key: bytes
    iv: bytes


def traffic_keys(hash_name: str, traffic_secret: bytes, key_length: int) -> TrafficKeys:
    """The write key of `key_length` bytes and the write IV of 12 bytes (§7.3)."""
    return TrafficKeys(
        expand_label(hash_name, traffic_secret, Label.TRAFFIC_KEY, b"", key_length),
        expand_label(hash_name, traffic_secret, Label.TRAFFIC_IV, b"", IV_LENGTH),
    )


def next_traffic_secret(hash_name: str, secret: bytes) -> bytes:
    """The application traffic secret after a KeyUpdate (§7.2)."""
    return expand_label(hash_name, secret, Label.NEXT_TRAFFIC_SECRET, b"", len(zeros(hash_name)))


def finished_key(hash_name: str, base_key: bytes) -> bytes:
    """The HMAC key of Finished (§4.4.4) or of a binder (§4.2.11.2)."""
    return expand_label(hash_name, base_key, Label.FINISHED_KEY, b"", len(zeros(hash_name)))


def verify_data(hash_name: str, base_key: bytes, transcript_hash: bytes) -> bytes:
    """verify_data of Finished (§4.4.4): HMAC over the transcript so far, as long as the hash.

    `base_key` is the sender's handshake traffic secret; `transcript_hash` ends before this Finished. With a binder key
    and the hash of the ClientHello up to its binders, this is a PskBinderEntry (§4.2.11.2).
    """
    return hmac.digest(finished_key(hash_name, base_key), transcript_hash, hash_name)


def resumption_psk(hash_name: str, resumption_master_secret: bytes, ticket_nonce: bytes) -> bytes:
    """The PSK of a NewSessionTicket (§4.6.1)."""
    return expand_label(hash_name, resumption_master_secret, Label.RESUMPTION_PSK, ticket_nonce, len(zeros(hash_name)))


# The transcript (§4.4.1) --------------------------------------------------------------------------------------------


def transcript_hash(hash_name: str, transcript: bytes) -> bytes:
    """The hash of messages, one after the other, each with its header (§4.4.1)."""
    return hashlib.new(hash_name, transcript).digest()


def message_hash(hash_name: str, client_hello: bytes) -> bytes:
    """The message that replaces the first ClientHello in the transcript after a HelloRetryRequest (§4.4.1).

    `client_hello` has its header, and so has the result.
    """
    return encode_message(MessageHash(transcript_hash(hash_name, client_hello)))


# HKDF (RFC 5869), with labels (§7.1) --------------------------------------------------------------------------------


def extract(hash_name: str, salt: bytes, input_key_material: bytes) -> bytes:
    """HKDF-Extract (RFC 5869 §2.2); HMAC fills an empty salt with zeros."""
    return hmac.digest(salt, input_key_material, hash_name)


def expand(hash_name: str, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869 §2.3), `length` bytes; ValueError for more than 255 hashes."""
    output, block, number = b"", b"", 0
    while len(output) < length:
        number += 1
        if number > 255:
            raise ValueError(f"{length} bytes: HKDF-Expand gives at most 255 hashes (RFC 5869 §2.3)")
        block = hmac.digest(secret, block + info + bytes([number]), hash_name)
        output += block
    return output[:length]


@dataclass(frozen=True)
class HkdfLabel:
    """The `info` of HKDF-Expand in TLS 1.3 (RFC 8446 §7.1)."""

    length: Annotated[int, uint(2), "The number of bytes to derive (§7.1)."]
    label: Annotated[bytes, vector(7, 255), 'What the bytes are for, after "tls13 " (§7.1).']
    context: Annotated[bytes, vector(0, 255), "A transcript hash, a ticket_nonce, or empty (§7.1)."]


def expand_label(hash_name: str, secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (§7.1), `length` bytes; ValueError for a label or a context that is too long."""
    info = encode(HkdfLabel(length, b"tls13 " + label.encode("ascii"), context))
    return expand(hash_name, secret, info, length)


def derive_secret(hash_name: str, secret: bytes, label: str, transcript_hash: bytes) -> bytes:
    """Derive-Secret (§7.1): a secret for the purpose of the label that depends on all messages so far."""
    return expand_label(hash_name, secret, label, transcript_hash, len(zeros(hash_name)))


def zeros(hash_name: str) -> bytes:
    """As many zeros as the hash has bytes: the 0 of §7.1."""
    return bytes(hashlib.new(hash_name).digest_size)
