"""The application of `tlsdemo serve`: sans-IO, the same over every channel.

A client sends one UTF-8 line. The answer has what was negotiated and the client's identity, and runs until close. A
client that sends an HTTP request (curl, a browser) gets the same as a small page. A client that has several lines says
so first:

    tlsdemo: several lines follow  ->  what was negotiated, and an empty line
    a line                         ->  one line, `received:  ` and the line; and so on until the client closes
"""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import h11

from tlsdemo.events import Agreed, Closed, Ending, Event, Refused
from tlsdemo.peer import Description, listed
from tlsdemo.protocol import Side

MAX_LINE = 1 << 16  # bytes, the newline included; also what an HTTP request head may have
SEVERAL_LINES = "tlsdemo: several lines follow"
"""The first line of a client that sends several. The connection stays open for them."""
HTTP_REQUEST = re.compile(rb"[A-Z]{1,20} \S+ HTTP/1\.[01]\r?")
REASONS = {200: b"OK", 400: b"Bad Request", 405: b"Method Not Allowed", 431: b"Request Header Fields Too Large"}


@dataclass(frozen=True)
class Fact:
    """One fact about the channel: (label, value)."""

    label: str
    value: str


class Talk:
    """One client's request. Pass its bytes to `receive` until that returns an answer; send it.

    Then close, unless `goes_on`: pass what the client sends next to `receive`. Only a Talk with `several` goes on.
    """

    def __init__(
        self, facts: Sequence[Fact], page: Callable[[str], str] | None = None, *, several: bool = False
    ) -> None:
        self.facts = tuple(facts)
        self.goes_on = False
        """Whether the client may send more lines after this answer."""
        self.said: list[str] = []
        """The lines that the last call of `receive` answered, or the first line of an HTTP request."""
        self._several = several
        self._special_page = page
        """Returns the page for a user agent, in place of the facts."""
        self.agent = ""
        """The User-Agent of an HTTP client."""
        self.message: str | None = None
        """The client's line, or the first line of its HTTP request; None until it is complete."""
        self.refusal: str | None = None
        """Why the client's bytes were refused; None if they were not."""
        self._line = bytearray()
        self._http: h11.Connection | None = None

    def receive(self, data: bytes) -> bytes | None:
        """The answer; None until the client's line, or the head of its request, is complete."""
        self.said = []
        if self._http:
            return self._request(self._http, data)
        if self.goes_on:
            self._line += data
            return self._further_lines()
        searched = len(self._line)
        self._line += data
        end = self._line.find(b"\n", searched)
        if (end + 1 or len(self._line)) > MAX_LINE:
            return self._refuse(f"the line is longer than {MAX_LINE} bytes")
        if end < 0:
            return None
        line = bytes(self._line[:end])
        if HTTP_REQUEST.fullmatch(line):
            self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_LINE)
            return self._request(self._http, bytes(self._line))
        if self._several and line.removesuffix(b"\r") == SEVERAL_LINES.encode():
            self.goes_on = True
            del self._line[: end + 1]
            return _text(self.facts).encode() + b"\n" + (self._further_lines() or b"")
        try:
            self.message = line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            return self._refuse("the line is not UTF-8")
        self.said = [self.message]
        return self._text().encode()

    def _further_lines(self) -> bytes | None:
        """The answers to the complete lines; None if there is none."""
        answers: list[str] = []
        while (end := self._line.find(b"\n")) >= 0 and end < MAX_LINE:
            line = bytes(self._line[:end]).removesuffix(b"\r")
            del self._line[: end + 1]
            try:
                self.message = line.decode()
            except UnicodeDecodeError:
                return "".join(answers).encode() + self._refuse("the line is not UTF-8")
            self.said.append(self.message)
            answers.append(_text([Fact("received", self.message)]))
        if (end + 1 or len(self._line)) > MAX_LINE:
            return "".join(answers).encode() + self._refuse(f"the line is longer than {MAX_LINE} bytes")
        return "".join(answers).encode() or None

    @property
    def is_complete(self) -> bool:
        """Whether the client has sent a line, and nothing after its last newline."""
        return self.message is not None and not (self.goes_on and self._line)

    def _refuse(self, reason: str) -> bytes:
        self.refusal = reason
        self.goes_on = False
        return f"refused:   {reason}\n".encode()

    def _request(self, http: h11.Connection, data: bytes) -> bytes | None:
        """Answer as soon as the request's head is complete; a body is ignored."""
        try:
            http.receive_data(data)
            request = http.next_event()
        except h11.RemoteProtocolError as error:
            self.refusal = f"malformed HTTP request: {error}"
            return self._response(http, error.error_status_hint, f"{self.refusal}\n")
        if not isinstance(request, h11.Request):
            return None
        if request.method == b"CONNECT":
            self.refusal = "this server is not a proxy"
            return self._response(http, 405, f"{self.refusal}\n")
        self.message = f"{request.method.decode()} {request.target.decode()} HTTP/{request.http_version.decode()}"
        self.said = [self.message]
        headers = dict(request.headers)
        self.agent = headers.get(b"user-agent", b"").decode("latin-1")
        wants_html = b"text/html" in headers.get(b"accept", b"") or self._special_page is not None
        body, media_type = (self._page(), "text/html") if wants_html else (self._text(), "text/plain")
        return self._response(http, 200, body, media_type, head_only=request.method == b"HEAD")

    def _response(
        self, http: h11.Connection, status: int, body: str, media_type: str = "text/plain", head_only: bool = False
    ) -> bytes:
        data = body.encode()
        headers = [
            ("Content-Type", f"{media_type}; charset=utf-8"),
            ("Content-Length", str(len(data))),
            ("Connection", "close"),
        ]
        response = h11.Response(status_code=status, headers=headers, reason=REASONS.get(status, b"Refused"))
        return (http.send(response) or b"") + (b"" if head_only else http.send(h11.Data(data=data)) or b"")

    def _told(self) -> list[Fact]:
        return [Fact("received", self.message or ""), *self.facts]

    def _text(self) -> str:
        return _text(self._told())

    def _page(self) -> str:
        if self._special_page:
            return self._special_page(self.agent)
        rows = "".join(
            f"<tr><th>{html.escape(fact.label)}</th><td>{html.escape(fact.value)}</td></tr>" for fact in self._told()
        )
        return PAGE.format(rows=rows)


