"""Captures of every form, damaged and shuffled. Caught: a byte that is lost, repeated or in the wrong direction, and a
traceback for a file of foreign bytes."""

import random
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import run, tool
from tlsdemo.wire import captures
from tlsdemo.wire.captures import Capture, CaptureError, Chunk, Connection, Place
from tlsdemo.wire.records import Sender

CLIENT, SERVER = Place("10.0.0.1", 40000), Place("10.0.0.2", 443)
SAID: Sequence[tuple[Sender, bytes]] = (
    ("client", b"\x16\x03\x01 hello"),
    ("server", bytes(range(256)) * 300),  # more than one packet
    ("client", b"more"),
    ("client", b" and more"),
    ("server", b"end"),
)


def connection(
    client: Place = CLIENT, server: Place = SERVER, said: Sequence[tuple[Sender, bytes]] = SAID
) -> Connection:
    chunks = tuple(Chunk(sender, data, 1000.5 + number) for number, (sender, data) in enumerate(said))
    return Connection(client, server, chunks, has_beginning=True)


def streams(found: Connection) -> dict[Sender, bytes]:
    sides: tuple[Sender, Sender] = ("client", "server")
    return {side: b"".join(each.data for each in found.chunks if each.sender == side) for side in sides}


WANTED = streams(connection())


def packets(data: bytes) -> list[tuple[float, bytes]]:
    """The IP packets in a pcapng file of our writer."""
    found = [(packet.time, packet.data) for packet in captures._packets(data, [], [])]
    return found


def pcap(
    found: Sequence[tuple[float, bytes]],
    *,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    link_type: int = 101,
    link: Callable[[bytes], bytes] = bytes,
) -> bytes:
    """A pcap file, written here from its description (draft-ietf-opsawg-pcap)."""
    unit = 1e9 if magic == 0xA1B23C4D else 1e6
    out = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)
    for time, packet in found:
        framed = link(packet)
        seconds, fraction = int(time), round((time % 1) * unit)
        out += struct.pack(f"{order}IIII", seconds, fraction, len(framed), len(framed)) + framed
    return out


def ethertype(packet: bytes) -> bytes:
    return b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"


LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "ethernet": (1, lambda packet: bytes(12) + ethertype(packet) + packet),
    "ethernet with a VLAN": (1, lambda packet: bytes(12) + b"\x81\x00\x00\x05" + ethertype(packet) + packet),
    "ethernet with two VLANs": (
        1, lambda packet: bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + ethertype(packet) + packet
    ),
    "BSD loopback": (0, lambda packet: b"\x02\x00\x00\x00" + packet),
    "OpenBSD loopback": (108, lambda packet: b"\x00\x00\x00\x02" + packet),
    "raw IP": (101, bytes),
    "raw IPv4": (228, bytes),
    "Linux cooked": (113, lambda packet: bytes(14) + ethertype(packet) + packet),
    "Linux cooked 2": (276, lambda packet: ethertype(packet) + bytes(18) + packet),
}  # fmt: skip


def only(found: Capture) -> Connection:
    (one,) = found.connections
    return one


