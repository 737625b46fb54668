"""The educational protocol as an attacker sees it: lines of JSON, and in some of them a body that he may exchange.

He changes bytes; whether the other side notices is another matter. Nothing here has a key.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tlsdemo.edu.channel import CLOSE_NOTIFY, Content
from tlsdemo.edu.violations import ProtocolError
from tlsdemo.protocol import Side

GOODBYES = frozenset({13, 21, 29, 32})  # bytes of a close_notify: clear, with either tag, and in blocks with its vector


@dataclass(frozen=True)
class Lines:
    """A Framing: a record is a line."""

    unpack: Callable[[bytes], bytes]
    """As the channel does."""
    close = CLOSE_NOTIFY.encode() + bytes([Content.ALERT.value])

    def inside(self, said: bytes) -> bytes:
        """The words, and the byte that says what they are."""
        return said + bytes([Content.DATA.value])

    def split(self, data: bytes) -> list[bytes]:
        """The lines, each with its newline."""
        return [line + b"\n" for line in data.split(b"\n")[:-1]]

    def body(self, record: bytes) -> bytes | None:
        """Of a sealed record its bytes, of an open one its text."""
        match _entries(record):
            case {"type": "record", "sealed": str(sealed)}:
                return bytes.fromhex(sealed)
            case {"type": "data", "text": str(text)}:
                return text.encode("latin-1")
        return None

    def with_body(self, record: bytes, body: bytes) -> bytes:
        """The same line around other bytes."""
        entries = _entries(record)
        if entries["type"] == "record":
            return _line(entries | {"sealed": body.hex()})
        return _line(entries | {"text": body.decode("latin-1")})

    def words(self, body: bytes) -> bytes:
        """Unpacked, where it is packed."""
        try:
            return self.unpack(body)
        except ProtocolError:
            return body

    def label(self, record: bytes) -> str:
        """`client_hello`; of a record how long it is."""
        entries = _entries(record)
        body = self.body(record)
        kind = str(entries.get("type", "something else"))
        return kind if body is None else f"{kind} ({len(body)} bytes)"

    def listener(self) -> Callable[[Side, bytes], bool]:
        """Records come after the handshake, and say what they are."""
        return lambda side, record: self.body(record) is not None

    def may_be_the_end(self, record: bytes) -> bool:
        """An alert; or a record of that length, which twelve letters have, too."""
        body, entries = self.body(record), _entries(record)
        return entries.get("type") == "alert" or (entries.get("type") == "record" and len(body or b"") in GOODBYES)


def downgrade(flight: bytes) -> bytes:
    """The client's first flight, with the last of its ciphers alone."""
    return _edited(flight, lambda hello: {"ciphers": hello["ciphers"][-1:]})


def rename(flight: bytes, name: str) -> bytes:
    """The client's first flight, looking for somebody else."""
    return _edited(flight, lambda hello: {"server_name": name})


def _edited(flight: bytes, edit: Any) -> bytes:
    first, *rest = flight.splitlines(keepends=True) or [b""]
    entries = _entries(first)
    if entries.get("type") != "client_hello":
        return flight
    return _line(entries | edit(entries)) + b"".join(rest)


def _entries(record: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(record)
    except (ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _line(entries: dict[str, Any]) -> bytes:
    return json.dumps(entries).encode() + b"\n"
