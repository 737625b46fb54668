"""The accept loop, deadlines, and the pool of threads.

    accept --> silent connections --(first byte)--> a thread of the pool --> handle(connection)
                      |
                  (deadline) --> closed

The handshake never happens inside accept(): a connection that says nothing costs a file descriptor and no thread, so
it cannot hold up the others. The deadline is overall, counted from accept on the accepted socket, not for each read.
Who says one byte and no more does hold a thread until the deadline: WORKERS of those at a time are the limit.
"""

import errno
import resource
import selectors
import signal
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tlsdemo.net.address import HANDSHAKE_DEADLINE, Address, Listener

WORKERS = 256  # conversations at a time; threads are made as they are needed
PAUSE = 0.2  # seconds without accepting when descriptors have run out; in a tight loop accept() would only fail again
OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


@dataclass
class Connection:
    """One accepted connection. A handler that wraps the socket puts the wrapped one here, so that `stop` finds it."""

    socket: socket.socket
    peer: str
    deadline: float  # time.monotonic()

    @property
    def port(self) -> int:
        """Where it came in."""
        return int(self.socket.getsockname()[1])

    def remaining(self) -> float:
        """Seconds until the deadline; a very small number when it has passed, since 0 would mean non-blocking."""
        return max(self.deadline - time.monotonic(), 0.001)


