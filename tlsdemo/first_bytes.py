r"""Recognises a protocol by the first bytes of a connection, as evidence in errors.

    b"SSH-2.0-example\r\n"  ->  "received data begins with 'SSH-2.0-example': SSH (RFC 4253 §4.2)"

Most of these protocols let the server speak first, or answer a ClientHello with an error of their own. Pure.
"""

import re
from dataclasses import dataclass

LONGEST = 48  # bytes that are quoted
LOOKED_AT = 256  # bytes that are enough to recognise a protocol

TLS = (0x14, 0x15, 0x16, 0x17)  # content types (RFC 8446 §5.1)


@dataclass(frozen=True)
class Spoken:
    """A protocol: its name with the section, and what to do if TLS was expected."""

    name: str
    hint: str


WRONG_PORT = "check the port: a TLS server must listen there"
EDUCATIONAL = Spoken("the educational handshake of this program", "start both sides with the same --protocol")

SIGNS: tuple[tuple[bytes, Spoken], ...] = (
    (rb"SSH-\d", Spoken("SSH (RFC 4253 §4.2)", "an SSH server listens there: `ssh` connects to it")),
    (
        rb"(?i:220[ -][^\r\n]*\bE?SMTP|(?:EHLO|HELO) )",
        Spoken(
            "mail (SMTP, RFC 5321 §3.1)",
            "TLS starts there after STARTTLS (RFC 3207); port 465 speaks TLS from the start (RFC 8314 §3.3)",
        ),
    ),
    (rb"(?i:220[ -][^\r\n]*FTP)", Spoken("FTP (RFC 959 §4.2)", "TLS starts there after AUTH TLS (RFC 4217 §4)")),
    (
        rb"220[ -]",
        Spoken(
            "mail (SMTP, RFC 5321) or FTP (RFC 959)",
            "TLS starts there after STARTTLS (RFC 3207) or AUTH TLS (RFC 4217)",
        ),
    ),
    (
        rb"\* (?:OK|PREAUTH|BYE)\b",
        Spoken(
            "mail (IMAP, RFC 9051 §7.1)",
            "TLS starts there after STARTTLS (RFC 9051 §6.2.1); port 993 speaks TLS from the start (RFC 8314 §3.2)",
        ),
    ),
    (
        rb"\+OK\b",
        Spoken(
            "mail (POP3, RFC 1939 §4)",
            "TLS starts there after STLS (RFC 2595 §4); port 995 speaks TLS from the start (RFC 8314 §3.1)",
        ),
    ),
    (
        rb"HTTP/",
        Spoken("HTTP without TLS (RFC 9112 §4)", "at this port the URL begins with http://; https has another port"),
    ),
    (
        rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE) [^\r\n]*|PRI \* HTTP/2",
        Spoken("an HTTP request without TLS (RFC 9112 §3)", "the URL begins with https:// at this port"),
    ),
    (rb"CONNECT [^\r\n]*", Spoken("a request to a proxy (RFC 9110 §9.3.6)", "this port is not a proxy's")),
    (rb'\{"type": "', EDUCATIONAL),
    (
        rb"(?s).{3}[\x00\x01](?:\x0a[\d.]+[^\x00]*\x00|\xff..(?:Host|Too many))",
        Spoken("MySQL or MariaDB", "TLS starts there after the server's greeting: `mysql --ssl-mode=REQUIRED`"),
    ),
    (
        rb"(?s)E(?:\0\0..S(?:FATAL|ERROR)|FATAL: )|\0\0\0\x08\x04\xd2\x16\x2f|\0\0..\0\x03\0\0user\0",
        Spoken("PostgreSQL", "TLS starts there after an SSLRequest: `psql sslmode=verify-full`"),
    ),
    (
        rb"-(?:ERR (?:unknown command|Protocol error|max number of clients)|NOAUTH |DENIED Redis)|\*\d+\r\n\$\d+\r\n",
        Spoken("Redis", "Redis speaks TLS at a port of its own (`tls-port`)"),
    ),
    (rb"RFB \d{3}\.\d{3}\n", Spoken("VNC (RFC 6143 §7.1.1)", WRONG_PORT)),
    (rb"AMQP\x00", Spoken("AMQP", "AMQP speaks TLS at port 5671")),
    (rb"\xff[\xfb-\xfe][\x00-\x31]", Spoken("Telnet (RFC 854)", WRONG_PORT)),
    (
        rb"(?:<\?xml[^>]*>\s*)?<stream:stream\b",
        Spoken("XMPP (RFC 6120 §4)", "TLS starts there after STARTTLS (RFC 6120 §5)"),
    ),
    (
        rb"20[01] [^\r\n]*(?:NNTP|NNRP|InterNetNews)",
        Spoken("news (NNTP, RFC 3977 §5.1)", "TLS starts there after STARTTLS (RFC 4642)"),
    ),
    (
        rb"PROXY (?:TCP[46]|UNKNOWN)|\r\n\r\n\x00\r\nQUIT\n",
        Spoken("the PROXY protocol", "disable it in the load balancer"),
    ),
    (rb"(?s)\x00\x00.\x04[\x00\x01]\x00\x00\x00\x00", Spoken("HTTP/2 without TLS (RFC 9113 §3.3)", WRONG_PORT)),
    (
        rb"(?s)[\x80-\x8f].\x01(?:\x00\x02|\x03[\x00-\x03])",
        Spoken("a ClientHello of SSL 2.0 (RFC 6176 prohibits it)", "the client must use TLS 1.2 or newer"),
    ),
)  # fmt: skip
"""The beginning of each protocol as a regular expression, the more specific ones first."""


def identify(first: bytes) -> Spoken | None:
    """The protocol; None if the bytes are ambiguous, and for TLS."""
    return next((spoken for sign, spoken in SIGNS if re.match(sign, first[:LOOKED_AT])), None)


def may_be_tls(first: bytes) -> bool:
    """Whether a TLS record can begin with these bytes (RFC 8446 §5.1)."""
    return first[:1] == b"" or (first[0] in TLS and first[1:2] in (b"", b"\x03"))


def evidence(first: bytes) -> str:
    """The first bytes, quoted, and their protocol if it is recognised."""
    spoken = identify(first)
    begins = f"received data begins with {quoted(first)}"
    return f"{begins}: {spoken.name}" if spoken else f"{begins}, which is not a TLS record"


def quoted(first: bytes) -> str:
    """The first line, cut to LONGEST bytes, in quotes, in ASCII with escapes."""
    line = re.split(rb"[\r\n]", first, maxsplit=1)[0] or first
    return ascii(line[:LONGEST])[1:] + ("…" if len(line) > LONGEST else "")
