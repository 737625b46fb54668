"""Lenient reader of DER: a tree of elements, and every place where the bytes are not DER (X.690 §8, §10, §11).

    bytes -> Node (tag, start, header, end) with its children      and: Fault (byte, what is wrong, rule)

A length that is too long is cut to the end, an indefinite length is accepted (BER), and reading continues. The work
is linear in the input and ends after MOST elements. Not here: what the elements mean (`pki.asn1.schema`).
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pki.asn1 import der

MOST = 200_000  # elements; a CRL of 1 MiB, the longest file that is read, has at most 170,000
MOST_FAULTS = 200
BIT_STRING, OCTET_STRING, SEQUENCE, SET = der.BIT_STRING, der.OCTET_STRING, der.SEQUENCE, der.SET
ENUMERATED, NUMERIC, PRINTABLE, TELETEX, IA5, VISIBLE, UNIVERSAL, BMP = 0x0A, 0x12, 0x13, 0x14, 0x16, 0x1A, 0x1C, 0x1E
STRINGS = {BIT_STRING, OCTET_STRING, der.UTF8_STRING, NUMERIC, PRINTABLE, TELETEX, IA5, VISIBLE, UNIVERSAL, BMP}
MUST_BE_PRIMITIVE = {der.BOOLEAN: "§8.2.1", der.INTEGER: "§8.3.1", der.NULL: "§8.8.1", der.OBJECT_IDENTIFIER: "§8.19.1"}
MUST_BE_PRIMITIVE |= {ENUMERATED: "§8.4", der.UTC_TIME: "§10.2", der.GENERALIZED_TIME: "§10.2"}


@dataclass(frozen=True, order=True)
class Fault:
    """One violation: its byte offset in the object, what is wrong, and the rule."""

    at: int
    what: str
    rule: str

    def __str__(self) -> str:
        rule = f" ({self.rule})" if self.rule else ""
        return f"at byte {self.at}: {self.what}{rule}"


@dataclass(slots=True, eq=False)
class Node:
    """One element: offset, bytes of its header, offset of its end, depth, and the elements inside it."""

    tag: int
    start: int
    header: int
    end: int
    depth: int
    trailer: int = 0
    """Bytes of the end-of-contents marker: 2 after an indefinite length."""
    children: list["Node"] = field(default_factory=list)
    name: str = ""
    """Its name in the RFC, set by `pki.asn1.schema`."""

    @property
    def content(self) -> slice:
        """The slice of the content octets."""
        return slice(self.start + self.header, self.end - self.trailer)

    @property
    def constructed(self) -> bool:
        """Whether the element is constructed."""
        return bool(self.tag & der.CONSTRUCTED)

    @property
    def type(self) -> str:
        """`SEQUENCE`, `[3]`."""
        return der.type_name(self.tag)


@dataclass
class Tree:
    """The elements of `data`, outermost first, and the faults of their encoding in the order of the bytes."""

    data: bytes
    roots: list[Node]
    faults: list[Fault]
    complete: bool = True
    """False if reading stopped after MOST elements."""

    def fault(self, at: int, what: str, rule: str) -> None:
        """Add a fault, up to MOST_FAULTS."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(at, what, rule))

    def content(self, node: Node) -> bytes:
        """The content octets; the segments of a string (BER) are joined."""
        if node.constructed and node.tag & 0xDF in STRINGS:
            return b"".join(self.content(each) for each in node.children)
        return self.data[node.content]


def parse(data: bytes, most: int = MOST) -> Tree:
    """Read at most `most` elements of `data`. Never raises."""
    return parse_within(data, 0, len(data), 0, most)


def parse_within(data: bytes, start: int, end: int, depth: int, most: int = MOST) -> Tree:
    """Read the elements in data[start:end]; offsets count from the start of `data`."""
    tree = Tree(data, [], [])
    reader = _Reader(tree, most)
    tree.roots = reader.elements(start, end, depth)[0]
    tree.faults.sort()
    return tree


