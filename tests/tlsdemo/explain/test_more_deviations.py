"""Deviations that no case of the lab has: each is put into a conversation that is valid otherwise, and must be named.

Falsehood caught: a check that is never true, so that the deviation is not told.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.tlsdemo.explain.refusals import NOW, told
from tests.tlsdemo.explain.test_conversation import Chunks
from tests.tlsdemo.explain.test_conversation import recorded as capture_of
from tests.tlsdemo.explain.test_deviations import ca, server_of, with_ours
from tlsdemo.explain import deviations, proofs
from tlsdemo.explain.conversation import explain
from tlsdemo.lab import misbehaving
from tlsdemo.lab.deviation import PADDING_TYPE, Deviation, instead
from tlsdemo.wire import captures, extensions
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import decode, encode
from tlsdemo.wire.handshake import Extension, ServerHello
from tlsdemo.wire.messages13 import (
    Certificate,
    CertificateRequest,
    EncryptedExtensions,
    HelloRetryRequest,
    encode_message,
)
from tlsdemo.wire.records import HANDSHAKE, Record

# Of a server, in its messages and records ----------------------------------------------------------------------------


def changed(kind: type, change: Callable[[Any], Any], **also: Any) -> Deviation:
    return instead(kind, lambda server, message: [change(message)], **also)


def having(number: int, content: Any) -> Callable[[Any], Any]:
    """Replace an extension."""

    def change(message: Any) -> Any:
        kept = [each for each in message.extensions if each.extension_type != number]
        return replace(message, extensions=(*kept, Extension(number, encode(content))))

    return change


def only_version(message: HelloRetryRequest) -> HelloRetryRequest:
    assert message.extensions
    kept = [each for each in message.extensions if each.extension_type == extensions.SUPPORTED_VERSIONS]
    return replace(message, extensions=tuple(kept))


def with_inner(inner: bytes) -> Deviation:
    """A protected record with this content and type before EncryptedExtensions."""

    def frame(content_type: int, content: bytes) -> Iterable[tuple[int, bytes]]:
        before = [(PADDING_TYPE, inner)] if content_type == HANDSHAKE and content[0] == 8 else []
        return [*before, (content_type, content)]

    return Deviation(frame=frame)


def asking_for(group: int) -> Deviation:
    return changed(
        HelloRetryRequest, having(extensions.KEY_SHARE, extensions.KeyShareHelloRetryRequest(group)), retries=1
    )


TWO_PROTOCOLS = extensions.ProtocolNameList((extensions.ProtocolName(b"h2"), extensions.ProtocolName(b"http/1.1")))
X25519_SHARE = extensions.KeyShareServerHello(extensions.KeyShareEntry(0x001D, b"\x09" + bytes(31)))

OF_SERVERS: dict[str, tuple[Deviation, str]] = {
    "an old legacy_version": (
        changed(ServerHello, lambda message: replace(message, legacy_version=0x0302)),
        "RFC 8446 §4.1.3: legacy_version of a TLS 1.3 server is not 0x0303: 0x0302",
    ),
    "another suite after a retry": (
        changed(ServerHello, lambda message: replace(message, cipher_suite=0x1303), retries=1),
        "§4.1.4: ServerHello selects another cipher suite than HelloRetryRequest: TLS_CHACHA20_POLY1305_SHA256 instead",
    ),
    "another group after a retry": (
        changed(ServerHello, having(extensions.KEY_SHARE, X25519_SHARE), retries=1),
        "§4.2.8: ServerHello selects another group than HelloRetryRequest: x25519; the client sent key shares of s",
    ),
    "a retry for an unknown group": (
        asking_for(0x0200),
        "HelloRetryRequest of the server deviates from RFC 8446 §4.2.8: HelloRetryRequest selects a group that was not "
        "offered: MLKEM512; the client supports X25519MLKEM768, x25519, ",
    ),
    "a retry for a group that was sent": (
        asking_for(0x001D), "HelloRetryRequest selects a group whose share was sent: x25519"
    ),
    "a retry that asks for nothing": (
        changed(HelloRetryRequest, only_version, retries=1), "§4.1.4: HelloRetryRequest asks for no change"
    ),
    "two protocols": (
        changed(EncryptedExtensions, having(extensions.ALPN, TWO_PROTOCOLS)),
        "RFC 7301 §3.1: the server selected several protocols: h2, http/1.1",
    ),
    "a context in Certificate": (
        changed(Certificate, lambda message: replace(message, certificate_request_context=b"abc")),
        "§4.4.2: certificate_request_context is not the requested one: 616263 (3 bytes) instead of nothing",
    ),
    "an empty handshake record": (with_inner(b"\x16"), "§5.4: a record of the handshake or an alert is empty: hand"),
    "an alert of one byte": (with_inner(b"\x02\x15"), "§6: an alert does not have two bytes: it has 1"),
    "a protected change_cipher_spec": (with_inner(b"\x01\x14"), "§5: change_cipher_spec is in a protected record"),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_SERVERS)
def test_a_deviation_of_a_server_is_named(name: str) -> None:
    deviation, words = OF_SERVERS[name]
    file = with_ours(misbehaving.server(deviation, ca().good_credential), "h2")
    lines = [each for each in told(file, None).splitlines() if " of the server deviates from " in each]
    assert len(lines) >= 1
    assert any(words in each for each in lines), lines


# In ClientHello ------------------------------------------------------------------------------------------------------


def valid() -> ClientHello:
    """A ClientHello of our client."""
    (connection,) = captures.read(with_ours(server_of("finished-wrong", strict=True))).connections
    return decode(ClientHello, decode(Record, connection.chunks[0].data).fragment[4:])


def found_in(hello: ClientHello) -> list[str]:
    record = encode(Record(HANDSHAKE, 0x0301, encode_message(hello)))
    return [str(each) for each in deviations.found_in(explain([("client", record)], None, NOW).dissection, {})]


def shares(*groups: int) -> bytes:
    entries = tuple(extensions.KeyShareEntry(group, bytes(32)) for group in groups)
    return encode(extensions.KeyShareClientHello(entries))


def at_the_end(hello: ClientHello, *added: Extension) -> ClientHello:
    return replace(hello, extensions=(*(hello.extensions or ()), *added))


PSK = Extension(
    extensions.PRE_SHARED_KEY,
    encode(extensions.OfferedPsks((extensions.PskIdentity(b"ticket", 0),), (bytes(32),))),
)
MODES = Extension(extensions.PSK_KEY_EXCHANGE_MODES, b"\x01\x01")

OF_CLIENTS: dict[str, tuple[Callable[[ClientHello], ClientHello], str]] = {
    "no groups": (lambda hello: without(hello, extensions.SUPPORTED_GROUPS), "§9.2: ClientHello has no supported"),
    "no key share": (lambda hello: without(hello, extensions.KEY_SHARE), "§9.2: ClientHello has no key_share"),
    "no schemes": (
        lambda hello: without(hello, extensions.SIGNATURE_ALGORITHMS), "§9.2: ClientHello has no signature_algorithms"
    ),
    "two shares of a group": (
        lambda hello: hello.with_extension(extensions.KEY_SHARE, shares(0x001D, 0x001D)),
        "§4.2.8: two key shares are for the same group: x25519, x25519",
    ),
    "a share of another group": (
        lambda hello: hello.with_extension(extensions.KEY_SHARE, shares(0x001E)),
        "§4.2.8: a key share is for a group that the client does not offer: x448",
    ),
    "a PSK that is not last": (
        lambda hello: at_the_end(hello, PSK, MODES), "§4.2.11: pre_shared_key is not the last extension"
    ),
    "a PSK without modes": (
        lambda hello: at_the_end(hello, PSK), "§4.2.9: pre_shared_key comes without psk_key_exchange_modes"
    ),
    "an extension of CertificateRequest": (
        lambda hello: at_the_end(hello, Extension(extensions.OID_FILTERS, b"\0\0")), "not defined: oid_filters (48)"
    ),
}  # fmt: skip


def without(hello: ClientHello, number: int) -> ClientHello:
    return hello.with_extension(number, None)


@pytest.mark.parametrize("name", OF_CLIENTS)
def test_a_deviation_of_client_hello_is_named(name: str) -> None:
    change, words = OF_CLIENTS[name]
    hello = valid()
    assert found_in(hello) == []
    (line,) = found_in(change(hello))
    assert line.startswith("ClientHello of the client deviates from RFC 8446 ")
    assert words in line


# In the bytes of a capture -------------------------------------------------------------------------------------------


def named(chunks: Chunks, keys: Any) -> list[str]:
    found = explain(chunks, keys, NOW)
    return [
        str(each) for each in deviations.found_in(found.dissection, proofs.of_messages(found.dissection, found.secrets))
    ]


def test_a_change_cipher_spec_with_other_content_is_named() -> None:
    chunks, keys = capture_of("python-ssl-tls13")
    sender, flight = chunks[1]
    right = bytes.fromhex("140303000101")
    assert flight.count(right) == 1
    chunks[1] = sender, flight.replace(right, bytes.fromhex("140303000102"))
    (line,) = named(chunks, keys)
    assert (
        line == "record 3 of the server deviates from RFC 8446 §5: change_cipher_spec has a content other than 01: 02"
    )


def test_a_handshake_message_that_is_not_protected_is_named() -> None:
    """A CertificateRequest in the clear, and without signature_algorithms."""
    chunks, keys = capture_of("python-ssl-tls13")
    request = encode_message(CertificateRequest(b"", (Extension(0xFF5A, b""),)))
    lines = named([*chunks, ("server", encode(Record(HANDSHAKE, 0x0303, request)))], keys)
    assert any("§5: a record is not protected, but the keys are in use: handshake" in each for each in lines)
    assert any("§4.3.2: CertificateRequest has no signature_algorithms" in each for each in lines)


@pytest.mark.parametrize(
    ("name", "record", "words"),
    [
        (
            "python-ssl-tls13",
            Record(HANDSHAKE, 0x0303, bytes(16385)),
            "RFC 8446 §5.1: a record is longer than 2^14 bytes",
        ),
        ("python-ssl-tls12", Record(23, 0x0303, bytes(18433)), "RFC 5246 §6.2.3: a protected record has 18,433 bytes"),
    ],
)
def test_a_record_that_is_too_long_is_named(name: str, record: Record, words: str) -> None:
    chunks, keys = capture_of(name)
    assert any(words in each for each in named([*chunks, ("server", encode(record))], keys))


def test_a_message_that_cannot_be_decoded_is_named() -> None:
    chunks, keys = capture_of("python-ssl-tls13")
    (line,) = named([chunks[0], ("server", encode(Record(HANDSHAKE, 0x0303, b"\x02\0\0\x02\x03\x03")))], keys)
    assert "ServerHello of the server deviates from RFC 8446 §6.2: a message does not have the form" in line


def test_a_wrong_signature_of_tls_1_2_is_named() -> None:
    """One bit of the signature in ServerKeyExchange is another one; then Finished covers other bytes, too."""
    chunks, keys = capture_of("python-ssl-tls12")
    found = explain(chunks, keys, NOW).dissection
    exchange = next(each for each in found.messages if each.header.name == "ServerKeyExchange")
    sender, flight = chunks[1]
    end = flight.index(exchange.raw) + len(exchange.raw)
    chunks[1] = sender, flight[: end - 1] + bytes([flight[end - 1] ^ 1]) + flight[end:]
    lines = named(chunks, keys)
    assert lines[0].startswith(
        "ServerKeyExchange of the server deviates from RFC 5246 §7.4.3: computed here, the signature"
    )
    assert lines[0].endswith("is NOT valid for the key of certificate 1")
    assert any(each.startswith("Finished of the client deviates from RFC 5246 §7.4.9") for each in lines)


@pytest.mark.parametrize(
    ("name", "section"),
    [("python-ssl-tls13", "RFC 8446 §5.2"), ("python-ssl-tls12", "RFC 5246 §6.2.1")],
)
def test_the_content_of_a_protected_record_that_is_too_long_is_named(name: str, section: str) -> None:
    """The record itself may be 256 bytes longer, for padding and the tag."""
    chunks, keys = capture_of(name)
    found = explain(chunks, keys, NOW).dissection
    place = next(each for each, record in enumerate(found.records) if record.protection and record.content_type == 23)
    for length, expected in ((2**14, 0), (2**14 + 1, 1)):
        records = list(found.records)
        records[place] = replace(records[place], content=bytes(length))
        named = [str(each) for each in deviations.found_in(replace(found, records=tuple(records)), {})]
        sentence = "the content of a protected record is longer than 2^14 bytes: 16,385 bytes"
        whose = f"record {place + 1} of the {found.records[place].sender}"
        assert named == [f"{whose} deviates from {section}: {sentence}"] * expected
