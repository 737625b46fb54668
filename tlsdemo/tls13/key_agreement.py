"""Groups by their numbers, with key shares in bytes (RFC 8446 §4.2.7, §4.2.8).

The groups are those of `tlsdemo.key_agreement`, which the educational handshake uses, too. There a key share is text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tlsdemo.key_agreement import (
    CIPHERTEXT,
    ENCAPSULATION_KEY,
    FFDHE2048,
    P256,
    POINT,
    X25519,
    FiniteField,
    Group,
    Hybrid,
)
from tlsdemo.violations import ProtocolError, Violation

SECP256R1, X25519_NUMBER, FFDHE2048_NUMBER, X25519MLKEM768 = 0x0017, 0x001D, 0x0100, 0x11EC


@dataclass(frozen=True)
class NamedGroup:
    """A group with the form of its key shares."""

    name: str
    group: Group
    client_share: int | None
    """Bytes; None if the length varies."""
    server_share: int | None
    encode: Callable[[str], bytes] = bytes.fromhex
    decode: Callable[[bytes], str] = bytes.hex

    def public(self, secret: int) -> bytes:
        """The client's key share."""
        return self.encode(self.group.public(secret))

    def answer(self, secret: int, theirs: bytes) -> tuple[bytes, bytes]:
        """The server's key share and the shared secret; ProtocolError if the client's key share is invalid."""
        mine, shared = self.group.answer(secret, self._read(theirs, self.client_share))
        return self.encode(mine), shared

    def shared(self, secret: int, theirs: bytes) -> bytes:
        """The client's shared secret; ProtocolError if the server's key share is invalid."""
        return self.group.shared(secret, self._read(theirs, self.server_share))

    def _read(self, share: bytes, length: int | None) -> str:
        if length is not None and len(share) != length:
            raise ProtocolError(Violation.BAD_SHARE, f"{len(share)} bytes; a key share of {self.name} has {length}")
        return self.decode(share)


GROUPS: Mapping[int, NamedGroup] = {
    X25519MLKEM768: NamedGroup("X25519MLKEM768", Hybrid(), ENCAPSULATION_KEY + POINT, CIPHERTEXT + POINT),
    X25519_NUMBER: NamedGroup("x25519", X25519(), POINT, POINT),
    SECP256R1: NamedGroup("secp256r1", P256(), 65, 65),
    FFDHE2048_NUMBER: NamedGroup("ffdhe2048", FiniteField(FFDHE2048, 2), 256, 256),
}
"""The strong groups, in order of preference."""