class _Reader:
    def __init__(self, tree: Tree, most: int) -> None:
        self.tree = tree
        self.left = most

    def elements(self, at: int, end: int, depth: int, *, to_marker: bool = False) -> tuple[list[Node], int, int]:
        """The elements up to `end` or the end-of-contents marker; their end; the length of the marker."""
        data, found = self.tree.data, list[Node]()
        while at < end:
            if to_marker and data[at : at + 2] == b"\0\0":
                return found, at, 2
            if self.left <= 0:
                if self.tree.complete:
                    self.tree.complete = False
                    self.tree.fault(at, f"more than {MOST} elements; the rest is not read", "")
                return found, end, 0
            node = self.element(at, end, depth)
            if node is None:
                return found, end, 0
            found.append(node)
            at = node.end
        if to_marker:
            self.tree.fault(at, "an indefinite length is not ended by two zero bytes", "X.690 §8.1.5")
        return found, at, 0

    def element(self, at: int, end: int, depth: int) -> Node | None:
        """The element at `at`, cut at `end`; None if even its header does not fit."""
        data, fault = self.tree.data, self.tree.fault
        self.left -= 1
        tag, place = data[at], at + 1
        if tag & 0x1F == 0x1F:
            while place < end and data[place] & 0x80 and place - at < 6:
                place += 1
            place += 1
        if place >= end:
            fault(at, "the element is cut off in its header", "X.690 §8.1.1")
            return None
        first = data[place]
        place += 1
        if first == 0x80:
            fault(place - 1, "the length is indefinite; DER needs a definite one", "X.690 §10.1")
            node = Node(tag, at, place - at, end, depth)
            if not node.constructed:
                fault(at, f"{node.type} is primitive and has an indefinite length", "X.690 §8.1.3.2")
            elif depth >= der.DEEPEST:
                fault(at, f"more than {der.DEEPEST} elements inside each other; what is inside is not read", "")
            else:
                node.children, inner_end, node.trailer = self.elements(place, end, depth + 1, to_marker=True)
                node.end = inner_end + node.trailer
                self.check_constructed(node)
            return node
        length = first
        if first > 0x80:
            octets = data[place : min(place + (first & 0x7F), end)]
            place += first & 0x7F
            if place > end:
                fault(at, "the element is cut off in its header", "X.690 §8.1.1")
                return None
            length = int.from_bytes(octets)
            if octets[0] == 0 or length < 0x80:
                fault(at + 1, f"the length {length} is written in {len(octets) + 1} bytes", "X.690 §10.1: the fewest")
        stop = place + length
        if stop > end:
            size = f"{length} bytes" if length < 1 << 64 else f"a length of {first & 0x7F} bytes"
            fault(at, f"{der.type_name(tag)} announces {size}, but {end - place} are left", "X.690 §8.1.3")
            stop = end
        node = Node(tag, at, place - at, stop, depth)
        if not node.constructed:
            self.check_primitive(node)
        elif depth >= der.DEEPEST:
            fault(at, f"more than {der.DEEPEST} elements inside each other; what is inside is not read", "")
        else:
            node.children, _, _ = self.elements(place, stop, depth + 1)
            self.check_constructed(node)
        return node

    def check_constructed(self, node: Node) -> None:
        fault, base = self.tree.fault, node.tag & 0xDF
        if base in STRINGS:
            fault(node.start, f"{der.type_name(base)} is in segments; DER has one", "X.690 §10.2")
        elif base in MUST_BE_PRIMITIVE:
            fault(node.start, f"{der.type_name(base)} must be primitive", f"X.690 {MUST_BE_PRIMITIVE[base]}")
        elif node.tag == SET:
            data = self.tree.data
            for one, other in zip(node.children, node.children[1:], strict=False):
                if data[one.start : one.end] > data[other.start : other.end]:
                    fault(other.start, "the elements of a SET OF are not in ascending order", "X.690 §11.6")
                    break

    def check_primitive(self, node: Node) -> None:
        tag = node.tag
        if tag & 0xC0:
            return  # its type depends on its position
        if tag == 0x10 or tag == 0x11:
            self.tree.fault(node.start, f"{der.type_name(tag | 0x20)} must be constructed", "X.690 §8.9.1")
        for at, what, rule in primitive_faults(tag, self.tree.data[node.content]):
            self.tree.fault(node.start + node.header + at, what, rule)


