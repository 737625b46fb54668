"""The messages of TLS 1.3 against RFC 8448. Falsehood caught: a bound, width or number that is not the RFC's."""

from hashlib import sha256
from typing import Any, get_args

import pytest

from tests.tlsdemo.wire.support import Capture, Trace
from tests.tlsdemo.wire.test_first_flight import sent
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import WireError, decode, encode
from tlsdemo.wire.handshake import HANDSHAKE_TYPES, Extension, ServerHello
from tlsdemo.wire.messages13 import (
    HELLO_RETRY_REQUEST_RANDOM,
    NUMBERS,
    TYPES,
    Certificate,
    CertificateEntry,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HelloRetryRequest,
    KeyUpdate,
    Message,
    MessageHash,
    NewSessionTicket,
    decode_message,
    encode_message,
)

RETRY = sha256(b"HelloRetryRequest").digest()
OTHER = (Extension(99, b""),)

BY_HAND: dict[str, Message] = {  # the bytes were written down from the structures of RFC 8446 §4
    "01 000029 0303" + "00" * 32 + "00 0002 1301 01 00": ClientHello(0x0303, bytes(32), b"", (0x1301,), b"\0"),
    "02 000026 0303" + "11" * 32 + "00 1302 00": ServerHello(0x0303, b"\x11" * 32, b"", 0x1302, 0),
    "02 00002c 0303" + RETRY.hex() + "00 1302 00 0004 0063 0000": HelloRetryRequest(
        0x0303, RETRY, b"", 0x1302, 0, OTHER
    ),
    "04 000015 00000e10 01020304 01 07 0003 aabbcc 0004 0063 0000": NewSessionTicket(
        3600, 0x01020304, b"\x07", b"\xaa\xbb\xcc", OTHER
    ),
    "05 000000": EndOfEarlyData(),
    "08 00000e 000c 000a 0004 0002001d 0063 0000": EncryptedExtensions((Extension(10, b"\0\2\0\x1d"), *OTHER)),
    "0b 000016 01 07 000011 000002 3000 0000 000001 31 0004 0063 0000": Certificate(
        b"\x07", (CertificateEntry(b"\x30\0"), CertificateEntry(b"\x31", OTHER))
    ),
    "0d 000007 00 0004 0063 0000": CertificateRequest(b"", OTHER),
    "0f 000006 0804 0002 abcd": CertificateVerify(0x0804, b"\xab\xcd"),
    "14 000003 010203": Finished(b"\1\2\3"),
    "18 000001 01": KeyUpdate(1),
    "fe 000003 010203": MessageHash(b"\1\2\3"),
}


@pytest.mark.parametrize(("raw", "message"), BY_HAND.items(), ids=[type(each).__name__ for each in BY_HAND.values()])
def test_a_message_has_the_bytes_that_the_rfc_describes(raw: str, message: Message) -> None:
    data = bytes.fromhex(raw)
    decoded = decode_message(data)
    assert (type(decoded), decoded) == (type(message), message)
    assert encode_message(message) == data


def test_every_message_of_rfc_8448_is_read_under_its_name_and_written_back(trace: Trace) -> None:
    messages = trace.messages()
    assert len(messages) >= 5
    for piece in messages:
        message = decode_message(piece.raw)
        assert type(message).__name__ == piece.name
        assert encode_message(message) == piece.raw


def test_the_hellos_of_every_capture_are_read_and_written_back(capture: Capture) -> None:
    for stream in (capture.client, capture.server):
        hello = encode(sent(stream)[0])
        assert encode_message(decode_message(hello)) == hello


def test_every_message_has_a_number_and_the_name_of_that_number() -> None:
    assert set(NUMBERS) == set(get_args(Message)) == {type(each) for each in BY_HAND.values()}
    for structure, number in NUMBERS.items():
        name = {HelloRetryRequest: "ServerHello", MessageHash: "message_hash"}.get(structure, structure.__name__)
        assert HANDSHAKE_TYPES[number] == name
    assert {number: NUMBERS[structure] for number, structure in TYPES.items()} == {each: each for each in TYPES}


def test_the_random_alone_makes_a_hello_retry_request() -> None:
    assert RETRY == HELLO_RETRY_REQUEST_RANDOM  # §4.1.3: the SHA-256 of "HelloRetryRequest"
    hello = ServerHello(0x0303, RETRY, b"", 0x1301, 0)
    retry = decode_message(encode_message(hello))
    assert isinstance(retry, HelloRetryRequest)
    assert decode(ServerHello, encode(hello)) == hello
    almost = decode_message(encode_message(ServerHello(0x0303, RETRY[:-1] + b"\0", b"", 0x1301, 0)))
    assert type(almost) is ServerHello


@pytest.mark.parametrize("number", sorted(set(range(256)) - set(TYPES)))
def test_a_message_of_an_unknown_type_is_rejected(number: int) -> None:
    with pytest.raises(WireError, match=f"msg_type {number} "):
        decode_message(bytes([number, 0, 0, 0]))


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "14 0000",
        "14 000004 010203",  # the length is greater than the content
        "14 000002 010203",  # a byte after the message
        "05 000001 00",  # EndOfEarlyData is empty
        "18 000002 0101",
        "0d 000003 00 0000",  # CertificateRequest.extensions<2..>: signature_algorithms is required
        "0b 000009 00 000005 000000 0000",  # cert_data<1..>
        "04 00000e 00000e10 01020304 00 0000 0000 00",  # ticket<1..>
        "02 000005 0303000000",  # ends within the random
    ],
)
def test_a_malformed_message_is_rejected(raw: str) -> None:
    with pytest.raises(WireError):
        decode_message(bytes.fromhex(raw))


@pytest.mark.parametrize(
    "message",
    [
        CertificateRequest(b"", ()),
        CertificateRequest(bytes(256), OTHER),
        Certificate(b"", (CertificateEntry(b""),)),
        NewSessionTicket(2**32, 0, b"", b"1"),
        NewSessionTicket(0, 0, bytes(256), b"1"),
        NewSessionTicket(0, 0, b"", b""),
        CertificateVerify(2**16, b""),
        CertificateVerify(0, bytes(2**16)),
        KeyUpdate(256),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_message_with_a_value_out_of_bounds_is_not_written(message: Message) -> None:
    with pytest.raises(ValueError, match=r"bytes"):
        encode_message(message)


EXTENDED: list[Any] = [each for each in BY_HAND.values() if hasattr(each, "extensions")]


@pytest.mark.parametrize("message", [*EXTENDED, CertificateEntry(b"\x30", OTHER)], ids=lambda each: type(each).__name__)
def test_extension_returns_the_content_of_the_first_one_with_that_number(message: Any) -> None:
    several = type(message)(
        **{**vars(message), "extensions": (Extension(7, b"1"), Extension(8, b"2"), Extension(7, b"3"))}
    )
    assert [several.extension(number) for number in (7, 8, 9)] == [b"1", b"2", None]
