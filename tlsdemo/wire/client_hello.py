"""ClientHello (RFC 8446 §4.1.2), the structure of TLS 1.2 and 1.3.

    legacy_version  random  legacy_session_id  cipher_suites  legacy_compression_methods  extensions

The client sends it unencrypted: an eavesdropper reads all of it.
"""

from dataclasses import dataclass, replace
from typing import Annotated

from tlsdemo.wire.fields import framed, opaque, optional, struct, uint, vector
from tlsdemo.wire.handshake import Extended, Extension


@dataclass(frozen=True)
class ClientHello(Extended):
    """The client's first message: what it offers (RFC 8446 §4.1.2)."""

    legacy_version: Annotated[int, uint(2), "At most TLS 1.2 here; supported_versions offers TLS 1.3 (§4.1.2)."]
    random: Annotated[bytes, opaque(32), "32 random bytes; a key log identifies the connection by them (§4.1.2)."]
    legacy_session_id: Annotated[
        bytes, vector(0, 32), "TLS 1.2 resumes the session of that name; TLS 1.3 needs it for middleboxes only (§D.4)."
    ]
    cipher_suites: Annotated[
        tuple[int, ...], vector(2, 2**16 - 2, of=uint(2)), "The suites that the client accepts, best first (§4.1.2)."
    ]
    legacy_compression_methods: Annotated[
        bytes, vector(1, 255), "TLS 1.3 has only null: no compression, since lengths would reveal secrets (§4.1.2)."
    ]
    extensions: Annotated[
        tuple[Extension, ...] | None,
        optional(vector(0, 2**16 - 1, of=struct(Extension))),
        "What the client offers besides the fields above (§4.2); TLS 1.2 may omit the whole list (§4.1.2).",
    ] = None

    def with_extension(self, extension_type: int, data: bytes | None) -> "ClientHello":
        """The same hello with other content in that extension, or without it."""
        kept = (
            replace(each, extension_data=data) if each.extension_type == extension_type and data is not None else each
            for each in self.extensions or ()
            if each.extension_type != extension_type or data is not None
        )
        return replace(self, extensions=None if self.extensions is None else tuple(kept))


@dataclass(frozen=True)
class ClientHelloMessage:
    """A ClientHello with its handshake header (RFC 8446 §4)."""

    msg_type: Annotated[int, uint(1), "1: client_hello (§4)."]
    body: Annotated[ClientHello, framed(struct(ClientHello), 2**24 - 1), "The ClientHello itself (§4.1.2)."]
