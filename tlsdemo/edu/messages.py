"""The messages: one line of JSON each, so that a person can read them on the wire (`socat -v`).

    {"type": "client_hello", "rung": "ca", "server_name": "localhost", "random": "5f0c…", "group": "x25519", …}

Every field is text, or a list of texts; bytes are lowercase hex. A message is declared once, with the shape and the
meaning of each field in its type. Reading is strict: each kind of error is a Violation of its own. TLS has a binary
format with lengths instead (RFC 8446 §3).
"""

import dataclasses
import json
import re
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_type_hints

from tlsdemo.edu.errors import MessageViolation
from tlsdemo.first_bytes import LOOKED_AT, identify, quoted
from tlsdemo.violations import ProtocolError

MAX_LINE = 1 << 16  # bytes with the newline; the largest record takes half of it
MAX_CERTIFICATES = 10

# The shapes of fields -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JsonType:
    """Reads and writes one kind of field."""

    read: Callable[[str, Any], Any]
    write: Callable[[Any], Any] = lambda value: value


def text(longest: int, pattern: str = r"[\x20-\x7e]*") -> JsonType:
    """Text of at most `longest` characters that matches the pattern."""

    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise ProtocolError(MessageViolation.WRONG_TYPE, f"{name} must be text")
        if len(value) > longest:
            raise ProtocolError(
                MessageViolation.WRONG_LENGTH, f"{name} has {len(value)} characters, at most {longest} fit"
            )
        if not re.fullmatch(pattern, value, re.DOTALL):
            raise ProtocolError(MessageViolation.BAD_TEXT, name)
        return value

    return JsonType(read)


def octets(least: int, most: int) -> JsonType:
    """Between `least` and `most` bytes, as lowercase hex."""

    def read(name: str, value: Any) -> bytes:
        if not isinstance(value, str):
            raise ProtocolError(MessageViolation.WRONG_TYPE, f"{name} must be text")
        if not re.fullmatch(r"(?:[0-9a-f]{2})*", value):
            raise ProtocolError(MessageViolation.BAD_HEX, name)
        data = bytes.fromhex(value)
        if not least <= len(data) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ProtocolError(MessageViolation.WRONG_LENGTH, f"{name} has {len(data)} bytes, not {wanted}")
        return data

    return JsonType(read, bytes.hex)


