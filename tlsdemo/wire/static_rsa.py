"""Decrypts a recording with a stolen key: TLS 1.2 with static RSA key exchange (RFC 5246 §7.4.7.1).

    client: premaster secret, encrypted to the key in the server's certificate  -->  ClientKeyExchange

One key decrypts every conversation, also years later: this key exchange has no forward secrecy, and RFC 8446 §1.2
removed it. With ECDHE, and in TLS 1.3 with certificates, the certificate's key only signs, and this module decrypts
nothing. Sessions that are resumed or renegotiated have other secrets and are not followed.
"""

from collections.abc import Iterator
from itertools import takewhile

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from tlsdemo.wire import tls12
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import EXTENDED_MASTER_SECRET
from tlsdemo.wire.fields import WireError, decode, encode
from tlsdemo.wire.handshake import (
    CLIENT_HELLO,
    CLIENT_KEY_EXCHANGE,
    SERVER_HELLO,
    SERVER_HELLO_DONE,
    Handshake,
    ServerHello,
    messages,
)
from tlsdemo.wire.messages12 import ClientKeyExchangeRsa
from tlsdemo.wire.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, records

STATIC_RSA = frozenset(number for number, suite in tls12.SUITES.items() if suite.name.startswith("TLS_RSA_"))


def decipher(client_bytes: bytes, server_bytes: bytes, key: PrivateKeyTypes) -> bytes:
    """The application data of a recorded conversation, the client's first; b"" if this key does not decrypt it.

    Each recording has all bytes of one side, from the first. Never raises, for any bytes and any key.
    """
    try:
        recording = _Recording(client_bytes, server_bytes)
        client_keys, server_keys = recording.keys(key)
        suite = recording.suite
        return b"".join((*_read(suite, client_keys, recording.client), *_read(suite, server_keys, recording.server)))
    except (ValueError, LookupError):  # WireError is a ValueError
        return b""


class _Recording:
    """The handshake messages in the clear of a recorded conversation."""

    def __init__(self, client_bytes: bytes, server_bytes: bytes) -> None:
        self.client, self.server = list(records(client_bytes)), list(records(server_bytes))
        self.from_client, self.from_server = list(_clear(self.client)), list(_clear(self.server))
        self.client_hello = decode(ClientHello, self.from_client[0].body)
        self.server_hello = decode(ServerHello, self.from_server[0].body)
        if (self.from_client[0].msg_type, self.from_server[0].msg_type) != (CLIENT_HELLO, SERVER_HELLO):
            raise WireError("no hellos")
        if self.server_hello.cipher_suite not in STATIC_RSA:
            raise WireError("the key exchange is not static RSA")
        self.suite = tls12.SUITES[self.server_hello.cipher_suite]

    def keys(self, key: PrivateKeyTypes) -> tuple[tls12.Keys, tls12.Keys]:
        """The client's and the server's keys; useless ones if `key` is another server's (RFC 5246 §7.4.7.1)."""
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("not an RSA key")
        exchange = _up_to(CLIENT_KEY_EXCHANGE, self.from_client)
        encrypted = decode(ClientKeyExchangeRsa, exchange[-1].body).encrypted_pre_master_secret
        premaster_secret = key.decrypt(encrypted, PKCS1v15())
        suite = self.suite
        randoms = self.client_hello.random, self.server_hello.random
        if self.client_hello.extension(EXTENDED_MASTER_SECRET) is not None and self.server_hello.has(
            EXTENDED_MASTER_SECRET
        ):
            answer = _up_to(SERVER_HELLO_DONE, self.from_server)
            transcript = b"".join(map(encode, (exchange[0], *answer, *exchange[1:])))
            master = tls12.extended_master_secret(suite, premaster_secret, transcript)
        else:
            master = tls12.master_secret(suite, premaster_secret, *randoms)
        return tls12.traffic_keys(suite, master, *randoms)


def _clear(found: list[Record]) -> Iterator[Handshake]:
    """The handshake messages before ChangeCipherSpec."""
    clear = takewhile(lambda record: record.content_type != CHANGE_CIPHER_SPEC, found)
    return messages(b"".join(record.fragment for record in clear if record.content_type == HANDSHAKE))


def _up_to(msg_type: int, sent: list[Handshake]) -> list[Handshake]:
    """The messages from the hello to the one of that type; LookupError if there is none."""
    return sent[: [each.msg_type for each in sent].index(msg_type) + 1]


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
