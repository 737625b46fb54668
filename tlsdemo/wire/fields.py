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

Most callers want the value alone, so each shape reads in two ways: `plain` makes a function that only builds the value,
and `tree` also records spans and names what is wrong.
"""

import struct as packing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar, get_type_hints

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
    structure: type = cls
    try:
        value, end = _reader(structure)(data, 0, len(data))
    except _Invalid:
        end = -1
    if end != len(data):
        walk(cls, data)  # raises with the name and the place
        raise WireError(f"{cls.__name__}: invalid")
    decoded: T = value
    return decoded


def encode(value: object) -> bytes:
    """The bytes of a declared structure; ValueError if a value does not fit its shape."""
    structure: type = type(value)
    return b"".join([write(getattr(value, name)) for name, write in _writers(structure)])


def walk(cls: type, data: bytes, start: int = 0, end: int | None = None) -> Field:
    """Decode into a tree with every span; the root's value is what `decode` returns for data[start:end]."""
    reader = Reader(data, start, len(data) if end is None else end)
    root = Struct(cls).tree(reader, cls.__name__, (cls.__doc__ or "").partition("\n")[0])
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


Plain = Callable[[bytes, int, int], tuple[Any, int]]
"""Reads a value from bytes[at:end]: the value, and the position after it. Raises _Invalid, which says nothing more."""


class _Invalid(Exception):
    """The bytes are invalid; the tree says where."""


# The shapes of §3 ---------------------------------------------------------------------------------------------------


class Shape(ABC):
    """Reads and writes one kind of value."""

    @abstractmethod
    def plain(self) -> Plain:
        """The reader of the value alone."""

    @abstractmethod
    def tree(self, reader: Reader, name: str, reason: str) -> Field:
        """The value with its spans; WireError for invalid bytes."""

    @abstractmethod
    def write(self, value: Any) -> bytes:
        """The bytes of the value; ValueError if it does not fit."""


@dataclass(frozen=True)
class Uint(Shape):
    """An int of `length` bytes, the most significant first (§3.3)."""

    length: int

    def plain(self) -> Plain:
        length = self.length

        def read(data: bytes, at: int, end: int) -> tuple[int, int]:
            after = at + length
            if after > end:
                raise _Invalid
            return int.from_bytes(data[at:after]), after

        return read

    def tree(self, reader: Reader, name: str, reason: str) -> Field:
        start, data = reader.at, reader.take(self.length, name)
        return Field(name, start, reader.at, int.from_bytes(data), reason)

    def write(self, value: int) -> bytes:
        if value < 0 or value.bit_length() > 8 * self.length:
            raise ValueError(f"{value} does not fit into {self.length} bytes")
        return value.to_bytes(self.length)


@dataclass(frozen=True)
class Opaque(Shape):
    """`length` uninterpreted bytes (§3.2)."""

    length: int

    def plain(self) -> Plain:
        length = self.length

        def read(data: bytes, at: int, end: int) -> tuple[bytes, int]:
            after = at + length
            if after > end:
                raise _Invalid
            return data[at:after], after

        return read

    def tree(self, reader: Reader, name: str, reason: str) -> Field:
        start, data = reader.at, reader.take(self.length, name)
        return Field(name, start, reader.at, data, reason)

    def write(self, value: bytes) -> bytes:
        if len(value) != self.length:
            raise ValueError(f"{len(value)} bytes, {self.length} required")
        return value


@dataclass(frozen=True)
class Rest(Shape):
    """All bytes that remain: the structure around them has the length, as in Finished (§4.4.4)."""

    def plain(self) -> Plain:
        return lambda data, at, end: (data[at:end], end)

    def tree(self, reader: Reader, name: str, reason: str) -> Field:
        start, data = reader.at, reader.take(reader.end - reader.at, name)
        return Field(name, start, reader.at, data, reason)

    def write(self, value: bytes) -> bytes:
        return value


@dataclass(frozen=True)
class Vector(Shape):
    """`<minimum..maximum>` bytes after their length (§3.4): bytes, or a tuple of the shape `of`."""

    minimum: int
    maximum: int
    of: Shape | None = None

    def plain(self) -> Plain:
        content = _content(self.minimum, self.maximum)
        if self.of is None:

            def read_bytes(data: bytes, at: int, end: int) -> tuple[bytes, int]:
                start, after = content(data, at, end)
                return data[start:after], after

            return read_bytes
        items = _integers(self.of.length) if isinstance(self.of, Uint) else _items(self.of.plain())

        def read(data: bytes, at: int, end: int) -> tuple[tuple[Any, ...], int]:
            start, after = content(data, at, end)
            return items(data, start, after), after

        return read

    def tree(self, reader: Reader, name: str, reason: str) -> Field:
        length, content = _behind_length(reader, name, self.minimum, self.maximum)
        if self.of is None:
            inner = [Opaque(content.end - content.at).tree(content, "content", reason)]
            return Field(name, length.start, content.end, inner[0].value, reason, (length, *inner))
        inner = []
        while content.at < content.end:
            inner.append(self.of.tree(content, f"{name}[{len(inner)}]", reason))
        return Field(name, length.start, content.end, tuple(each.value for each in inner), reason, (length, *inner))

    def write(self, value: Any) -> bytes:
        content = value if self.of is None else b"".join([self.of.write(each) for each in value])
        return _with_length(content, self.minimum, self.maximum)


