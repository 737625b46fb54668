"""TLS records read without a library: against records that we wrote by hand, and against OpenSSL's own."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.support import live, ours, trusting
from tlsdemo import net
from tlsdemo.protocol import Side
from tlsdemo.tls import client
from tlsdemo.wire.records import CONTENT_TYPES, HEADER, Record, records

RECORDS = st.lists(st.builds(Record, st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=70)), max_size=6)


def wire(record: Record) -> bytes:
    """RFC 8446 §5.1, written down a second time."""
    return (
        bytes([record.content_type])
        + record.legacy_record_version.to_bytes(2, "big")
        + len(record.fragment).to_bytes(2, "big")
        + record.fragment
    )


@given(RECORDS)
def test_what_was_written_is_read_back(written: list[Record]) -> None:
    assert list(records(b"".join(map(wire, written)))) == written


@given(RECORDS, st.integers(0, 1000))
def test_a_cut_off_record_at_the_end_is_left_out_and_the_others_are_not(written: list[Record], cut: int) -> None:
    stream = b"".join(map(wire, written))
    part = stream[: cut % (len(stream) + 1)]
    found = list(records(part))
    assert found == written[: len(found)]
    assert len(part) - len(b"".join(map(wire, found))) < HEADER + (
        len(written[len(found)].fragment) if len(found) < len(written) else 1
    )


@given(st.binary(max_size=400))
def test_anything_is_read_without_a_crash_and_tiles_the_beginning(stream: bytes) -> None:
    assert stream.startswith(b"".join(map(wire, records(stream))))


@pytest.mark.parametrize("length", [0, 1, 16384, 65535])
def test_every_length_is_read(length: int) -> None:
    record = Record(23, 0x0303, bytes(length))
    assert list(records(wire(record) * 2)) == [record, record]


def test_names_are_those_of_the_rfc_and_unknown_types_have_one_too() -> None:
    assert CONTENT_TYPES == {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}
    assert Record(22, 0x0303, b"").name == "handshake"
    assert Record(99, 0x0303, b"").name == "type 99"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_records_of_a_real_conversation_tile_both_directions(certs: Path, name: str) -> None:
    with live(ours(certs)) as server, net.Tap(net.Address("127.0.0.1", server.port)) as tap:
        with net.dial(net.Address("127.0.0.1", tap.port)) as plain, client.wrap(plain, trusting(certs), name) as tls:
            client.ask(tls, "x" * 40_000)
        server.conversation()
    for side in Side:
        stream = tap.bytes_from(side)
        found = list(records(stream))
        assert b"".join(map(wire, found)) == stream
        assert found[0].name == "handshake"
        assert {record.name for record in found} == {"handshake", "change_cipher_spec", "application_data"}
    sent = list(records(tap.bytes_from(Side.CLIENT)))
    assert sent[0].legacy_record_version == 0x0301  # §5.1: the first ClientHello may say so, for old servers
    assert all(record.legacy_record_version == 0x0303 for record in sent[1:])
    # 40,001 bytes are three records of at most 2^14, each with one byte of inner type and 16 of tag (§5.2).
    assert [len(record.fragment) for record in sent[-4:-1]] == [16401, 16401, 40_001 - 2 * 16384 + 17]
