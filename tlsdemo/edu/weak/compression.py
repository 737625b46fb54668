"""Without COMPRESSION_SAFETY: what is said is compressed before it is sealed.

What is wrong: what was said already is not said again, so a record that repeats its own secret is shorter than one that
does not. Whoever can have a client say guesses of his beside its secret reads it off the lengths (attack:
`compression`; CRIME, 2012). TLS 1.3 has no compression, and every TLS has it switched off since.
"""

import zlib
from dataclasses import replace

from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.machine import Parts

MOST = 1 << 14  # bytes; a few compressed ones may stand for millions
RAW = -zlib.MAX_WBITS  # no header and no checksum: whether a record was changed is the cipher's affair


def pack(data: bytes) -> bytes:
    """The deflate stream of `data` (RFC 1951)."""
    deflate = zlib.compressobj(wbits=RAW)
    return deflate.compress(data) + deflate.flush()


def unpack(data: bytes) -> bytes:
    """ProtocolError for what was not compressed, or is more than a record carries."""
    inflate = zlib.decompressobj(RAW)
    try:
        plain = inflate.decompress(data, MOST)
    except zlib.error:
        raise ProtocolError(Violation.BAD_CONTENT, "it cannot be decompressed") from None
    if not inflate.eof:
        raise ProtocolError(Violation.BAD_CONTENT, "it decompresses to more than a record carries")
    return plain


def weaken(parts: Parts) -> Parts:
    """Deflate, which RFC 3749 added to TLS and TLS 1.3 removed."""
    return replace(parts, rules=replace(parts.rules, pack=pack, unpack=unpack))