@pytest.mark.parametrize("link_type", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_every_form_of_a_pcap_file_is_read(
    link_type: tuple[int, Callable[[bytes], bytes]], order: str, magic: int
) -> None:
    number, link = link_type
    found = captures.read(
        pcap(packets(captures.write([connection()])), order=order, magic=magic, link_type=number, link=link)
    )
    assert not found.problems
    one = only(found)
    assert streams(one) == WANTED
    assert (one.client, one.server, one.lost) == (CLIENT, SERVER, ())
    assert one.chunks[0].time == pytest.approx(1000.5)


@pytest.mark.parametrize("addresses", [("10.0.0.1", "10.0.0.2"), ("::1", "2001:db8::2")])
def test_what_is_written_is_read(addresses: tuple[str, str]) -> None:
    client, server = Place(addresses[0], 40000), Place(addresses[1], 443)
    written = captures.write([connection(client, server)], "CLIENT_RANDOM 00 11\n")
    found = captures.read(written)
    assert streams(only(found)) == WANTED
    assert only(found).client == client
    assert found.key_log == "CLIENT_RANDOM 00 11\n"


def test_tshark_reads_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "written.pcapng"
    file.write_bytes(captures.write([connection(), connection(Place("::1", 40001), Place("::1", 443))]))
    expert = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    fields = (
        "-T",
        "fields",
        "-e",
        "tcp.stream",
        "-e",
        "tcp.len",
        "-e",
        "tcp.checksum.status",
        "-e",
        "tcp.analysis.flags",
    )
    rows = [line.split("\t") for line in run(tool("tshark"), "-r", str(file), *expert, *fields).stdout.splitlines()]
    for stream in ("0", "1"):
        own = [row for row in rows if row[0] == stream]
        assert sum(int(row[1]) for row in own) == sum(map(len, WANTED.values()))
        assert {row[2] for row in own} == {"1"}  # good
        assert {row[3] for row in own} == {""}  # no retransmission, no lost segment


@given(st.randoms(use_true_random=False), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_shuffled_and_repeated_packets_give_the_same_streams(drawn: random.Random, start: int) -> None:
    """Sequence numbers that wrap around included. SYN and the client's first byte keep their place."""
    first, *rest = [(time, renumbered(packet, start)) for time, packet in packets(captures.write([connection()]))]
    rest += drawn.sample(rest, 4)
    drawn.shuffle(rest)
    one = only(captures.read(pcap([first, *rest])))
    assert streams(one) == WANTED
    assert not one.lost


def renumbered(packet: bytes, start: int) -> bytes:
    number = (int.from_bytes(packet[24:28]) + start) % 2**32
    return packet[:24] + number.to_bytes(4) + packet[28:]


def test_segments_that_overlap_are_read_once() -> None:
    """Packets of 3 bytes that advance by 1."""
    data = bytes(range(200))
    syn, *_ = packets(captures.write([connection(said=(("client", data),))]))
    segments = [
        (1000.0, captures._ip_packet(CLIENT, SERVER, 1 + at, 0, captures.ACK, data[at : at + 3])) for at in range(200)
    ]
    assert streams(only(captures.read(pcap([syn, *segments]))))["client"] == data


def test_what_follows_a_lost_segment_is_not_read_and_is_said() -> None:
    found = packets(captures.write([connection()]))
    lost = next(number for number, (_, packet) in enumerate(found) if len(packet) > 1000)
    one = only(captures.read(pcap([*found[:lost], *found[lost + 1 :]])))
    assert streams(one)["client"] == WANTED["client"]
    assert streams(one)["server"] == b""
    assert one.lost == ("a segment of the server is missing after 0 bytes; later ones are not read",)


def test_without_a_syn_the_client_is_told_by_its_hello_and_the_gap_is_said() -> None:
    hello = bytes.fromhex("16030100050100000100")
    said: Sequence[tuple[Sender, bytes]] = (("client", hello), ("server", b"answer"))
    swapped = connection(Place("10.0.0.1", 443), Place("10.0.0.2", 50000), said)
    found = packets(captures.write([swapped]))[3:]
    one = only(captures.read(pcap(found)))
    assert one.client == Place("10.0.0.1", 443)
    assert one.lost[0].startswith("the beginning of the connection may be missing")


def test_the_same_ports_again_are_another_connection() -> None:
    written = captures.write([connection(), connection()])
    assert [streams(each) for each in captures.read(written).connections] == [WANTED, WANTED]


def test_a_file_that_ends_early_gives_what_came_before() -> None:
    whole = pcap(packets(captures.write([connection()])))
    for end in range(24, len(whole), 997):
        found = captures.read(whole[:end])
        for one in found.connections:
            assert all(WANTED[side].startswith(data) for side, data in streams(one).items())
        assert found.connections or end < 400
    assert captures.read(whole[:-1]).problems


@given(st.binary(max_size=300), st.sampled_from([*captures.PCAP, captures.PCAPNG + bytes(4), b""]))
@settings(max_examples=400, deadline=None)
def test_foreign_bytes_are_refused_or_read_without_a_traceback(data: bytes, start: bytes) -> None:
    try:
        captures.read(start + data)
    except CaptureError as error:
        assert str(error)


@given(st.integers(0, 4000), st.binary(min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_a_damaged_file_is_read_without_a_traceback(at: int, garbage: bytes) -> None:
    whole = captures.write([connection()], "# a key log\n")
    try:
        captures.read(whole[:at] + garbage + whole[at + len(garbage) :])
    except CaptureError as error:
        assert at < 12, error


def test_packets_of_an_unknown_link_type_are_counted() -> None:
    found = captures.read(pcap([(1.0, bytes(60)), (2.0, bytes(60))], link_type=147))
    assert found.connections == ()
    assert found.problems == ("2 packets have the link type 147, which is not read",)
