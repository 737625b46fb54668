"""Revocation over HTTP, on this machine: lists (RFC 5280 §4.2.1.13) and OCSP responders (RFC 6960 appendix A).

    Publisher()  ->  .url("/ca.crl"), for certificates  ->  .publish("/ca.crl", …)  ->  with publisher: …  ->  .asked()

EDGE: opens sockets, and starts a thread for each connection. As much of HTTP/1.1 (RFC 9112) as clients of revocation
speak: one request for each connection, a body of stated length. All that a client can do is bounded: in time, from
accept to the end of the answer; in bytes; and in how many there are at once. Nothing is printed.
"""

import errno
import re
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Self

from pki.errors import cannot
from pki.http1 import END_OF_HEAD, GO_ON, STATE_THE_LENGTH, Refused, Request, parse_head, response
from pki.ocsp_request import request_from_path

DEADLINE = 10.0  # seconds, from accept until the answer is sent
LINGER = 1.0  # seconds that a client has to hang up by itself, so that nothing on the way to it is destroyed
WORKERS = 128  # connections at a time; further ones wait in the backlog
BACKLOG = 1024
LONGEST_HEAD = LONGEST_BODY = 1 << 16  # bytes; a head holds the request of a GET, so it needs no less
CRL_TYPE = "application/pkix-crl"  # RFC 5280 §4.2.1.13: a single list, in DER
RESPONSE_TYPE = "application/ocsp-response"  # RFC 6960 appendix A.2
PAUSE = 0.2  # seconds without accepting when descriptors have run out; in a tight loop accept() would only fail again
OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


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

    Who connects before that waits. `hosts` are addresses of this machine, all on one port; 0 is a free one.
    A Problem says why it cannot listen there.
    """

    def __init__(self, hosts: Sequence[str] = ("127.0.0.1",), port: int = 0, *, deadline: float = DEADLINE) -> None:
        if not hosts or isinstance(hosts, str):
            raise ValueError(f"{hosts!r}: at least one address is needed, in a tuple")
        self.hosts, self.deadline = tuple(hosts), deadline
        self._listeners = _listen(self.hosts, port)
        self.port: int = self._listeners[0].getsockname()[1]
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for each in (*self._listeners, self._wake_reader):
            self._selector.register(each, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._sources: dict[str, Source] = {}
        self._asked: Counter[str] = Counter()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._places = threading.Semaphore(WORKERS)
        self._acceptor: threading.Thread | None = None
        self._stopping = threading.Event()

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

        Counted before the answer is sent, so whoever has an answer is in it; refused requests are not.
        """
        with self._lock:
            return Counter(self._asked)

    def start(self) -> None:
        """Answer from now on, in threads of its own; once."""
        if self._acceptor or self._stopping.is_set():
            raise ValueError("a publisher starts once")
        self._acceptor = threading.Thread(target=self._accept, name="publisher", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Cut what is in progress, and give the port, all sockets and all threads back. A second time is no harm."""
        with self._lock:
            self._stopping.set()
            threads = [*self._connections.values(), *([self._acceptor] if self._acceptor else [])]
            for connected in self._connections:
                with suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)  # wakes the thread, whatever it is waiting for
            with suppress(OSError):
                self._wake_writer.send(b"x")
        for thread in threads:
            thread.join()
        self._selector.close()
        for each in (*self._listeners, self._wake_reader, self._wake_writer):
            each.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    # Connections ----------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select():
                if key.fileobj is not self._wake_reader:
                    assert isinstance(key.fileobj, socket.socket)
                    self._take(key.fileobj)

    def _take(self, listener: socket.socket) -> None:
        """Give one connection a thread, as soon as there is a place for it."""
        self._places.acquire()
        try:
            connected, _ = listener.accept()
        except OSError as error:  # the client has gone again, or there is no descriptor for it
            self._places.release()
            if error.errno in OUT_OF_DESCRIPTORS:
                self._stopping.wait(PAUSE)
            return
        client = _Client(connected, time.monotonic() + self.deadline)
        thread = threading.Thread(target=self._converse, args=(client,), name="publisher", daemon=True)
        with self._lock, suppress(RuntimeError):  # no more threads; or the interpreter is ending
            if not self._stopping.is_set():
                thread.start()
                self._connections[connected] = thread
                return
        connected.close()
        self._places.release()

    def _converse(self, client: "_Client") -> None:
        try:
            with suppress(OSError):  # a client may go when it likes
                try:
                    answer = self._answer(client)
                except Refused as refusal:
                    said = Published("text/plain", f"{refusal.reason}\n".encode())
                    answer = _response(refusal.status, said, *refusal.fields)
                client.send(answer)
                client.linger()
        finally:
            with self._lock:  # `stop` must not find a descriptor here that is somebody else's by now
                del self._connections[client.socket]
                client.socket.close()
            self._places.release()

    def _answer(self, client: "_Client") -> bytes:
        request = parse_head(client.head())
        with self._lock:
            path, source = _find(request.path, self._sources)
        if isinstance(source, Published):
            request.check_method("GET", "HEAD")
            self._count(path)
            whole = _response(HTTPStatus.OK, source)
            return whole if request.method == "GET" else whole.removesuffix(source.body)
        request.check_method("GET", "POST")
        request_der = _request_below(path, request, client)
        self._count(path)
        try:
            return _response(HTTPStatus.OK, source(request_der))
        except Exception as bug:  # of whoever published it: say so, and go on serving
            thread = threading.current_thread()
            threading.excepthook(threading.ExceptHookArgs((type(bug), bug, bug.__traceback__, thread)))
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "the responder is out of order") from bug

    def _count(self, path: str) -> None:
        with self._lock:
            self._asked[path] += 1


# A connection -------------------------------------------------------------------------------------------------------


@dataclass
class _Client:
    """One accepted connection, with its deadline: overall, however slowly the bytes come."""

    socket: socket.socket
    deadline: float  # time.monotonic()
    received: bytearray = field(default_factory=bytearray)

    def head(self) -> bytes:
        """Request line and fields, without the empty line after them (RFC 9112 §2.1)."""
        searched = 0
        while not (end := END_OF_HEAD.search(self.received, searched)):
            if len(self.received) > LONGEST_HEAD:
                raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head has at most {LONGEST_HEAD} bytes")
            searched = max(len(self.received) - 2, 0)
            self._receive()
        head = bytes(self.received[: end.start()])
        del self.received[: end.end()]
        return head

    def body(self, length: int) -> bytes:
        """So many bytes."""
        while len(self.received) < length:
            self._receive()
        return bytes(self.received[:length])

    def _receive(self) -> None:
        left = self.deadline - time.monotonic()
        if left > 0:
            self.socket.settimeout(left)
            with suppress(TimeoutError):
                data = self.socket.recv(1 << 16)
                if not data:
                    raise Refused(HTTPStatus.BAD_REQUEST, "the request ends before it is complete")
                self.received += data
                return
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "the request does not come to an end in time")

    def send(self, data: bytes) -> None:
        """All of it, or an OSError; what fits into the socket's buffer goes out even when the deadline has passed."""
        self.socket.settimeout(max(self.deadline - time.monotonic(), 0.001))
        self.socket.sendall(data)

    def linger(self) -> None:
        """End our direction and read away what still comes: a bounded time, and amount.

        Closing a socket with unread bytes in it sends a reset, which destroys the answer if that is still on its way.
        """
        end = min(time.monotonic() + LINGER, self.deadline)
        self.socket.shutdown(socket.SHUT_WR)
        for _ in range(16):
            left = end - time.monotonic()
            if left <= 0:
                break
            self.socket.settimeout(left)
            if not self.socket.recv(1 << 16):
                break


# What is asked for -------------------------------------------------------------------------------------------------


def _find(path: str, sources: dict[str, Source]) -> tuple[str, Source]:
    """What is published there; for a responder, whatever is below it is a request by GET (RFC 6960 appendix A.1)."""
    responders = (each for each, source in sources.items() if not isinstance(source, Published))
    above = (each for each in responders if path.startswith(f"{each.rstrip('/')}/"))
    found = path if path in sources else max(above, key=len, default=None)
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "nothing is published there")
    return found, sources[found]


def _request_below(path: str, request: Request, client: _Client) -> bytes:
    """What a responder is asked."""
    rest = request.path.removeprefix(path.rstrip("/"))
    if request.method == "GET":
        try:
            return request_from_path(rest)
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "below this path, an OCSP request in base64 is needed") from error
    if rest not in ("", "/"):
        raise Refused(HTTPStatus.NOT_FOUND, "nothing can be sent there")
    if request.length is None:
        raise Refused(HTTPStatus.BAD_REQUEST, STATE_THE_LENGTH)
    if request.length > LONGEST_BODY:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {LONGEST_BODY} bytes")
    if request.waits:
        client.send(GO_ON)
    return client.body(request.length)


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
                bound.append(_bind(host, bound[0].getsockname()[1] if bound else port))
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


def _bind(host: str, port: int) -> socket.socket:
    # A numeric address: a name server might take its time, or know another machine by that name.
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for old connections
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _checked(path: str) -> str:
    """A path that needs no encoding, so that there is one way to write it."""
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", path):
        raise ValueError(f"{path!r} is no path here: a slash, then letters, digits, and any of . _ ~ / -")
    return path
