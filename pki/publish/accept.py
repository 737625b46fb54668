"""The accept loop: one thread serves all connections, also many silent, slow or idle ones. EDGE; no protocol.

    accept --> first byte --> handle(connection) --> closed
                   |                 |
               deadline     deadline, or limit of the whole conversation

A handler is a coroutine. Instead of blocking in recv(), it awaits `connection.receive()`, and the loop serves other
connections until this socket is readable or the deadline passes:

    async def echo(connection: Connection) -> None:
        await connection.send(await connection.receive())

A waiting connection needs a descriptor but no thread. `in_thread` runs blocking work (a name lookup, a signature) in a
thread. When descriptors run out, the connection that has been idle for longest is closed.
"""

import errno
import os
import resource
import selectors
import signal
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import coroutine
from typing import Any, NamedTuple, TypeVar

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
DEADLINE = 10.0  # seconds from accept until the handshake is done
LIMIT = 3600.0  # seconds from accept until the end of the conversation
GRACE = 3.0  # seconds for conversations to finish after a signal
CHUNK = 1 << 14  # bytes
BACKLOG = 1024
BATCH = 128  # the most sockets in one turn of the loop
THREADS = 16  # for blocking work
TICK = 0.02  # seconds between two checks of deadlines
LONGEST_SLEEP = 60.0  # seconds
PAUSE = 0.2  # seconds without accepting after descriptors ran out, instead of calling accept() in a tight loop
DESCRIPTORS = 16384  # the limit to ask for
SPARE = 8  # descriptors reserved for files, such as a key log
OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
NEVER = float("inf")

T = TypeVar("T")


# Waiting --------------------------------------------------------------------------------------------------------------


class Wait(NamedTuple):
    """Wait until one of these descriptors is ready for its events, or until a time of `time.monotonic`."""

    interest: Mapping[int, int]
    until: float


class Work(NamedTuple):
    """A blocking call, to be made in another thread."""

    function: Callable[[], object]


Handling = Coroutine[Wait | Work, Any, T]
"""A called handler: it suspends at each Wait and Work, and the loop resumes it."""


@coroutine
def ready(interest: Mapping[int, int], until: float) -> Generator[Wait, Mapping[int, int], Mapping[int, int]]:
    """Wait for events on descriptors. Returns ready ones (perhaps not all), or none at the time `until`."""
    return (yield Wait(interest, until))


@coroutine
def in_thread(function: Callable[[], T]) -> Generator[Work, Callable[[], T], T]:
    """Call `function` in another thread; returns or raises what it does."""
    finished = yield Work(function)
    return finished()


class ConnectionDropped(BaseException):  # so that `except Exception` in a handler does not swallow it
    """The server ends this conversation; the message is the reason. A handler may report it, but not wait again."""


def blocking(handling: "Handling[T]") -> T:
    """Run one conversation to its end in this thread, without a loop. For clients."""
    step: Callable[[Any], Wait | Work] = handling.send
    value: object = None
    while True:
        try:
            wanted = step(value)
        except StopIteration as end:
            result: T = end.value
            return result
        if isinstance(wanted, Work):
            future: Future[object] = Future()
            try:
                future.set_result(wanted.function())
            except Exception as error:
                future.set_exception(error)
            value = future.result
            continue
        with selectors.DefaultSelector() as selector:
            for descriptor, events in wanted.interest.items():
                selector.register(descriptor, events)
            found = selector.select(None if wanted.until == NEVER else max(wanted.until - time.monotonic(), 0))
            value = {key.fd: events for key, events in found}


