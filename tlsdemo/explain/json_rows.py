"""A line of JSON as rows, one for each member of the object: its span, its value in words, its meaning.

    {"type": "server_hello", "cipher": "ChaCha20-Poly1305", "random": "5f0c..."}
    '-- type: "server_hello" '-- cipher: "ChaCha20-Poly1305" '-- random: 32 bytes

The rows tile the line: a row begins with the member's name and ends before that of the next one.
"""

import json
import re
from collections.abc import Iterator, Mapping

from tlsdemo.edu.messages import MEANINGS, NAMES, Message
from tlsdemo.explain import values
from tlsdemo.explain.rows import Row

TYPE = "The message; TLS has a number instead (§4)."
ASIDE = re.compile(rb"[ \t\r\n]*")  # RFC 8259 §2
LONGEST = 100  # characters of a value


def rows(line: bytes, message: Message) -> tuple[Row, ...]:
    """The rows of a line that was read as that message."""
    meanings = {"type": TYPE, **MEANINGS[type(message)]}
    starts = list(_starts(line))
    ends = [start for _, start in starts[1:]] + [len(line)]
    begins = [0, *(start for _, start in starts[1:])]
    shown = {"type": f'"{NAMES[type(message)]}"', **_shown(message)}
    return tuple(
        Row(begin, end, 1, name, shown[name], meanings[name])
        for (name, _), begin, end in zip(starts, begins, ends, strict=True)
    )


def _starts(line: bytes) -> Iterator[tuple[str, int]]:
    """The name of each member of the object, and the position where it begins."""
    text = line.decode("latin-1")  # so that positions in the text are those in the bytes
    decoder = json.JSONDecoder()
    at = _after(line, line.index(b"{") + 1)
    while line[at : at + 1] == b'"':
        name, end = decoder.raw_decode(text, at)
        yield name, at
        colon = _after(line, end)
        _, end = decoder.raw_decode(text, _after(line, colon + 1))
        at = _after(line, _after(line, end) + 1)  # behind the comma or the brace


def _after(line: bytes, at: int) -> int:
    """The first position from `at` on that is not whitespace."""
    found = ASIDE.match(line, at)
    return found.end() if found else at


def _shown(message: Message) -> Mapping[str, str]:
    return {name: _value(getattr(message, name)) for name in MEANINGS[type(message)]}


def _value(value: object) -> str:
    match value:
        case bytes():
            return values.of_bytes(value)
        case str():
            return values.cut(values.text(value.encode("latin-1")), LONGEST)
        case tuple():
            each = [_value(entry) for entry in value]
            return ", ".join(each)
    return str(value)
