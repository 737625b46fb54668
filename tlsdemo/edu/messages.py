"""The messages: one line of JSON each, so that whoever listens can read along (`socat -v`).

    {"type": "client_hello", "rung": "ca", "server_name": "localhost", "random": "5f0c…", "group": "x25519", …}

Every field is text, or a list of texts; bytes are lowercase hex. A message is declared once, with the shape of each
field in its type; reading is strict, and each way to be wrong is a Violation of its own. Where TLS has a binary format
with lengths (RFC 8446 §3), here is a format that a person can type.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_type_hints

from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.first_bytes import LOOKED_AT, identify, quoted

MAX_LINE = 1 << 16  # bytes, the newline included; a full record takes half of it
MAX_CERTIFICATES = 10

# The shapes of fields -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JsonType:
    """How one kind of field looks in JSON, both ways."""

    read: Callable[[str, Any], Any]
    write: Callable[[Any], Any] = lambda value: value


def text(longest: int, pattern: str = r"[\x20-\x7e]*") -> JsonType:
    """Characters of the pattern, at most `longest` of them."""

    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise ProtocolError(Violation.WRONG_TYPE, f"{name} is to be text")
        if len(value) > longest:
            raise ProtocolError(Violation.WRONG_LENGTH, f"{name} has {len(value)} characters, {longest} is the most")
        if not re.fullmatch(pattern, value, re.DOTALL):
            raise ProtocolError(Violation.BAD_TEXT, name)
        return value

    return JsonType(read)


def octets(least: int, most: int) -> JsonType:
    """Between `least` and `most` bytes, as lowercase hex."""

    def read(name: str, value: Any) -> bytes:
        if not isinstance(value, str):
            raise ProtocolError(Violation.WRONG_TYPE, f"{name} is to be text")
        if not re.fullmatch(r"(?:[0-9a-f]{2})*", value):
            raise ProtocolError(Violation.BAD_HEX, name)
        data = bytes.fromhex(value)
        if not least <= len(data) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ProtocolError(Violation.WRONG_LENGTH, f"{name} has {len(data)} bytes, not {wanted}")
        return data

    return JsonType(read, bytes.hex)


def several(most: int, each: JsonType) -> JsonType:
    """A list of one to `most` fields of the same shape."""

    def read(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ProtocolError(Violation.WRONG_TYPE, f"{name} is to be a list")
        if not 1 <= len(value) <= most:
            raise ProtocolError(Violation.WRONG_LENGTH, f"{name} has {len(value)} entries, not 1 to {most}")
        return tuple(each.read(name, entry) for entry in value)

    return JsonType(read, lambda values: [each.write(value) for value in values])


Rung = Annotated[str, text(100)]
Random = Annotated[bytes, octets(32, 32)]
Group = Annotated[str, text(2100)]
Share = Annotated[str, text(2500, "[0-9a-f]*")]
Cipher = text(40)
MAX_CIPHERS = 8
NO_CIPHER = "no cipher"  # what a hello means that names none

# The messages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClientHello:
    """The client begins: what it speaks, whom it looks for, what it offers, its half of the key agreement (§4.1.2).

    Of the ciphers, the best first, the server chooses one. TLS offers versions and groups, too; here they are fixed,
    and the other side takes them or leaves.
    """

    rung: Rung
    server_name: Annotated[str, text(253)]
    ciphers: Annotated[tuple[str, ...], several(MAX_CIPHERS, Cipher)] = (NO_CIPHER,)
    random: Random = b""
    group: Group = ""
    share: Share = ""


@dataclass(frozen=True)
class ServerHello:
    """The server answers with its choice, and with the other half (§4.1.3)."""

    rung: Rung
    cipher: Annotated[str, Cipher] = NO_CIPHER
    random: Random = b""
    share: Share = ""


@dataclass(frozen=True)
class Certificate:
    """Who I say I am, and who vouches for me: leaf first, in DER (§4.4.2). TLS 1.3 encrypts it; here it is seen."""

    chain: Annotated[tuple[bytes, ...], several(MAX_CERTIFICATES, octets(1, 1 << 14))] = field(repr=False)


@dataclass(frozen=True)
class CertificateVerify:
    """The proof that I have the key of that certificate: a signature over all that was said so far (§4.4.3)."""

    signature: Annotated[bytes, octets(1, 1 << 10)]


@dataclass(frozen=True)
class Finished:
    """The proof that I have the shared secret, and saw the same messages as you (§4.4.4)."""

    verify_data: Annotated[bytes, octets(32, 32)] = b""


@dataclass(frozen=True)
class Record:
    """Something encrypted and authenticated (§5.2)."""

    sealed: Annotated[bytes, octets(1, (1 << 14) + 64)]


@dataclass(frozen=True)
class Data:
    """What the application says, for all to see: only the rung `plain` has this. A character stands for a byte."""

    text: Annotated[str, text(1 << 13, r"[\x00-\xff]*")]


@dataclass(frozen=True)
class Alert:
    """I give up, and why (§6); or, in `plain`, `close_notify`: I have said all."""

    description: Annotated[str, text(40, "[a-z_]+")]
    detail: Annotated[str, text(1000)] = ""


Message = ClientHello | ServerHello | Certificate | CertificateVerify | Finished | Record | Data | Alert
TYPES: dict[str, type[Message]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", each.__name__).lower(): each for each in get_args(Message)
}
NAMES = {each: name for name, each in TYPES.items()}
SHAPES: dict[type[Message], dict[str, JsonType]] = {
    each: {name: get_args(hint)[1] for name, hint in get_type_hints(each, include_extras=True).items()}
    for each in get_args(Message)
}
OPTIONAL: dict[type[Message], frozenset[str]] = {
    each: frozenset(given.name for given in dataclasses.fields(each) if given.default is not dataclasses.MISSING)
    for each in get_args(Message)
}
"""The fields that some rungs omit."""

# Reading and writing ------------------------------------------------------------------------------------------------


def take_line(buffer: bytearray) -> bytes | None:
    """The next whole line, without its newline, out of the buffer; None while there is none.

    ProtocolError as soon as what is there cannot become a message.
    """
    if buffer.startswith((b"\x16", b"\x15")):  # the content type of a TLS record: handshake, alert (§5.1)
        raise ProtocolError(Violation.IS_TLS, "is it `--protocol tls` that the other side speaks?")
    if buffer and not buffer.startswith(b"{"):
        raise ProtocolError(Violation.NOT_JSON, _begins(bytes(buffer[:LOOKED_AT])))
    end = buffer.find(b"\n", 0, MAX_LINE)
    if end < 0:
        if len(buffer) >= MAX_LINE:
            raise ProtocolError(Violation.OVERSIZE, f"{MAX_LINE} bytes and no end")
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    return line


def _begins(first: bytes) -> str:
    spoken = identify(first)
    return f"it begins with {quoted(first)}" + (f": that is {spoken.name}" if spoken else "")


def encode(message: Message, omitted: frozenset[str] = frozenset()) -> bytes:
    """The line for a message, with its newline; without the fields that this rung omits."""
    shapes = {name: shape for name, shape in SHAPES[type(message)].items() if name not in omitted}
    entries = {name: shape.write(getattr(message, name)) for name, shape in shapes.items()}
    return json.dumps({"type": NAMES[type(message)], **entries}).encode() + b"\n"


def decode(line: bytes, rung: str, omitted: frozenset[str] = frozenset()) -> Message:
    """The message in a line without its newline; ProtocolError if it is not exactly one of ours.

    `rung` is what we speak: a hello that names another is refused for that before anything else. A field in `omitted`
    must be missing, any other must be there.
    """
    entries = _flat_object(line)
    if entries.get("rung", rung) != rung:
        theirs = re.sub(r"[^\x20-\x7e]", "?", str(entries["rung"]))[:100]
        raise ProtocolError(Violation.OTHER_RUNG, f"one side speaks {theirs!r}, the other {rung!r}")
    kind = _take_type(entries)
    allowed = SHAPES[kind].keys() - omitted
    return _message(kind, entries, allowed, allowed)


def read(line: bytes) -> Message:
    """The message in a line without its newline, of any rung: what an onlooker reads. ProtocolError if it is not ours.

    As strict as `decode`, except that fields which some rungs omit may be missing: they have their defaults then.
    """
    entries = _flat_object(line)
    kind = _take_type(entries)
    return _message(kind, entries, SHAPES[kind].keys(), SHAPES[kind].keys() - OPTIONAL[kind])


def missing(line: bytes) -> frozenset[str]:
    """The fields that the message in a line omits, as `encode` takes them; ProtocolError as for `read`."""
    return frozenset(SHAPES[type(read(line))].keys() - _flat_object(line).keys())


def _take_type(entries: dict[str, Any]) -> type[Message]:
    kind = entries.pop("type", None)
    if not isinstance(kind, str) or kind not in TYPES:
        raise ProtocolError(Violation.UNKNOWN_TYPE, "no type" if kind is None else repr(kind)[:40])
    return TYPES[kind]


def _message(kind: type[Message], entries: dict[str, Any], allowed: Set[str], needed: Set[str]) -> Message:
    shapes = {name: shape for name, shape in SHAPES[kind].items() if name in allowed}
    for name in shapes:
        if name in needed and name not in entries:
            raise ProtocolError(Violation.MISSING_FIELD, f"{NAMES[kind]} without {name}")
    for name in entries:
        if name not in shapes:
            raise ProtocolError(Violation.UNKNOWN_FIELD, f"{ascii(name)[:40]} in {NAMES[kind]}")
    return kind(**{name: shapes[name].read(name, value) for name, value in entries.items()})


def _flat_object(line: bytes) -> dict[str, Any]:
    """A JSON object without repeated names, whose values are text or lists of text."""
    if len(line) >= MAX_LINE:
        raise ProtocolError(Violation.OVERSIZE, f"{len(line)} bytes or more")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise ProtocolError(Violation.REPEATED_FIELD)
        return dict(pairs)

    try:
        entries = json.loads(line.decode(), object_pairs_hook=once, parse_constant=_no_constant)
    except RecursionError:
        raise ProtocolError(Violation.NESTING) from None
    except ValueError:  # neither UTF-8 nor JSON, or a number with thousands of digits
        raise ProtocolError(Violation.NOT_JSON) from None
    if not isinstance(entries, dict):
        raise ProtocolError(Violation.NOT_JSON, "it is no object")
    for name, value in entries.items():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, list | dict):
                raise ProtocolError(Violation.NESTING, ascii(name)[:40])
    return entries


def _no_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's (RFC 8259 §6)."""
    raise ValueError(name)


class Cutter:
    """Cuts one direction into lines while it arrives in pieces of any size; the work is linear, the memory bounded.

    Of a line that is too long to be a message, MAX_LINE bytes are kept: `read` refuses them as OVERSIZE.
    """

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete with this piece, without their newlines."""
        lines = []
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._add(piece)
            lines.append(bytes(self._line))
            self._line.clear()
        self._add(rest)
        return lines

    def _add(self, piece: bytes) -> None:
        self._line += piece[: MAX_LINE - len(self._line)]
