"""Recordings of network traffic: pcap and pcapng, read into TCP connections, and written (draft-ietf-opsawg-pcapng).

    file -> packets -> link layer -> IP -> TCP segments -> two byte streams for each connection, in the order of arrival

A capture can be incomplete, shuffled, or cut off. `read` returns what it can read, and a sentence for each part that is
missing. A pcapng file can also contain a key log: then one file is enough to decrypt it. Only to tell client and server
apart without a SYN, this module looks for the first bytes of a hello of TLS.

A large file stays a file: of each packet with data, memory has its place alone, and `Chunk.data` is read when needed.
"""

import ipaddress
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import SEEK_END
from typing import BinaryIO, Protocol, overload

from tlsdemo.wire.records import Sender

MAX_PACKET = 1 << 18  # bytes; the largest snapshot length that Wireshark accepts
MAX_PENDING = 1 << 22  # bytes of segments that wait for an earlier one, for each direction


class CaptureError(ValueError):
    """The file is not a capture, or its first header is damaged."""


@dataclass(frozen=True)
class Place:
    """An address and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Chunk:
    """Bytes of one direction, as they became readable: in order, without repetitions."""

    sender: Sender
    data: bytes
    time: float
    """Seconds since 1970, as the capture has it."""
    packet: int = 0
    """The number of the packet, from 1; 0 for what was not read from a capture."""


@dataclass(frozen=True)
class Connection:
    """One TCP connection."""

    client: Place
    server: Place
    chunks: Sequence[Chunk]
    has_beginning: bool
    """Whether the capture has the SYN of the client: else the beginning may be missing."""
    lost: tuple[str, ...] = ()
    """What is missing, in sentences."""


@dataclass(frozen=True)
class Capture:
    """What a file contains."""

    connections: tuple[Connection, ...]
    key_log: str = ""
    """The key logs that a pcapng file contains, one after the other."""
    problems: tuple[str, ...] = ()
    """What could not be read, in sentences."""


class Source(Protocol):
    """The bytes of a capture: `bytes`, or a `FileSource`."""

    def __len__(self) -> int: ...
    def __getitem__(self, place: slice) -> bytes: ...


class FileSource:
    """The bytes of a file, read where they are needed. The file must stay open while the connections are used."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = file.seek(0, SEEK_END)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: slice) -> bytes:
        start, end, _ = place.indices(self._length)
        if self._file.tell() != start:
            self._file.seek(start)
        return self._file.read(max(end - start, 0))


def read(data: Source) -> Capture:
    """The TCP connections of a file, in the order of their first packets. CaptureError if it is not a capture."""
    problems: list[str] = []
    secrets: list[str] = []
    assembler = _Assembler(data)
    unknown: dict[int, int] = {}
    for number, packet in enumerate(_packets(data, secrets, problems), start=1):
        if packet.link_type not in LINK_TYPES:
            unknown[packet.link_type] = unknown.get(packet.link_type, 0) + 1
        segment = _segment(packet)
        if segment is not None:
            assembler.add(number, packet.time, segment)
    problems += (f"{count} packets have the link type {kind}, which is not read" for kind, count in unknown.items())
    return Capture(assembler.connections(), "".join(secrets), tuple(problems))


# Packets of a file --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Packet:
    link_type: int
    time: float
    at: int
    """The position of its first byte in the file."""
    data: bytes


