"""The accept loop: one thread holds all connections, however many are silent, slow or idle. EDGE; knows no protocol.

    accept --> first byte --> handle(connection) --> closed
                   |                 |
               deadline     deadline, or limit of the whole conversation

A handler is a coroutine. Where a blocking server sleeps in recv(), it awaits `connection.receive()`, and the loop goes
on with the others until this socket is readable, or the deadline has come:

    async def echo(connection: Connection) -> None:
        await connection.send(await connection.receive())

So a connection that waits costs a descriptor and no thread. Work that blocks by itself (a name server, a signature)
goes to a thread with `in_thread`. When descriptors run out, the connection that has been idle for longest makes room.
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
LIMIT = 3600.0  # seconds from accept until the conversation is over
GRACE = 3.0  # seconds that conversations have to finish, once a signal asks the server to stop
CHUNK = 1 << 14  # bytes
BACKLOG = 1024
BATCH = 128  # sockets in one turn of the loop, at most
THREADS = 16  # for work that blocks
TICK = 0.02  # seconds; deadlines are looked at no more often
LONGEST_SLEEP = 60.0  # seconds
PAUSE = 0.2  # seconds without accepting when descriptors have run out; in a tight loop accept() would only fail again
DESCRIPTORS = 16384  # wanted
SPARE = 8  # descriptors that are not for connections: files that are read again, a key log
OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
NEVER = float("inf")

T = TypeVar("T")


# What a conversation waits for ----------------------------------------------------------------------------------------


class Wait(NamedTuple):
    """One of these descriptors being ready for these events, or a moment of `time.monotonic`."""

    interest: Mapping[int, int]
    until: float


class Work(NamedTuple):
    """A call that blocks, to be made in another thread."""

    function: Callable[[], object]


Handling = Coroutine[Wait | Work, Any, T]
"""What a handler is, once it is called: it stops at each Wait and Work, and the loop makes it go on."""


@coroutine
def ready(interest: Mapping[int, int], until: float) -> Generator[Wait, Mapping[int, int], Mapping[int, int]]:
    """Wait for events on descriptors; those that are ready (perhaps not all), or none when `until` has come."""
    return (yield Wait(interest, until))


@coroutine
def in_thread(function: Callable[[], T]) -> Generator[Work, Callable[[], T], T]:
    """Call it in another thread, and wait for what it returns or raises."""
    finished = yield Work(function)
    return finished()


class ConnectionDropped(BaseException):  # so that `except Exception` in a handler does not swallow it
    """The server ends this conversation, and says why. A handler may catch it to report it, and must not wait again."""


def blocking(handling: "Handling[T]") -> T:
    """Run one conversation in this thread alone, to its end, without a loop: for clients."""
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
    """One accepted connection; its socket does not block. A handler that wraps the socket puts the wrapped one here."""

    socket: socket.socket
    peer: str
    deadline: float
    """When what it is doing now must be done, a moment of `time.monotonic`: at first, its handshake."""
    limit: float = NEVER
    """When the whole conversation must be over."""
    port: int = 0
    """Where it came in."""

    def __post_init__(self) -> None:
        self.socket.setblocking(False)

    def lift_deadline(self) -> None:
        """The handshake is done: from now on the limit of the whole conversation counts."""
        self.deadline = self.limit

    @coroutine
    def until_ready(self, events: int) -> Generator[Wait, Mapping[int, int], None]:
        """Wait for its socket; TimeoutError at the deadline."""
        if not (yield Wait({self.socket.fileno(): events}, self.deadline)):
            raise TimeoutError

    async def receive(self, size: int = CHUNK) -> bytes:
        """What comes next, at most `size` bytes; b"" when the peer has closed. TimeoutError at the deadline."""
        while True:
            try:
                return self.socket.recv(size)
            except BlockingIOError:
                await self.until_ready(READ)

    async def send(self, data: bytes) -> None:
        """Send all of it. TimeoutError at the deadline; what fits into the buffer goes out even after that."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[socket.socket.send(self.socket, rest) :]  # below TLS, if it is wrapped
            except BlockingIOError:
                await self.until_ready(WRITE)

    async def drain(self, seconds: float = 1.0, limit: int = 1 << 20) -> None:
        """End our direction and read away what the peer still sends, for a bounded time and amount.

        Closing a socket with unread bytes in it sends a reset, and a reset destroys what was just sent - the alert or
        the answer that should have told the peer why.
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
        """Close it so that the peer sees a reset, not an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@dataclass(frozen=True)
