"""Revocation over HTTP, on this machine: lists (RFC 5280 §4.2.1.13) and OCSP responders (RFC 6960 appendix A).

    Publisher()  ->  .url("/ca.crl"), for certificates  ->  .publish("/ca.crl", …)  ->  with publisher: …  ->  .asked()

EDGE: opens sockets. The accept loop (`pki.publish.accept`) runs in a thread of its own, and responders are called in
further threads. As much of HTTP/1.1 (RFC 9112) as clients of revocation speak: one request for each connection, a body
of stated length. All that a client can do is bounded: in time, from accept to the end of the answer, and in bytes.
Nothing is printed.
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

DEADLINE = 10.0  # seconds, from accept until the answer is sent
LINGER = 1.0  # seconds that a client has to hang up by itself, so that nothing on the way to it is destroyed
LONGEST_HEAD = LONGEST_BODY = 1 << 16  # bytes; a head holds the request of a GET, so it needs no less
CRL_TYPE = "application/pkix-crl"  # RFC 5280 §4.2.1.13: a single list, in DER
RESPONSE_TYPE = "application/ocsp-response"  # RFC 6960 appendix A.2


@dataclass(frozen=True)
class Published:
    """What is to be had at a path."""

    media_type: str
    body: bytes

    @classmethod
    def crl(cls, crl_der: bytes) -> "Published":
        """A revocation list in DER: PEM is not allowed here, and OpenSSL does not read it."""
        return cls(CRL_TYPE, crl_der)


Source = Published | Callable[[bytes], Published]
"""The same for all; or what a responder makes of the request that it is sent, by POST or by GET."""


def responder(answer: Callable[[bytes], bytes]) -> Source:
    """OCSP at a path, given `Responder.answer` or what stands in for it."""
    return lambda request_der: Published(RESPONSE_TYPE, answer(request_der))


class Publisher:
    """A server of revocation: bound from the beginning, answering from `start` to `stop`, or within a `with`.

    Clients that connect before that wait. `hosts` are addresses of this machine, all on one port; 0 is a free one.
    A Problem says why it cannot listen there.
    """

    def __init__(self, hosts: Sequence[str] = ("127.0.0.1",), port: int = 0, *, deadline: float = DEADLINE) -> None:
        if not hosts or isinstance(hosts, str):
            raise ValueError(f"{hosts!r}: at least one address is needed, in a tuple")
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
        """Where that path is: what a certificate says of its list (§4.2.1.13) or its responder (§4.2.2.1)."""
        host = host or self.hosts[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{_checked(path)}"

    def publish(self, path: str, source: Source) -> str:
        """From now on this is at that path, in place of what was; its URL. At any time, also while it runs."""
        with self._lock:
            self._sources[_checked(path)] = source
        return self.url(path)

    def asked(self) -> Counter[str]:
        """How often each published path was asked for so far; a copy.

        Counted before the answer is sent, so that a client that has an answer is in it; refused requests are not.
        """
        with self._lock:
            return Counter(self._asked)

    def start(self) -> None:
        """Answer from now on, in threads of its own; once."""
        with self._lock:
            if self._thread or self._server.stopping:
                raise ValueError("a publisher starts once")
            self._thread = threading.Thread(target=self._server.run, name="publisher", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Cut what is in progress, and give the port, all sockets and all threads back. A second time is no harm."""
        with self._lock:
            self._server.stop()
            if self._thread is None:
                self._thread = threading.Thread(target=self._server.run, name="publisher", daemon=True)
                self._thread.start()  # it ends at once, and closes what is open
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    # Connections ----------------------------------------------------------------------------------------------------

    async def _converse(self, connection: Connection) -> None:
        client = _Client(connection)
        with suppress(OSError):  # a client may go when it likes
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
        if isinstance(source, Published):
            request.check_method("GET", "HEAD")
            self._count(path)
            whole = _response(HTTPStatus.OK, source)
            return whole if request.method == "GET" else whole.removesuffix(source.body)
        request.check_method("GET", "POST")
        request_der = await _request_below(path, request, client)
        self._count(path)
        try:
            return _response(HTTPStatus.OK, await in_thread(partial(source, request_der)))
        except Exception as bug:  # of the one who published it: say so, and go on serving
            report_bug(bug)
            raise HttpError(HTTPStatus.INTERNAL_SERVER_ERROR, "the responder is out of order") from bug

    def _count(self, path: str) -> None:
        with self._lock:
            self._asked[path] += 1


