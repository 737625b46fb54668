"""CRLs (RFC 5280 §4.2.1.13) and OCSP responders (RFC 6960 appendix A) over HTTP.

    Publisher()  ->  .url("/ca.crl"), for certificates  ->  .publish("/ca.crl", …)  ->  with publisher: …  ->  .asked()

EDGE: opens sockets. The accept loop (`pki.publish.accept`) runs in its own thread, responders in further threads. HTTP
(`pki.publish.http1`) is limited to one request for each connection. Time (from accept to the end of the response) and
bytes of each client are limited. Nothing is printed.
"""

import errno
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import Self

from pki.errors import cannot
from pki.publish.accept import AcceptLoop, Connection, Listener, bind, in_thread, report_bug
from pki.publish.http1 import END_OF_HEAD, GO_ON, STATE_THE_LENGTH, HttpError, HttpRequest, parse_head, response
from pki.revocation.ocsp_request import request_from_path

DEADLINE = 10.0  # seconds from accept until the response is sent
LINGER = 1.0  # seconds for the client to close first, so that a reset does not destroy the response
LONGEST_HEAD = LONGEST_BODY = 1 << 16  # bytes; a GET has its OCSP request in the head
CRL_TYPE = "application/pkix-crl"  # RFC 5280 §4.2.1.13: one CRL in DER
RESPONSE_TYPE = "application/ocsp-response"  # RFC 6960 appendix A.2


@dataclass(frozen=True)
class Published:
    """The content at a path."""

    media_type: str
    body: bytes

    @classmethod
    def crl(cls, crl_der: bytes) -> "Published":
        """A CRL in DER. PEM is not allowed (RFC 5280 §4.2.1.13), and OpenSSL does not read it here."""
        return cls(CRL_TYPE, crl_der)


@dataclass(frozen=True)
class Current:
    """Content that is read again for each GET; `read` may raise HttpError."""

    read: Callable[[], Published]


Source = Published | Current | Callable[[bytes], Published]
"""Fixed or current content, or a function of the request that a POST or GET carries."""


def responder(answer: Callable[[bytes], bytes]) -> Source:
    """A source for OCSP, from `Responder.answer` or a similar function."""
    return lambda request_der: Published(RESPONSE_TYPE, answer(request_der))


