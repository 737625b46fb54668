"""A little of the Distinguished Encoding Rules (X.690 §10): enough to write a certificate, and to see its elements.

For what the library refuses to write, since it is wrong. Writing puts bytes together and checks nothing; reading
(`elements`) raises ValueError for what is no DER.
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
"""Bytes of an object identifier's content; the longest in use have about 30. Reading one costs its length squared."""


# Writing ------------------------------------------------------------------------------------------------------------


def element(tag: int, *parts: bytes) -> bytes:
    """Tag, length in as few bytes as will do, content (§8.1)."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    """One after the other."""
    return element(SEQUENCE, *parts)


def explicit(number: int, *parts: bytes) -> bytes:
    """[number], around a whole element."""
    return element(CONTEXT | CONSTRUCTED | number, *parts)


def integer(number: int) -> bytes:
    """Two's complement, so that -1 is one byte and 128 are two (§8.3)."""
    magnitude = number if number >= 0 else ~number
    return element(INTEGER, number.to_bytes(magnitude.bit_length() // 8 + 1, signed=True))


def boolean(value: bool) -> bytes:
    """True is 0xff, and nothing else is (§11.1)."""
    return element(BOOLEAN, b"\xff" if value else b"\x00")


def bit_string(content: bytes) -> bytes:
    """Whole bytes: no bit is unused."""
    return element(BIT_STRING, b"\x00", content)


def octet_string(content: bytes) -> bytes:
    """Any bytes."""
    return element(OCTET_STRING, content)


def object_identifier(dotted: str) -> bytes:
    """`1.2.840…`: the first two numbers in one, then seven bits to a byte (§8.19)."""
    first, second, *rest = map(int, dotted.split("."))
    return element(OBJECT_IDENTIFIER, *map(_base_128, (40 * first + second, *rest)))


def _base_128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))


def utc_time(moment: datetime) -> bytes:
    """Two digits for the year: 50 is 1950, 49 is 2049 (RFC 5280 §4.1.2.5.1)."""
    return element(UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode())


def generalized_time(moment: datetime, fraction: str = "") -> bytes:
    """Four digits for the year; a fraction of a second is what RFC 5280 §4.1.2.5.2 forbids."""
    return element(GENERALIZED_TIME, f"{moment.year:04}{moment:%m%d%H%M%S}{fraction}Z".encode())


def time(moment: datetime) -> bytes:
    """As a certificate has it: UTCTime up to 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5)."""
    return utc_time(moment) if 1950 <= moment.year < 2050 else generalized_time(moment)


def armoured(label: str, der: bytes) -> bytes:
    """As text: PEM (RFC 7468 §2)."""
    text = b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


# Reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Element:
    """One element: where it stands in the bytes, how long its header is, and how deep inside others it is."""

    tag: int
    start: int
    header: int
    end: int
    depth: int

    @property
    def content(self) -> slice:
        """Where its content stands."""
        return slice(self.start + self.header, self.end)

    @property
    def type(self) -> str:
        """`SEQUENCE`, `[3]`."""
        return type_name(self.tag)


def type_name(tag: int) -> str:
    """`SEQUENCE`, `[3]`; `tag 0x4f` for what has no name here."""
    if tag & 0xC0 == CONTEXT:
        return f"[{tag & 0x1F}]"
    return TYPES.get(tag) or TYPES.get(tag ^ CONSTRUCTED) or f"tag 0x{tag:02x}"


def read(der: bytes, at: int = 0, depth: int = 0) -> Element:
    """The element that begins at `at`; ValueError where it does not end."""
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
        raise ValueError(f"the element at byte {at} goes on to byte {end}, and there are {len(der)}")
    return Element(tag, at, header, end, depth)


def children(der: bytes, parent: Element) -> Iterator[Element]:
    """The elements inside a constructed one."""
    at = parent.start + parent.header
    while at < parent.end:
        child = read(der, at, parent.depth + 1)
        if child.end > parent.end:
            raise ValueError(f"the element at byte {at} goes beyond the one around it")
        yield child
        at = child.end


def dotted(content: bytes) -> str:
    """`1.2.840…` for the content of an object identifier; ValueError for what is not one, or is too long."""
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
    """All elements, outer ones before those inside them."""
    yield from _within(der, read(der))


def _within(der: bytes, parent: Element) -> Iterator[Element]:
    yield parent
    if parent.tag & CONSTRUCTED:
        if parent.depth >= DEEPEST:
            raise ValueError(f"more than {DEEPEST} elements inside each other")
        for child in children(der, parent):
            yield from _within(der, child)
