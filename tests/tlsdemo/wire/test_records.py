"""Records cut while they arrive, put together, and named as a listener sees them."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tlsdemo.wire.conftest import CAPTURES
from tests.tlsdemo.wire.support import Capture, Conversation, contexts
from tlsdemo.wire.fields import WireError, decode, walk
from tlsdemo.wire.handshake import HANDSHAKE_TYPES, Handshake, messages
from tlsdemo.wire.records import HEADER, MAX_PLAINTEXT, Cutter, Record, encode, framed, label, raw_records, records

RECORDS = st.lists(st.builds(Record, st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=70)), max_size=6)


@given(RECORDS, st.data())
def test_pieces_of_any_size_give_the_same_records(written: list[Record], data: st.DataObject) -> None:
    stream = b"".join(map(encode, written)) + b"\x17\x03\x03\x00\x05only"
    cutter, found, at = Cutter(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        found += cutter.feed(stream[at : at + size])
        at += size
    assert found == [encode(record) for record in written]
    assert cutter.rest == b"\x17\x03\x03\x00\x05only"


def test_a_record_comes_with_its_last_byte_and_not_before() -> None:
    raw = encode(Record(23, 0x0303, b"abc"))
    cutter = Cutter()
    assert [cutter.feed(raw[at : at + 1]) for at in range(len(raw))] == [[]] * (len(raw) - 1) + [[raw]]
    assert cutter.feed(raw + raw) == [raw, raw]
    assert cutter.feed(b"") == []


@given(RECORDS)
def test_raw_records_are_the_stream_cut_up(written: list[Record]) -> None:
    stream = b"".join(map(encode, written))
    assert b"".join(raw_records(stream)) == stream
    assert list(records(stream)) == written


@given(st.binary(min_size=1, max_size=100), st.binary(min_size=1, max_size=3))
def test_a_record_has_neither_a_byte_less_nor_one_more(fragment: bytes, more: bytes) -> None:
    raw = encode(Record(22, 0x0301, fragment))
    for wrong in (raw[:-1], raw[: HEADER - 1], raw + more):
        with pytest.raises(WireError):
            decode(Record, wrong)
    assert [leaf.end - leaf.start for leaf in walk(Record, raw).leaves()] == [1, 2, 2, len(fragment)]


def test_a_fragment_longer_than_a_length_can_say_is_not_written() -> None:
    with pytest.raises(ValueError, match="65536"):
        encode(Record(23, 0x0303, bytes(65536)))


@pytest.mark.parametrize(
    ("length", "sizes"), [(0, []), (1, [1]), (MAX_PLAINTEXT, [2**14]), (MAX_PLAINTEXT + 1, [2**14, 1])]
)
def test_content_is_framed_in_as_many_records_as_it_needs(length: int, sizes: list[int]) -> None:
    content = bytes(number % 251 for number in range(length))
    found = list(records(framed(22, 0x0301, content)))
    assert [len(record.fragment) for record in found] == sizes
    assert b"".join(record.fragment for record in found) == content
    assert {(record.content_type, record.legacy_record_version) for record in found} <= {(22, 0x0301)}


def test_no_capture_is_forgotten(all_captures: dict[str, Capture]) -> None:
    assert set(all_captures) == set(CAPTURES)


# Labels -------------------------------------------------------------------------------------------------------------

LABELS = {
    "illustrated-tls12": (
        ["ClientHello", "ClientKeyExchange", "ChangeCipherSpec", "handshake (64 bytes)", "application data (48 bytes)",
         "Alert"],
        ["ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone", "ChangeCipherSpec",
         "handshake (64 bytes)", "application data (48 bytes)"],
    ),
    "rfc8448-resumed_0rtt_handshake": (
        ["ClientHello", *(f"application data ({size} bytes)" for size in (23, 21, 53, 67, 19))],
        ["ServerHello", *(f"application data ({size} bytes)" for size in (97, 67, 19))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LABELS)
def test_conversations_that_others_recorded_are_named(all_captures: dict[str, Capture], name: str) -> None:
    capture = all_captures[name]
    assert tuple([label(raw) for raw in raw_records(each)] for each in (capture.client, capture.server)) == LABELS[name]


def test_every_capture_opens_with_hellos_and_is_records_to_its_end(capture: Capture) -> None:
    for stream, first in ((capture.client, "ClientHello"), (capture.server, "ServerHello")):
        raws = list(raw_records(stream))
        assert b"".join(raws) == stream
        assert label(raws[0]) == first


def test_a_real_conversation_is_named() -> None:
    talk = Conversation(*contexts(version=ssl.TLSVersion.TLSv1_3)).say(b"x" * 10, b"y")
    assert [label(raw) for raw in raw_records(talk.client.sent)] == [
        "ClientHello", "ChangeCipherSpec", "application data (69 bytes)", f"application data ({10 + 1 + 16} bytes)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ("16 0303 0008 0e000000 01000000", "ServerHelloDone, ClientHello"),
        ("16 0303 0004 00000000", "HelloRequest"),
        ("16 0303 0000", "handshake (0 bytes)"),
        ("16 0303 0005 0100000200", "handshake (5 bytes)"),  # goes on in the next record
        ("16 0303 0005 0e00000001", "handshake (5 bytes)"),  # begins with one, does not end with it
        ("16 0303 0004 63000000", "handshake (4 bytes)"),  # no known type
        ("16 0303 0008 0e000000 63000000", "handshake (8 bytes)"),  # nor the second
        ("14 0303 0001 01", "ChangeCipherSpec"),
        ("15 0303 0002 0228", "Alert"),
        ("17 0303 0003 000000", "application data (3 bytes)"),
        ("18 0303 0003 000000", "type 24 (3 bytes)"),
        ("16 0303", "part of a record (3 bytes)"),
        ("", "part of a record (0 bytes)"),
    ],
)
def test_odd_records_are_named_too(raw: str, named: str) -> None:
    assert label(bytes.fromhex(raw)) == named


@given(st.binary(max_size=60))
def test_any_bytes_have_a_label(raw: bytes) -> None:
    assert label(raw)
    assert label(b"\x16\x03\x03" + len(raw).to_bytes(2, "big") + raw)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), max_size=5), st.integers(0, 3))
def test_messages_laid_end_to_end_are_told_apart(written: list[tuple[int, bytes]], cut: int) -> None:
    stream = b"".join(bytes([kind]) + len(body).to_bytes(3, "big") + body for kind, body in written)
    assert list(messages(stream)) == [Handshake(*each) for each in written]
    assert list(messages(stream + bytes(cut))) == [Handshake(*each) for each in written]


def test_unknown_messages_have_a_name() -> None:
    assert Handshake(99, b"").name == "handshake type 99"
    assert Handshake(20, b"").name == HANDSHAKE_TYPES[20] == "Finished"