class Listener:
    """Bound sockets, one for each host, all on the same port."""

    sockets: tuple[socket.socket, ...]
    port: int
    without: tuple[str, ...] = ()
    """Hosts that this machine does not have: `::1` where there is no IPv6."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses that are listened on."""
        return tuple(each.getsockname()[0] for each in self.sockets)

    def close(self) -> None:
        """Stop listening."""
        for each in self.sockets:
            each.close()


# The loop -------------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Watched:
    """What the loop does when a socket is ready, and how often it did so: the seldom served go first."""

    act: Callable[[int, int], None]
    turns: int = 0


@dataclass(eq=False)
class _Conversation:
    """A connection, how far its handler is, and what it waits for."""

    connection: Connection
    handling: Handling[None] = field(init=False)
    watched: _Watched = field(init=False)
    interest: Mapping[int, int] = field(default_factory=dict)
    """The descriptors that the selector watches for it."""
    until: float = NEVER
    working: bool = False
    """A thread works for it."""
    talks: bool = False
    """Its first byte has come."""
    over: bool = False


@dataclass(eq=False)
class AcceptLoop:
    """`run` the loop in one thread; `stop` it from any, or from a signal handler."""

    listener: Listener
    handle: Callable[[Connection], Handling[None]]
    on_silent: Callable[[Connection, float], None] = lambda connection, seconds: None
    """Told of a connection that is closed after so many seconds without a first byte."""
    deadline: float = DEADLINE
    limit: float = LIMIT
    descriptors: int = 1
    """How many a conversation needs."""
    name: str = "server"
    """Of its threads."""
    on_wordless: Callable[[Connection], None] = lambda connection: None
    """Told of every connection that ended before its first byte, whichever side closed it."""

    def __post_init__(self) -> None:
        allow_descriptors()
        self._conversations: dict[_Conversation, None] = {}  # the one that has been idle for longest is the first
        self._look = NEVER  # when the next deadline may have come
        self._paused_until: float | None = None
        self._places = 1
        self._stop_at: float | None = None
        self._open = False  # whether it accepts
        self._closed = False  # for good
        self._came = False  # whether a client came in this turn of the loop
        self._batch = 1
        self._gone = threading.Condition()
        self._awaited = 0  # threads that wait for _gone
        self._present: Counter[int] = Counter()  # conversations whose first byte has come, by port
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
        """Ask `run` to return: at once, or when the conversations in progress are over, after `grace` s at the latest.

        The first of several calls stops accepting, and the earliest moment counts.
        """
        moment = time.monotonic() + grace
        self._stop_at = moment if self._stop_at is None else min(self._stop_at, moment)
        self._wake()

    def settle(self, seconds: float, *ports: int) -> None:
        """Wait until the clients that have come to these ports so far, and sent something, are handled and closed.

        Returns at once where there are none, and after so many seconds at the latest.
        """
        end = time.monotonic() + seconds
        looked = threading.Event()
        if self.stopping:
            looked.set()
        self._settling.append(looked)
        self._wake()
        looked.wait(seconds)  # from here on, the loop knows of all that have come
        with self._gone:
            self._awaited += 1  # before the first look at _present: the loop changes that first, and looks here then
            self._gone.wait_for(lambda: not any(self._present[port] for port in ports), end - time.monotonic())
            self._awaited -= 1

    def _wake(self) -> None:
        with suppress(OSError):  # full: then it will wake up anyway; closed: the loop has ended
            self._wake_writer.send(b"x")

    # The thread of the loop -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop`."""
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
        """Wait for what happens next, and let those that it concerns go on."""
        asked = 0 if self._paused_until else len(self._settling)  # before the look: what they ask for is in it
        self._came = False
        found = self._selector.select(0 if asked else min(self._look - time.monotonic(), LONGEST_SLEEP))
        if len(found) > BATCH:  # the others are found again; a new client does not wait for all of them
            found.sort(key=lambda each: each[0].data.turns)
            del found[BATCH:]
            self._came = True  # perhaps
        self._batch = len(found)
        for key, events in found:
            key.data.act(key.fd, events)
        if self._look <= time.monotonic():
            self._expire()
        if asked and not self._came:  # else there may be more: those who ask are told after the next look
            self._tell_settling(asked)

    def _goes_on(self, until: float) -> bool:
        """Whether conversations are still to finish, once the server was asked to stop."""
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
        """Accept no more for a while."""
        self._close_doors()
        self._came = True  # perhaps: it is not known yet
        self._paused_until = time.monotonic() + PAUSE
        self._look = min(self._look, self._paused_until)

    def _accept(self, listener: socket.socket, port: int, descriptor: int, events: int) -> None:
        """Take connections that wait: as many as there are others to go on with, so that neither holds up the other."""
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
                continue  # there is a place now; or that client has gone again
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
        """From accept to the end: nothing is handled before its first byte has come."""
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
        if not has_come:  # it closed without a byte: a port scan, a health check
            self.on_wordless(connection)
            return
        conversation.talks = True
        self._present[connection.port] += 1
        await self.handle(connection)

    def _ready(self, conversation: _Conversation, descriptor: int, events: int) -> None:
        if conversation.over or descriptor not in conversation.interest:
            return  # it has gone on, or ended, since the selector looked
        conversation.watched.turns += 1
        late = conversation.until <= time.monotonic()  # a client that never pauses has no more time than another
        self._resume(conversation, {} if late else {descriptor: events})

    def _resume(self, conversation: _Conversation, value: object) -> None:
        """Let it go on, until it waits for something or is over."""
        del self._conversations[conversation]
        self._conversations[conversation] = None  # the last: it is not idle
        try:
            wanted = conversation.handling.send(value)
        except StopIteration:
            self._end(conversation)
        except Exception as bug:  # handlers answer for their peers' errors: this one is ours; say so, and go on serving
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
        """In a thread of the pool."""
        self._finished.append((conversation, future))
        self._wake()

    def _watch(self, conversation: _Conversation, interest: Mapping[int, int]) -> None:
        """Let the selector watch these descriptors for it, and no others."""
        for descriptor in conversation.interest.keys() - interest.keys():
            self._selector.unregister(descriptor)
        for descriptor, events in interest.items():
            if descriptor not in conversation.interest:
                self._selector.register(descriptor, events, conversation.watched)
            elif conversation.interest[descriptor] != events:
                self._selector.modify(descriptor, events, conversation.watched)
        conversation.interest = interest

    def _expire(self) -> None:
        """Those whose deadline has come go on with nothing; a pause may be over."""
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
        """End the conversation that has been idle for longest; False if there is none."""
        idle = next((each for each in self._conversations if not each.working), None)
        if idle:
            self._drop(idle, "it was idle, and its place was needed: this process has no more file descriptors")
        return idle is not None

    def _drop(self, conversation: _Conversation, why: str) -> None:
        try:
            conversation.handling.throw(ConnectionDropped(why))
            conversation.handling.close()  # it would wait again, and there is no time
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
        """The first so many, or all, of those who asked."""
        for each in self._settling[:count]:
            each.set()
        del self._settling[:count]