def _too_late(connection: Connection, seconds: float) -> None:
    """A client that has sent nothing is told so, as far as its buffer takes it."""
    said = Published("text/plain", b"the request does not come to an end in time\n")
    with suppress(OSError):
        connection.socket.send(_response(HTTPStatus.REQUEST_TIMEOUT, said))


# A connection -------------------------------------------------------------------------------------------------------


@dataclass
class _Client:
    """What one client sends: head and body."""

    connection: Connection
    received: bytearray = field(default_factory=bytearray)

    async def head(self) -> bytes:
        """Request line and fields, without the empty line after them (RFC 9112 §2.1)."""
        searched = 0
        while not (end := END_OF_HEAD.search(self.received, searched)):
            if len(self.received) > LONGEST_HEAD:
                raise HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head has at most {LONGEST_HEAD} bytes")
            searched = max(len(self.received) - 2, 0)
            await self._receive()
        head = bytes(self.received[: end.start()])
        del self.received[: end.end()]
        return head

    async def body(self, length: int) -> bytes:
        """So many bytes."""
        while len(self.received) < length:
            await self._receive()
        return bytes(self.received[:length])

    async def _receive(self) -> None:
        try:
            data = await self.connection.receive(1 << 16)
        except TimeoutError:
            raise HttpError(HTTPStatus.REQUEST_TIMEOUT, "the request does not come to an end in time") from None
        if not data:
            raise HttpError(HTTPStatus.BAD_REQUEST, "the request ends before it is complete")
        self.received += data


# What is asked for -------------------------------------------------------------------------------------------------


def _find(path: str, sources: dict[str, Source]) -> tuple[str, Source]:
    """What is published there; for a responder, whatever is below it is a request by GET (RFC 6960 appendix A.1)."""
    responders = (each for each, source in sources.items() if not isinstance(source, Published))
    above = (each for each in responders if path.startswith(f"{each.rstrip('/')}/"))
    found = path if path in sources else max(above, key=len, default=None)
    if found is None:
        raise HttpError(HTTPStatus.NOT_FOUND, "nothing is published there")
    return found, sources[found]


async def _request_below(path: str, request: HttpRequest, client: _Client) -> bytes:
    """What a responder is asked."""
    rest = request.path.removeprefix(path.rstrip("/"))
    if request.method == "GET":
        try:
            return request_from_path(rest)
        except ValueError as error:
            raise HttpError(HTTPStatus.BAD_REQUEST, "below this path, an OCSP request in base64 is needed") from error
    if rest not in ("", "/"):
        raise HttpError(HTTPStatus.NOT_FOUND, "nothing can be sent there")
    if request.length is None:
        raise HttpError(HTTPStatus.BAD_REQUEST, STATE_THE_LENGTH)
    if request.length > LONGEST_BODY:
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {LONGEST_BODY} bytes")
    if request.waits:
        await client.connection.send(GO_ON)
    return await client.body(request.length)


def _response(status: HTTPStatus, published: Published, *fields: str) -> bytes:
    date = f"Date: {formatdate(usegmt=True)}"
    return response(status, published.media_type, published.body, date, *fields)


# Listening ----------------------------------------------------------------------------------------------------------


def _listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """One bound socket for each host, all on the same port; a Problem when that cannot be."""
    for left in reversed(range(1 if port else 20)):  # a port that is free on one address may be taken on the other
        bound: list[socket.socket] = []
        try:
            for host in hosts:
                # A numeric address: a name server might take its time, or know another machine by that name.
                chosen = bound[0].getsockname()[1] if bound else port
                bound.append(bind(host, chosen, socket.AI_NUMERICHOST))
            return bound
        except OSError as error:
            for each in bound:
                each.close()
            if error.errno == errno.EADDRINUSE and left:
                continue
            in_use = error.errno == errno.EADDRINUSE
            hint = "another program has it: stop that, or take another port (0 is a free one)"
            other = "it takes an address of this machine, such as 127.0.0.1, and a port that this user may open"
            raise cannot(f"listen on {host}, port {port}", error, hint if in_use else other) from error
    raise AssertionError("the last try returns or raises")


def _checked(path: str) -> str:
    """A path that needs no encoding, so that there is one way to write it."""
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", path):
        raise ValueError(f"{path!r} is no path here: a slash, then letters, digits, and any of . _ ~ / -")
    return path
