"""Declared structures (the presentation language of RFC 8446 §3): one declaration reads, writes and explains.

    @dataclass(frozen=True)
    class ProtocolName:
        kind: Annotated[int, uint(1), "What sort of name follows (§1)."]
        name: Annotated[bytes, vector(1, 255), "The name itself (§2)."]

    07 02 68 32 --decode--> ProtocolName(7, b"h2") --encode--> 07 02 68 32
                --walk----> the same as a tree of spans: kind 0..1, name 1..4 (length 1..2, content 2..4)

The leaves of the tree tile the bytes: no gap, no overlap. Reading is strict: a missing or an extra byte is an error,
since two readers that disagree about the bytes disagree about what was signed. The shapes are those of §3 without
`select`: a variant is read as `opaque` bytes, and the caller decodes it when the type is known.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_type_hints

T = TypeVar("T")

LENGTH = "The number of bytes that follow (§3.4)."


class WireError(ValueError):
    """The bytes do not match the declaration: truncated, too long, or a length is out of bounds."""


@dataclass(frozen=True)
class Field:
    """A span of the bytes from `start` up to and excluding `end`: its name, its value, and its purpose."""

    name: str
    start: int
    end: int
    value: Any
    reason: str
    children: "tuple[Field, ...]" = ()

    def leaves(self) -> "Iterator[Field]":
        """The innermost fields, in the order of their bytes; an empty or absent one has a leaf of width zero."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    def shifted(self, by: int) -> "Field":
        """The same field `by` bytes further on: for the tree of an opaque field that was decoded on its own."""
        children = tuple(child.shifted(by) for child in self.children)
        return replace(self, start=self.start + by, end=self.end + by, children=children)


def decode(cls: type[T], data: bytes) -> T:
    """Decode all of the bytes as that structure; WireError if they are not one."""
    value: T = walk(cls, data).value
    return value


def encode(value: object) -> bytes:
    """The bytes of a declared structure; ValueError if a value does not fit its shape."""
    return struct(type(value)).write(value)


def walk(cls: type, data: bytes) -> Field:
    """Decode into a tree with every span; the root's value is what `decode` returns."""
    reader = Reader(data, 0, len(data))
    root = struct(cls).read(reader, cls.__name__, (cls.__doc__ or "").partition("\n")[0])
    reader.finish(cls.__name__)
    return root


@dataclass
class Reader:
    """A position in the bytes, and the end of the part that may be read."""

    data: bytes
    at: int
    end: int

    def take(self, length: int, name: str) -> bytes:
        """The next `length` bytes; WireError if there are fewer."""
        if length > self.end - self.at:
            raise WireError(f"{name}: {length} bytes expected at {self.at}, {self.end - self.at} present")
        self.at += length
        return self.data[self.at - length : self.at]

    def finish(self, name: str) -> None:
        """WireError if bytes are left over."""
        if self.at != self.end:
            raise WireError(f"{name}: {self.end - self.at} extra bytes at {self.at}")


# The shapes of §3 ---------------------------------------------------------------------------------------------------


class Shape(NamedTuple):
    """Reads and writes one kind of value: `read` raises WireError for invalid bytes, `write` ValueError."""

    read: Callable[[Reader, str, str], Field]
    write: Callable[[Any], bytes]


def uint(length: int) -> Shape:
    """An int of `length` bytes, the most significant first (§3.3)."""

    def read(reader: Reader, name: str, reason: str) -> Field:
        start, data = reader.at, reader.take(length, name)
        return Field(name, start, reader.at, int.from_bytes(data), reason)

    def write(value: int) -> bytes:
        if not 0 <= value < 256**length:
            raise ValueError(f"{value} does not fit into {length} bytes")
        return value.to_bytes(length)

    return Shape(read, write)


def opaque(length: int) -> Shape:
    """`length` uninterpreted bytes (§3.2)."""

    def read(reader: Reader, name: str, reason: str) -> Field:
        start, data = reader.at, reader.take(length, name)
        return Field(name, start, reader.at, data, reason)

    def write(value: bytes) -> bytes:
        if len(value) != length:
            raise ValueError(f"{len(value)} bytes, {length} required")
        return value

    return Shape(read, write)


