"""`tlsdemo serve` held up by clients that are silent, slow or idle, by an unread pipe, by a disk that is full.

Falsehoods caught: idleness that costs a thread or delays the next client; a conversation without an end; a report that
blocks serving or stopping; a signal that cuts what was about to be finished.
"""

import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.peers.conftest import Serve
from tests.peers.support import DEADLINE, Live, live, live_rung, ours, trusting
from tests.tlsdemo.tls.test_connection import answer, client_hello, dialled
from tlsdemo import net
from tlsdemo.tls import client

MANY = 300  # more than the 256 threads of the server that this one replaced
SOON = 5.0  # seconds for the next handshake; a client that is held up waits longer, for a limit


def idle(server: Live, certs: Path, stack: ExitStack) -> None:
    context = trusting(certs)
    for _ in range(MANY):
        stack.enter_context(client.wrap(server.dial(), context, "localhost"))


def silent(server: Live, certs: Path, stack: ExitStack) -> None:
    for _ in range(MANY):
        stack.enter_context(server.dial())


def slow(server: Live, certs: Path, stack: ExitStack) -> None:
    """One byte each, again and again."""
    hello, done = client_hello(certs), threading.Event()
    held = [stack.enter_context(server.dial()) for _ in range(MANY)]

    def drip() -> None:
        for byte in hello:
            for each in held:
                with suppress(OSError):
                    each.send(bytes([byte]))
            if done.wait(0.5):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    stack.callback(thread.join)
    stack.callback(done.set)


Hold = Callable[[Live, Path, ExitStack], None]


@pytest.mark.parametrize("hold", [silent, slow, idle])
def test_three_hundred_clients_delay_no_other_client_and_take_no_thread(certs: Path, hold: Hold) -> None:
    with live(ours(certs)) as server, ExitStack() as stack:
        before = threading.active_count()
        hold(server, certs, stack)
        begin = time.monotonic()
        assert answer(server, certs) == "received:  still there?"
        assert time.monotonic() - begin < SOON
        assert threading.active_count() <= before + 1  # the one that drips


def test_three_hundred_idle_clients_of_a_rung_take_no_thread(certs: Path) -> None:
    with live_rung("plain", certs) as server, ExitStack() as stack:
        before = threading.active_count()
        for _ in range(MANY):
            stack.enter_context(server.dial()).sendall(b'{"type": ')
        begin = time.monotonic()
        with server.dial() as garbage:
            garbage.sendall(b"garbage\n")
            assert garbage.recv(1000)  # an alert
        assert time.monotonic() - begin < SOON
        assert threading.active_count() == before


def test_all_who_idled_are_answered_when_they_send(certs: Path) -> None:
    context = trusting(certs)
    with live(ours(certs)) as server, ExitStack() as stack:
        held = [stack.enter_context(client.wrap(server.dial(), context, "localhost")) for _ in range(50)]
        for number, each in enumerate(held):
            assert client.ask(each, f"number {number}").decode().startswith(f"received:  number {number}\n")


def test_a_middle_with_many_idle_conversations_forwards_the_next(certs: Path) -> None:
    with live(ours(certs)) as server, ExitStack() as stack, net.Tap(net.Address("127.0.0.1", server.port)) as tap:
        before = threading.active_count()
        for _ in range(MANY):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", tap.port), DEADLINE))
            held.sendall(b"\x16")
        with client.wrap(
            socket.create_connection(("127.0.0.1", tap.port), DEADLINE), trusting(certs), "localhost"
        ) as tls:
            assert client.ask(tls, "through").startswith(b"received:  through\n")
        assert threading.active_count() <= before + net.THREADS


# When the server is to stop -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_lets_a_conversation_finish(serve: Serve, certs: Path, number: signal.Signals) -> None:
    server = serve()
    with client.wrap(dialled(server), trusting(certs), "localhost") as tls, dialled(server) as silent_one:
        server.event("agreed")
        server.signal(number)
        assert silent_one.recv(1) == b""  # nothing was begun with this one
        with pytest.raises(OSError, match="refused"):
            dialled(server)
        assert client.ask(tls, "just in time").startswith(b"received:  just in time\n")
    assert server.wait() == 0
    assert server.event("closed")["ending"] == "answered"


