"""The page about the protocol, and a client written from that page. Caught: a page from which nothing can be built.

`Reader` below imports nothing of the project: it uses what the page says, and the library for the primitives.
"""

import hmac
import json
import re
import socket
from hashlib import sha256
from os import urandom
from typing import Any, Protocol

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import Credential
from tests import guides
from tests.peers.conftest import Serve
from tlsdemo.edu.messages import TYPES
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.protocol import Endpoint, Party

PAGE = "tlsdemo/edu/README.md"


def block(first: str) -> list[str]:
    """The lines of the block that begins with this one."""
    found = [each.body.splitlines() for each in guides.blocks(PAGE, "text")]
    return next(lines[1:] for lines in found if lines[0] == first)


def values(first: str) -> dict[str, bytes]:
    return {name: bytes.fromhex(value) for name, value in (re.split(r" {2,}", line) for line in block(first))}


GIVEN, DERIVED = values("# given"), values("# derived")
CONVERSATION = block("# the client offers two ciphers and its key share, X25519(client secret, 9)")
LINES = [(line[0], line[2:]) for line in CONVERSATION if line[0] in "<>"]
SAID = {"application data": b"\x17", "alert": b"\x15"}


# A client, written from the page --------------------------------------------------------------------------------------


class Stream(Protocol):
    """A connection: lines in, lines out."""

    def readline(self) -> bytes: ...

    def write(self, data: bytes, /) -> int: ...

    def flush(self) -> None: ...


class Reader:
    """A client of the rung `signed`, on `stream`."""

    def __init__(self, stream: Stream, random: bytes, secret: bytes, server_name: str = "localhost") -> None:
        self.stream = stream
        self.transcript = b""
        key = X25519PrivateKey.from_private_bytes(secret)
        self.send({
            "type": "client_hello", "rung": "signed", "server_name": server_name,
            "ciphers": ["ChaCha20-Poly1305", "AES-128-CCM-8"], "random": random.hex(), "group": "x25519",
            "share": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        })  # fmt: skip
        hello = self.receive("server_hello")
        assert hello["rung"] == "signed"
        assert hello["cipher"] == "ChaCha20-Poly1305"
        self.shared = key.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(hello["share"])))
        self.master = hmac.digest(random + bytes.fromhex(hello["random"]), self.shared, "sha256")
        self.sent = self.received = 0
        chain = [bytes.fromhex(der) for der in self.receive("certificate")["chain"]]
        self.certificate = x509.load_der_x509_certificate(chain[0])
        self.check_signature()
        expected = self.verify_data("server")
        assert self.receive("finished")["verify_data"] == expected
        self.send({"type": "finished", "verify_data": self.verify_data("client")})

    def expand(self, label: str, length: int) -> bytes:
        return HKDFExpand(SHA256(), length, label.encode()).derive(self.master)

    def verify_data(self, side: str) -> str:
        return hmac.digest(
            self.expand(f"tlsdemo {side} finished", 32), sha256(self.transcript).digest(), "sha256"
        ).hex()

    def check_signature(self) -> None:
        content = b" " * 64 + b"tlsdemo, server CertificateVerify" + b"\0" + sha256(self.transcript).digest()
        signature = bytes.fromhex(self.receive("certificate_verify")["signature"])
        match key := self.certificate.public_key():
            case ed25519.Ed25519PublicKey():
                key.verify(signature, content)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, content, ec.ECDSA(SHA256()))
            case _:
                raise NotImplementedError

    def nonce(self, side: str, number: int) -> bytes:
        return (int.from_bytes(self.expand(f"tlsdemo {side} iv", 12)) ^ number).to_bytes(12)

    def seal(self, plaintext: bytes) -> None:
        cipher = ChaCha20Poly1305(self.expand("tlsdemo client key", 32))
        sealed = cipher.encrypt(self.nonce("client", self.sent), plaintext, None)
        self.sent += 1
        self.send({"type": "record", "sealed": sealed.hex()})

    def open(self) -> bytes:
        sealed = bytes.fromhex(self.receive("record")["sealed"])
        cipher = ChaCha20Poly1305(self.expand("tlsdemo server key", 32))
        self.received += 1
        return cipher.decrypt(self.nonce("server", self.received - 1), sealed, None)

    def send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        self.transcript += line
        self.stream.write(line)
        self.stream.flush()

    def receive(self, kind: str) -> dict[str, str]:
        line = self.stream.readline()
        self.transcript += line
        message: dict[str, str] = json.loads(line)
        assert message.pop("type") == kind, line
        return message


