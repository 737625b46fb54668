"""Handshake messages of TLS 1.2 and 1.3 (RFC 5246 §7.4, RFC 8446 §4): their frame, their names, and ServerHello.

    msg_type(1)  length(3)  body(length)

Messages are laid into records without regard to the records' boundaries (§5.1): a record may hold several, and a
message may span several. Here they are bytes, one after the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from tlsdemo.wire.fields import decode, opaque, optional, struct, uint, vector

HEADER = 4  # bytes

HANDSHAKE_TYPES = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
    24: "KeyUpdate",
    254: "message_hash",
}
"""RFC 8446 §4 and B.3: its own, and those of TLS 1.2 that it reserves and that still pass on the wire."""

CLIENT_HELLO, SERVER_HELLO, SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE = 1, 2, 14, 16


@dataclass(frozen=True)
class Handshake:
    """One handshake message (RFC 8446 §4)."""

    msg_type: Annotated[int, uint(1), "Which message this is (§4)."]
    body: Annotated[bytes, vector(0, 2**24 - 1), "The message itself; its shape depends on msg_type (§4)."]

    @property
    def name(self) -> str:
        """In the words of RFC 8446 §4."""
        return HANDSHAKE_TYPES.get(self.msg_type, f"handshake type {self.msg_type}")


@dataclass(frozen=True)
class Extension:
    """One extension of a hello (RFC 8446 §4.2)."""

    extension_type: Annotated[int, uint(2), "Whoever does not know the number passes over the extension (§4.2)."]
    extension_data: Annotated[bytes, vector(0, 2**16 - 1), "Its content, in a shape of its own (§4.2)."]


@dataclass(frozen=True)
class ServerHello:
    """What the server chose (RFC 8446 §4.1.3; the same shape as in RFC 5246 §7.4.1.3)."""

    legacy_version: Annotated[int, uint(2), "0x0303: TLS 1.2, or 1.3 if supported_versions says so (§4.1.3)."]
    random: Annotated[bytes, opaque(32), "The server's fresh part of every key; in 1.3 it can tell a retry (§4.1.3)."]
    legacy_session_id_echo: Annotated[bytes, vector(0, 32), "1.3 repeats the client's; 1.2 names a session (§4.1.3)."]
    cipher_suite: Annotated[int, uint(2), "The one suite out of those offered (§4.1.3)."]
    legacy_compression_method: Annotated[int, uint(1), "0: none. Compression betrays secrets by size (§4.1.3)."]
    extensions: Annotated[
        tuple[Extension, ...] | None,
        optional(vector(0, 2**16 - 1, of=struct(Extension))),
        "Only answers to what the client offered (§4.2); TLS 1.2 may leave out even the list.",
    ] = None

    def has(self, extension_type: int) -> bool:
        """Whether it answers that extension."""
        return any(each.extension_type == extension_type for each in self.extensions or ())


def messages(stream: bytes) -> Iterator[Handshake]:
    """The complete messages in fragments laid end to end; a cut-off one at the end is left out."""
    at = 0
    while at + HEADER <= len(stream):
        end = at + HEADER + int.from_bytes(stream[at + 1 : at + HEADER])
        if end > len(stream):
            return
        yield decode(Handshake, stream[at:end])
        at = end