# One connection -------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Connection:
    """One accepted connection with a non-blocking socket. A handler that wraps the socket replaces it here."""

    socket: socket.socket
    peer: str
    deadline: float
    """The deadline of the current step, at first the handshake, as a time of `time.monotonic`."""
    limit: float = NEVER
    """The deadline of the whole conversation."""
    port: int = 0
    """The local port."""

    def __post_init__(self) -> None:
        self.socket.setblocking(False)

    def lift_deadline(self) -> None:
        """End the deadline of the handshake; from now on `limit` applies."""
        self.deadline = self.limit

    @coroutine
    def until_ready(self, events: int) -> Generator[Wait, Mapping[int, int], None]:
        """Wait until the socket is ready. Raises TimeoutError at the deadline."""
        if not (yield Wait({self.socket.fileno(): events}, self.deadline)):
            raise TimeoutError

    async def receive(self, size: int = CHUNK) -> bytes:
        """Receive at most `size` bytes; b"" if the peer has closed. Raises TimeoutError at the deadline."""
        while True:
            try:
                return self.socket.recv(size)
            except BlockingIOError:
                await self.until_ready(READ)

    async def send(self, data: bytes) -> None:
        """Send all data. Raises TimeoutError at the deadline; what fits into the buffer is sent even after it."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[socket.socket.send(self.socket, rest) :]  # below TLS, if it is wrapped
            except BlockingIOError:
                await self.until_ready(WRITE)

    async def drain(self, seconds: float = 1.0, limit: int = 1 << 20) -> None:
        """Shut down our direction, and discard what the peer still sends, for a limited time and amount.

        Closing a socket with unread bytes sends a reset, which may destroy data on its way to the peer, such as an
        alert or an error response.
        """
        until = time.monotonic() + seconds
        with suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
            while limit > 0:
                try:
                    data = socket.socket.recv(self.socket, 1 << 16)  # below TLS: these bytes are not used
                    limit -= len(data) or limit
                except BlockingIOError:
                    if not await ready({self.socket.fileno(): READ}, until):
                        return

    def reset(self) -> None:
        """Close the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@dataclass(frozen=True)
class Listener:
    """Bound sockets, one for each host, all on the same port."""

    sockets: tuple[socket.socket, ...]
    port: int
    without: tuple[str, ...] = ()
    """Hosts that this machine lacks: `::1` without IPv6."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses of the sockets."""
        return tuple(each.getsockname()[0] for each in self.sockets)

    def close(self) -> None:
        """Stop listening."""
        for each in self.sockets:
            each.close()


# The loop -------------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Watched:
    """The action for a ready socket, and how often it ran: the least served sockets go first."""

    act: Callable[[int, int], None]
    turns: int = 0


@dataclass(eq=False)
class _Conversation:
    """A connection, its suspended handler, and what it waits for."""

    connection: Connection
    handling: Handling[None] = field(init=False)
    watched: _Watched = field(init=False)
    interest: Mapping[int, int] = field(default_factory=dict)
    """The descriptors that the selector watches for this conversation."""
    until: float = NEVER
    working: bool = False
    """Whether a thread is working for it."""
    talks: bool = False
    """Whether its first byte has arrived."""
    over: bool = False