def rest() -> Shape:
    """All bytes that remain: the structure around them has the length, as in Finished (§4.4.4)."""

    def read(reader: Reader, name: str, reason: str) -> Field:
        start, data = reader.at, reader.take(reader.end - reader.at, name)
        return Field(name, start, reader.at, data, reason)

    return Shape(read, bytes)


def vector(minimum: int, maximum: int, of: Shape | None = None) -> Shape:
    """`<minimum..maximum>` bytes after their length (§3.4): bytes, or a tuple of the shape `of`."""

    def read(reader: Reader, name: str, reason: str) -> Field:
        length, content = _behind_length(reader, name, minimum, maximum)
        if of is None:
            inner = [opaque(content.end - content.at).read(content, "content", reason)]
            return Field(name, length.start, content.end, inner[0].value, reason, (length, *inner))
        inner = []
        while content.at < content.end:
            inner.append(of.read(content, f"{name}[{len(inner)}]", reason))
        return Field(name, length.start, content.end, tuple(each.value for each in inner), reason, (length, *inner))

    def write(value: Any) -> bytes:
        return _with_length(value if of is None else b"".join(map(of.write, value)), minimum, maximum)

    return Shape(read, write)


def framed(of: Shape, maximum: int) -> Shape:
    """One structure after its length, as in a handshake message (§4): the structure."""

    def read(reader: Reader, name: str, reason: str) -> Field:
        length, content = _behind_length(reader, name, 0, maximum)
        inner = of.read(content, name, reason)
        content.finish(name)
        return replace(inner, start=length.start, children=(length, *inner.children))

    return Shape(read, lambda value: _with_length(of.write(value), 0, maximum))


def optional(of: Shape) -> Shape:
    """None if the bytes end here, as the extensions of a TLS 1.2 hello may be absent (§4.1.2)."""

    def read(reader: Reader, name: str, reason: str) -> Field:
        absent = reader.at == reader.end
        return Field(name, reader.at, reader.at, None, reason) if absent else of.read(reader, name, reason)

    return Shape(read, lambda value: b"" if value is None else of.write(value))


def struct(cls: type) -> Shape:
    """The fields of a dataclass, one after the other (§3.6): an instance of it."""

    def read(reader: Reader, name: str, reason: str) -> Field:
        start = reader.at
        fields = tuple(shape.read(reader, each, why) for each, (shape, why) in _declared(cls).items())
        return Field(name, start, reader.at, cls(**{field.name: field.value for field in fields}), reason, fields)

    def write(value: Any) -> bytes:
        return b"".join(shape.write(getattr(value, name)) for name, (shape, _) in _declared(cls).items())

    return Shape(read, write)


@cache
def _declared(cls: type) -> dict[str, tuple[Shape, str]]:
    """Shape and reason of each field, in order."""
    return {name: hint.__metadata__ for name, hint in get_type_hints(cls, include_extras=True).items()}


def _behind_length(reader: Reader, name: str, minimum: int, maximum: int) -> tuple[Field, Reader]:
    """The length, and a reader for the content; the outer reader continues after it."""
    length = uint(_width(maximum)).read(reader, "length", LENGTH)
    if not minimum <= length.value <= maximum:
        raise WireError(f"{name}: length {length.value}, <{minimum}..{maximum}> allowed")
    start = reader.at
    reader.take(length.value, name)
    return length, Reader(reader.data, start, reader.at)


def _with_length(content: bytes, minimum: int, maximum: int) -> bytes:
    if not minimum <= len(content) <= maximum:
        raise ValueError(f"{len(content)} bytes, <{minimum}..{maximum}> allowed")
    return uint(_width(maximum)).write(len(content)) + content


def _width(maximum: int) -> int:
    """The bytes of a length field: as many as the maximum needs (§3.4)."""
    return (maximum.bit_length() + 7) // 8
