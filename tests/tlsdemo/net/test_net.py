"""Listeners, the accept loop, deadlines: with handlers that know no TLS."""

import errno
import gc
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

import pytest

from pki.errors import Problem
from pki.publish import accept
from tests.peers.support import DEADLINE, PROMPT, reset
from tlsdemo import net
from tlsdemo.protocol import Side


@contextmanager
def running(server: net.AcceptLoop) -> Iterator[int]:
    """The port, while the server runs; stop() from this thread must end and join it."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.listener.port
    finally:
        server.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()


async def echo(connection: net.Connection) -> None:
    """Answer the first bytes with themselves."""
    await connection.send(await connection.receive(100))


def ask(port: int, text: bytes = b"hello") -> bytes:
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as connected:
        connected.sendall(text)
        return connected.recv(100)


# Addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("shop.example:8443", "shop.example", 8443),
        ("shop.example", "shop.example", 4433),
        (":8443", "localhost", 8443),
        ("", "localhost", 4433),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("[::1]:65535", "::1", 65535),
        ("[::1]", "::1", 4433),
        ("::1", "::1", 4433),
        ("shop.example:", "shop.example", 4433),
    ],
)
def test_an_address_is_understood(text: str, host: str, port: int) -> None:
    assert net.parse_address(text, "localhost", 4433) == net.Address(host, port)


@pytest.mark.parametrize(
    "text", ["h:0", "h:65536", "h:http", "h:-1", "h:+1", "h: 1", "h:１", "h:1_0", "[::1", "[::1]x", "[::1]:x"]
)
def test_nonsense_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        net.parse_address(text, "localhost", 4433)


@pytest.mark.parametrize("address", [net.Address("::1", 5), net.Address("127.0.0.1", 5), net.Address("h", 5)], ids=str)
def test_an_address_is_written_as_it_is_read(address: net.Address) -> None:
    assert net.parse_address(str(address), "", 1) == address


# Listening ----------------------------------------------------------------------------------------------------------


def test_both_loopbacks_share_one_port() -> None:
    listener = net.listen()
    try:
        assert {each.getsockname()[:2] for each in listener.sockets} == {
            ("127.0.0.1", listener.port),
            ("::1", listener.port),
        }
        assert listener.without == ()
    finally:
        listener.close()


def test_a_conversation_works_on_each_loopback() -> None:
    with running(net.AcceptLoop(net.listen(), echo)) as port:
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port), DEADLINE) as connected:
                connected.sendall(host.encode())
                assert connected.recv(100) == host.encode()


def test_without_ipv6_the_other_loopback_serves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from tlsdemo.net import address

    bind = accept.bind

    def without_ipv6(host: str, port: int) -> socket.socket:
        if ":" in host:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return bind(host, port)

    monkeypatch.setattr(address, "bind", without_ipv6)
    listener = net.listen()
    listener.close()
    assert listener.without == ("::1",)
    assert len(listener.sockets) == 1


def test_a_port_in_use_is_a_problem_with_a_hint_and_leaves_nothing_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Problem) as problem:
            net.listen(port=port)
        assert "Address already in use" in str(problem.value)
        assert "another port with --port (--port 0: a free one)" in str(problem.value)
        with socket.create_server(("::1", port), family=socket.AF_INET6), pytest.raises(Problem, match="cannot listen"):
            net.listen(port=port)


def test_a_port_that_is_taken_on_the_other_loopback_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    from tlsdemo.net import address

    bind, failures = accept.bind, iter([False, True])  # 127.0.0.1 binds, ::1 does not: then all again

    def unlucky_once(host: str, port: int) -> socket.socket:
        if next(failures, False):
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return bind(host, port)

    monkeypatch.setattr(address, "bind", unlucky_once)
    listener = net.listen()
    listener.close()
    assert len(listener.sockets) == 2


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_a_problem(host: str) -> None:
    with pytest.raises(Problem, match="cannot listen"):
        net.listen((host,))


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
def test_what_cannot_be_a_host_is_a_problem(host: str) -> None:
    with pytest.raises(Problem, match="is not a host"):
        net.listen((host,))


def test_a_closed_port_and_unknown_hosts_are_problems() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Problem, match="cannot connect") as problem:
        net.dial(net.Address("127.0.0.1", port))
    assert "`tlsdemo serve`" in str(problem.value)
    for host in ("no-such-host.invalid", "a..b", "x" * 70):
        with pytest.raises(Problem, match="host not found"):
            net.dial(net.Address(host, 1))


# The accept loop ----------------------------------------------------------------------------------------------------


def test_stop_from_another_thread_ends_run_in_the_middle_of_a_conversation() -> None:
    talking = threading.Event()

    async def listen_for_ever(connection: net.Connection) -> None:
        talking.set()
        while await connection.receive(100):
            pass

    server = net.AcceptLoop(net.listen(("127.0.0.1",)), listen_for_ever)
    with running(server) as port:
        talker = socket.create_connection(("127.0.0.1", port), DEADLINE)
        silent = socket.create_connection(("127.0.0.1", port), DEADLINE)
        talker.sendall(b"x")
        assert talking.wait(DEADLINE)
    with talker, silent:
        for connected in (talker, silent):
            with suppress(ConnectionResetError):
                assert connected.recv(100) == b""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), DEADLINE)


def test_stop_before_run_and_twice_is_no_matter() -> None:
    server = net.AcceptLoop(net.listen(("127.0.0.1",)), echo)
    server.stop()
    server.stop()
    server.run()
    server.stop()


def test_work_in_a_thread_is_waited_for_by_stop_and_every_socket_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[object] = []  # sockets that are closed by the garbage collector alone: a ResourceWarning
    monkeypatch.setattr(sys, "unraisablehook", lambda found: forgotten.append(str(found.exc_value)))
    held, let_go = threading.Event(), threading.Event()

    def block() -> bool:
        held.set()
        return let_go.wait(DEADLINE)

    async def hold(connection: net.Connection) -> None:
        await net.in_thread(block)

    server = net.AcceptLoop(net.listen(("127.0.0.1",)), hold)
    thread = threading.Thread(target=server.run)
    thread.start()
    connected = [socket.create_connection(("127.0.0.1", server.listener.port), DEADLINE) for _ in range(30)]
    for each in connected:
        each.sendall(b"x")
    assert held.wait(DEADLINE)
    server.stop()
    for each in connected:
        with each, suppress(ConnectionResetError):
            assert each.recv(1) == b""  # cut, although its work is not done
    let_go.set()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    gc.collect()
    assert forgotten == []


def test_a_signal_ends_the_loop_even_when_its_c_handler_ran_outside_of_the_loops_system_call() -> None:
    # Python runs a handler only between bytecodes of the main thread. A signal that falls between the last bytecode
    # and epoll_wait - wide open while another thread wants the GIL - is noticed only at the next event, if ever.
    # Sending it to another thread does the same to the loop, and every time; signal.set_wakeup_fd is the way out.
    server, lost = net.AcceptLoop(net.listen(("127.0.0.1",)), echo), threading.Event()

    def interrupt() -> None:
        assert ask(server.listener.port) == b"hello"  # the loop is up, and waits again
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        if not ended.wait(PROMPT):
            lost.set()
            server.stop()  # lets the test end

    ended, thread = threading.Event(), threading.Thread(target=interrupt)
    with net.until_signalled(server):
        thread.start()
        server.run()
        ended.set()
    thread.join(DEADLINE)
    assert not lost.is_set()


def test_a_handler_with_a_bug_is_told_and_the_server_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told: queue.Queue[threading.ExceptHookArgs] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", told.put)

    async def broken(connection: net.Connection) -> None:
        if await connection.receive(100) == b"bug":
            raise ZeroDivisionError
        await connection.send(b"fine")

    with running(net.AcceptLoop(net.listen(("127.0.0.1",)), broken)) as port:
        assert ask(port, b"bug") == b""
        assert told.get(timeout=DEADLINE).exc_type is ZeroDivisionError
        assert ask(port) == b"fine"


def test_whoever_leaves_without_a_word_takes_no_thread_and_is_no_conversation() -> None:
    handled: list[net.Connection] = []

    async def remember(connection: net.Connection) -> None:
        handled.append(connection)
        await echo(connection)

    with running(net.AcceptLoop(net.listen(("127.0.0.1",)), remember)) as port:
        for _ in range(20):
            socket.create_connection(("127.0.0.1", port), DEADLINE).close()
            reset(socket.create_connection(("127.0.0.1", port), DEADLINE))
        assert ask(port) == b"hello"
        assert len(handled) == 1


def test_silent_connections_are_closed_at_the_deadline_and_told() -> None:
    told: queue.Queue[tuple[str, float]] = queue.Queue()

    def on_silent(connection: net.Connection, seconds: float) -> None:
        told.put((connection.peer, seconds))

    server = net.AcceptLoop(net.listen(("127.0.0.1",)), echo, on_silent, deadline=0.3)
    with running(server) as port:
        silent = [socket.create_connection(("127.0.0.1", port), DEADLINE) for _ in range(200)]
        peers = {f"127.0.0.1:{each.getsockname()[1]}" for each in silent}
        assert {told.get(timeout=DEADLINE)[0] for _ in silent} == peers
        for each in silent:
            with each:
                assert each.recv(1) == b""


def test_two_hundred_silent_connections_do_not_hold_up_a_good_one() -> None:
    with running(net.AcceptLoop(net.listen(("127.0.0.1",)), echo, deadline=DEADLINE)) as port:
        silent = [socket.create_connection(("127.0.0.1", port), DEADLINE) for _ in range(200)]
        assert ask(port) == b"hello"
        for each in silent:
            with each:
                each.setblocking(False)
                with pytest.raises(BlockingIOError):  # neither end of file nor reset: still open
                    each.recv(1)


def test_silent_connections_take_no_thread() -> None:
    with running(net.AcceptLoop(net.listen(("127.0.0.1",)), echo, deadline=DEADLINE)) as port:
        assert ask(port) == b"hello"
        before = threading.active_count()
        silent = [socket.create_connection(("127.0.0.1", port), DEADLINE) for _ in range(50)]
        assert ask(port) == b"hello"
        assert threading.active_count() <= before + 1  # ask() may have started one more of the pool
        for each in silent:
            each.close()


class Exhausted(socket.socket):
    """A listener that has no descriptors for a while."""

    left = 3

    def accept(self) -> tuple[socket.socket, object]:
        if type(self).left > 0:
            type(self).left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_without_descriptors_the_loop_pauses_and_then_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = net.listen(("127.0.0.1",))
    plain = listener.sockets[0]
    exhausted = Exhausted(fileno=plain.detach())
    moments: list[float] = []
    monkeypatch.setattr(Exhausted, "left", 3)
    server = net.AcceptLoop(net.Listener((exhausted,), listener.port), echo)
    pause = server._pause

    def note() -> None:
        moments.append(time.monotonic())
        pause()

    monkeypatch.setattr(server, "_pause", note)
    with running(server) as port:
        assert ask(port) == b"hello"
    assert len(moments) == 3
    assert all(later - earlier >= 0.19 for earlier, later in pairwise(moments))


# The tap ------------------------------------------------------------------------------------------------------------


def test_the_tap_keeps_every_byte_of_both_sides_in_order() -> None:
    with (
        running(net.AcceptLoop(net.listen(("127.0.0.1",)), echo)) as port,
        net.Tap(net.Address("127.0.0.1", port)) as tap,
    ):
        assert ask(tap.port, b"ping") == b"ping"
    assert [(flight.sender, flight.data) for flight in tap.tape] == [(Side.CLIENT, b"ping"), (Side.SERVER, b"ping")]
    assert tap.bytes_from(Side.CLIENT) == tap.bytes_from(Side.SERVER) == b"ping"


def test_the_tap_ends_although_the_server_behind_it_never_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        tap = net.Tap(net.Address("127.0.0.1", upstream.getsockname()[1]))
        tap.__enter__()
        with socket.create_connection(("127.0.0.1", tap.port), DEADLINE) as connected:
            connected.sendall(b"x")
            accepted, _ = upstream.accept()
            assert accepted.recv(1) == b"x"
            leaving = threading.Thread(target=tap.__exit__)
            leaving.start()
            leaving.join(PROMPT)
            hangs = leaving.is_alive()
            accepted.close()
            leaving.join(DEADLINE)
        assert not hangs, "Tap.__exit__ waits for the server behind it"


# Waiting until those who came are gone --------------------------------------------------------------------------------
# Falsehoods caught: nobody is there any more, although somebody waits for a thread or talks; and a wait for nobody.


@contextmanager
def holding() -> Iterator[tuple[net.AcceptLoop, threading.Semaphore, list[bytes]]]:
    """A server whose handlers, once they have heard somebody, go on when they are let; and whom they have heard."""
    let_go, heard = threading.Semaphore(0), list[bytes]()

    async def hold(connection: net.Connection) -> None:
        said = await connection.receive(100)
        assert await net.in_thread(lambda: let_go.acquire(timeout=DEADLINE))
        heard.append(said)

    server = net.AcceptLoop(net.listen(("127.0.0.1",)), hold)
    with running(server):
        try:
            yield server, let_go, heard
        finally:
            let_go.release(1000)


def say(server: net.AcceptLoop, text: bytes) -> socket.socket:
    connected = socket.create_connection(("127.0.0.1", server.listener.port), DEADLINE)
    connected.sendall(text)
    return connected


def seconds_to_settle(server: net.AcceptLoop, limit: float, *ports: int) -> float:
    begin = time.monotonic()
    server.settle(limit, *ports)
    return time.monotonic() - begin


def test_a_running_handler_is_waited_for() -> None:
    with holding() as (server, let_go, heard):
        for number in range(50):
            say(server, b"%d" % number).close()  # it is gone before anybody has looked
            threading.Timer(0.01, let_go.release).start()
            server.settle(DEADLINE, server.listener.port)
            assert len(heard) == number + 1


def test_all_who_have_come_are_waited_for() -> None:
    with holding() as (server, let_go, heard), say(server, b"first"), say(server, b"second"):
        threading.Timer(0.1, let_go.release).start()
        threading.Timer(0.3, let_go.release).start()
        server.settle(DEADLINE, server.listener.port)
        assert sorted(heard) == [b"first", b"second"]


def test_who_stays_is_waited_for_so_long_and_no_longer() -> None:
    with holding() as (server, _, heard), say(server, b"x"):
        assert 0.2 <= seconds_to_settle(server, 0.2, server.listener.port) < PROMPT
        assert heard == []


def test_without_connections_waiting_ends_immediately() -> None:
    with holding() as (server, _, _):
        assert seconds_to_settle(server, DEADLINE, server.listener.port) < PROMPT
        with say(server, b"x"), socket.create_connection(("127.0.0.1", server.listener.port), DEADLINE):
            assert seconds_to_settle(server, DEADLINE, server.listener.port + 1) < PROMPT


def test_the_silent_are_not_waited_for() -> None:
    with (
        running(server := net.AcceptLoop(net.listen(("127.0.0.1",)), echo)) as port,
        socket.create_connection(("127.0.0.1", port), DEADLINE),
    ):
        assert seconds_to_settle(server, DEADLINE, port) < PROMPT


def test_a_handler_that_closes_or_resets_by_itself_or_has_a_bug_is_gone_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: queue.Queue[threading.ExceptHookArgs] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", told.put)

    def close(connection: net.Connection) -> None:
        connection.socket.close()

    def fail(connection: net.Connection) -> None:
        raise ZeroDivisionError

    deeds: Iterator[Callable[[net.Connection], None]] = iter([net.Connection.reset, close, fail])

    async def act(connection: net.Connection) -> None:
        next(deeds)(connection)

    with running(server := net.AcceptLoop(net.listen(("127.0.0.1",)), act)) as port:
        for _ in range(3):
            with say(server, b"x"):
                assert seconds_to_settle(server, DEADLINE, port) < PROMPT
    assert told.get(timeout=DEADLINE).exc_type is ZeroDivisionError


def test_a_server_that_has_ended_has_no_connections() -> None:
    with holding() as (server, _, _):
        say(server, b"x").close()
    assert seconds_to_settle(server, DEADLINE, server.listener.port) < PROMPT


def test_stop_lets_go_of_who_waits() -> None:
    with holding() as (server, let_go, _), say(server, b"first"), say(server, b"second"):
        threading.Timer(0.1, server.stop).start()
        threading.Timer(0.2, let_go.release).start()
        assert seconds_to_settle(server, DEADLINE, server.listener.port) < PROMPT


def test_who_cannot_be_accepted_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = net.listen(("127.0.0.1",))
    monkeypatch.setattr(Exhausted, "left", 1)
    exhausted = Exhausted(fileno=listener.sockets[0].detach())
    heard: list[bytes] = []

    async def hear(connection: net.Connection) -> None:
        heard.append(await connection.receive(100))

    server = net.AcceptLoop(net.Listener((exhausted,), listener.port), hear)
    with running(server) as port, say(server, b"x"):
        server.settle(DEADLINE, port)
        assert heard == [b"x"]