def _text(facts: Sequence[Fact]) -> str:
    return "".join(f"{fact.label + ':':<10} {fact.value}\n" for fact in facts)


def of_client(peer: str, version: str, cipher: str, certificate: Description | None) -> Agreed:
    """The event of a finished handshake; `certificate` is the client's, None if the server did not request one."""
    if certificate is None:
        return Agreed(peer, version, cipher, None)
    return Agreed(peer, version, cipher, certificate.identity, certificate.unreadable)


def facts(agreed: Agreed) -> list[Fact]:
    """The facts about the channel that the server sends to its client."""
    if agreed.client is None:
        who = "not authenticated: the server did not request a certificate"
    elif agreed.unreadable:
        who = f"known by a certificate whose names cannot be read: {agreed.unreadable}"
    else:
        who = listed(agreed.client) + ("" if agreed.proved else " (not proved)")
    return [Fact("version", agreed.version), Fact("cipher", agreed.cipher), Fact("you are", who)]


def ending(peer: str, talk: Talk, application_bytes: int) -> Event:
    """The event that ends a talk: answered, left by the client, or refused."""
    if talk.refusal:
        return Refused(peer, Side.SERVER, None, talk.refusal, application_bytes)
    return Closed(peer, Ending.ANSWERED if talk.is_complete else Ending.LEFT, application_bytes)


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>tlsdemo</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 44rem; margin: 3rem auto; padding: 0 1rem }}
th {{ text-align: left; vertical-align: top; padding-right: 1.5rem; font-weight: 600 }}
td {{ font-family: ui-monospace, monospace; overflow-wrap: anywhere }}
</style>
<h1>tlsdemo: the server's answer</h1>
<table>{rows}</table>
<p>Your browser checked the certificate before it requested this page, unless you told it not to.
</html>
"""