def several(most: int, each: JsonType) -> JsonType:
    """A list of one to `most` fields of the same shape."""

    def read(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ProtocolError(MessageViolation.WRONG_TYPE, f"{name} must be a list")
        if not 1 <= len(value) <= most:
            raise ProtocolError(MessageViolation.WRONG_LENGTH, f"{name} has {len(value)} entries, not 1 to {most}")
        return tuple(each.read(name, entry) for entry in value)

    return JsonType(read, lambda values: [each.write(value) for value in values])


Rung = Annotated[str, text(100), "The handshake that the sender runs; TLS negotiates a version instead (§4.2.1)."]
Random = Annotated[bytes, octets(32, 32), "The random number of the sender (§4.1.2)."]
Group = Annotated[str, text(2100), "The group of the key exchange (§4.2.7)."]
Share = Annotated[str, text(2500, "[0-9a-f]*"), "The public value of the sender for the key exchange (§4.2.8)."]
Cipher = text(40)
MAX_CIPHERS = 8
NO_CIPHER = "no cipher"  # the default of a hello without ciphers

# The messages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClientHello:
    """The client's first message: rung, server name, ciphers, random number, key share (§4.1.2).

    The server chooses one of the ciphers, which are in the client's order of preference. TLS also offers versions and
    groups; here both sides must be started with the same rung and group.
    """

    rung: Rung
    server_name: Annotated[str, text(253), "The host that the client wants to reach (RFC 6066 §3)."]
    ciphers: Annotated[
        tuple[str, ...],
        several(MAX_CIPHERS, Cipher),
        "The ciphers that the client accepts, in descending order of preference (§4.1.2).",
    ] = (NO_CIPHER,)
    random: Random = b""
    group: Group = ""
    share: Share = ""


@dataclass(frozen=True)
class ServerHello:
    """The server's answer: the cipher that it chose, its random number and its key share (§4.1.3)."""

    rung: Rung
    cipher: Annotated[str, Cipher, "The cipher that the server selected (§4.1.3)."] = NO_CIPHER
    random: Random = b""
    share: Share = ""


@dataclass(frozen=True)
class Certificate:
    """The certificate chain of a side, leaf first, in DER (§4.4.2). TLS 1.3 encrypts it; here it is in the clear."""

    chain: Annotated[
        tuple[bytes, ...], several(MAX_CERTIFICATES, octets(1, 1 << 14)), "Certificates in DER, leaf first (§4.4.2)."
    ] = field(repr=False)


@dataclass(frozen=True)
class CertificateVerify:
    """The proof that the sender has the certificate's private key: a signature over the transcript hash (§4.4.3)."""

    signature: Annotated[bytes, octets(1, 1 << 10), "Made with the private key of the certificate (§4.4.3)."]


@dataclass(frozen=True)
class Finished:
    """The proof that the sender has the shared secret and saw the same messages: a MAC over their hash (§4.4.4)."""

    verify_data: Annotated[bytes, octets(32, 32), "The MAC, made with the sender's Finished key (§4.4.4)."] = b""


@dataclass(frozen=True)
class Record:
    """Protected content: application data or an alert (§5.2)."""

    sealed: Annotated[bytes, octets(1, (1 << 14) + 64), "The content and its type, as the cipher sealed them (§5.2)."]


@dataclass(frozen=True)
class Data:
    """Application data in the clear, one character for each byte: used by the rung `plain` only."""

    text: Annotated[str, text(1 << 13, r"[\x00-\xff]*"), "The data."]


@dataclass(frozen=True)
class Alert:
    """An error that ends the conversation (§6); on the rung `plain` also close_notify, the normal end."""

    description: Annotated[str, text(40, "[a-z_]+"), "What happened, by its name in TLS (§6)."]
    detail: Annotated[str, text(1000), "The same in a sentence; TLS has no such field."] = ""


Message = ClientHello | ServerHello | Certificate | CertificateVerify | Finished | Record | Data | Alert
TYPES: dict[str, type[Message]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", each.__name__).lower(): each for each in get_args(Message)
}
NAMES = {each: name for name, each in TYPES.items()}
_HINTS = {each: get_type_hints(each, include_extras=True) for each in get_args(Message)}
SHAPES: dict[type[Message], dict[str, JsonType]] = {
    each: {name: get_args(hint)[1] for name, hint in hints.items()} for each, hints in _HINTS.items()
}
MEANINGS: dict[type[Message], dict[str, str]] = {
    each: {name: get_args(hint)[2] for name, hint in hints.items()} for each, hints in _HINTS.items()
}
"""What each field is, in a sentence."""
OPTIONAL: dict[type[Message], frozenset[str]] = {
    each: frozenset(given.name for given in dataclasses.fields(each) if given.default is not dataclasses.MISSING)
    for each in get_args(Message)
}
"""Fields that some rungs omit."""

# Reading and writing ------------------------------------------------------------------------------------------------


def take_line(buffer: bytearray) -> bytes | None:
    """Take the next complete line out of the buffer; it is returned without its newline. None if there is none yet.

    ProtocolError as soon as the buffer cannot become a message.
    """
    if buffer.startswith((b"\x16", b"\x15")):  # the content type of a TLS record: handshake, alert (§5.1)
        raise ProtocolError(MessageViolation.IS_TLS, "the peer may run with `--protocol tls`")
    if buffer and not buffer.startswith(b"{"):
        raise ProtocolError(MessageViolation.NOT_JSON, _begins(bytes(buffer[:LOOKED_AT])))
    end = buffer.find(b"\n", 0, MAX_LINE)
    if end < 0:
        if len(buffer) >= MAX_LINE:
            raise ProtocolError(MessageViolation.OVERSIZE, f"{MAX_LINE} bytes without a newline")
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    return line


def _begins(first: bytes) -> str:
    spoken = identify(first)
    return f"it begins with {quoted(first)}" + (f": {spoken.name}" if spoken else "")


def encode(message: Message, omitted: frozenset[str] = frozenset()) -> bytes:
    """The line for a message, with its newline; without the fields that this rung omits."""
    shapes = {name: shape for name, shape in SHAPES[type(message)].items() if name not in omitted}
    entries = {name: shape.write(getattr(message, name)) for name, shape in shapes.items()}
    return json.dumps({"type": NAMES[type(message)], **entries}).encode() + b"\n"


def decode(line: bytes, rung: str, omitted: frozenset[str] = frozenset()) -> Message:
    """The message in a line without its newline; ProtocolError if it is not a valid one.

    `rung` is this side's rung: a hello that names another rung is refused before any other check. A field in `omitted`
    must be missing, and every other field must be present.
    """
    entries = _flat_object(line)
    if entries.get("rung", rung) != rung:
        theirs = re.sub(r"[^\x20-\x7e]", "?", str(entries["rung"]))[:100]
        # Both sides print this sentence: it is also the text of the alert.
        sender, receiver = ("server", "client") if entries.get("type") == NAMES[ServerHello] else ("client", "server")
        raise ProtocolError(MessageViolation.OTHER_RUNG, f"the {sender} uses {theirs!r}, the {receiver} {rung!r}")
    kind = _take_type(entries)
    allowed = SHAPES[kind].keys() - omitted
    return _message(kind, entries, allowed, allowed)


def read(line: bytes) -> Message:
    """The message in a line without its newline, of any rung, as an eavesdropper reads it. ProtocolError if invalid.

    As strict as `decode`, except that fields that some rungs omit may be missing. They then have their defaults.
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
        raise ProtocolError(MessageViolation.UNKNOWN_TYPE, "no type" if kind is None else repr(kind)[:40])
    return TYPES[kind]


def _message(kind: type[Message], entries: dict[str, Any], allowed: Set[str], needed: Set[str]) -> Message:
    shapes = {name: shape for name, shape in SHAPES[kind].items() if name in allowed}
    for name in shapes:
        if name in needed and name not in entries:
            raise ProtocolError(MessageViolation.MISSING_FIELD, f"{NAMES[kind]} without {name}")
    for name in entries:
        if name not in shapes:
            raise ProtocolError(MessageViolation.UNKNOWN_FIELD, f"{ascii(name)[:40]} in {NAMES[kind]}")
    return kind(**{name: shapes[name].read(name, value) for name, value in entries.items()})


def _flat_object(line: bytes) -> dict[str, Any]:
    """A JSON object without repeated names, whose values are text or lists of text."""
    if len(line) >= MAX_LINE:
        raise ProtocolError(MessageViolation.OVERSIZE, f"{len(line)} bytes or more")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise ProtocolError(MessageViolation.REPEATED_FIELD)
        return dict(pairs)

    try:
        entries = json.loads(line.decode(), object_pairs_hook=once, parse_constant=_no_constant)
    except RecursionError:
        raise ProtocolError(MessageViolation.NESTING) from None
    except ValueError:  # neither UTF-8 nor JSON, or a number with thousands of digits
        raise ProtocolError(MessageViolation.NOT_JSON) from None
    if not isinstance(entries, dict):
        raise ProtocolError(MessageViolation.NOT_JSON, "it is not a JSON object")
    for name, value in entries.items():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, list | dict):
                raise ProtocolError(MessageViolation.NESTING, ascii(name)[:40])
    return entries


def _no_constant(name: str) -> None:
    """Reject NaN and Infinity, which Python accepts and JSON does not have (RFC 8259 §6)."""
    raise ValueError(name)


class Cutter:
    """Cuts a stream that arrives in pieces into lines, in linear time and bounded memory.

    Of a line that is too long for a message, it keeps MAX_LINE bytes: `read` refuses them as OVERSIZE.
    """

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that this piece completes, without their newlines."""
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
