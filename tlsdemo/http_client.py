"""An HTTP/1.1 request and its response, for a client: sans-IO, with h11 (RFC 9112).

    request(path, host) -> bytes to send        Response: bytes received -> head, body, complete or truncated

The end of the connection counts only if the peer sent close_notify: without it, an attacker may have cut the response.
"""

import re
from dataclasses import dataclass, field

import h11

MAX_HEAD = 1 << 16  # bytes
TARGET = re.compile(r"/[!-\"$-~]*")
"""A path and a query: visible ASCII without `#`, which begins a fragment (RFC 9112 §3.2.1)."""


class InvalidPath(ValueError):
    """The path cannot be requested; the message is the reason."""


MOST_LINES = 1000  # of status lines and fields


class NotHttp(Exception):
    """The response is not HTTP/1.0 or HTTP/1.1, or it is malformed; the message is the reason."""


def check_path(path: str) -> None:
    """Raise InvalidPath unless the path can be sent as it is."""
    if not path.startswith("/"):
        raise InvalidPath("a path begins with /")
    if strange := next((each for each in path if not TARGET.fullmatch(f"/{each}")), ""):
        encoded = "".join(f"%{byte:02X}" for byte in strange.encode("utf-8", "surrogateescape"))
        raise InvalidPath(f"a path does not contain {strange!a}; write it as {encoded}")


def host_header(host: str, port: int) -> str:
    """The value of Host (RFC 9110 §7.2): `localhost:4433`, `[::1]:4433`; without the port if it is 443."""
    written = f"[{host}]" if ":" in host else host
    return written if port == 443 else f"{written}:{port}"


@dataclass
class Response:
    """The response to one GET request. Pass what the server sends to `receive`, and its close to `end`."""

    path: str
    host: str
    """The value of the Host header."""
    head: list[str] = field(default_factory=list)
    """The status line, the header fields as received, and an empty line; those of each interim response come first."""
    complete: bool = False
    """Whether the whole response has arrived, by its own length (RFC 9112 §6.3) or by close_notify."""

    def __post_init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)

    def request(self) -> bytes:
        """The request, to be sent once."""
        headers = [("Host", self.host), ("User-Agent", "tlsdemo"), ("Accept", "*/*"), ("Connection", "close")]
        head = self._http.send(h11.Request(method="GET", target=self.path, headers=headers)) or b""
        return head + (self._http.send(h11.EndOfMessage()) or b"")

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the server, split anywhere; returns the part of the body in them. Raises NotHttp."""
        try:
            self._http.receive_data(data)
            return self._read()
        except h11.RemoteProtocolError as error:
            raise NotHttp(str(error)) from None

    def end(self) -> bool:
        """The server sent close_notify; returns `complete`. Without close_notify, do not call this."""
        if not self.complete:
            try:
                self._http.receive_data(b"")
                self._read()
            except h11.RemoteProtocolError:  # the message has announced more
                return False
        return self.complete

    def _read(self) -> bytes:
        body = bytearray()
        while not self.complete:
            event = self._http.next_event()
            if isinstance(event, h11.InformationalResponse | h11.Response):
                version, reason = event.http_version.decode(), bytes(event.reason).decode("latin-1")
                if not version.startswith("1."):
                    raise NotHttp(f"its version is {version}")
                if len(self.head) > MOST_LINES:
                    raise NotHttp("it sends interim responses without end")
                self.head.append(f"HTTP/{version} {event.status_code} {reason}".rstrip())
                self.head += [*(_field(name, value) for name, value in event.headers.raw_items()), ""]
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self.complete = True
            else:
                break
        return bytes(body)


def _field(name: bytes, value: bytes) -> str:
    return f"{name.decode('latin-1')}: {value.decode('latin-1')}"