class Recorded:
    """The server's lines of the page; keeps what the client sends."""

    def __init__(self) -> None:
        self.server = [f"{line}\n".encode() for sender, line in LINES if sender == "<"]
        self.client: list[str] = []

    def readline(self) -> bytes:
        return self.server.pop(0)

    def write(self, data: bytes, /) -> int:
        self.client.append(data.decode().removesuffix("\n"))
        return len(data)

    def flush(self) -> None:
        pass


def test_a_client_written_from_the_page_sends_what_the_page_shows() -> None:
    stream = Recorded()
    client = Reader(stream, GIVEN["client random"], GIVEN["client secret"])
    client.seal(b"my important message\n" + SAID["application data"])
    assert client.open() == b"received\n" + SAID["application data"]
    assert client.open() == b"close_notify" + SAID["alert"]
    client.seal(b"close_notify" + SAID["alert"])
    assert stream.client == [line for sender, line in LINES if sender == ">"]
    assert stream.server == []
    assert {"shared secret": client.shared, "master": client.master} | {
        f"{side} {name}": client.expand(f"tlsdemo {side} {label}", length)
        for side in ("client", "server")
        for name, label, length in (("finished key", "finished", 32), ("key", "key", 32), ("iv", "iv", 12))
    } == DERIVED


def test_a_record_of_the_page_opens_once() -> None:
    """Falsehood caught: a client in this file that does not look at the number of the record."""
    stream = Recorded()
    client = Reader(stream, GIVEN["client random"], GIVEN["client secret"])
    first = stream.server[0]
    client.open()
    stream.server.insert(0, first)
    with pytest.raises(InvalidTag):
        client.open()


def test_the_client_of_the_page_talks_to_a_server_on_a_socket(serve: Serve) -> None:
    server = serve("--protocol", "signed")
    connected = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    with connected, connected.makefile("rwb") as stream:
        client = Reader(stream, urandom(32), urandom(32))
        client.seal(b"written from the page\n\x17")
        answer = b""
        while (content := client.open())[-1:] == SAID["application data"]:
            answer += content[:-1]
        assert content == b"close_notify" + SAID["alert"]
        client.seal(b"close_notify" + SAID["alert"])
    assert b"written from the page" in answer
    assert server.event("said")["text"] == "written from the page"


# The page against the code --------------------------------------------------------------------------------------------


def in_order(*drawn: bytes) -> Any:
    """A source of these values."""
    left = list(drawn)

    def random(length: int) -> bytes:
        assert len(left[0]) == length
        return left.pop(0)

    return random


def replayed(sender: str, endpoint: Endpoint, said: list[bytes]) -> list[str]:
    """What the endpoint sends when its peer sends the lines of the page; `said` are its application's messages."""
    lines = endpoint.outgoing()
    for who, line in LINES:
        if who != sender:
            endpoint.receive(f"{line}\n".encode())
            lines += endpoint.outgoing()
            if endpoint.accepted and said:
                endpoint.send(said.pop(0))
                lines += endpoint.outgoing()
                if sender == "<":
                    endpoint.close()
                    lines += endpoint.outgoing()
    endpoint.close()
    lines += endpoint.outgoing()
    assert endpoint.error is None
    assert endpoint.ended
    return lines.decode().splitlines()


def test_our_client_and_server_send_what_the_page_shows() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(GIVEN["server signing key"])
    chain = next(json.loads(line)["chain"] for _, line in LINES if '"certificate"' in line)
    credential = Credential(key, x509.load_der_x509_certificate(bytes.fromhex(chain[0])))
    now = credential.certificate.not_valid_before_utc
    name = x509.DNSName("localhost")
    client = Party(lambda: now, in_order(GIVEN["client random"], GIVEN["client secret"]), name=name)
    server = Party(lambda: now, in_order(GIVEN["server random"], GIVEN["server secret"]), credential)
    protocol = edu(RUNGS["signed"])
    sent = replayed(">", protocol.client(client), [b"my important message\n"])
    assert sent == [line for who, line in LINES if who == ">"]
    sent = replayed("<", protocol.server(server), [b"received\n"])
    assert sent == [line for who, line in LINES if who == "<"]


def test_the_shared_secret_of_the_page_is_that_of_rfc_7748() -> None:
    assert DERIVED["shared secret"].hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"


def test_the_page_has_every_rung_and_every_message() -> None:
    text = guides.text(PAGE)
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) >= set(RUNGS) | (set(TYPES) - {"data"})
    assert '{"type": "data"' in text
