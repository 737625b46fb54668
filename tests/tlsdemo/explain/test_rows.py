"""Rows of single structures: their values by name and number, and reasons that are true for the message around them."""

from collections.abc import Callable

import pytest

from tlsdemo.explain.rows import Row, rows
from tlsdemo.wire import messages12
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import EXTENSIONS, CertificateTypes, EncryptedClientHello, PskKeyExchangeModes
from tlsdemo.wire.fields import declared, encode, walk
from tlsdemo.wire.handshake import Extension, ServerHello
from tlsdemo.wire.messages13 import (
    CertificateRequest,
    EncryptedExtensions,
    KeyUpdate,
    Message,
    NewSessionTicket,
    encode_message,
)
from tlsdemo.wire.records import Alert, ChangeCipherSpec
from tlsdemo.wire.trees import of_message

HELLO = ClientHello(0x0303, bytes(32), b"", (0x2A2A, 0x1301, 0x00FF, 0x5600), b"\0", ())
CARRIERS: dict[type, Callable[[tuple[Extension, ...]], Message]] = {
    ClientHello: lambda extensions: ClientHello(0x0303, bytes(32), b"", (0x1301,), b"\0", extensions),
    ServerHello: lambda extensions: ServerHello(0x0303, bytes(32), b"", 0xC02B, 0, extensions),
    EncryptedExtensions: EncryptedExtensions,
    CertificateRequest: lambda extensions: CertificateRequest(b"", extensions),
    NewSessionTicket: lambda extensions: NewSessionTicket(1, 2, b"", b"ticket", extensions),
}


def values_of(structure: object) -> dict[str, str]:
    return {row.name: row.value for row in rows(walk(type(structure), encode(structure)))}


@pytest.mark.parametrize(
    ("structure", "name", "value"),
    [
        (Alert(2, 40), "level", "fatal (2)"),
        (Alert(7, 40), "level", "0x07"),
        (ChangeCipherSpec(1), "type", "change_cipher_spec (1)"),
        (EncryptedClientHello(0, 1, 3, 5, b"", b"x"), "type", "outer (0)"),
        (EncryptedClientHello(0, 1, 3, 5, b"", b"x"), "kdf_id", "HKDF-SHA256 (1)"),
        (EncryptedClientHello(0, 1, 3, 5, b"", b"x"), "aead_id", "ChaCha20Poly1305 (3)"),
        (PskKeyExchangeModes(b"\1\0"), "ke_modes", "psk_dhe_ke (1), psk_ke (0)"),
        (KeyUpdate(1), "request_update", "update_requested (1)"),
        (CertificateTypes(b"\2\0"), "certificate_types", "RawPublicKey (2), X509 (0)"),
        (
            messages12.CertificateRequestTls12(b"\1\x40", (0x0403,), ()),
            "certificate_types",
            "rsa_sign (1), ecdsa_sign (64)",
        ),
        (HELLO, "legacy_compression_methods", "null (0)"),
        (
            HELLO,
            "cipher_suites",
            "GREASE 0x2a2a (not a suite), TLS_AES_128_GCM_SHA256, TLS_EMPTY_RENEGOTIATION_INFO_SCSV (signal), "
            "TLS_FALLBACK_SCSV (signal)",
        ),
    ],
)
def test_a_small_number_has_its_name(structure: object, name: str, value: str) -> None:
    assert values_of(structure)[name] == value


def extension(carrier: type, number: int, data: bytes = b"") -> Row:
    message = CARRIERS[carrier]((Extension(number, data),))
    tree = of_message(encode_message(message), carrier)
    return next(row for row in rows(tree) if row.name.endswith(f"({number})"))


@pytest.mark.parametrize(
    ("carrier", "word"),
    [
        (ClientHello, "A server ignores"),
        (ServerHello, "must answer"),
        (EncryptedExtensions, "must answer"),
        (CertificateRequest, "A client ignores"),
        (NewSessionTicket, "A client ignores"),
    ],
)
def test_only_where_unknown_extensions_are_ignored_the_reason_says_so(carrier: type, word: str) -> None:
    assert word in extension(carrier, 0xABCD).reason


EMPTY = [
    (carrier, number) for carrier in CARRIERS for number, each in EXTENSIONS[carrier].items() if not declared(each)
]


@pytest.mark.parametrize(("carrier", "number"), EMPTY)
def test_an_extension_without_content_has_the_reason_of_its_declaration(carrier: type, number: int) -> None:
    assert extension(carrier, number).reason == (EXTENSIONS[carrier][number].__doc__ or "").partition("\n")[0]


def test_what_is_asked_and_what_is_answered_have_different_reasons() -> None:
    for number in (0, 5, 22, 23, 35):
        assert extension(ClientHello, number).reason != extension(ServerHello, number).reason
