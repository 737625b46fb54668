"""An explained conversation for the terminal: offset, bytes, meaning and reason, in lines of the terminal's width.

SERVER record 2, 127 bytes, not encrypted
0 16             content_type: handshake
ServerHello: what the server chose (§4.1.3)
71 1302           cipher_suite: TLS_AES_256_GCM_SHA384
| The cipher suite, one of those offered (§4.1.3).
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

BYTES = 7  # bytes of a row that are shown; longer ones are cut
DEEPEST = 7  # steps of indentation


class Row(Protocol):
    """A span of bytes and its meaning."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class Style:
    """How much is printed, and how wide."""

    width: int
    brief: bool = False
    """One row for each extension, and no reasons."""
    der: bool = False
    """Also the DER elements of certificates."""


def table(data: bytes, rows: Sequence[Row], style: Style, *, as_text: bool = False) -> Iterator[str]:
    """The rows of one message or record; `as_text` shows the bytes as text, not in hexadecimal digits."""
    for row in rows:
        if style.brief and row.depth > 1:
            continue
        shown = data[row.start : row.end]
        digits = _characters(shown) if as_text else shown[:BYTES].hex() + ".." * (len(shown) > BYTES)
        lead = f"{row.start:6} {digits:<16} {'  ' * min(row.depth, DEEPEST)}"
        yield from folded(lead, f"{row.name}: {row.value}", style.width)
        if row.reason and not style.brief:
            yield from folded(f"{'':{len(lead)}}| ", row.reason, style.width, f"{'':{len(lead)}}| ")


def _characters(data: bytes) -> str:
    """The beginning of a text of ASCII, in the room of BYTES bytes in hexadecimal digits."""
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
    return text if len(text) <= 2 * BYTES else f"{text[: 2 * BYTES]}.."


def folded(lead: str, text: str, width: int, hanging: str | None = None) -> Iterator[str]:
    """The text after `lead`, wrapped; further lines begin with `hanging`, or below the text."""
    room = max(width - len(lead), 20)
    lines = textwrap.wrap(text, room, break_on_hyphens=False, subsequent_indent="" if hanging else "  ") or [""]
    for number, line in enumerate(lines):
        start = lead if number == 0 else (hanging if hanging is not None else " " * len(lead))
        yield (start + line).rstrip()


def paragraphs(sentences: Iterable[str], width: int, lead: str = "  ") -> Iterator[str]:
    """Each sentence on lines of its own."""
    for sentence in sentences:
        yield from folded(lead, sentence, width)