PCAP: Mapping[bytes, tuple[str, float]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
"""The first four bytes of a pcap file: its byte order, and the unit of its times in seconds."""

PCAPNG = b"\x0a\x0d\x0d\x0a"
BYTE_ORDERS: Mapping[bytes, str] = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
INTERFACE, SIMPLE_PACKET, SECRETS, ENHANCED_PACKET = 1, 3, 10, 6
TLS_KEY_LOG = 0x544C534B
TIME_RESOLUTION = 9
"""The option if_tsresol of an interface."""


def _packets(data: Source, secrets: list[str], problems: list[str]) -> Iterator[_Packet]:
    if data[:4] in PCAP:
        return _of_pcap(data, problems)
    if data[:4] == PCAPNG:
        return _of_pcapng(data, secrets, problems)
    begins = f"it begins with {data[:4].hex()}" if data[:4] else "the file is empty"
    raise CaptureError(f"not a pcap or pcapng file: {begins}")


def _of_pcap(data: Source, problems: list[str]) -> Iterator[_Packet]:
    order, unit = PCAP[data[:4]]
    if len(data) < 24:
        raise CaptureError("the file ends within its header")
    (link_type,) = struct.unpack(f"{order}I", data[20:24])
    at = 24
    while at < len(data):
        if at + 16 > len(data):
            problems.append(f"the file ends within the header of a packet, at byte {at}")
            return
        seconds, fraction, length, _ = struct.unpack(f"{order}IIII", data[at : at + 16])
        at += 16
        if length > MAX_PACKET or at + length > len(data):
            problems.append(f"a packet is cut off or damaged, at byte {at}: {length} bytes are announced")
            return
        yield _Packet(link_type & 0xFFFF, seconds + fraction * unit, at, data[at : at + length])
        at += length


@dataclass
class _Section:
    """What the blocks of a section of pcapng have in common."""

    order: str
    interfaces: list[tuple[int, float]] = field(default_factory=list)
    """Link type and unit of time of each interface."""


def _of_pcapng(data: Source, secrets: list[str], problems: list[str]) -> Iterator[_Packet]:
    at, section = 0, None
    while at < len(data):
        if at + 12 > len(data):
            problems.append(f"the file ends within a block, at byte {at}")
            return
        if data[at : at + 4] == PCAPNG:
            order = BYTE_ORDERS.get(data[at + 8 : at + 12])
            if order is None:
                if section is None:
                    raise CaptureError("the header of the pcapng file is damaged")
                problems.append(f"a section has a damaged header, at byte {at}")
                return
            section = _Section(order)
        assert section is not None
        kind, length = struct.unpack(f"{section.order}II", data[at : at + 8])
        if length < 12 or length % 4 or at + length > len(data):
            problems.append(f"a block is cut off or damaged, at byte {at}: {length} bytes are announced")
            return
        yield from _of_block(kind, at + 8, data[at + 8 : at + length - 4], section, secrets, problems)
        at += length


def _of_block(
    kind: int, at: int, body: bytes, section: _Section, secrets: list[str], problems: list[str]
) -> Iterator[_Packet]:
    """The packet in a block, if it has one; `at` is the position of `body` in the file."""
    order = section.order
    try:
        if kind == INTERFACE:
            (link_type,) = struct.unpack_from(f"{order}H", body)
            section.interfaces.append((link_type, _unit(body[8:], order)))
        elif kind == SECRETS:
            secret_kind, length = struct.unpack_from(f"{order}II", body)
            if secret_kind == TLS_KEY_LOG:
                secrets.append(body[8 : 8 + length].decode("ascii", "replace"))
        elif kind == ENHANCED_PACKET:
            interface, high, low, length, _ = struct.unpack_from(f"{order}IIIII", body)
            link_type, unit = section.interfaces[interface]
            yield _Packet(link_type, ((high << 32) + low) * unit, at + 20, body[20 : 20 + min(length, MAX_PACKET)])
        elif kind == SIMPLE_PACKET:
            (length,) = struct.unpack_from(f"{order}I", body)
            yield _Packet(section.interfaces[0][0], 0.0, at + 4, body[4 : 4 + min(length, MAX_PACKET)])
    except (struct.error, IndexError):
        problems.append(f"a block of type {kind} is damaged")


def _unit(options: bytes, order: str) -> float:
    """The unit of time of an interface, in seconds."""
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from(f"{order}HH", options, at)
        if code == TIME_RESOLUTION and length == 1 and at + 4 < len(options):
            value = options[at + 4]
            return float(2.0 ** -(value & 0x7F)) if value & 0x80 else float(10.0**-value)
        if code == 0:
            break
        at += 4 + -(-length // 4) * 4
    return 1e-6


# Link layer, IP, TCP ------------------------------------------------------------------------------------------------

NULL, ETHERNET, RAW, LOOP, COOKED, IPV4, IPV6, COOKED_2 = 0, 1, 101, 108, 113, 228, 229, 276
OLD_RAW = (12, 14)
LINK_TYPES = frozenset({NULL, ETHERNET, RAW, LOOP, COOKED, IPV4, IPV6, COOKED_2, *OLD_RAW})
ETHERTYPES = frozenset({0x0800, 0x86DD})
VLAN = frozenset({0x8100, 0x88A8})
TCP = 6
EXTENSION_HEADERS = frozenset({0, 43, 60})  # of IPv6: hop-by-hop, routing, destination options
FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10


@dataclass(frozen=True)
class _Segment:
    source: Place
    target: Place
    number: int
    """The sequence number of the first byte."""
    flags: int
    at: int
    """The position of its data in the file."""
    data: bytes


def _segment(packet: _Packet) -> _Segment | None:
    """The TCP segment in a packet; None if it has none, or is cut off."""
    try:
        inside = _ip(packet)
        return _of_ip(inside, packet.at + len(packet.data) - len(inside))
    except (struct.error, IndexError, ValueError):
        return None


def _ip(packet: _Packet) -> bytes:
    """The IP packet in a packet of the link layer; empty if it has none."""
    data = packet.data
    match packet.link_type:
        case 1:
            at = 12
            (kind,) = struct.unpack_from(">H", data, at)
            while kind in VLAN:
                at += 4
                (kind,) = struct.unpack_from(">H", data, at)
            return data[at + 2 :] if kind in ETHERTYPES else b""
        case 0 | 108:
            return data[4:]
        case 113:
            return data[16:]
        case 276:
            return data[20:]
        case 101 | 12 | 14 | 228 | 229:
            return data
    return b""


def _of_ip(data: bytes, position: int) -> _Segment | None:
    """The TCP segment in an IP packet, which begins at that position in the file."""
    if not data:
        return None
    if data[0] >> 4 == 4:
        length, fragment = struct.unpack_from(">H2xH", data, 2)
        if data[9] != TCP or fragment & 0x3FFF:  # a fragment of a packet is not put together
            return None
        source, target = (str(ipaddress.IPv4Address(data[at : at + 4])) for at in (12, 16))
        # A length of 0 stands for a packet that the network card will split (segmentation offload).
        start = (data[0] & 15) * 4
        return _of_tcp(source, target, data[start : length or None], position + start)
    if data[0] >> 4 == 6:
        (length,) = struct.unpack_from(">H", data, 4)
        kind, at, end = data[6], 40, 40 + length if length else len(data)
        while kind in EXTENSION_HEADERS:
            kind, at = data[at], at + 8 + data[at + 1] * 8
        if kind != TCP:
            return None
        source, target = (str(ipaddress.IPv6Address(data[at : at + 16])) for at in (8, 24))
        return _of_tcp(source, target, data[at:end], position + at)
    return None


def _of_tcp(source: str, target: str, data: bytes, position: int) -> _Segment:
    source_port, target_port, number = struct.unpack_from(">HHI", data)
    offset, flags = data[12] >> 4, data[13]
    places = Place(source, source_port), Place(target, target_port)
    return _Segment(*places, number, flags, position + offset * 4, data[offset * 4 :])


# Streams ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Piece:
    """Bytes of a direction, by their place in the file."""

    at: int
    length: int
    time: float
    packet: int


@dataclass
class _Direction:
    """One direction of a connection: what was read so far, and what waits for an earlier segment."""

    next: int | None = None
    """The sequence number of the next byte; None before the first segment."""
    read: int = 0
    pending: dict[int, _Piece] = field(default_factory=dict)
    """By sequence number."""
    held: int = 0
    """Bytes of `pending`."""
    lost: str = ""

    def add(self, number: int, piece: _Piece) -> Iterator[_Piece]:
        """The pieces that a segment makes readable; none before the first sequence number is known."""
        if self.held + piece.length > MAX_PENDING:
            self.lost = f"too many bytes wait for an earlier segment, after byte {self.read}"
            return
        before = self.pending[number].length if number in self.pending else 0
        if piece.length > before:
            self.held += piece.length - before
            self.pending[number] = piece
        yield from self.ready(piece.time, piece.packet)

    def ready(self, time: float, packet: int) -> Iterator[_Piece]:
        """The pieces that begin at or before the next byte, without what was read before."""
        progress = self.next is not None
        while progress and self.next is not None:
            progress = False
            for number in sorted(self.pending, key=partial(_distance, self.next)):
                ahead = _distance(self.next, number)
                if ahead > 0:
                    break
                piece = self.pending.pop(number)
                self.held -= piece.length
                new = piece.length + ahead
                if new > 0:
                    self.next = (self.next + new) % 2**32
                    self.read += new
                    progress = True
                    yield _Piece(piece.at - ahead, new, time, packet)


def _distance(origin: int, number: int) -> int:
    """How far a sequence number is ahead of another; negative if it is behind. The numbers wrap around."""
    return (number - origin + 2**31) % 2**32 - 2**31


@dataclass
class _Stream:
    """A connection while it is read."""

    first: Place
    """The sender of the first packet."""
    second: Place
    client: Place | None = None
    directions: dict[Place, _Direction] = field(default_factory=dict)
    pieces: list[tuple[Place, _Piece]] = field(default_factory=list)
    has_syn: bool = False

    def finish(self) -> None:
        """Read what still waits for the SYN of its side, which the capture does not have."""
        for source, direction in self.directions.items():
            if direction.next is None and direction.pending:
                first = min(direction.pending, key=partial(_distance, next(iter(direction.pending))))
                direction.next = first
                waiting = direction.pending[first]
                self.pieces += ((source, piece) for piece in direction.ready(waiting.time, waiting.packet))


class _Assembler:
    """Puts the segments of a capture together."""

    def __init__(self, data: Source) -> None:
        self._data = data
        self._open: dict[frozenset[Place], _Stream] = {}
        self._streams: list[_Stream] = []

    def add(self, packet: int, time: float, segment: _Segment) -> None:
        """Take the next segment."""
        key = frozenset({segment.source, segment.target})
        stream = self._open.get(key)
        begins = segment.flags & (SYN | ACK) == SYN
        # The same two ports again: a new connection, unless the SYN is only repeated.
        if stream is None or (begins and stream.pieces and stream.client is not None):
            stream = self._open[key] = _Stream(segment.source, segment.target)
            self._streams.append(stream)
        direction = stream.directions.setdefault(segment.source, _Direction())
        number = segment.number
        if segment.flags & SYN:
            number = (number + 1) % 2**32
            direction.next = number if direction.next is None else direction.next
            stream.client = segment.source if begins else segment.target
            stream.has_syn |= begins
        elif direction.next is None and segment.data and not stream.has_syn:
            direction.next = number  # the beginning is not in the capture
        piece = _Piece(segment.at, len(segment.data), time, packet)
        ready = direction.add(number, piece) if segment.data else direction.ready(time, packet)
        stream.pieces += ((segment.source, each) for each in ready)

    def connections(self) -> tuple[Connection, ...]:
        """The connections that carried data."""
        for stream in self._streams:
            stream.finish()
        return tuple(_connection(self._data, stream) for stream in self._streams if stream.pieces)


class _Chunks(Sequence[Chunk]):
    """The chunks of a connection; each is read from the file when it is asked for."""

    def __init__(self, data: Source, pieces: Sequence[tuple[Sender, _Piece]]) -> None:
        self._data = data
        self._pieces = pieces

    def __len__(self) -> int:
        return len(self._pieces)

    @overload
    def __getitem__(self, number: int) -> Chunk: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Chunk]: ...
    def __getitem__(self, number: int | slice) -> Chunk | Sequence[Chunk]:
        if isinstance(number, slice):
            return _Chunks(self._data, self._pieces[number])
        sender, piece = self._pieces[number]
        return Chunk(sender, self._data[piece.at : piece.at + piece.length], piece.time, piece.packet)


def _connection(data: Source, stream: _Stream) -> Connection:
    client = stream.client or _likely_client(data, stream)
    server = stream.second if client == stream.first else stream.first
    pieces: list[tuple[Sender, _Piece]] = [
        ("client" if source == client else "server", piece) for source, piece in stream.pieces
    ]
    lost = []
    if not stream.has_syn:
        lost.append("the beginning of the connection may be missing: the capture has no SYN of the client")
    for name, place in (("client", client), ("server", server)):
        direction = stream.directions.get(place)
        if direction is not None and direction.pending:
            lost.append(f"a segment of the {name} is missing after {direction.read} bytes; later ones are not read")
        elif direction is not None and direction.lost:
            lost.append(f"{name}: {direction.lost}")
    return Connection(client, server, _Chunks(data, pieces), stream.has_syn, tuple(lost))


def _likely_client(data: Source, stream: _Stream) -> Place:
    """Without a SYN: the sender of something like a ClientHello; else the side with the larger port."""
    for source, piece in stream.pieces:
        first = data[piece.at : piece.at + min(piece.length, 6)]
        if first[:1] == b"\x16" and first[5:] == b"\x01":
            return source
        if first[:1] == b"\x16" and first[5:] == b"\x02":
            return stream.second if source == stream.first else stream.first
    return max(stream.first, stream.second, key=lambda place: place.port)


# Writing ------------------------------------------------------------------------------------------------------------

SEGMENT = 16384  # bytes of data in one packet that is written


def write(connections: Sequence[Connection], key_log: str = "") -> bytes:
    """A pcapng file with these connections, and with a key log if it is not empty; `read` and Wireshark read it."""
    blocks = [
        _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(INTERFACE, struct.pack("<HHI", RAW, 0, 0)),
    ]
    if key_log:
        secrets = key_log.encode("ascii", "replace")
        blocks.append(_block(SECRETS, struct.pack("<II", TLS_KEY_LOG, len(secrets)) + secrets))
    for connection in connections:
        blocks += (_enhanced(packet, time) for packet, time in _written(connection))
    return b"".join(blocks)


def _block(kind: int, body: bytes) -> bytes:
    padded = body + bytes(-len(body) % 4)
    length = struct.pack("<I", 12 + len(padded))
    return struct.pack("<I", kind) + length + padded + length


def _enhanced(packet: bytes, time: float) -> bytes:
    stamp = max(int(time * 1e6), 0)
    return _block(
        ENHANCED_PACKET, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(packet), len(packet)) + packet
    )


