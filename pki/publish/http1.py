"""The part of HTTP/1.1 that CRL and OCSP clients use: one request, one response (RFC 9110, RFC 9112).

    head, bytes  ->  parse_head  ->  HttpRequest, or HttpError  ->  response  ->  bytes

Pure. A body needs a Content-Length; the connection is closed after the response. Sockets are in `pki.publish.server`.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

END_OF_HEAD = re.compile(rb"\n\r?\n")


@dataclass(frozen=True)
class HttpRequest:
    """The parts of a request head that are used."""

    method: str
    path: str
    """The path without decoding and without the query."""
    length: int | None
    """Content-Length; None if it is absent."""
    waits: bool
    """Whether the client waits for 100 Continue before it sends the body (RFC 9110 §10.1.1)."""

    def check_method(self, *allowed: str) -> None:
        """Raises HttpError unless the method is one of these (RFC 9110 §15.5.6)."""
        if self.method not in allowed:
            methods = ", ".join(allowed)
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"allowed: {methods}", f"Allow: {methods}")


class HttpError(Exception):
    """An error response: status, reason and additional fields."""

    def __init__(self, status: HTTPStatus, reason: str, *fields: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.fields = fields


def parse_head(head: bytes) -> HttpRequest:
    """Parse request line and fields, without the empty line (RFC 9112 §3, §5). Raises HttpError if they are invalid."""
    first, *lines = (line.removesuffix("\r") for line in head.decode("latin-1").split("\n"))
    line = REQUEST_LINE.fullmatch(first)
    if not line:
        raise HttpError(HTTPStatus.BAD_REQUEST, "the first line is not an HTTP/1.1 request line")
    fields: dict[str, set[str]] = {}
    for each in lines:
        name, colon, value = each.partition(":")
        if not colon or not TOKEN.fullmatch(name):
            raise HttpError(HTTPStatus.BAD_REQUEST, "a field must be NAME: VALUE on one line")
        fields.setdefault(name.lower(), set()).add(value.strip())
    lengths = fields.get("content-length", set())
    # Two lengths, or a length and chunks, allow request smuggling: two readers disagree about the end (§11.2).
    if "transfer-encoding" in fields or len(lengths) > 1 or not all(map(LENGTH.fullmatch, lengths)):
        raise HttpError(HTTPStatus.BAD_REQUEST, STATE_THE_LENGTH)
    waits = any(value.lower() == "100-continue" for value in fields.get("expect", ()))
    return HttpRequest(line[1], line[2], int(lengths.pop()) if lengths else None, waits)


TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
REQUEST_LINE = re.compile(r"([A-Z]{1,20}) (?i:http://[^/? ]*)?(/[^ ?]*)(?:\?[^ ]*)? HTTP/1\.[0-9]")
"""A server must also accept the absolute URL that clients send to a proxy (RFC 9112 §3.2.2)."""
LENGTH = re.compile("[0-9]{1,18}")
STATE_THE_LENGTH = "a request with a body needs exactly one Content-Length"
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


def response(status: HTTPStatus, media_type: str, body: bytes, *fields: str) -> bytes:
    """A whole response. `no-store`: a cache would hide requests from us and new content from the client."""
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *fields,
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1") + body
