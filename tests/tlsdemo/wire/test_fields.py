"""The laws of declared structures (DESIGN section 7), on declarations that use every shape. Falsehood caught: a reader
and a writer that disagree, and bytes that nobody explains."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tlsdemo.wire.declarations import DECLARED, ends_itself, framing, values
from tlsdemo.wire import client_hello, extensions, handshake
from tlsdemo.wire.fields import (
    Field,
    Struct,
    WireError,
    declared,
    decode,
    encode,
    framed,
    opaque,
    optional,
    rest,
    struct,
    uint,
    vector,
    walk,
)


@dataclass(frozen=True)
class Part:
    """A part."""

    kind: Annotated[int, uint(1), "Kind (§1)."]
    data: Annotated[bytes, vector(1, 300), "Data (§2)."]


@dataclass(frozen=True)
class Inner:
    """What is framed."""

    numbers: Annotated[tuple[int, ...], vector(0, 20, of=uint(2)), "Numbers (§3)."]
    parts: Annotated[tuple[Part, ...] | None, optional(vector(0, 2000, of=struct(Part))), "Parts (§4)."] = None


@dataclass(frozen=True)
class Whole:
    """Every shape there is (§5).

    And a second paragraph.
    """

    number: Annotated[int, uint(3), "A number (§6)."]
    fixed: Annotated[bytes, opaque(4), "Four bytes (§7)."]
    nothing: Annotated[bytes, opaque(0), "No bytes (§8)."]
    inner: Annotated[Inner, framed(struct(Inner), 2**24 - 1), "A frame (§9)."]
    end: Annotated[int, uint(1), "The end (§10)."]


PARTS = st.lists(st.builds(Part, st.integers(0, 255), st.binary(min_size=1, max_size=300)), max_size=4).map(tuple)
NUMBERS = st.lists(st.integers(0, 0xFFFF), max_size=10).map(tuple)
WHOLES = st.builds(
    Whole,
    st.integers(0, 2**24 - 1),
    st.binary(min_size=4, max_size=4),
    st.just(b""),
    st.builds(Inner, NUMBERS, st.none() | PARTS),
    st.integers(0, 255),
)
EVERY_STRUCTURE = pytest.mark.parametrize("cls", [Whole, *DECLARED])
FEW = settings(max_examples=25)
"""Enough for each of many structures."""


def some(cls: type, data: st.DataObject) -> Any:
    """A value of that structure."""
    return data.draw(WHOLES if cls is Whole else values(cls))


def assert_leaves_tile(root: Field, data: bytes) -> None:
    at = 0
    for leaf in root.leaves():
        assert leaf.start == at, leaf
        assert leaf.end >= at
        at = leaf.end
    assert at == len(data)


def assert_children_are_inside(field: Field) -> None:
    for child in field.children:
        assert field.start <= child.start <= child.end <= field.end
        assert_children_are_inside(child)


def assert_explained(root: Field) -> None:
    for leaf in root.leaves():
        assert leaf.name
        assert "§" in leaf.reason, leaf


@EVERY_STRUCTURE
@FEW
@given(data=st.data())
def test_what_was_written_is_read_back(cls: type, data: st.DataObject) -> None:
    value = some(cls, data)
    assert decode(type(value), encode(value)) == value


@EVERY_STRUCTURE
@FEW
@given(data=st.data())
def test_the_leaves_tile_the_bytes_and_each_says_why_it_is_there(cls: type, data: st.DataObject) -> None:
    value = some(cls, data)
    encoded = encode(value)
    root = walk(cls, encoded)
    assert_leaves_tile(root, encoded)
    assert_children_are_inside(root)
    assert_explained(root)
    assert root.value == value


@EVERY_STRUCTURE
@FEW
@given(data=st.data(), byte=st.integers(0, 255))
def test_every_proper_prefix_and_every_appended_byte_is_rejected(cls: type, data: st.DataObject, byte: int) -> None:
    value = some(cls, data)
    framed_value = framing(cls)(value)
    for each in (value, framed_value) if ends_itself(Struct(cls)) else (framed_value,):
        encoded = encode(each)
        for length in range(len(encoded)):
            with pytest.raises(WireError):
                decode(type(each), encoded[:length])
        with pytest.raises(WireError):
            decode(type(each), encoded + bytes([byte]))


@EVERY_STRUCTURE
@FEW
@given(data=st.binary(max_size=120))
def test_whatever_is_read_is_written_as_it_was_and_the_rest_is_rejected(cls: type[Any], data: bytes) -> None:
    try:
        value = decode(cls, data)
    except WireError:
        return
    assert encode(value) == data


def outcome(read: Callable[[type, bytes], Any], cls: type, data: bytes) -> tuple[type, Any]:
    """The value, or the text of the error."""
    try:
        return cls, read(cls, data)
    except WireError as error:
        return WireError, str(error)


CHANGES = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3), st.integers(0, 3)), max_size=2)


@EVERY_STRUCTURE
@FEW
@given(data=st.data(), changes=CHANGES)
def test_the_tree_and_the_plain_reading_agree_on_valid_and_on_changed_bytes(
    cls: type, data: st.DataObject, changes: list[tuple[float, bytes, int]]
) -> None:
    encoded = encode(some(cls, data))
    for where, replacement, removed in changes:
        at = int(where * len(encoded))
        encoded = encoded[:at] + replacement + encoded[at + removed :]
    assert outcome(decode, cls, encoded) == outcome(lambda cls, data: walk(cls, data).value, cls, encoded)


@EVERY_STRUCTURE
@FEW
@given(data=st.binary(max_size=60))
def test_the_tree_and_the_plain_reading_agree_on_any_bytes(cls: type[Any], data: bytes) -> None:
    assert outcome(decode, cls, data) == outcome(lambda cls, data: walk(cls, data).value, cls, data)


def test_every_structure_says_its_section() -> None:
    assert len(DECLARED) >= 60
    for cls in DECLARED:
        assert "§" in (cls.__doc__ or "").partition("\n")[0], cls
        for name, (_, reason) in declared(cls).items():
            assert re.search(r"[.:)]$", reason), (cls, name)
            assert "§" in reason, (cls, name)


def test_a_body_without_frame_may_end_before_its_extensions_and_nowhere_else() -> None:
    # §4.1.2: bytes after the compression methods, or none, tell whether there are extensions; the frame says where.
    hello = client_hello.ClientHello(0x0303, bytes(32), b"", (0x002F,), b"\0", (handshake.Extension(23, b""),))
    data = encode(hello)
    readable = []
    for length in range(len(data)):
        try:
            readable.append(decode(client_hello.ClientHello, data[:length]))
        except WireError:
            continue
    assert [each.extensions for each in readable] == [None]


@dataclass(frozen=True)
class Tail:
    """A structure whose length stands elsewhere (§11)."""

    kind: Annotated[int, uint(1), "Kind (§12)."]
    tail: Annotated[bytes, rest(), "All that remains (§13)."]


@dataclass(frozen=True)
class Frames:
    """Two of them, framed (§14)."""

    first: Annotated[Tail, framed(struct(Tail), 255), "The first (§15)."]
    second: Annotated[Tail, framed(struct(Tail), 255), "The second (§16)."]


@given(st.binary(max_size=254), st.binary(max_size=254))
def test_the_rest_ends_where_the_frame_around_it_ends(first: bytes, second: bytes) -> None:
    frames = Frames(Tail(1, first), Tail(2, second))
    data = encode(frames)
    assert data == bytes([len(first) + 1, 1]) + first + bytes([len(second) + 1, 2]) + second
    root = walk(Frames, data)
    assert root.value == frames
    assert_leaves_tile(root, data)
    assert_explained(root)
    for length in range(len(data)):
        with pytest.raises(WireError):
            decode(Frames, data[:length])


def test_a_shifted_tree_takes_the_place_of_an_opaque_field() -> None:
    # The content of `data` is itself a part: its tree, shifted, has the bytes that the opaque leaf has.
    inner = encode(Part(7, b"U"))
    data = encode(Part(9, inner))
    content = list(walk(Part, data).leaves())[-1]
    refined = walk(Part, inner).shifted(content.start)
    assert (refined.start, refined.end) == (content.start, content.end)
    assert [data[leaf.start : leaf.end] for leaf in refined.leaves()] == [b"\x07", b"\0\x01", b"U"]
    assert_children_are_inside(refined)


def test_a_tree_by_hand() -> None:
    data = bytes.fromhex("000102 aabbccdd 000009 02 0007 0004 09 0001 55 ff")
    root = walk(Whole, data)
    assert root.value == Whole(0x102, b"\xaa\xbb\xcc\xdd", b"", Inner((7,), (Part(9, b"U"),)), 255)
    assert (root.name, root.reason) == ("Whole", "Every shape there is (§5).")
    assert [(leaf.name, leaf.start, leaf.end, leaf.value) for leaf in root.leaves()] == [
        ("number", 0, 3, 0x102),
        ("fixed", 3, 7, b"\xaa\xbb\xcc\xdd"),
        ("nothing", 7, 7, b""),
        ("length", 7, 10, 9),
        ("length", 10, 11, 2),
        ("numbers[0]", 11, 13, 7),
        ("length", 13, 15, 4),
        ("kind", 15, 16, 9),
        ("length", 16, 18, 1),
        ("content", 18, 19, b"U"),
        ("end", 19, 20, 255),
    ]


@pytest.mark.parametrize(
    ("cls", "data"),
    [
        (Part, "01 0000"),  # below the minimum
        (Part, "01 012d" + "00" * 301),  # above the maximum
        (Inner, "16" + "00" * 22),  # above the maximum, though the length's byte could say so
        (Inner, "03 000000"),  # half a number
        (Inner, "02 0007 0003 09 0001 55"),  # the part runs out of its vector, though its byte is there
        (Inner, "03 000000 0000"),  # half a number, though there are bytes behind it
        (Whole, "000102 aabbccdd 000006 02 0007 0000 aa ff"),  # a byte too many within the frame
        (Whole, "000102 aabbccdd 000002 02 0007 ff"),  # the numbers run out of their frame
        (Whole, "000102 aabbccdd 00000a 02 0007 0004 09 0001 55 ff"),  # the frame takes the end with it
        (extensions.SupportedVersions, "00"),
        (extensions.ServerNameList, "0003 00 0000"),
    ],
)
def test_lengths_outside_their_bounds_are_rejected(cls: type[Any], data: str) -> None:
    with pytest.raises(WireError):
        decode(cls, bytes.fromhex(data))


@pytest.mark.parametrize(
    "value",
    [
        Part(256, b"1"),
        Part(-1, b"1"),
        Part(1, b""),
        Part(1, bytes(301)),
        Inner(tuple(range(11))),
        handshake.ServerHello(0x0303, bytes(31), b"", 1, 0),
        Whole(0, bytes(4), b"", Inner((1, 2**16)), 0),
    ],
)
def test_a_value_that_does_not_fit_its_shape_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match=r"bytes"):
        encode(value)
