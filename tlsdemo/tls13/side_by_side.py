"""The educational handshake and TLS 1.3 side by side: the same conversation over both, matched by purpose.

    purpose | educational handshake, bytes | TLS 1.3, bytes | same or different, and why

The bytes are counted in two conversations that were just run; `Moments` collects their messages.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tlsdemo.driver import Driver, Moment
from tlsdemo.edu import messages as edu_messages
from tlsdemo.protocol import Side
from tlsdemo.wire import messages13
from tlsdemo.wire.extensions import KEY_SHARE, SERVER_NAME, SIGNATURE_ALGORITHMS, SUPPORTED_GROUPS, SUPPORTED_VERSIONS
from tlsdemo.wire.fields import encode, walk
from tlsdemo.wire.registry import EXTENSION_TYPES


@dataclass
class Moments:
    """A `Watch` that collects the handshake messages of a conversation, as the client sees them."""

    seen: list[Moment] = field(default_factory=list)

    def __call__(self, driver: Driver, moment: Moment) -> None:
        if driver.side is Side.CLIENT:
            self.seen.append(moment)

    def message(self, name: str, sender: Side) -> Any:
        """The message of that class that the side sent; LookupError if it sent none."""
        for moment in self.seen:
            if type(moment.message).__name__ == name and moment.sender is sender:
                return moment.message
        raise LookupError(f"the {sender.value} sent no {name}")


@dataclass(frozen=True)
class Part:
    """A message, or a part of it: fields by their names, or an extension by its number."""

    message: str
    what: tuple[str, ...] | int = ()

    @property
    def name(self) -> str:
        """`ClientHello.random`, `ClientHello: key_share`; the message alone if all of it is meant."""
        if isinstance(self.what, int):
            return f"{self.message}: {EXTENSION_TYPES[self.what]}"
        return ".".join((self.message, ", ".join(self.what))) if self.what else self.message

    def in_line(self, message: Any) -> int:
        """The bytes that it takes in a line of JSON."""
        whole = len(edu_messages.encode(message))
        assert not isinstance(self.what, int)
        return whole - len(edu_messages.encode(message, frozenset(self.what))) if self.what else whole

    def in_record(self, message: Any) -> int:
        """The bytes that it takes in a message of TLS, with its length."""
        if isinstance(self.what, int):
            if (content := message.extension(self.what)) is None:
                raise LookupError(self.name)
            return 4 + len(content)
        if not self.what:
            return len(messages13.encode_message(message))
        spans = walk(type(message), encode(message)).children
        return sum(each.end - each.start for each in spans if each.name in self.what)


@dataclass(frozen=True)
class Purpose:
    """One purpose, and the parts that serve it."""

    purpose: str
    sender: Side
    edu: Part | None
    tls: Part
    same: bool
    why: str


C, S = Side.CLIENT, Side.SERVER

PURPOSES = (
    Purpose("agree on the protocol", C, Part("ClientHello", ("rung",)), Part("ClientHello", SUPPORTED_VERSIONS), False,
            "TLS offers a list of versions; the educational handshake has one rung"),
    Purpose("make the conversation fresh", C, Part("ClientHello", ("random",)), Part("ClientHello", ("random",)), True,
            "32 random bytes, in hex or as they are"),
    Purpose("name the server", C, Part("ClientHello", ("server_name",)), Part("ClientHello", SERVER_NAME), True,
            "in the clear: an eavesdropper reads it in both"),
    Purpose("offer ciphers", C, Part("ClientHello", ("ciphers",)), Part("ClientHello", ("cipher_suites",)), True,
            "names, or numbers of the IANA registry; a TLS suite also names the hash"),
    Purpose("offer groups", C, Part("ClientHello", ("group",)), Part("ClientHello", SUPPORTED_GROUPS), False,
            "TLS negotiates the group, with HelloRetryRequest if no key share fits"),
    Purpose("send a public value", C, Part("ClientHello", ("share",)), Part("ClientHello", KEY_SHARE), True,
            "TLS sends one for each group that the server may choose"),
    Purpose("offer signature schemes", C, None, Part("ClientHello", SIGNATURE_ALGORITHMS), False,
            "in the educational handshake the type of the key decides"),
    Purpose("pass middleboxes", C, None,
            Part("ClientHello", ("legacy_version", "legacy_session_id", "legacy_compression_methods")), False,
            "devices on the path expect the form of TLS 1.2 (§D.4)"),
    Purpose("select the protocol", S, Part("ServerHello", ("rung",)), Part("ServerHello", SUPPORTED_VERSIONS), False,
            "TLS selects one of the offered versions"),
    Purpose("make the conversation fresh", S, Part("ServerHello", ("random",)), Part("ServerHello", ("random",)), True,
            "32 random bytes"),
    Purpose("select a cipher", S, Part("ServerHello", ("cipher",)), Part("ServerHello", ("cipher_suite",)), True,
            "the server decides"),
    Purpose("send a public value", S, Part("ServerHello", ("share",)), Part("ServerHello", KEY_SHARE), True,
            "both sides can compute the shared secret now"),
    Purpose("pass middleboxes", S, None,
            Part("ServerHello", ("legacy_version", "legacy_session_id_echo", "legacy_compression_method")), False,
            "legacy_session_id_echo repeats what the client sent; the other two are constants"),
    Purpose("answer other extensions", S, None, Part("EncryptedExtensions"), False,
            "encrypted, as all that follows; the educational handshake encrypts application data only"),
    Purpose("present the certificate", S, Part("Certificate"), Part("Certificate"), True,
            "TLS hides it from eavesdroppers"),
    Purpose("prove possession of its key", S, Part("CertificateVerify"), Part("CertificateVerify"), True,
            "a signature over the transcript; TLS also names the scheme"),
    Purpose("confirm keys and transcript", S, Part("Finished"), Part("Finished"), True, "HMAC over the transcript"),
    Purpose("confirm keys and transcript", C, Part("Finished"), Part("Finished"), True, "HMAC over the transcript"),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A purpose with the bytes that each handshake spends on it."""

    purpose: Purpose
    edu_bytes: int
    tls_bytes: int


def rows(edu: Moments, tls: Moments) -> Iterator[Row]:
    """The rows of two conversations, without those whose part the TLS conversation lacks."""
    for each in PURPOSES:
        edu_bytes = each.edu.in_line(edu.message(each.edu.message, each.sender)) if each.edu else 0
        with suppress(LookupError):
            yield Row(each, edu_bytes, each.tls.in_record(tls.message(each.tls.message, each.sender)))


def markdown(found: Iterator[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| purpose | educational handshake | bytes | TLS 1.3 | bytes | | why |", "|---|---|--:|---|--:|---|---|"]
    for row in found:
        each = row.purpose
        edu = (f"`{each.edu.name}`", str(row.edu_bytes)) if each.edu else ("-", "")
        same = "same" if each.same else "different"
        title = f"{each.purpose} ({each.sender.value})"
        lines.append(f"| {title} | {edu[0]} | {edu[1]} | `{each.tls.name}` | {row.tls_bytes} | {same} | {each.why} |")
    return "\n".join(lines) + "\n"
