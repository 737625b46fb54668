"""Handshake messages of TLS 1.2 and 1.3 (RFC 5246 §7.4, RFC 8446 §4): header, names, and ServerHello.

    msg_type(1)  length(3)  body(length)

Record boundaries are independent of message boundaries (§5.1): a record can hold several messages, and a message can
span several records. Here the messages are bytes, one after the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Protocol

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
"""RFC 8446 §4 and §B.3: the types of TLS 1.3, and those of TLS 1.2 that it reserves and that are still in use."""

CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE = 1, 2, 11, 14, 16


@dataclass(frozen=True)
class Handshake:
    """One handshake message (RFC 8446 §4)."""

    msg_type: Annotated[int, uint(1), "The type of the message (§4)."]
    body: Annotated[bytes, vector(0, 2**24 - 1), "The message; its structure depends on msg_type (§4)."]

    @property
    def name(self) -> str:
        """The name in RFC 8446 §4; `handshake type N` if it has none."""
        return HANDSHAKE_TYPES.get(self.msg_type, f"handshake type {self.msg_type}")


@dataclass(frozen=True)
class Extension:
    """One extension of a message (RFC 8446 §4.2)."""

    extension_type: Annotated[int, uint(2), "The type of the extension (§4.2)."]
    extension_data: Annotated[bytes, vector(0, 2**16 - 1), "The content; its structure depends on the type (§4.2)."]


class _HasExtensions(Protocol):
    @property
    def extensions(self) -> tuple[Extension, ...] | None: ...


class Extended:
    """The base of structures that have a field `extensions`."""

    def extension(self: _HasExtensions, extension_type: int) -> bytes | None:
        """The content of that extension, of the first one if it is repeated; None if it is absent."""
        found = (each.extension_data for each in self.extensions or () if each.extension_type == extension_type)
        return next(found, None)


@dataclass(frozen=True)
class ServerHello(Extended):
    """What the server chose (RFC 8446 §4.1.3; the same structure as in RFC 5246 §7.4.1.3)."""

    legacy_version: Annotated[int, uint(2), "At most TLS 1.2 here; supported_versions selects TLS 1.3 (§4.1.3)."]
    random: Annotated[bytes, opaque(32), "32 random bytes; in 1.3 a fixed value marks a HelloRetryRequest (§4.1.3)."]
    legacy_session_id_echo: Annotated[
        bytes, vector(0, 32), "TLS 1.3 repeats the client's value; in TLS 1.2 it names a session (§4.1.3)."
    ]
    cipher_suite: Annotated[int, uint(2), "The cipher suite, one of those offered (§4.1.3)."]
    legacy_compression_method: Annotated[
        int, uint(1), "TLS 1.3 has only null: no compression, since lengths would reveal secrets (§4.1.3)."
    ]
    extensions: Annotated[
        tuple[Extension, ...] | None,
        optional(vector(0, 2**16 - 1, of=struct(Extension))),
        "Only answers to extensions of the client (§4.2); a TLS 1.2 server may omit the whole list.",
    ] = None

    def has(self, extension_type: int) -> bool:
        """Whether that extension is present."""
        return any(each.extension_type == extension_type for each in self.extensions or ())


def messages(stream: bytes) -> Iterator[Handshake]:
    """The complete messages in concatenated fragments, without an incomplete one at the end."""
    at = 0
    while at + HEADER <= len(stream):
        end = at + HEADER + int.from_bytes(stream[at + 1 : at + HEADER])
        if end > len(stream):
            return
        yield decode(Handshake, stream[at:end])
        at = end
