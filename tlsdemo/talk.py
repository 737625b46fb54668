"""What our server says: sans-IO, the same over every channel.

A client sends one UTF-8 line and is told what was negotiated and who it proved to be; the answer runs until the
channel is closed. Whoever sends an HTTP request instead (curl, a browser) gets a small page that tells the same.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

import h11

MAX_LINE = 1 << 16  # bytes, the newline included; also what an HTTP request head may have
HTTP_REQUEST = re.compile(rb"[A-Z]{1,20} \S+ HTTP/1\.[01]\r?\n")


@dataclass(frozen=True)
class Fact:
    """One thing that the server knows about the channel: (label, value)."""

    label: str
    value: str


class Talk:
    """One client's request. `receive` its bytes until it returns the whole answer; then send that, and close."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts = tuple(facts)
        self.message: str | None = None
        """What the client said, once it has finished saying it: its line, or the first line of its HTTP request."""
        self.refusal: str | None = None
        """Why the client's bytes were no message, where they were none."""
        self._received = bytearray()

    def receive(self, data: bytes) -> bytes | None:
        """The answer, or None while the client has not finished its line."""
        self._received += data
        line, newline, _ = self._received.partition(b"\n")
        if len(line) + len(newline) > MAX_LINE:
            return self._refuse(f"a line has at most {MAX_LINE} bytes")
        if not newline:
            return None
        if HTTP_REQUEST.fullmatch(line + newline):
            return self._http()
        try:
            self.message = line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            return self._refuse("a line is UTF-8 text")
        return self._text().encode()

    def _refuse(self, reason: str) -> bytes:
        self.refusal = reason
        return f"refused:   {reason}\n".encode()

    def _http(self) -> bytes | None:
        """Answer as soon as the request's head is complete; its body, if any, is of no interest."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_LINE)
        try:
            connection.receive_data(bytes(self._received))
            request = connection.next_event()
            if request is h11.NEED_DATA:
                return None
            assert isinstance(request, h11.Request)
        except h11.RemoteProtocolError as error:
            self.refusal = f"malformed HTTP request: {error}"
            return self._response(connection, error.error_status_hint, [], f"{self.refusal}\n")
        self.message = f"{request.method.decode()} {request.target.decode()} HTTP/{request.http_version.decode()}"
        if b"text/html" in dict(request.headers).get(b"accept", b""):
            return self._response(connection, 200, [("Content-Type", "text/html; charset=utf-8")], self._page())
        return self._response(connection, 200, [("Content-Type", "text/plain; charset=utf-8")], self._text())

    def _response(self, connection: h11.Connection, status: int, headers: list[tuple[str, str]], body: str) -> bytes:
        data = body.encode()
        reason = {200: b"OK", 400: b"Bad Request", 431: b"Request Header Fields Too Large"}.get(status, b"Refused")
        framing = [("Content-Length", str(len(data))), ("Connection", "close")]
        response = h11.Response(status_code=status, headers=[*headers, *framing], reason=reason)
        events = [response, h11.Data(data=data), h11.EndOfMessage()]
        return b"".join(connection.send(event) or b"" for event in events)

    def _told(self) -> list[Fact]:
        return [Fact("received", self.message or ""), *self.facts]

    def _text(self) -> str:
        return "".join(f"{fact.label + ':':<10} {fact.value}\n" for fact in self._told())

    def _page(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(fact.label)}</th><td>{html.escape(fact.value)}</td></tr>" for fact in self._told()
        )
        return PAGE.format(rows=rows)


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>tlsdemo</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 44rem; margin: 3rem auto; padding: 0 1rem }}
th {{ text-align: left; vertical-align: top; padding-right: 1.5rem; font-weight: 600 }}
td {{ font-family: ui-monospace, monospace; overflow-wrap: anywhere }}
</style>
<h1>This came through the channel.</h1>
<table>{rows}</table>
<p>Your browser checked the certificate before it asked for this page, or you told it not to.
</html>
"""
