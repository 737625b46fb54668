"""net.Middle: a live line with somebody on it. Nothing is lost, nothing piles up, nobody is kept waiting.

That a Tap keeps what passes, and ends, is in test_net.
"""

import hashlib
import queue
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from pki.errors import Problem
from tests.peers.support import DEADLINE, PROMPT, reset
from tlsdemo import net
from tlsdemo.net.relay import AHEAD
from tlsdemo.protocol import Attacker, Flight, Relay, Side

MEGABYTE = 1 << 20
MUCH = 8 * MEGABYTE
CHUNK = 1 << 16
LIMIT = 64 * MEGABYTE
"""More than all buffers of the kernel on the way take: if so much is accepted, somebody keeps it."""
MOMENT = 0.3  # seconds in which nothing is to happen

End = tuple[str, Attacker, Problem | None]


@dataclass
class RunningRelay:
    """A Middle on a thread, and how its conversations ended. Never is one told twice."""

    upstream: net.Address
    on_line: Callable[[str], Attacker] = lambda peer: Relay()
    ends: "queue.Queue[End]" = field(default_factory=queue.Queue)
    told: list[Attacker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.middle = net.Middle(self.upstream, net.listen(("127.0.0.1",)), self.on_line, self._on_end)
        self.thread = threading.Thread(target=self.middle.run)

    def _on_end(self, peer: str, attacker: Attacker, problem: Problem | None) -> None:
        self.told.append(attacker)
        self.ends.put((peer, attacker, problem))

    def __enter__(self) -> "RunningRelay":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.middle.stop()
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive(), "stop() did not end run()"
        assert len({id(attacker) for attacker in self.told}) == len(self.told), "on_end was called twice"

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.middle.listener.port), DEADLINE)

    def end(self) -> End:
        """How a conversation ended, as soon as that is told."""
        return self.ends.get(timeout=DEADLINE)


Conversation = tuple[RunningRelay, socket.socket, socket.socket]