class Publisher:
    """A server for CRLs and OCSP. It is bound at once, and answers from `start` to `stop`, or within a `with`.

    Clients that connect earlier wait. `hosts` are addresses of this machine, all on one port; 0 takes a free port.
    Raises Problem if it cannot listen.
    """

    def __init__(self, hosts: Sequence[str] = ("127.0.0.1",), port: int = 0, *, deadline: float = DEADLINE) -> None:
        if not hosts or isinstance(hosts, str):
            raise ValueError(f"{hosts!r} is not a tuple of at least one address")
        self.hosts, self.deadline = tuple(hosts), deadline
        sockets = _listen(self.hosts, port)
        self.port: int = sockets[0].getsockname()[1]
        self._server = AcceptLoop(
            Listener(tuple(sockets), self.port), self._converse, _too_late, deadline, deadline, name="publisher"
        )
        self._lock = threading.Lock()
        self._sources: dict[str, Source] = {}
        self._asked: Counter[str] = Counter()
        self._thread: threading.Thread | None = None

    def url(self, path: str = "/", host: str | None = None) -> str:
        """The URL of a path, for a certificate's CRL (§4.2.1.13) or OCSP responder (§4.2.2.1)."""
        host = host or self.hosts[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{_checked(path)}"

    def publish(self, path: str, source: Source) -> str:
        """Publish at a path, replacing earlier content; returns the URL. Allowed while the server runs."""
        with self._lock:
            self._sources[_checked(path)] = source
        return self.url(path)

    def asked(self) -> Counter[str]:
        """The number of requests for each path so far, as a copy.

        A request is counted before its response is sent; rejected requests are not counted.
        """
        with self._lock:
            return Counter(self._asked)

    def start(self) -> None:
        """Start to answer, in own threads. Raises ValueError the second time."""
        with self._lock:
            if self._thread or self._server.stopping:
                raise ValueError("a publisher can be started only once")
            self._thread = threading.Thread(target=self._server.run, name="publisher", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Cut open connections and release port, sockets and threads. May be called again."""
        with self._lock:
            self._server.stop()
            if self._thread is None:
                self._thread = threading.Thread(target=self._server.run, name="publisher", daemon=True)
                self._thread.start()  # it ends immediately and closes the sockets
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    # Connections ----------------------------------------------------------------------------------------------------

    async def _converse(self, connection: Connection) -> None:
        client = _Client(connection)
        with suppress(OSError):  # a client may disconnect at any time
            try:
                answer = await self._answer(client)
            except HttpError as refusal:
                said = Published("text/plain", f"{refusal.reason}\n".encode())
                answer = _response(refusal.status, said, *refusal.fields)
            await connection.send(answer)
            await connection.drain(LINGER)

    async def _answer(self, client: "_Client") -> bytes:
        request = parse_head(await client.head())
        with self._lock:
            path, source = _find(request.path, self._sources)
        if isinstance(source, Published | Current):
            request.check_method("GET", "HEAD")
            self._count(path)
            content = source if isinstance(source, Published) else await _made(source.read)
            whole = _response(HTTPStatus.OK, content)
            return whole if request.method == "GET" else whole.removesuffix(content.body)
        request.check_method("GET", "POST")
        request_der = await _request_below(path, request, client)
        self._count(path)
        return _response(HTTPStatus.OK, await _made(partial(source, request_der)))

    def _count(self, path: str) -> None:
        with self._lock:
            self._asked[path] += 1


async def _made(make: Callable[[], Published]) -> Published:
    """What a published function returns. Raises HttpError, also for a bug in it."""
    try:
        return await in_thread(make)
    except HttpError:
        raise
    except Exception as bug:  # report it and continue to serve
        report_bug(bug)
        raise HttpError(HTTPStatus.INTERNAL_SERVER_ERROR, "the published function has an internal error") from bug


def _too_late(connection: Connection, seconds: float) -> None:
    """Send 408 to a client whose request is not complete in time, if its buffer takes it."""
    said = Published("text/plain", b"the request was not complete in time\n")
    with suppress(OSError):
        connection.socket.send(_response(HTTPStatus.REQUEST_TIMEOUT, said))


# A connection -------------------------------------------------------------------------------------------------------


@dataclass
class _Client:
    """Reads head and body from one client."""

    connection: Connection
    received: bytearray = field(default_factory=bytearray)

    async def head(self) -> bytes:
        """Request line and fields, without the empty line after them (RFC 9112 §2.1)."""
        searched = 0
        while not (end := END_OF_HEAD.search(self.received, searched)):
            if len(self.received) > LONGEST_HEAD:
                raise HttpError(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the head is longer than {LONGEST_HEAD} bytes"
                )
            searched = max(len(self.received) - 2, 0)
            await self._receive()
        head = bytes(self.received[: end.start()])
        del self.received[: end.end()]
        return head

    async def body(self, length: int) -> bytes:
        """The body of that length."""
        while len(self.received) < length:
            await self._receive()
        return bytes(self.received[:length])

    async def _receive(self) -> None:
        try:
            data = await self.connection.receive(1 << 16)
        except TimeoutError:
            raise HttpError(HTTPStatus.REQUEST_TIMEOUT, "the request was not complete in time") from None
        if not data:
            raise HttpError(HTTPStatus.BAD_REQUEST, "the connection was closed before the request was complete")
        self.received += data


# Requests ----------------------------------------------------------------------------------------------------------


def _find(path: str, sources: dict[str, Source]) -> tuple[str, Source]:
    """The published path and its source. Paths below a responder are GET requests (RFC 6960 appendix A.1)."""
    responders = (each for each, source in sources.items() if not isinstance(source, Published | Current))
    above = (each for each in responders if path.startswith(f"{each.rstrip('/')}/"))
    found = path if path in sources else max(above, key=len, default=None)
    if found is None:
        raise HttpError(HTTPStatus.NOT_FOUND, "nothing is published at this path")
    return found, sources[found]


async def _request_below(path: str, request: HttpRequest, client: _Client) -> bytes:
    """The OCSP request of a GET or POST. Raises HttpError if there is none."""
    rest = request.path.removeprefix(path.rstrip("/"))
    if request.method == "GET":
        try:
            return request_from_path(rest)
        except ValueError as error:
            raise HttpError(HTTPStatus.BAD_REQUEST, "the path must end with an OCSP request in base64") from error
    if rest not in ("", "/"):
        raise HttpError(HTTPStatus.NOT_FOUND, "this path accepts no POST")
    if request.length is None:
        raise HttpError(HTTPStatus.BAD_REQUEST, STATE_THE_LENGTH)
    if request.length > LONGEST_BODY:
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {LONGEST_BODY} bytes")
    if request.waits:
        await client.connection.send(GO_ON)
    return await client.body(request.length)


def _response(status: HTTPStatus, published: Published, *fields: str) -> bytes:
    date = f"Date: {formatdate(usegmt=True)}"
    return response(status, published.media_type, published.body, date, *fields)


# Listening ----------------------------------------------------------------------------------------------------------


def _listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """One bound socket for each host, all on the same port. Raises Problem if that fails."""
    for left in reversed(range(1 if port else 20)):  # a port that is free on one address may be taken on the other
        bound: list[socket.socket] = []
        try:
            for host in hosts:
                # Numeric addresses only: a name lookup may be slow, or return another machine.
                chosen = bound[0].getsockname()[1] if bound else port
                bound.append(bind(host, chosen, socket.AI_NUMERICHOST))
            return bound
        except OSError as error:
            for each in bound:
                each.close()
            if error.errno == errno.EADDRINUSE and left:
                continue
            in_use = error.errno == errno.EADDRINUSE
            hint = "another program uses the port; stop it, or use another port (0 takes a free one)"
            other = "use an address of this machine, such as 127.0.0.1, and a port that this user may open"
            raise cannot(f"listen on {host}, port {port}", error, hint if in_use else other) from error
    raise AssertionError("the last try returns or raises")


def _checked(path: str) -> str:
    """The path. Raises ValueError if it would need encoding: each path has only one spelling."""
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", path):
        raise ValueError(f"{path!r} is not a valid path: use a slash, then letters, digits, and any of . _ ~ / -")
    return path