@dataclass(frozen=True)
class Framed(Shape):
    """One structure after its length, as in a handshake message (§4): the structure."""

    of: "Struct"
    maximum: int

    def plain(self) -> Plain:
        content, inner = _content(0, self.maximum), self.of.plain()

        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            start, after = content(data, at, end)
            value, at = inner(data, start, after)
            if at != after:
                raise _Invalid
            return value, after

        return read

    def tree(self, reader: Reader, name: str, reason: str) -> Field:
        length, content = _behind_length(reader, name, 0, self.maximum)
        inner = self.of.tree(content, name, reason)
        content.finish(name)
        return replace(inner, start=length.start, children=(length, *inner.children))

    def write(self, value: Any) -> bytes:
        return _with_length(self.of.write(value), 0, self.maximum)


@dataclass(frozen=True)
class Optional(Shape):
    """None if the bytes end here, as the extensions of a TLS 1.2 hello may be absent (§4.1.2)."""

    of: Shape

    def plain(self) -> Plain:
        inner = self.of.plain()
        return lambda data, at, end: (None, at) if at == end else inner(data, at, end)

    def tree(self, reader: Reader, name: str, reason: str) -> Field:
        absent = reader.at == reader.end
        return Field(name, reader.at, reader.at, None, reason) if absent else self.of.tree(reader, name, reason)

    def write(self, value: Any) -> bytes:
        return b"" if value is None else self.of.write(value)


@dataclass(frozen=True)
class Struct(Shape):
    """The fields of a dataclass, one after the other (§3.6): an instance of it."""

    cls: type

    def plain(self) -> Plain:
        return _reader(self.cls)

    def tree(self, reader: Reader, name: str, reason: str) -> Field:
        start = reader.at
        fields = tuple(shape.tree(reader, each, why) for each, (shape, why) in declared(self.cls).items())
        return Field(name, start, reader.at, self.cls(*(field.value for field in fields)), reason, fields)

    def write(self, value: Any) -> bytes:
        return encode(value)


uint, opaque, rest, vector, framed, optional, struct = Uint, Opaque, Rest, Vector, Framed, Optional, Struct
"""The shapes as declarations write them: `vector(1, 255, of=uint(2))`."""


@cache
def declared(cls: type) -> dict[str, tuple[Shape, str]]:
    """Shape and reason of each field of a structure, in order."""
    return {name: hint.__metadata__ for name, hint in get_type_hints(cls, include_extras=True).items()}


@cache
def _reader(cls: type) -> Plain:
    """The plain reader of a structure."""
    readers = tuple(shape.plain() for shape, _ in declared(cls).values())

    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        values = []
        for each in readers:
            value, at = each(data, at, end)
            values.append(value)
        return cls(*values), at

    return read


@cache
def _writers(cls: type) -> tuple[tuple[str, Callable[[Any], bytes]], ...]:
    """Each field of a structure with the writer of its value."""
    return tuple((name, shape.write) for name, (shape, _) in declared(cls).items())


# What follows a length ----------------------------------------------------------------------------------------------


def _content(minimum: int, maximum: int) -> Callable[[bytes, int, int], tuple[int, int]]:
    """A reader of a length: where the content starts, and where it ends."""
    width = _width(maximum)

    def read(data: bytes, at: int, end: int) -> tuple[int, int]:
        start = at + width
        length = int.from_bytes(data[at:start])
        if start + length > end or not minimum <= length <= maximum:
            raise _Invalid
        return start, start + length

    return read


def _items(read: Plain) -> Callable[[bytes, int, int], tuple[Any, ...]]:
    """A reader of values up to the end of the content."""

    def items(data: bytes, at: int, end: int) -> tuple[Any, ...]:
        values = []
        while at < end:
            value, at = read(data, at, end)
            values.append(value)
        return tuple(values)

    return items


def _integers(length: int) -> Callable[[bytes, int, int], tuple[int, ...]]:
    """The same for ints of `length` bytes, all at once."""
    if length not in _PACKED:
        return _items(Uint(length).plain())

    def integers(data: bytes, at: int, end: int) -> tuple[int, ...]:
        number, left_over = divmod(end - at, length)
        if left_over:
            raise _Invalid
        return packing.unpack_from(f">{number}{_PACKED[length]}", data, at)

    return integers


_PACKED = {1: "B", 2: "H", 4: "I", 8: "Q"}


def _behind_length(reader: Reader, name: str, minimum: int, maximum: int) -> tuple[Field, Reader]:
    """The length, and a reader for the content; the outer reader continues after it."""
    length = Uint(_width(maximum)).tree(reader, "length", LENGTH)
    if not minimum <= length.value <= maximum:
        raise WireError(f"{name}: length {length.value}, <{minimum}..{maximum}> allowed")
    start = reader.at
    reader.take(length.value, name)
    return length, Reader(reader.data, start, reader.at)


def _with_length(content: bytes, minimum: int, maximum: int) -> bytes:
    length = len(content)
    if not minimum <= length <= maximum:
        raise ValueError(f"{length} bytes, <{minimum}..{maximum}> allowed")
    return length.to_bytes(_width(maximum)) + content


def _width(maximum: int) -> int:
    """The bytes of a length field: as many as the maximum needs (§3.4)."""
    return (maximum.bit_length() + 7) // 8
