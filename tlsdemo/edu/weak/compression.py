"""COMPRESSION_SAFETY removed: data is compressed before it is encrypted.

Compression shortens repetitions, so a record that contains the secret twice is shorter. An attacker that can make the
client send guesses together with the secret learns the secret from the lengths (CRIME, 2012). TLS 1.3 has no
compression, and TLS libraries have disabled it in older versions since. Attack: `compression`.
"""

import zlib
from dataclasses import replace

from tlsdemo.edu.machine import AnyParts
from tlsdemo.violations import ProtocolError, Violation

MOST = 1 << 14  # bytes; without a limit, a small record could decompress to millions
RAW = -zlib.MAX_WBITS  # without header and checksum: the cipher detects changes


def pack(data: bytes) -> bytes:
    """The deflate stream of `data` (RFC 1951)."""
    deflate = zlib.compressobj(wbits=RAW)
    return deflate.compress(data) + deflate.flush()


def unpack(data: bytes) -> bytes:
    """The decompressed data; ProtocolError if it is not a deflate stream, or longer than one record may be."""
    inflate = zlib.decompressobj(RAW)
    try:
        plain = inflate.decompress(data, MOST)
    except zlib.error:
        raise ProtocolError(Violation.BAD_CONTENT, "it cannot be decompressed") from None
    if not inflate.eof:
        raise ProtocolError(Violation.BAD_CONTENT, "it decompresses to more than one record may carry")
    return plain


def weaken(parts: AnyParts) -> AnyParts:
    """Compress with deflate, as RFC 3749 specified for TLS."""
    return replace(parts, rules=replace(parts.rules, pack=pack, unpack=unpack))