def to_der(tree: Tree) -> bytes:
    """The tree encoded with definite lengths and strings in one segment; otherwise unchanged."""
    return b"".join(_to_der(tree, each) for each in tree.roots)


def _to_der(tree: Tree, node: Node) -> bytes:
    if node.constructed and node.tag & 0xDF in STRINGS:
        return der.element(node.tag & 0xDF, tree.content(node))
    if node.children:
        return der.element(node.tag, *(_to_der(tree, each) for each in node.children))
    return der.element(node.tag, tree.data[node.content])


# Primitive types ----------------------------------------------------------------------------------------------------


def primitive_faults(tag: int, content: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield offset, fault and rule for the content octets of a primitive universal type."""
    match tag:
        case der.BOOLEAN:
            if len(content) != 1:
                yield 0, f"BOOLEAN has {len(content)} bytes; it must have 1", "X.690 §8.2.1"
            elif content not in (b"\0", b"\xff"):
                yield 0, f"BOOLEAN is 0x{content.hex()}; DER has 00 and FF", "X.690 §11.1"
        case der.INTEGER | 0x0A:
            if not content:
                yield 0, "INTEGER has no bytes; it must have at least 1", "X.690 §8.3.1"
            elif len(content) > 1 and (content[0], content[1] >> 7) in ((0, 0), (0xFF, 1)):
                yield 0, f"INTEGER begins with a superfluous byte {content[:1].hex()}", "X.690 §8.3.2"
        case der.BIT_STRING:
            yield from _bit_string(content)
        case der.NULL:
            if content:
                yield 0, f"NULL has {len(content)} bytes; it must have none", "X.690 §8.8.2"
        case der.OBJECT_IDENTIFIER:
            yield from _object_identifier(content)
        case der.UTC_TIME | der.GENERALIZED_TIME:
            if wrong := time_fault(tag, content):
                yield 0, *wrong
        case _:
            if wrong := string_fault(tag, content):
                yield 0, *wrong


def _bit_string(content: bytes) -> Iterator[tuple[int, str, str]]:
    if not content:
        yield 0, "BIT STRING has no byte for the number of its unused bits", "X.690 §8.6.2.2"
    elif content[0] > 7:
        yield 0, f"BIT STRING has {content[0]} unused bits; at most 7 are possible", "X.690 §8.6.2.2"
    elif content[0] and len(content) == 1:
        yield 0, f"BIT STRING is empty and has {content[0]} unused bits", "X.690 §8.6.2.3"
    elif content[0] and content[-1] & ((1 << content[0]) - 1):
        yield len(content) - 1, f"the {content[0]} unused bits of BIT STRING are not all zero", "X.690 §11.2.1"


def _object_identifier(content: bytes) -> Iterator[tuple[int, str, str]]:
    if not content:
        yield 0, "OBJECT IDENTIFIER has no bytes", "X.690 §8.19.2"
    elif len(content) > der.LONGEST_OID:
        yield 0, f"OBJECT IDENTIFIER has {len(content)} bytes; more than {der.LONGEST_OID} are not read", ""
    elif content[-1] & 0x80:
        yield len(content) - 1, "OBJECT IDENTIFIER ends within a number", "X.690 §8.19.2"
    else:
        for at, byte in enumerate(content):
            if byte == 0x80 and (at == 0 or not content[at - 1] & 0x80):
                yield at, "a number of OBJECT IDENTIFIER begins with a superfluous byte 80", "X.690 §8.19.2"
                return


TIMES = {
    der.UTC_TIME: (re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"), "UTCTime", "YYMMDDHHMMSSZ", "§4.1.2.5.1"),
    der.GENERALIZED_TIME: (
        re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
        "GeneralizedTime",
        "YYYYMMDDHHMMSSZ",
        "§4.1.2.5.2",
    ),
}


def time_fault(tag: int, content: bytes) -> tuple[str, str] | None:
    """The fault of a time and its rule (RFC 5280 §4.1.2.5); None if it is valid."""
    pattern, name, form, section = TIMES[tag]
    found = pattern.fullmatch(content)
    if found is None:
        return f"{name} {quoted_bytes(content)} is not of the form {form}", f"RFC 5280 {section}"
    year, month, day, hour, minute, second = map(int, found.groups())
    if tag == der.UTC_TIME:
        year += 1900 if year >= 50 else 2000
    wrong = None
    if year == 0:
        wrong = "year 0"
    elif not 1 <= month <= 12:
        wrong = f"month {month}"
    elif not 1 <= day <= calendar.monthrange(year, month)[1]:
        wrong = f"day {day} of month {month}"
    elif hour > 23 or minute > 59 or second > 59:
        wrong = f"time of day {hour:02}:{minute:02}:{second:02}"
    return (f"{name} {quoted_bytes(content)} has the {wrong}", "X.680 §46") if wrong else None


PRINTABLE_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


def string_fault(tag: int, content: bytes) -> tuple[str, str] | None:
    """The fault of a character string and its rule (X.680 §41, RFC 3629); None if it is valid."""
    match tag:
        case der.UTF8_STRING:
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                return f"UTF8String is not UTF-8: byte {content[error.start]:02x}", "RFC 3629 §3"
        case 0x13:
            return _not_in(content, PRINTABLE_CHARACTERS, "PrintableString", "X.680 §41.4")
        case 0x12:
            return _not_in(content, frozenset(b"0123456789 "), "NumericString", "X.680 §41.2")
        case 0x16 if not content.isascii():
            return _not_in(content, frozenset(range(128)), "IA5String", "X.680 §41")
        case 0x1A:
            return _not_in(content, frozenset(range(32, 127)), "VisibleString", "X.680 §41")
        case 0x1E if len(content) % 2:
            return f"BMPString has {len(content)} bytes; a character has 2", "X.690 §8.23.8"
        case 0x1C if len(content) % 4:
            return f"UniversalString has {len(content)} bytes; a character has 4", "X.690 §8.23.7"
    return None


def _not_in(content: bytes, allowed: frozenset[int], name: str, rule: str) -> tuple[str, str] | None:
    for byte in content:
        if byte not in allowed:
            return f"{name} {quoted_bytes(content)} has the invalid character {quoted_bytes(bytes([byte]))}", rule
    return None


def quoted_bytes(content: bytes, longest: int = 64) -> str:
    r"""The bytes as ASCII in double quotes; other bytes as \xNN; cut after `longest`."""
    shown = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in content[:longest]
    )
    return f'"{shown}"' + ("…" if len(content) > longest else "")


def text_of(tag: int, content: bytes) -> str | None:
    """The characters of a string type; None for another type or invalid bytes.

    TeletexString is read as Latin-1, as most programs write it.
    """
    encodings = {der.UTF8_STRING: "utf-8", BMP: "utf-16-be", UNIVERSAL: "utf-32-be"}
    if tag in encodings:
        try:
            return content.decode(encodings[tag])
        except UnicodeDecodeError:
            return None
    return content.decode("latin-1") if tag in (PRINTABLE, IA5, TELETEX, NUMERIC, VISIBLE) else None


def integer(content: bytes) -> int:
    """The value in two's complement; 0 for no bytes."""
    return int.from_bytes(content, signed=True)


def oid(content: bytes) -> str | None:
    """`1.2.840…`; None if the content is not an object identifier, or longer than LONGEST_OID."""
    if not content or len(content) > der.LONGEST_OID or content[-1] & 0x80:
        return None
    return der.dotted(content)