@contextmanager
def line(on_line: Callable[[str], Attacker] = lambda peer: Relay()) -> Iterator[Conversation]:
    """One conversation, begun by the client with a byte: both sockets of it, the middle in between."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        with (
            RunningRelay(net.Address("127.0.0.1", listener.getsockname()[1]), on_line) as relay,
            relay.dial() as client,
        ):
            client.sendall(b"!")
            server, _ = listener.accept()
            server.settimeout(DEADLINE)
            with server:
                yield relay, client, server


def begun(client: socket.socket, server: socket.socket) -> None:
    """The first byte, there and back: the middle has both ends in its hands."""
    assert server.recv(1) == b"!"
    server.sendall(b"?")
    assert client.recv(1) == b"?"


def read_all(connected: socket.socket) -> bytes:
    return b"".join(iter(lambda: connected.recv(1 << 16), b""))


def in_background(act: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        with suppress(OSError):  # the other end is gone: the test is over, or about that
            act()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def read_exactly(connected: socket.socket, wanted: int) -> bytes:
    data = bytearray()
    while len(data) < wanted and (more := connected.recv(1 << 16)):
        data += more
    return bytes(data)


def stuffed(connected: socket.socket) -> int:
    """Send until nothing more is accepted for a while; how many bytes that were."""
    connected.settimeout(MOMENT)
    sent = 0
    with suppress(TimeoutError):
        while sent < LIMIT:
            sent += connected.send(bytes(1 << 16))
    connected.settimeout(DEADLINE)
    return sent


# An honest line -----------------------------------------------------------------------------------------------------


async def echo(connection: net.Connection) -> None:
    with suppress(OSError):
        while data := await connection.receive(1 << 16):
            await connection.send(data)


@contextmanager
def echoing() -> Iterator[net.Address]:
    server = net.AcceptLoop(net.listen(("127.0.0.1",)), echo)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield net.Address("127.0.0.1", server.listener.port)
    finally:
        server.stop()
        thread.join(DEADLINE)


def echoed(client: socket.socket, data: bytes, ahead: int) -> bytes:
    """Say it, never more than so many bytes ahead of what came back; what came back, to the end."""
    may_send = threading.Semaphore(ahead // CHUNK)

    def speak() -> None:
        for start in range(0, len(data), CHUNK):
            assert may_send.acquire(timeout=DEADLINE)
            client.sendall(data[start : start + CHUNK])
        client.shutdown(socket.SHUT_WR)

    speaker, heard = in_background(speak), bytearray()
    try:
        while more := client.recv(CHUNK):
            for _ in range((len(heard) + len(more)) // CHUNK - len(heard) // CHUNK):
                may_send.release()
            heard += more
    finally:
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        speaker.join(DEADLINE)
    return bytes(heard)


def small_buffers(relay: RunningRelay) -> RunningRelay:
    """What is sent to the client is often taken in part only."""
    for each in relay.middle.listener.sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 15)
    return relay


def test_megabytes_pass_both_ways_at_once_and_no_byte_is_lost_or_moved() -> None:
    data = random.Random(3).randbytes(MUCH)
    with echoing() as upstream, small_buffers(RunningRelay(upstream)) as relay, relay.dial() as client:
        came_back = echoed(client, data, ahead=AHEAD // 2)
        assert hashlib.sha256(came_back).digest() == hashlib.sha256(data).digest()
        assert relay.end()[2] is None


def test_a_client_that_has_said_all_is_still_answered() -> None:
    with line() as (relay, client, server):
        client.sendall(b"is that all?")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"!is that all?"
        server.sendall(b"it is")
        server.close()
        assert read_all(client) == b"it is"
        assert relay.end()[2] is None


def test_a_server_that_has_said_all_still_hears() -> None:
    with line() as (relay, client, server):
        begun(client, server)
        server.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        client.sendall(b"and another thing")
        client.close()
        assert read_all(server) == b"and another thing"
        assert relay.end()[2] is None


# Attackers ----------------------------------------------------------------------------------------------------------


class Remembers(Relay):
    """Remembers who his client is, and what it said."""

    def __init__(self, peer: str) -> None:
        self.peer, self.heard = peer, b""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        if flight.sender is Side.CLIENT:
            self.heard += flight.data
        return [(flight.sender.other, flight.data)]


def test_ten_conversations_at_once_have_an_attacker_each() -> None:
    with echoing() as upstream, RunningRelay(upstream, Remembers) as relay, ExitStack() as stack:
        clients = [stack.enter_context(relay.dial()) for _ in range(10)]
        for part in (b"I am ", b"%d"):
            for number, client in enumerate(clients):
                client.sendall(part.replace(b"%d", str(number).encode()))
                assert client.recv(100)
        wanted = {f"127.0.0.1:{client.getsockname()[1]}": f"I am {number}" for number, client in enumerate(clients)}
        for client in clients:
            client.close()
        told = [relay.ends.get(timeout=DEADLINE) for _ in clients]
        heard = {peer: attacker.heard.decode() for peer, attacker, _ in told if isinstance(attacker, Remembers)}
        assert heard == wanted
        assert all(isinstance(attacker, Remembers) and attacker.peer == peer for peer, attacker, _ in told)


class SendsBack(Relay):
    """Whoever says something hears it himself; the other side hears nothing."""

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        return [(flight.sender, flight.data)]


def test_he_can_send_back_what_was_said_and_keep_it_from_the_other_side() -> None:
    with line(lambda peer: SendsBack()) as (_, client, server):
        assert client.recv(1) == b"!"
        server.sendall(b"anybody?")
        assert server.recv(100) == b"anybody?"
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b""


class KeepsTheEnd(Relay):
    """Nobody learns that the other side has hung up."""

    def on_eof(self, sender: Side) -> Iterable[Side]:
        return []


def test_he_can_keep_the_end_of_the_line_to_himself() -> None:
    with line(lambda peer: KeepsTheEnd()) as (relay, client, server):
        begun(client, server)
        client.shutdown(socket.SHUT_WR)
        server.sendall(b"still there?")
        assert client.recv(100) == b"still there?"
        server.settimeout(MOMENT)
        with pytest.raises(TimeoutError):
            server.recv(1)
        server.close()
        assert relay.end()[2] is None


@dataclass
class Stumbles(Relay):
    """He makes a mistake in his first conversation, and none in those after it."""

    mistake: Exception | None

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        if self.mistake:
            raise self.mistake
        return super().on_data(flight)


def stumbling(mistake: Exception) -> Callable[[str], Attacker]:
    mistakes = iter([mistake])
    return lambda peer: Stumbles(next(mistakes, None))


@pytest.fixture
def bugs(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[threading.ExceptHookArgs]":
    """What would be printed as a traceback of a thread."""
    told: queue.Queue[threading.ExceptHookArgs] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", told.put)
    return told


def test_an_attacker_that_raises_ends_its_conversation_and_not_the_relay(
    bugs: "queue.Queue[threading.ExceptHookArgs]",
) -> None:
    with echoing() as upstream, RunningRelay(upstream, stumbling(ZeroDivisionError())) as relay:
        with relay.dial() as client:
            client.sendall(b"x")
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
        assert bugs.get(timeout=DEADLINE).exc_type is ZeroDivisionError
        with relay.dial() as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"


def test_the_end_of_a_conversation_is_told_although_the_attacker_stumbled(
    bugs: "queue.Queue[threading.ExceptHookArgs]",
) -> None:
    given = stumbling(ZeroDivisionError())
    with echoing() as upstream, RunningRelay(upstream, given) as relay, relay.dial() as client:
        client.sendall(b"x")
        bugs.get(timeout=DEADLINE)
        assert relay.ends.get(timeout=DEADLINE)


def test_an_attackers_own_oserror_is_not_taken_for_a_reset_by_the_peer(
    bugs: "queue.Queue[threading.ExceptHookArgs]",
) -> None:
    given = stumbling(OSError(28, "No space left on device"))
    with echoing() as upstream, RunningRelay(upstream, given) as relay, relay.dial() as client:
        client.sendall(b"x")
        assert bugs.get(timeout=DEADLINE).exc_type is OSError


# How it ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", Side, ids=lambda side: side.value)
def test_a_reset_ends_the_conversation_and_is_told_once(who: Side) -> None:
    with line() as (relay, client, server):
        begun(client, server)
        gone, left = (client, server) if who is Side.CLIENT else (server, client)
        reset(gone)
        with suppress(ConnectionResetError):
            assert left.recv(1) == b""
        left.close()
        peer, attacker, problem = relay.end()
        assert isinstance(attacker, Relay)
        assert problem is None
        assert peer.startswith("127.0.0.1:")


@pytest.mark.parametrize("who", Side, ids=lambda side: side.value)
def test_who_only_speaks_is_cut_off_when_the_other_side_has_reset_the_line(who: Side) -> None:
    with line() as (_, client, server):
        begun(client, server)
        gone, speaker = (client, server) if who is Side.CLIENT else (server, client)
        reset(gone)
        with pytest.raises(ConnectionError):
            for _ in range(2 * LIMIT >> 16):
                speaker.sendall(bytes(1 << 16))


def test_a_server_that_is_not_there_is_a_problem_and_the_client_is_let_go() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = net.Address("127.0.0.1", closed.getsockname()[1])
    with RunningRelay(nowhere) as relay, relay.dial() as client:
        client.sendall(b"hello?")
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
        _, _, problem = relay.end()
        assert problem
        assert f"cannot connect to {nowhere}" in problem.fact


def test_stop_in_the_middle_of_a_conversation_ends_it_promptly_and_tells_it() -> None:
    with line() as (relay, client, server):
        begun(client, server)
        began = time.monotonic()
        relay.middle.stop()
        relay.thread.join(DEADLINE)
        assert not relay.thread.is_alive()
        assert time.monotonic() - began < PROMPT
        for connected in (client, server):
            with suppress(ConnectionResetError):
                assert connected.recv(1) == b""
        assert relay.end()[2] is None


# Who does not read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", Side, ids=lambda side: side.value)
def test_for_one_who_does_not_read_the_other_ones_words_do_not_pile_up(who: Side) -> None:
    with line() as (_, client, server):
        begun(client, server)
        speaker, hearer = (server, client) if who is Side.CLIENT else (client, server)
        tracemalloc.start()
        try:
            sent = stuffed(speaker)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert sent < LIMIT, "the speaker was never made to wait"
        assert peak < 2 * AHEAD
        rest = in_background(lambda: speaker.sendall(b"end"))
        assert len(read_exactly(hearer, sent + 3)) == sent + 3  # and nothing of it is lost
        rest.join(DEADLINE)


@pytest.mark.parametrize("who", Side, ids=lambda side: side.value)
def test_who_does_not_read_is_still_heard(who: Side) -> None:
    """A server that takes no more of an upload, and sends its page. (An echo of 32 MB stops for ever in this way.)"""
    with line() as (_, client, server):
        begun(client, server)
        busy, other = (client, server) if who is Side.CLIENT else (server, client)
        stuffed(other)
        busy.sendall(b"the page")
        other.settimeout(DEADLINE)
        assert read_exactly(other, 8) == b"the page"