def report_bug(bug: Exception) -> None:
    """To stderr, as Python does where a thread ends by an exception."""
    hook = threading.ExceptHookArgs((type(bug), bug, bug.__traceback__, threading.current_thread()))
    threading.excepthook(hook)


def peer_name(address: tuple[Any, ...]) -> str:
    """`127.0.0.1:4433`, `[::1]:4433`."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# Signals --------------------------------------------------------------------------------------------------------------


@contextmanager
def until_signalled(server: AcceptLoop) -> Iterator[None]:
    """SIGINT and SIGTERM stop the server while this lasts; only in the main thread.

    The first one lets conversations finish, the second one cuts them. After that the process is ending, and further
    ones are ignored: they must not change how it ends.
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
    """A listening socket at one address; `flags` for getaddrinfo. OSError says why not."""
    allow_descriptors()
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | flags
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for old connections
        # Inherited by what is accepted: small answers leave at once; else each waits 40 ms for an acknowledgement.
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
    """Raise the soft limit of open files to that, where the system lets us: Linux starts with 1024, macOS with 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    while soft != resource.RLIM_INFINITY:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if most <= soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return
        except (OSError, ValueError):  # macOS: "unlimited" means less than it says
            wanted //= 2


def descriptors_left() -> int:
    """How many files this process can still open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 1 << 20 if soft == resource.RLIM_INFINITY else soft
    try:
        return most - len(os.listdir("/dev/fd"))
    except OSError:
        return most - 64
