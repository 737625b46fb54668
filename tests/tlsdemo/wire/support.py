"""What the tests of TLS bytes share: captures, and real conversations of Python's `ssl` in memory, recorded."""

import json
import ssl
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import trustme

from tlsdemo.key_agreement import FFDHE2048

NULL, ETHERNET, RAW = 0, 1, 101  # link types of a pcap
HOST = "server.example"

Chunk = tuple[Literal["client", "server"], bytes]
"""Bytes, and which side sent them."""


# Captures -----------------------------------------------------------------------------------------------------------


def packets(pcap: bytes) -> Iterator[bytes]:
    """The IP packets of a little-endian pcap file, without the link layer."""
    assert pcap[:4] == b"\xd4\xc3\xb2\xa1"
    link_layer = {NULL: 4, ETHERNET: 14, RAW: 0}[int.from_bytes(pcap[20:24], "little")]
    at = 24
    while at < len(pcap):
        length = int.from_bytes(pcap[at + 8 : at + 12], "little")
        yield pcap[at + 16 + link_layer : at + 16 + length]
        at += 16 + length


def segments(pcap: bytes) -> Iterator[tuple[tuple[int, int], int, bytes]]:
    """The TCP segments with data: (source port, destination port), sequence number, data."""
    for packet in packets(pcap):
        if packet[0] >> 4 == 4:
            segment = packet[4 * (packet[0] & 0x0F) : int.from_bytes(packet[2:4])]
        else:
            segment = packet[40 : 40 + int.from_bytes(packet[4:6])]
        ports = int.from_bytes(segment[0:2]), int.from_bytes(segment[2:4])
        data = segment[4 * (segment[12] >> 4) :]
        if data:
            yield ports, int.from_bytes(segment[4:8]), data


def streams(pcap: bytes) -> dict[tuple[int, int], bytes]:
    """What was sent over TCP, in order, by (source port, destination port)."""
    found: dict[tuple[int, int], dict[int, bytes]] = defaultdict(dict)
    for ports, number, data in segments(pcap):
        found[ports][number] = data
    return {ports: b"".join(pieces[number] for number in sorted(pieces)) for ports, pieces in found.items()}


@dataclass(frozen=True)
class Capture:
    """One conversation somebody else recorded."""

    name: str
    client: bytes
    server: bytes
    keys: str
    """The key log beside it."""
    chunks: tuple[Chunk, ...]
    """The same bytes in the order of the packets."""


def captures(folder: Path) -> list[Capture]:
    """All of the data folder's."""
    found = []
    for path in sorted((folder / "captures").glob("*.pcap")):
        both = streams(path.read_bytes())
        (client,) = (ports for ports, data in both.items() if data[5] == 1)  # who opens with a ClientHello
        chunks: tuple[Chunk, ...] = tuple(
            ("client" if ports == client else "server", data) for ports, _, data in segments(path.read_bytes())
        )
        assert b"".join(data for sender, data in chunks if sender == "client") == both[client]
        keys = path.with_suffix(".keys").read_text()
        found.append(Capture(path.stem, both[client], both[client[::-1]], keys, chunks))
    return found


def master_secrets(key_log: str) -> dict[bytes, bytes]:
    """The lines CLIENT_RANDOM of a key log: client random -> master secret (TLS 1.2)."""
    lines = (line.split() for line in key_log.splitlines())
    return {bytes.fromhex(words[1]): bytes.fromhex(words[2]) for words in lines if words[:1] == ["CLIENT_RANDOM"]}


# RFC 8448 -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """Bytes that one side sent: a record, or what was in it."""

    sender: Literal["client", "server"]
    raw: bytes
    content_type: int = 0
    name: str = ""


@dataclass(frozen=True)
class Trace:
    """One example of RFC 8448, or of its draft, with every secret."""

    id: str
    records: list[Piece]
    contents: list[Piece]
    secrets: dict[str, bytes]
    psk: bytes
    key_log: str
    steps: list[dict[str, Any]]

    def messages(self, sender: str = "") -> list[Piece]:
        """The handshake messages, all of them or one side's."""
        return [each for each in self.contents if each.content_type == 22 and each.sender.startswith(sender)]


