"""The part of DER (X.690 §10) that is needed to write a certificate and to read its elements.

It also writes what the library refuses to write because it is invalid. Writing checks nothing; reading (`elements`)
raises ValueError for bytes that are not DER.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, SEQUENCE, SET, UTC_TIME, GENERALIZED_TIME = 0x0C, 0x30, 0x31, 0x17, 0x18
CONSTRUCTED, CONTEXT = 0x20, 0x80
DEEPEST = 64

TYPES = {
    BOOLEAN: "BOOLEAN",
    INTEGER: "INTEGER",
    BIT_STRING: "BIT STRING",
    OCTET_STRING: "OCTET STRING",
    NULL: "NULL",
    OBJECT_IDENTIFIER: "OBJECT IDENTIFIER",
    UTF8_STRING: "UTF8String",
    0x13: "PrintableString",
    0x14: "TeletexString",
    0x16: "IA5String",
    UTC_TIME: "UTCTime",
    GENERALIZED_TIME: "GeneralizedTime",
    0x1E: "BMPString",
    SEQUENCE: "SEQUENCE",
    SET: "SET",
    0x0A: "ENUMERATED",
    0x12: "NumericString",
    0x1A: "VisibleString",
    0x1C: "UniversalString",
}
LONGEST_OID = 256
"""Bytes of an object identifier; the longest in use have about 30. Reading takes time quadratic in the length."""


# Writing ------------------------------------------------------------------------------------------------------------


def element(tag: int, *parts: bytes) -> bytes:
    """Tag, length in the fewest bytes, content (§8.1)."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of encoded elements."""
    return element(SEQUENCE, *parts)


def explicit(number: int, *parts: bytes) -> bytes:
    """The tag [number] around encoded elements."""
    return element(CONTEXT | CONSTRUCTED | number, *parts)


def integer(number: int) -> bytes:
    """An INTEGER in two's complement: -1 takes one byte, 128 two (§8.3)."""
    magnitude = number if number >= 0 else ~number
    return element(INTEGER, number.to_bytes(magnitude.bit_length() // 8 + 1, signed=True))


def boolean(value: bool) -> bytes:
    """A BOOLEAN; TRUE is 0xff (§11.1)."""
    return element(BOOLEAN, b"\xff" if value else b"\x00")


def bit_string(content: bytes) -> bytes:
    """A BIT STRING of whole bytes."""
    return element(BIT_STRING, b"\x00", content)


def octet_string(content: bytes) -> bytes:
    """An OCTET STRING."""
    return element(OCTET_STRING, content)


def object_identifier(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER: the first two numbers in one, seven bits in each byte (§8.19)."""
    first, second, *rest = map(int, dotted.split("."))
    return element(OBJECT_IDENTIFIER, *map(_base_128, (40 * first + second, *rest)))


def _base_128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))


def utc_time(moment: datetime) -> bytes:
    """A UTCTime. Its year has two digits: 50 is 1950, 49 is 2049 (RFC 5280 §4.1.2.5.1)."""
    return element(UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode())


def generalized_time(moment: datetime, fraction: str = "") -> bytes:
    """A GeneralizedTime. RFC 5280 §4.1.2.5.2 forbids a `fraction` of a second."""
    return element(GENERALIZED_TIME, f"{moment.year:04}{moment:%m%d%H%M%S}{fraction}Z".encode())


def time(moment: datetime) -> bytes:
    """A time in a certificate: UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5)."""
    return utc_time(moment) if 1950 <= moment.year < 2050 else generalized_time(moment)


def armoured(label: str, der: bytes) -> bytes:
    """The DER object in PEM (RFC 7468 §2)."""
    text = b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


# Reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Element:
    """One element: offset, bytes of its header, offset of its end, and depth."""

    tag: int
    start: int
    header: int
    end: int
    depth: int

    @property
    def content(self) -> slice:
        """The slice of the content octets."""
        return slice(self.start + self.header, self.end)

    @property
    def type(self) -> str:
        """`SEQUENCE`, `[3]`."""
        return type_name(self.tag)


def type_name(tag: int) -> str:
    """`SEQUENCE`, `[3]`; `tag 0x4f` for an unknown tag."""
    if tag & 0xC0 == CONTEXT:
        return f"[{tag & 0x1F}]"
    return TYPES.get(tag) or TYPES.get(tag ^ CONSTRUCTED) or f"tag 0x{tag:02x}"


def read(der: bytes, at: int = 0, depth: int = 0) -> Element:
    """The element at `at`. Raises ValueError if it is not complete."""
    if at + 2 > len(der):
        raise ValueError(f"the element at byte {at} is cut off")
    tag, length = der[at], der[at + 1]
    if tag & 0x1F == 0x1F:
        raise ValueError(f"the tag at byte {at} has more than one byte")
    header = 2
    if length == 0x80:
        raise ValueError(f"the length at byte {at + 1} is indefinite")
    if length > 0x80:
        header += length & 0x7F
        length = int.from_bytes(der[at + 2 : at + header])
    end = at + header + length
    if end > len(der):
        raise ValueError(f"the element at byte {at} ends at byte {end}, but there are {len(der)} bytes")
    return Element(tag, at, header, end, depth)


def children(der: bytes, parent: Element) -> Iterator[Element]:
    """Yield the elements inside a constructed one."""
    at = parent.start + parent.header
    while at < parent.end:
        child = read(der, at, parent.depth + 1)
        if child.end > parent.end:
            raise ValueError(f"the element at byte {at} extends beyond the one around it")
        yield child
        at = child.end


def dotted(content: bytes) -> str:
    """`1.2.840…` for the content of an object identifier. Raises ValueError if it is invalid or too long."""
    if len(content) > LONGEST_OID:
        raise ValueError(f"an object identifier has {len(content)} bytes; at most {LONGEST_OID} are read")
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers or content[-1] & 0x80:
        raise ValueError(f"{content.hex()} is not an object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def elements(der: bytes) -> Iterator[Element]:
    """Yield all elements, outer ones before inner ones."""
    yield from _within(der, read(der))


def _within(der: bytes, parent: Element) -> Iterator[Element]:
    yield parent
    if parent.tag & CONSTRUCTED:
        if parent.depth >= DEEPEST:
            raise ValueError(f"more than {DEEPEST} elements inside each other")
        for child in children(der, parent):
            yield from _within(der, child)
