"""Decrypts a recording with a stolen key: TLS 1.2 with static RSA key exchange (RFC 5246 §7.4.7.1).

    client: premaster secret, encrypted to the key in the server's certificate  -->  ClientKeyExchange

One key decrypts every conversation, also years later: this key exchange has no forward secrecy, and RFC 8446 §1.2
removed it. With ECDHE, and in TLS 1.3 with certificates, the certificate's key only signs, and this module decrypts
nothing. Sessions that are resumed or renegotiated have other secrets and are not followed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from tlsdemo import peer
from tlsdemo.wire import tls12
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import EXTENDED_MASTER_SECRET
from tlsdemo.wire.fields import WireError, decode, encode
from tlsdemo.wire.handshake import (
    CERTIFICATE,
    CLIENT_HELLO,
    CLIENT_KEY_EXCHANGE,
    HANDSHAKE_TYPES,
    SERVER_HELLO,
    SERVER_HELLO_DONE,
    Handshake,
    ServerHello,
    messages,
)
from tlsdemo.wire.messages12 import CertificateTls12, ClientKeyExchangeRsa
from tlsdemo.wire.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, records
from tlsdemo.wire.registry import CIPHER_SUITES, name

PREFIX = "TLS_RSA_"
"""How the names of the suites with static RSA begin."""


@dataclass(frozen=True)
class Secrets:
    """What the key of the server's certificate reveals of one conversation."""

    client_random: bytes
    premaster_secret: bytes
    """48 bytes."""
    master_secret: bytes
    """48 bytes."""
    is_extended: bool
    """Whether the transcript is in the master secret (RFC 7627 §4), and not only the random numbers."""


def secrets(client_bytes: bytes, server_bytes: bytes, key: PrivateKeyTypes) -> Secrets:
    """The secrets of a recorded conversation; ValueError, with the reason, if this key does not decrypt it.

    Each recording has all bytes of one side, from the first. Raises nothing else, for any bytes and any key.
    """
    return _Recording(client_bytes, server_bytes).secrets(key)


def decipher(client_bytes: bytes, server_bytes: bytes, key: PrivateKeyTypes) -> bytes:
    """The application data of a recorded conversation, the client's first; b"" if this key does not decrypt it.

    Never raises, for any bytes and any key.
    """
    try:
        recording = _Recording(client_bytes, server_bytes)
        client_keys, server_keys = recording.keys(key)
        suite = recording.suite
        return b"".join((*_read(suite, client_keys, recording.client), *_read(suite, server_keys, recording.server)))
    except ValueError:
        return b""


class _Recording:
    """The handshake messages in the clear of a recorded conversation; ValueError if it has no static RSA."""

    def __init__(self, client_bytes: bytes, server_bytes: bytes) -> None:
        self.client, self.server = list(records(client_bytes)), list(records(server_bytes))
        self.from_client, self.from_server = list(_clear(self.client)), list(_clear(self.server))
        first = [sent[0].msg_type if sent else None for sent in (self.from_client, self.from_server)]
        if first != [CLIENT_HELLO, SERVER_HELLO]:
            raise WireError("it does not begin with ClientHello and ServerHello")
        self.client_hello = decode(ClientHello, self.from_client[0].body)
        self.server_hello = decode(ServerHello, self.from_server[0].body)
        suite_name = name(CIPHER_SUITES, self.server_hello.cipher_suite)
        if not suite_name.startswith(PREFIX):
            raise WireError(f"with {suite_name}, that key only signs, and encrypts no secret")
        if self.server_hello.cipher_suite not in tls12.SUITES:
            raise WireError(f"decryption of {suite_name} is not implemented")
        self.suite = tls12.SUITES[self.server_hello.cipher_suite]

    def keys(self, key: PrivateKeyTypes) -> tuple[tls12.Keys, tls12.Keys]:
        """The client's and the server's keys."""
        found = self.secrets(key)
        return tls12.traffic_keys(self.suite, found.master_secret, found.client_random, self.server_hello.random)

    def secrets(self, key: PrivateKeyTypes) -> Secrets:
        """The secrets; ValueError if `key` is not that of the certificate (RFC 5246 §7.4.7.1)."""
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("it is not an RSA key")
        if not self._is_certified(key):
            raise ValueError("it is not the key of the server's certificate")
        exchange = _up_to(CLIENT_KEY_EXCHANGE, self.from_client)
        encrypted = decode(ClientKeyExchangeRsa, exchange[-1].body).encrypted_pre_master_secret
        premaster_secret = key.decrypt(encrypted, PKCS1v15())
        randoms = self.client_hello.random, self.server_hello.random
        is_extended = all(
            hello.extension(EXTENDED_MASTER_SECRET) is not None for hello in (self.client_hello, self.server_hello)
        )
        if is_extended:
            answer = _up_to(SERVER_HELLO_DONE, self.from_server)
            transcript = b"".join(map(encode, (exchange[0], *answer, *exchange[1:])))
            master = tls12.extended_master_secret(self.suite, premaster_secret, transcript)
        else:
            master = tls12.master_secret(self.suite, premaster_secret, *randoms)
        return Secrets(randoms[0], premaster_secret, master, is_extended)

    def _is_certified(self, key: RSAPrivateKey) -> bool:
        """Whether the server's certificate has this key; also True if it cannot be read, since only the key counts."""
        sent = next((each for each in self.from_server if each.msg_type == CERTIFICATE), None)
        chain = decode(CertificateTls12, sent.body).certificate_list if sent else ()
        certificate = peer.load(chain[0]) if chain else None
        if certificate is None or isinstance(certificate, peer.Unreadable):
            return True
        return peer.attempt(certificate.public_key) == key.public_key()


def _clear(found: list[Record]) -> Iterator[Handshake]:
    """The handshake messages before ChangeCipherSpec."""
    clear = takewhile(lambda record: record.content_type != CHANGE_CIPHER_SPEC, found)
    return messages(b"".join(record.fragment for record in clear if record.content_type == HANDSHAKE))


def _up_to(msg_type: int, sent: list[Handshake]) -> list[Handshake]:
    """The messages from the hello to the one of that type; WireError if there is none, as in a resumed session."""
    types = [each.msg_type for each in sent]
    if msg_type not in types:
        raise WireError(f"it has no {HANDSHAKE_TYPES[msg_type]}, as if it resumed a session")
    return sent[: types.index(msg_type) + 1]


def _read(suite: tls12.Suite, keys: tls12.Keys, found: list[Record]) -> Iterator[bytes]:
    """The application data after ChangeCipherSpec that the keys decrypt; ValueError without a ChangeCipherSpec."""
    changed = [record.content_type for record in found].index(CHANGE_CIPHER_SPEC)
    for sequence_number, record in enumerate(found[changed + 1 :]):
        try:
            content = tls12.opened(suite, keys, sequence_number, record)
        except (InvalidTag, ValueError):
            return
        if record.content_type == APPLICATION_DATA:
            yield content