def traces(folder: Path) -> dict[str, Trace]:
    """All of the data folder's, by their id."""
    found = {}
    for each in json.loads((folder / "rfc8448.json").read_text())["traces"]:
        secrets = {name: bytes.fromhex(value) for name, value in each["secrets"].items() if name != "ecdh_group"}
        found[each["id"]] = Trace(
            each["id"],
            [Piece(record["from"], bytes.fromhex(record["hex"])) for record in each["records"]],
            [
                Piece(content["from"], bytes.fromhex(content["hex"]), content["content_type"], content["name"])
                for content in each["decrypted"]
            ],
            secrets,
            bytes.fromhex(each["psk"] or ""),
            "\n".join(each["keylog"]),
            each.get("steps", []),
        )
    return found


# Conversations ------------------------------------------------------------------------------------------------------


@cache
def issuer() -> trustme.CA:
    """An issuer that is not ours."""
    return trustme.CA(key_type=trustme.KeyType.RSA)


@cache
def certificate() -> trustme.LeafCert:
    """An RSA-2048 certificate for HOST."""
    return issuer().issue_cert(HOST, key_type=trustme.KeyType.RSA)


def contexts(
    ciphers: str | None = None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A verifying client's and a server's, at most of that version, with only those TLS 1.2 ciphers."""
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer().configure_trust(client)
    certificate().configure_cert(server)
    for context in (client, server):
        context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
    return client, server


def dh_parameters() -> str:
    """ffdhe2048 in PEM, for servers with DHE in TLS 1.2: PKCS #3, SEQUENCE { prime INTEGER, base INTEGER }."""
    parameters = bytes.fromhex("30820108 0282010100") + FFDHE2048.to_bytes(256) + bytes.fromhex("020102")
    return f"-----BEGIN DH PARAMETERS-----\n{b64encode(parameters).decode()}\n-----END DH PARAMETERS-----\n"


@dataclass
class End:
    """One side of a conversation in memory."""

    tls: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    sent: bytes = b""
    received: bytes = b""
    error: str = ""
    connected: bool = False

    def step(self) -> None:
        """Shake hands or read, as far as it goes."""
        if self.error:
            return
        try:
            if not self.connected:
                self.tls.do_handshake()
                self.connected = True
            while piece := self.tls.read():
                self.received += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = str(error.reason)

    def flight(self) -> bytes:
        """What it has to send now; goes on its record of everything sent."""
        data = self.outgoing.read()
        self.sent += data
        return data


@dataclass
class Conversation:
    """Two real ends, and somebody between them who may edit the client's first flight."""

    client_context: ssl.SSLContext
    server_context: ssl.SSLContext
    edit: Callable[[bytes], bytes] = lambda flight: flight
    session: ssl.SSLSession | None = None
    client: End = field(init=False)
    server: End = field(init=False)
    chunks: list[Chunk] = field(default_factory=list)
    """What was sent, in wire order."""

    def __post_init__(self) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.client_context.wrap_bio(incoming, outgoing, server_hostname=HOST, session=self.session)
        self.client = End(tls, incoming, outgoing)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = End(self.server_context.wrap_bio(incoming, outgoing, server_side=True), incoming, outgoing)
        self.client.step()
        first = self.edit(self.client.flight())
        self.chunks.append(("client", first))
        self.server.incoming.write(first)
        self.pump()

    def pump(self) -> None:
        """Move bytes until neither side has any."""
        while True:
            self.server.step()
            self.client.step()
            to_client, to_server = self.server.flight(), self.client.flight()
            if not to_client and not to_server:
                return
            self.chunks += [("server", to_client), ("client", to_server)]
            self.client.incoming.write(to_client)
            self.server.incoming.write(to_server)

    def say(self, line: bytes, answer: bytes) -> "Conversation":
        """One line each way."""
        self.client.tls.write(line)
        self.pump()
        self.server.tls.write(answer)
        self.pump()
        assert (self.server.received, self.client.received) == (line, answer)
        return self