@dataclass
class Server:
    """The accept loop. `run` it in one thread; `stop` it from any, or from a signal handler."""

    listener: Listener
    handle: Callable[[Connection], None]
    on_silent: Callable[[str, float], None] = lambda peer, seconds: None
    deadline: float = HANDSHAKE_DEADLINE
    workers: int = WORKERS
    _stopping: bool = False
    _settled: list[threading.Event] = field(default_factory=list)
    _silent: dict[socket.socket, Connection] = field(default_factory=dict)  # oldest first
    _connections: dict[int, Connection] = field(default_factory=dict)
    _present: Counter[int] = field(default_factory=Counter)  # those in _connections, by the port that they came to
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._gone = threading.Condition(self._lock)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.setblocking(False)

    @property
    def wakeup_fd(self) -> int:
        """A byte that is written here makes the loop look around."""
        return self._wake_writer.fileno()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called: for handlers that wait for more than their connection."""
        return self._stopping

    def stop(self) -> None:
        """Ask `run` to return. Connections in progress are cut."""
        self._stopping = True
        with suppress(OSError):
            self._wake_writer.send(b"x")

    def settle(self, seconds: float, *ports: int) -> None:
        """Wait until all who have come to these ports so far, and have said something, are gone: handled, and closed.

        At once where nobody is there; after so many seconds at the latest.
        """
        end = time.monotonic() + seconds
        looked = threading.Event()
        with self._lock:
            if self._stopping:
                looked.set()
            self._settled.append(looked)
        with suppress(OSError):
            self._wake_writer.send(b"x")
        looked.wait(seconds)  # who has come is known from here on, also where no thread is free for him
        with self._gone:
            self._gone.wait_for(lambda: not any(self._present[port] for port in ports), end - time.monotonic())

    def run(self) -> None:
        """Serve until `stop`."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="conversation") as pool:
            with selectors.DefaultSelector() as selector:
                selector.register(self._wake_reader, selectors.EVENT_READ)
                self._resume(selector)
                paused_until: float | None = None
                while not self._stopping:
                    asked = self._take_settled()  # before the look, so that what they ask for is in it
                    hurried = asked and paused_until is None
                    ready = selector.select(0 if hurried else self._patience(paused_until))
                    for key, _ in ready:
                        assert isinstance(key.fileobj, socket.socket)
                        if key.fileobj in self.listener.sockets:
                            if not self._accept(key.fileobj, selector):
                                paused_until = time.monotonic() + PAUSE
                                self._pause(selector)
                                break
                        elif key.fileobj is self._wake_reader:
                            self._wake_reader.recv(1 << 10)
                        else:
                            self._first_byte(key.fileobj, selector, pool)
                    came = paused_until is not None or any(key.fileobj is not self._wake_reader for key, _ in ready)
                    self._tell_settled(asked, quiet=not came)
                    self._expire(selector)
                    if paused_until is not None and time.monotonic() >= paused_until:
                        paused_until = None
                        self._resume(selector)
            self._cut()
            self._tell_settled(self._take_settled(), quiet=True)
            pool.shutdown(wait=True, cancel_futures=True)
        with self._gone:
            for connection in self._connections.values():  # those that were still waiting for a thread
                connection.socket.close()
            self._present.clear()
            self._gone.notify_all()
        self.listener.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def _take_settled(self) -> list[threading.Event]:
        with self._lock:
            asked, self._settled = self._settled, []
        return asked

    def _tell_settled(self, asked: list[threading.Event], *, quiet: bool) -> None:
        """Those who wait for it, if nothing had come; else they are told after the next look."""
        if quiet:
            for each in asked:
                each.set()
        else:
            with self._lock:
                self._settled += asked

    def _resume(self, selector: selectors.BaseSelector) -> None:
        for each in self.listener.sockets:
            selector.register(each, selectors.EVENT_READ)

    def _pause(self, selector: selectors.BaseSelector) -> None:
        for each in self.listener.sockets:
            selector.unregister(each)

    def _patience(self, paused_until: float | None) -> float | None:
        """Seconds that the loop may sleep: until the oldest silent connection is due, or the pause is over."""
        moments = [next(iter(self._silent.values())).deadline] if self._silent else []
        if paused_until is not None:
            moments.append(paused_until)
        return max(min(moments) - time.monotonic(), 0) if moments else None

    def _accept(self, listener: socket.socket, selector: selectors.BaseSelector) -> bool:
        """Take one waiting connection; False when the process has no descriptor left for it."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            return error.errno not in OUT_OF_DESCRIPTORS  # anything else: the client has gone again
        accepted.setblocking(False)
        with suppress(OSError):  # small answers leave at once; without it each waits 40 ms for an acknowledgement
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = str(Address(address[0], address[1]))
        self._silent[accepted] = Connection(accepted, peer, time.monotonic() + self.deadline)
        selector.register(accepted, selectors.EVENT_READ)
        return True

    def _first_byte(self, accepted: socket.socket, selector: selectors.BaseSelector, pool: ThreadPoolExecutor) -> None:
        selector.unregister(accepted)
        connection = self._silent.pop(accepted)
        try:
            said_something = accepted.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            said_something = False
        if said_something:
            accepted.setblocking(True)
            with self._lock:
                self._connections[id(connection)] = connection
                self._present[connection.port] += 1
            pool.submit(self._converse, connection)
        else:  # it closed without a word: a port scan, a health check
            accepted.close()

    def _converse(self, connection: Connection) -> None:
        port = connection.port  # while there is a socket to ask
        try:
            if not self._stopping:
                self.handle(connection)
        except Exception as bug:  # handlers answer for their peers' errors: this one is ours; say so, and go on serving
            threading.excepthook(
                threading.ExceptHookArgs((type(bug), bug, bug.__traceback__, threading.current_thread()))
            )
        finally:
            with self._lock:
                del self._connections[id(connection)]
                connection.socket.close()
                self._present[port] -= 1
                self._gone.notify_all()

    def _expire(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        while self._silent and (oldest := next(iter(self._silent.values()))).deadline <= now:
            selector.unregister(oldest.socket)
            del self._silent[oldest.socket]
            oldest.socket.close()
            self.on_silent(oldest.peer, self.deadline)

    def _cut(self) -> None:
        for connection in self._silent.values():
            connection.socket.close()
        with self._lock:
            for connection in self._connections.values():
                with suppress(OSError):
                    # The plain shutdown, below TLS: it wakes the thread that reads, whatever it is waiting for.
                    socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)


def allow_descriptors(wanted: int = 4096) -> None:
    """As many open sockets as that, where the system lets us: macOS starts with 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def drain(connected: socket.socket, seconds: float = 1.0, limit: int = 1 << 20) -> None:
    """End our direction and read away what the peer still sends, for a bounded time and amount.

    Closing a socket with unread bytes in it sends a reset, and a reset destroys what was just sent - the alert or the
    answer that should have told the peer why.
    """
    end = time.monotonic() + seconds
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_WR)
        while limit > 0 and (left := end - time.monotonic()) > 0:
            connected.settimeout(left)
            data = socket.socket.recv(connected, 1 << 16)  # below TLS: these bytes are for nobody
            if not data:
                break
            limit -= len(data)


def reset(connected: socket.socket) -> None:
    """Close it so that the peer sees a reset, not an end."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connected.close()


def below_tls(connected: socket.socket, data: bytes) -> None:
    """Send bytes as they are, past the TLS that wraps the socket: for a peer that does not speak it."""
    with suppress(OSError):
        socket.socket.sendall(connected, data)


@contextmanager
def until_signalled(server: Server) -> Iterator[None]:
    """SIGINT and SIGTERM stop the server while this lasts; only in the main thread.

    Once one has come, the process is ending, and further ones are ignored: they shall not change how it ends.
    """
    came: list[int] = []

    def on_signal(number: int, frame: object) -> None:
        came.append(number)
        server.stop()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    # A Python handler runs in the main thread only, which may be about to sleep; the byte on this descriptor wakes it.
    waker = signal.set_wakeup_fd(server.wakeup_fd, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(waker)
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_IGN if came else handler)