def test_a_signal_does_not_wait_for_ever_and_says_what_it_cut(serve: Serve, certs: Path) -> None:
    server = serve()
    with client.wrap(dialled(server), trusting(certs), "localhost"):
        server.event("agreed")
        begin = time.monotonic()
        server.end()
        assert 2.5 < time.monotonic() - begin < DEADLINE
    assert server.event("refused")["reason"] == "the server stopped"


def test_a_second_signal_does_not_wait(serve: Serve, certs: Path) -> None:
    server = serve()
    with client.wrap(dialled(server), trusting(certs), "localhost") as tls:
        server.event("agreed")
        server.signal(signal.SIGTERM)
        while True:  # until the first one has come
            try:
                dialled(server).close()
            except OSError:
                break
        begin = time.monotonic()
        server.end(signal.SIGTERM)
        assert time.monotonic() - begin < 2.5
        with suppress(OSError):
            assert tls.recv(1) == b""


def test_sighup_ends_it(serve: Serve) -> None:
    server = serve()
    server.signal(signal.SIGHUP)
    assert server.wait() == -signal.SIGHUP


# A reader that does not read ------------------------------------------------------------------------------------------


@contextmanager
def unread(certs: Path, *options: str, together: bool = False) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A server whose stdout is a pipe that is read only as far as its first line; and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tlsdemo", "serve", "--certs", certs, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*map(str, command), *options], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE, bufsize=0,
    )  # fmt: skip
    try:
        assert process.stdout
        first = b""
        while not first.endswith(b"\n"):
            first += process.stdout.read(1)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def talk(port: int, context: ssl.SSLContext, count: int) -> None:
    for _ in range(count):
        plain = socket.create_connection(("127.0.0.1", port), DEADLINE)
        with client.wrap(plain, context, "localhost"):
            pass


@pytest.mark.parametrize("together", [False, True], ids=["stdout alone", "stderr too"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_unread_pipe_stops_neither_serving_nor_a_signal(certs: Path, number: int, together: bool) -> None:
    with unread(certs, together=together) as (process, port):
        talk(port, trusting(certs), 1100)  # over 2000 lines: a pipe has room for about 700, the queue for 1000
        process.send_signal(number)
        begin = time.monotonic()
        assert process.wait(DEADLINE) == 0
        assert time.monotonic() - begin < 5
        if not together:
            assert process.stderr
            assert b"lines dropped: " in process.stderr.read()


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
def test_what_was_dropped_is_counted_in_the_output(certs: Path, options: tuple[str, ...]) -> None:
    with unread(certs, *options) as (process, port):
        talk(port, trusting(certs), 1100)
        assert process.stdout
        output = b""
        mark = b'"event": "dropped"' if options else b" lines dropped: "
        next_one = b"agreed" if options else b"connected with"
        end = time.monotonic() + DEADLINE
        while mark not in output:
            assert time.monotonic() < end
            output += process.stdout.read(1 << 16)
        talk(port, trusting(certs), 1)  # and it goes on
        after = output.partition(mark)[2]
        while next_one not in after:
            assert time.monotonic() < end
            after += process.stdout.read(1 << 16)


# A key log that cannot be written -------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit of another process can be set on Linux alone")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda each: each.name)
def test_a_key_log_on_a_full_disk_is_said_once_and_serving_goes_on(
    serve: Serve, certs: Path, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    keylog = tmp_path / "keys.log"
    server = serve("--keylog", keylog)
    context = trusting(certs)
    context.maximum_version = version
    with client.wrap(dialled(server), context, "localhost") as tls:
        assert client.ask(tls, "first").startswith(b"received:  first\n")
    full = keylog.stat().st_size
    assert full > 100
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (full, full))  # no file may grow beyond that
    for _ in range(3):
        with client.wrap(dialled(server), context, "localhost") as tls:
            assert client.ask(tls, "again").startswith(b"received:  again\n")
    server.event("closed", 4)
    server.wait_for("^note: the key log .*keys.log can no longer be written; the server continues without it", "err")
    server.end()
    assert sum("key log" in line for line in server.err) == 1


# Limits of the process ------------------------------------------------------------------------------------------------


def test_the_soft_limit_of_descriptors_is_raised(serve: Serve) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    server = serve(prefix=("prlimit", f"--nofile=128:{hard}"))
    soft, _ = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    assert soft == min(hard, 16384)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())  # a lab of another file's tests may have its own
    yield
    assert set(threading.enumerate()) <= before