@dataclass(eq=False)
class AcceptLoop:
    """The loop: `run` it in one thread; `stop` it from any thread or signal handler."""

    listener: Listener
    handle: Callable[[Connection], Handling[None]]
    on_silent: Callable[[Connection, float], None] = lambda connection, seconds: None
    """Called for a connection that is closed after so many seconds without a first byte."""
    deadline: float = DEADLINE
    limit: float = LIMIT
    descriptors: int = 1
    """The number of descriptors that a conversation needs."""
    name: str = "server"
    """The prefix of the names of its threads."""
    on_wordless: Callable[[Connection], None] = lambda connection: None
    """Called for every connection that ended before its first byte, whichever side closed it."""

    def __post_init__(self) -> None:
        allow_descriptors()
        self._conversations: dict[_Conversation, None] = {}  # the one that has been idle for longest comes first
        self._look = NEVER  # the earliest time of the next deadline
        self._paused_until: float | None = None
        self._places = 1
        self._stop_at: float | None = None
        self._open = False  # whether the loop accepts connections
        self._closed = False  # whether the listener is closed
        self._came = False  # whether a client may have connected in this turn of the loop
        self._batch = 1
        self._gone = threading.Condition()
        self._awaited = 0  # threads that wait for _gone
        self._present: Counter[int] = Counter()  # conversations with a first byte, by port
        self._settling: list[threading.Event] = []
        self._finished: deque[tuple[_Conversation, Future[object]]] = deque()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)

    # For other threads ------------------------------------------------------------------------------------------------

    @contextmanager
    def wakeup_fd(self) -> Iterator[int]:
        """A descriptor: a byte that is written to it makes the loop look around. It outlives the loop."""
        with self._wake_reader.dup(), self._wake_writer.dup() as writer:  # without a reader, writing fails
            yield writer.fileno()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop_at is not None

    def stop(self, grace: float = 0) -> None:
        """Make `run` return when the conversations in progress have ended, after at most `grace` seconds.

        Accepting stops with the first call. Of several calls the earliest end applies.
        """
        moment = time.monotonic() + grace
        self._stop_at = moment if self._stop_at is None else min(self._stop_at, moment)
        self._wake()

    def settle(self, seconds: float, *ports: int) -> None:
        """Wait until all clients that have connected to these ports and sent a byte are handled and closed.

        Returns after at most `seconds`.
        """
        end = time.monotonic() + seconds
        looked = threading.Event()
        if self.stopping:
            looked.set()
        self._settling.append(looked)
        self._wake()
        looked.wait(seconds)  # now the loop knows all clients that have connected
        with self._gone:
            self._awaited += 1  # before reading _present: the loop changes _present first and then reads this
            self._gone.wait_for(lambda: not any(self._present[port] for port in ports), end - time.monotonic())
            self._awaited -= 1

    def _wake(self) -> None:
        with suppress(OSError):  # full: the loop wakes anyway; closed: the loop has ended
            self._wake_writer.send(b"x")

    # The thread of the loop -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop` is called."""
        self._places = max(descriptors_left() // self.descriptors - SPARE, 1)
        with selectors.DefaultSelector() as self._selector, ThreadPoolExecutor(THREADS, self.name) as self._pool:
            self._selector.register(self._wake_reader, READ, _Watched(self._woken))
            self._open_doors()
            while self._stop_at is None or self._goes_on(self._stop_at):
                self._turn()
            for conversation in list(self._conversations):
                self._drop(conversation, "the server stopped")
            self._pool.shutdown(cancel_futures=True)
        self._tell_settling()
        for each in (self.listener, self._wake_reader, self._wake_writer):
            each.close()

    def _turn(self) -> None:
        """Wait for events, and resume the conversations concerned."""
        asked = 0 if self._paused_until else len(self._settling)  # before select(), which then covers their clients
        self._came = False
        found = self._selector.select(0 if asked else min(self._look - time.monotonic(), LONGEST_SLEEP))
        if len(found) > BATCH:  # the rest is found in the next turn; new clients need not wait for all
            found.sort(key=lambda each: each[0].data.turns)
            del found[BATCH:]
            self._came = True  # possibly
        self._batch = len(found)
        for key, events in found:
            key.data.act(key.fd, events)
        if self._look <= time.monotonic():
            self._expire()
        if asked and not self._came:  # otherwise there may be more clients: after the next select()
            self._tell_settling(asked)

    def _goes_on(self, until: float) -> bool:
        """Whether conversations are in progress after `stop`, and the grace time has not passed."""
        if not self._closed:
            self._close_doors()
            self._paused_until, self._closed = None, True
            self.listener.close()
            for conversation in [each for each in self._conversations if not each.talks]:
                self._drop(conversation, "the server stopped")
        self._look = min(self._look, until)
        return bool(self._conversations) and time.monotonic() < until

    def _woken(self, descriptor: int, events: int) -> None:
        with suppress(BlockingIOError):
            self._wake_reader.recv(1 << 10)
        while self._finished:
            conversation, future = self._finished.popleft()
            conversation.working = False
            if not conversation.over:
                self._resume(conversation, future.result)

    def _open_doors(self) -> None:
        self._paused_until = None
        for each in self.listener.sockets:
            self._selector.register(each, READ, _Watched(partial(self._accept, each, each.getsockname()[1])))
        self._open = True

    def _close_doors(self) -> None:
        if self._open:
            self._open = False
            for each in self.listener.sockets:
                self._selector.unregister(each)

    def _pause(self) -> None:
        """Stop accepting for PAUSE seconds."""
        self._close_doors()
        self._came = True  # possibly
        self._paused_until = time.monotonic() + PAUSE
        self._look = min(self._look, self._paused_until)

    def _accept(self, listener: socket.socket, port: int, descriptor: int, events: int) -> None:
        """Accept as many connections as there are ready conversations, so that neither delays the other."""
        for _ in range(self._batch):
            if not self._open or self.stopping:
                return
            if len(self._conversations) >= self._places:
                self._make_room()
            try:
                accepted, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in OUT_OF_DESCRIPTORS and not self._make_room():
                    self._pause()
                    return
                continue  # a descriptor is free now; or that client has disconnected
            self._came = True
            self._begin(accepted, peer_name(address), port)

    def _begin(self, accepted: socket.socket, peer: str, port: int) -> None:
        now = time.monotonic()
        conversation = _Conversation(Connection(accepted, peer, now + self.deadline, now + self.limit, port))
        conversation.handling = self._converse(conversation)
        conversation.watched = _Watched(partial(self._ready, conversation))
        self._conversations[conversation] = None
        self._resume(conversation, None)

    async def _converse(self, conversation: _Conversation) -> None:
        """The whole conversation; the handler starts when the first byte has arrived."""
        connection, begin = conversation.connection, time.monotonic()
        try:
            await connection.until_ready(READ)
        except TimeoutError:
            self.on_wordless(connection)
            self.on_silent(connection, self.deadline)
            return
        except ConnectionDropped:
            self.on_wordless(connection)
            if not self.stopping:
                self.on_silent(connection, round(time.monotonic() - begin, 1))
            return
        self._came = True
        try:
            has_come = connection.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            has_come = b""
        if not has_come:  # closed without a byte: a port scan or health check
            self.on_wordless(connection)
            return
        conversation.talks = True
        self._present[connection.port] += 1
        await self.handle(connection)

    def _ready(self, conversation: _Conversation, descriptor: int, events: int) -> None:
        if conversation.over or descriptor not in conversation.interest:
            return  # it has been resumed or has ended since select()
        conversation.watched.turns += 1
        late = conversation.until <= time.monotonic()  # the deadline also applies to a client that never pauses
        self._resume(conversation, {} if late else {descriptor: events})

    def _resume(self, conversation: _Conversation, value: object) -> None:
        """Resume the handler until it waits again or ends."""
        del self._conversations[conversation]
        self._conversations[conversation] = None  # move it to the end: it is not idle
        try:
            wanted = conversation.handling.send(value)
        except StopIteration:
            self._end(conversation)
        except (
            Exception
        ) as bug:  # handlers catch the errors of peers, so this is our bug: report it and continue to serve
            report_bug(bug)
            self._end(conversation)
        else:
            if isinstance(wanted, Wait):
                if wanted.interest != conversation.interest:
                    self._watch(conversation, wanted.interest)
                conversation.until = wanted.until
                self._look = min(self._look, wanted.until)
            else:
                self._watch(conversation, {})
                conversation.until, conversation.working = NEVER, True
                self._pool.submit(wanted.function).add_done_callback(partial(self._done, conversation))

    def _done(self, conversation: _Conversation, future: Future[object]) -> None:
        """Called in a thread of the pool."""
        self._finished.append((conversation, future))
        self._wake()

    def _watch(self, conversation: _Conversation, interest: Mapping[int, int]) -> None:
        """Make the selector watch exactly these descriptors for the conversation."""
        for descriptor in conversation.interest.keys() - interest.keys():
            self._selector.unregister(descriptor)
        for descriptor, events in interest.items():
            if descriptor not in conversation.interest:
                self._selector.register(descriptor, events, conversation.watched)
            elif conversation.interest[descriptor] != events:
                self._selector.modify(descriptor, events, conversation.watched)
        conversation.interest = interest

    def _expire(self) -> None:
        """Resume conversations at their deadline without an event; end a pause."""
        now = time.monotonic()
        if self._paused_until and self._paused_until <= now:
            self._open_doors()
        for conversation in [each for each in self._conversations if each.until <= now]:
            self._resume(conversation, {})
        moments = (each.until for each in self._conversations)
        self._look = max(min(moments, default=NEVER), now + TICK)
        if self._paused_until:
            self._look = min(self._look, self._paused_until)

    def _make_room(self) -> bool:
        """End the conversation that has been idle for longest. Returns False if there is none."""
        idle = next((each for each in self._conversations if not each.working), None)
        if idle:
            self._drop(idle, "it was idle, and the process has no more file descriptors")
        return idle is not None

    def _drop(self, conversation: _Conversation, why: str) -> None:
        try:
            conversation.handling.throw(ConnectionDropped(why))
            conversation.handling.close()  # it must not wait again
        except (StopIteration, ConnectionDropped):
            pass
        except Exception as bug:
            report_bug(bug)
        self._end(conversation)

    def _end(self, conversation: _Conversation) -> None:
        conversation.over = True
        del self._conversations[conversation]
        for descriptor in conversation.interest:
            self._selector.unregister(descriptor)
        conversation.connection.socket.close()
        if conversation.talks:
            self._present[conversation.connection.port] -= 1
            if self._awaited:
                with self._gone:
                    self._gone.notify_all()

    def _tell_settling(self, count: int | None = None) -> None:
        """Wake the first `count` callers of `settle`, or all."""
        for each in self._settling[:count]:
            each.set()
        del self._settling[:count]


def report_bug(bug: Exception) -> None:
    """Print the traceback to stderr, as Python does for a thread."""
    hook = threading.ExceptHookArgs((type(bug), bug, bug.__traceback__, threading.current_thread()))
    threading.excepthook(hook)


def peer_name(address: tuple[Any, ...]) -> str:
    """`127.0.0.1:4433`, `[::1]:4433`."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# Signals --------------------------------------------------------------------------------------------------------------


@contextmanager
def until_signalled(server: AcceptLoop) -> Iterator[None]:
    """A context in which SIGINT and SIGTERM stop the server. Only in the main thread.

    After the first signal conversations may finish; the second signal cuts them. Further signals are ignored, so that
    they do not change the exit code.
    """
    came: list[int] = []

    def on_signal(number: int, frame: object) -> None:
        server.stop(0 if came else GRACE)
        came.append(number)

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    # A Python handler runs in the main thread only, which may be about to sleep; the byte on this descriptor wakes it.
    with server.wakeup_fd() as descriptor:
        waker = signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(waker)
            for number, handler in previous.items():
                signal.signal(number, signal.SIG_IGN if came else handler)


# Listening, and descriptors -------------------------------------------------------------------------------------------


def bind(host: str, port: int, flags: int = 0) -> socket.socket:
    """A listening socket at one address; `flags` are for getaddrinfo. Raises OSError."""
    allow_descriptors()
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | flags
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a restart need not wait for old connections to expire
        # Accepted sockets inherit it: small responses are sent at once instead of after 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def allow_descriptors(wanted: int = DESCRIPTORS) -> None:
    """Raise the soft limit of open files if possible: the default is 1024 on Linux, 256 on macOS."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    while soft != resource.RLIM_INFINITY:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if most <= soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return
        except (OSError, ValueError):  # macOS: "unlimited" is limited
            wanted //= 2


def descriptors_left() -> int:
    """The number of files that this process can still open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 1 << 20 if soft == resource.RLIM_INFINITY else soft
    try:
        return most - len(os.listdir("/dev/fd"))
    except OSError:
        return most - 64