def _written(connection: Connection) -> Iterator[tuple[bytes, float]]:
    """The packets of a connection: SYN, SYN, ACK, the data, FIN of both sides."""
    places: dict[Sender, Place] = {"client": connection.client, "server": connection.server}
    sent: dict[Sender, int] = {"client": 0, "server": 0}

    def packet(sender: Sender, flags: int, data: bytes = b"") -> bytes:
        """The next packet of that side; SYN and FIN take a sequence number, as each byte does (RFC 9293 §3.4)."""
        peer: Sender = "server" if sender == "client" else "client"
        acknowledged = sent[peer] if flags & ACK else 0
        made = _ip_packet(places[sender], places[peer], sent[sender], acknowledged, flags, data)
        sent[sender] += len(data) + bool(flags & (SYN | FIN))
        return made

    start = connection.chunks[0].time if connection.chunks else 0.0
    end = connection.chunks[-1].time if connection.chunks else 0.0
    yield packet("client", SYN), start
    yield packet("server", SYN | ACK), start
    yield packet("client", ACK), start
    for chunk in connection.chunks:
        for at in range(0, len(chunk.data), SEGMENT):
            yield packet(chunk.sender, ACK | PSH, chunk.data[at : at + SEGMENT]), chunk.time
    for side in ("client", "server"):
        yield packet(side, FIN | ACK), end


def _ip_packet(source: Place, target: Place, number: int, acknowledged: int, flags: int, data: bytes) -> bytes:
    addresses = [ipaddress.ip_address(place.address) for place in (source, target)]
    packed = b"".join(address.packed for address in addresses)
    header = struct.pack(
        ">HHIIBBHHH", source.port, target.port, number % 2**32, acknowledged % 2**32, 5 << 4, flags, 65535, 0, 0
    )
    length = len(header) + len(data)
    # The length of TCP and its protocol number are in the checksum (RFC 9293 §3.1, RFC 8200 §8.1).
    form, parts = (">IHBB", (length, 0, 0, TCP)) if addresses[0].version == 6 else (">BBH", (0, TCP, length))
    pseudo = packed + struct.pack(form, *parts)
    tcp = header[:16] + _checksum(pseudo + header + data).to_bytes(2) + header[18:] + data
    if addresses[0].version == 6:
        return struct.pack(">IHBB", 6 << 28, length, TCP, 64) + packed + tcp
    fixed = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, TCP, 0)
    return fixed[:10] + _checksum(fixed + packed).to_bytes(2) + packed + tcp


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total
