"""`--capture` and `--explain` of `serve` and `connect`: the bytes of each connection, and its keys. EDGE.

OpenSSL, or our own TLS --> key log in a temporary folder --.
the connection ---------> net.Recorded ------------------> captures.write -> FILE,  explain -> lines
"""

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pki.console import note, remark
from pki.store.output import Output, prepare_to_append, written
from tlsdemo import net
from tlsdemo.cli.explaining import explained, style
from tlsdemo.cli.protocol_options import TLS, TLS13
from tlsdemo.cli.serve_options import ServeOptions
from tlsdemo.cli.target import ConnectOptions, Target
from tlsdemo.explain import text
from tlsdemo.explain.failure import Trust
from tlsdemo.protocol import Side
from tlsdemo.wire import captures, first_flight, key_log
from tlsdemo.wire.captures import Chunk, Connection, Place
from tlsdemo.wire.key_log import KeyLog
from tlsdemo.wire.records import SENDERS

LAST_WORDS = 6.0  # seconds to wait for the end of connections that are recorded


class Keys:
    """A key log for the connections of this process, in a file that only this user can read."""

    def __init__(self, also: Path | None = None) -> None:
        """`also` is a key log to which everything is copied."""
        self._folder = tempfile.TemporaryDirectory(prefix="tlsdemo-")  # mode 0700
        self.path = Path(self._folder.name) / "keys"
        self._also = also
        self._read = 0
        self._waiting: dict[bytes, list[str]] = {}
        self._lock = threading.Lock()

    def log(self, label: str, client_random: bytes, secret: bytes) -> None:
        """Add a secret of our own TLS. OpenSSL writes to `path` itself; neither fails if the disk is full."""
        with suppress(OSError):
            _append(self.path, f"{key_log.line(label, client_random, secret)}\n".encode())

    def take(self, client_random: bytes) -> str:
        """The lines of one connection; they are not returned again."""
        with self._lock:
            self._read_more()
            return "".join(f"{line}\n" for line in self._waiting.pop(client_random, ()))

    def _read_more(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]  # the last line may not be complete
        self._read += len(new)
        if self._also and new:
            try:
                _append(self._also, new)
            except OSError as error:
                note(f"the key log {self._also} cannot be written ({error.strerror}); the program continues without it")
                self._also = None
        for client_random, secrets in key_log.parse(new.decode("ascii", "replace")).secrets.items():
            lines = [key_log.line(label, client_random, secret) for label, secret in secrets.items()]
            self._waiting.setdefault(client_random, []).extend(lines)

    def close(self) -> None:
        """Remove the file."""
        with self._lock:
            self._read_more()
        self._folder.cleanup()


def _append(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


class CaptureFile:
    """A pcapng file that grows by a section for each connection, with its keys. Wireshark decrypts it."""

    def __init__(self, path: Path) -> None:
        """Create the file with mode 0600 if it is missing. Raises Problem if it must not be appended to."""
        self.path = path
        prepare_to_append(Output(path, "--capture", _is_capture, what="the capture "))
        self._lock = threading.Lock()
        self._is_lost = False

    def tell(self, *, has_keys: bool) -> None:
        """Print where the connection is."""
        if not self._is_lost:
            remark(written(self.path, "keys of the connection" if has_keys else ""))

    def add(self, connection: Connection, keys: str) -> None:
        """Append a connection that is over."""
        with self._lock:
            try:
                _append(self.path, captures.write([connection], keys))
            except OSError as error:
                if not self._is_lost:
                    self._is_lost = True
                    fact = f"the capture {self.path} cannot be written ({error.strerror})"
                    note(f"{fact}; the program continues without it")


def _is_capture(data: bytes) -> bool:
    return not data or data.startswith(captures.PCAPNG)


@dataclass(frozen=True)
class Over:
    """A connection that is over, with its keys."""

    connection: Connection
    keys: str

    @property
    def key_log(self) -> KeyLog:
        """The keys."""
        return key_log.parse(self.keys)


class Recorder:
    """Records the connections of a command."""

    def __init__(self, side: Side, keys: Keys, capture: CaptureFile | None, on_over: Callable[[Over], None]) -> None:
        self.keys = keys
        self._side, self._capture, self._on_over = side, capture, on_over
        self._begun: list[net.Recorded] = []

    def begin(self, connected: net.Socket) -> net.Recorded:
        """Record a connection. Use the `socket` of the result in place of `connected`, and `close` it at the end."""
        mine, peer = (Place(*name[:2]) for name in (connected.getsockname(), connected.getpeername()))
        client, server = (mine, peer) if self._side is Side.CLIENT else (peer, mine)
        recorded = net.Recorded(connected, self._side, lambda passed: self._over(client, server, passed))
        self._begun = [each for each in self._begun if each.is_open] + [recorded]
        return recorded

    @contextmanager
    def recorded(self, connection: net.Connection) -> Iterator[None]:
        """Record a connection of the accept loop while its handler runs."""
        try:
            recorded = self.begin(connection.socket)
        except OSError:  # the client has reset the connection already
            yield
            return
        connection.socket = recorded.socket
        connection.socket.setblocking(False)
        try:
            yield
        finally:
            connection.socket.close()  # also if TLS has wrapped it
            recorded.close()

    def _over(self, client: Place, server: Place, passed: Sequence[net.Passed]) -> None:
        chunks = tuple(Chunk(SENDERS[each.sender], each.data, each.time) for each in passed)
        client_random = first_flight.client_random(_beginning(passed))
        keys = self.keys.take(client_random) if client_random else ""
        connection = Connection(client, server, chunks, has_beginning=True)
        if self._capture:
            self._capture.add(connection, keys)
        self._on_over(Over(connection, keys))

    def finish(self) -> None:
        """Wait for connections that are about to end, and remove the keys."""
        for each in self._begun:
            each.close()
            each.join(LAST_WORDS)
        self.keys.close()


LONGEST_HELLO = 1 << 17  # bytes, with the headers of its records


def _beginning(passed: Sequence[net.Passed]) -> bytes:
    """The first bytes of the client, with its ClientHello."""
    hello = bytearray()
    for each in passed:
        if each.sender is Side.CLIENT:
            hello += each.data
        if len(hello) >= LONGEST_HELLO:
            break
    return bytes(hello)


@contextmanager
def recording(settings: ConnectOptions, target: Target) -> Iterator[Recorder]:
    """Records the connection of a client, for --capture and --explain.

    At the end, prints the explanation of TLS to stderr. The educational handshake is explained while it runs.
    """
    explains = settings.explain and settings.protocol in (TLS, TLS13)
    file, over = CaptureFile(settings.capture) if settings.capture else None, list[Over]()
    recorder = Recorder(Side.CLIENT, Keys(settings.keylog), file, over.append)
    try:
        yield recorder
    finally:
        recorder.finish()
        for each in over if explains else ():
            trust = Trust(target.anchors, target.crls, target.name) if target.anchors else None
            for line in text.lines(explained(each.connection, each.key_log, trust, side="client"), style(sys.stderr)):
                remark(line)
        if file and over:
            file.tell(has_keys=bool(over[0].keys))


def of_server(settings: ServeOptions, say: Callable[..., None] | None) -> Recorder:
    """A recorder for the connections of a server. Each is explained with `say`, all lines in one call."""
    wide = style(sys.stdout)

    def on_over(over: Over) -> None:
        if say:
            say(*text.lines(explained(over.connection, over.key_log, None, side="server"), wide), "")

    file = CaptureFile(settings.capture) if settings.capture else None
    return Recorder(Side.SERVER, Keys(settings.keylog), file, on_over)
