"""`serve` against clients that stop, lie, drip and flood: it says what happened, and serves the next one."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import tool
from tests.peers.conftest import Serve
from tests.peers.support import DEADLINE, PROMPT, Live, Serving, live, ours, reset, trusting
from tlsdemo import net
from tlsdemo.application import MAX_LINE
from tlsdemo.events import Agreed, Closed, Ending, Event, Refused, Said
from tlsdemo.protocol import Side
from tlsdemo.tls import client
from tlsdemo.tls.connection import serve
from tlsdemo.wire.records import HEADER


@pytest.fixture(scope="module")
def server(certs: Path) -> Iterator[Live]:
    """One server for all the misbehaviour of this module; each test leaves it serving."""
    with live(ours(certs)) as running:
        yield running


@pytest.fixture(autouse=True)
def serves_on(server: Live, certs: Path) -> Iterator[None]:
    """Given anything that a test did, the next good client is served."""
    yield
    assert answer(server, certs) == "received:  still there?"
    assert isinstance(server.events.get(timeout=DEADLINE), Agreed)
    assert isinstance(server.events.get(timeout=DEADLINE), Said)
    closed = server.ending()
    assert isinstance(closed, Closed)
    assert closed.ending is Ending.ANSWERED
    assert server.events.empty()


def answer(server: Live, certs: Path, line: str = "still there?") -> str:
    """The first line of the answer to a good client."""
    with server.dial() as plain, client.wrap(plain, trusting(certs), "localhost") as tls:
        return client.ask(tls, line).decode().splitlines()[0]


def client_hello(certs: Path) -> bytes:
    """A real one."""
    out = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        trusting(certs).wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    return out.read()


def connected(server: Live, certs: Path) -> ssl.SSLSocket:
    """A client that has done its handshake."""
    return client.wrap(server.dial(), trusting(certs), "localhost")


def read_all(tls: ssl.SSLSocket) -> bytes:
    return b"".join(iter(lambda: tls.recv(1 << 14), b""))


# Before and in the handshake ----------------------------------------------------------------------------------------


def fin(plain: socket.socket) -> None:
    plain.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("leave", [fin, reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("part", ["1 byte", "header", "half", "all but 1", "all"])
def test_a_client_that_leaves_in_its_client_hello_is_a_cut_line(
    server: Live, certs: Path, part: str, leave: Callable[[socket.socket], None]
) -> None:
    hello = client_hello(certs)
    length = {"1 byte": 1, "header": HEADER, "half": len(hello) // 2, "all but 1": len(hello) - 1, "all": len(hello)}
    with server.dial() as plain:
        peer = f"127.0.0.1:{plain.getsockname()[1]}"
        plain.sendall(hello[: length[part]])
        if part == "all":
            plain.recv(1)  # the server has answered
        elif leave is reset:
            # A reset could overtake the bytes; so wait until the server has them: its thread is in the handshake.
            while not any(
                isinstance(each.connection.socket, ssl.SSLSocket) for each in list(server.server._conversations)
            ):
                time.sleep(0.001)
        leave(plain)
        assert server.ending() == Closed(peer, Ending.CUT, 0)


def test_a_client_hello_that_comes_byte_by_byte_is_understood(server: Live, certs: Path) -> None:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting(certs).wrap_bio(to_client, to_server, server_hostname="localhost")
    with server.dial() as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def until_done(step: Callable[[], object]) -> object:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    for byte in to_server.read():
                        plain.sendall(bytes([byte]))
                    to_client.write(plain.recv(1))

        until_done(tls.do_handshake)
        tls.write(b"one by one\n")
        assert bytes(until_done(lambda: tls.read(100))).startswith(b"received:  one by one\n")  # type: ignore[call-overload]  # object -> bytes
    assert isinstance(server.ending(), Closed)


GARBAGE = {
    "text": b"hello\n" * 3,
    "zeros": bytes(100),
    "noise": bytes(range(255, 0, -1)) * 4,
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "SSLv2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0") + bytes(16),
    "a record of 65535 bytes": b"\x16\x03\x01\xff\xff" + bytes(65535),
    "a record one byte too long": b"\x16\x03\x01\x40\x01" + bytes(16385),
    "empty handshake records": b"\x16\x03\x01\x00\x00" * 100,
    "warnings": b"\x15\x03\x01\x00\x02\x01\x5a" * 1000,
    "application data first": b"\x17\x03\x03\x00\x05hello",
    "a handshake message of 16 MB": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(16380),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a proxy request": b"CONNECT localhost:443 HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_is_refused_by_this_server_and_is_no_application_byte(server: Live, what: str) -> None:
    with server.dial() as plain:
        with suppress(OSError):
            plain.sendall(GARBAGE[what])
            fin(plain)
        ending = server.ending()
    assert isinstance(ending, Refused), ending
    assert (ending.by, ending.alert, ending.application_bytes) == (Side.SERVER, None, 0)
    assert ending.reason


@pytest.mark.parametrize("what", ["HTTP", "a proxy request"])
def test_plain_http_is_recognised(server: Live, what: str) -> None:
    with server.dial() as plain:
        plain.sendall(GARBAGE[what])
        ending = server.ending()
    assert isinstance(ending, Refused)
    assert ("HTTP request" if what == "HTTP" else "proxy") in ending.reason


@pytest.mark.parametrize(
    "number",
    [0, 10, 20, 40, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 70, 71, 80, 86, 90, 109, 110, 112, 113, 115, 116, 120],
)
def test_any_alert_instead_of_a_handshake_ends_in_one_event(server: Live, certs: Path, number: int) -> None:
    with server.dial() as plain:
        plain.sendall(client_hello(certs))
        plain.recv(1)
        plain.sendall(b"\x15\x03\x03\x00\x02\x02" + bytes([number]))
        fin(plain)
        ending = server.ending()
    # Unencrypted alerts after ServerHello are tolerated by OpenSSL; either way it is one clear event.
    assert isinstance(ending, Refused | Closed)
    assert ending.application_bytes == 0


# Deadlines ----------------------------------------------------------------------------------------------------------


def test_a_drip_of_bytes_hits_the_overall_deadline(certs: Path) -> None:
    hello = client_hello(certs)
    with live(ours(certs), deadline=0.5) as hurried, hurried.dial() as plain:
        begin = time.monotonic()
        sent = 0
        with suppress(OSError):
            while hurried.events.empty():
                plain.sendall(hello[sent : sent + 1])  # each byte comes long before any timeout of its own
                sent += 1
                time.sleep(0.05)
        ending = hurried.ending()
        elapsed = time.monotonic() - begin
    assert isinstance(ending, Refused)
    assert ending.reason == "the peer did not finish in time"
    assert sent < len(hello)
    assert 0.4 < elapsed < PROMPT


def test_the_deadline_is_lifted_after_the_handshake(certs: Path) -> None:
    with live(ours(certs), deadline=3.0) as hurried:
        with connected(hurried, certs) as tls:
            assert isinstance(hurried.events.get(timeout=DEADLINE), Agreed)
            with hurried.dial():  # a silent one, which the same deadline ends: so it has passed for both
                hurried.silent.get(timeout=DEADLINE)
            tls.sendall(b"took my time\n")
            assert read_all(tls).startswith(b"received:  took my time\n")
        assert isinstance(hurried.ending(), Closed)


def test_two_hundred_silent_ones_do_not_hold_up_a_good_client(server: Live, certs: Path) -> None:
    silent = [server.dial() for _ in range(200)]
    assert answer(server, certs, "me first") == "received:  me first"
    assert isinstance(server.ending(), Closed)
    for each in silent:
        with each:
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(1)


def test_a_conversation_has_a_limit_as_a_whole_however_often_the_client_sends(certs: Path) -> None:
    with live(ours(certs), limit=0.5) as hurried, connected(hurried, certs) as tls:
        assert isinstance(hurried.events.get(timeout=DEADLINE), Agreed)
        begin = time.monotonic()
        with suppress(OSError):
            while hurried.events.empty():
                tls.sendall(b"x")
                time.sleep(0.02)
        ending = hurried.ending()
    assert isinstance(ending, Refused)
    assert (ending.by, ending.reason) == (Side.SERVER, "the peer did not finish in time")
    assert 0 < time.monotonic() - begin < 5


# Messages -----------------------------------------------------------------------------------------------------------


def test_a_line_in_many_records_is_one_message(server: Live, certs: Path) -> None:
    with connected(server, certs) as tls:
        for byte in "Grüße\n".encode():
            tls.sendall(bytes([byte]))
        assert read_all(tls).decode().startswith("received:  Grüße\n")
    events = server.conversation()
    assert [event.text for event in events if isinstance(event, Said)] == ["Grüße"]


def test_of_two_lines_at_once_the_first_is_the_message(server: Live, certs: Path) -> None:
    with connected(server, certs) as tls:
        tls.sendall(b"first\nsecond\n")
        assert read_all(tls).startswith(b"received:  first\nversion:")
    _, said, closed = server.conversation()
    assert isinstance(said, Said)
    assert said.text == "first"
    assert isinstance(closed, Closed)
    assert closed.application_bytes == 13


def test_a_line_that_is_no_text_is_refused_in_words(server: Live, certs: Path) -> None:
    with connected(server, certs) as tls:
        tls.sendall(b"\xff\xfe\n")
        assert read_all(tls) == b"refused:   the line is not UTF-8\n"
    ending = server.ending()
    assert isinstance(ending, Refused)
    assert (ending.by, ending.reason, ending.application_bytes) == (Side.SERVER, "the line is not UTF-8", 3)


def test_the_longest_line_is_answered_and_one_byte_more_is_not(server: Live, certs: Path) -> None:
    for length, start in (
        (MAX_LINE - 1, b"received:  xxx"),
        (MAX_LINE, b"refused:   the line is longer than 65536 bytes\n"),
    ):
        with connected(server, certs) as tls:
            tls.sendall(b"x" * length + b"\n")
            assert read_all(tls).startswith(start)
        server.conversation()


def test_who_leaves_without_a_word_is_told_apart_from_who_was_cut(server: Live, certs: Path) -> None:
    polite = connected(server, certs)
    with polite, suppress(OSError):
        polite.unwrap()
    left = server.ending()
    assert isinstance(left, Closed)
    assert (left.ending, left.application_bytes) == (Ending.LEFT, 0)
    half = connected(server, certs)
    peer = f"127.0.0.1:{half.getsockname()[1]}"
    half.sendall(b"half a l")
    half.close()  # no close_notify
    assert server.ending() == Closed(peer, Ending.CUT, 8)


def test_a_client_that_closes_without_close_notify_after_its_answer_was_answered(server: Live, certs: Path) -> None:
    tls = connected(server, certs)
    tls.sendall(b"bye\n")
    assert tls.recv(100).startswith(b"received:  bye")
    tls.close()
    ending = server.ending()
    assert isinstance(ending, Closed)
    assert ending.ending is Ending.ANSWERED


def test_a_reset_in_the_middle_of_a_message_is_a_cut_line(server: Live, certs: Path) -> None:
    tls = connected(server, certs)
    tls.sendall(b"half a l")
    while not isinstance(server.events.get(timeout=DEADLINE), Agreed):
        pass
    reset(tls)
    ending = server.ending()
    assert isinstance(ending, Closed)
    assert ending.ending is Ending.CUT


def test_a_client_that_never_reads_is_left(server: Live, certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsdemo.tls.channel.FAREWELL", 0.2)
    with connected(server, certs) as tls:
        tls.sendall(b"I do not listen\n")
        ending = server.ending()
    assert isinstance(ending, Closed)
    assert ending.ending is Ending.ANSWERED


def test_the_answer_ends_with_close_notify(server: Live, certs: Path) -> None:
    with connected(server, certs) as tls:
        tls.sendall(b"end properly\n")
        read_all(tls)  # suppress_ragged_eofs=False: without close_notify this would raise
    server.conversation()


def test_many_at_once_are_all_answered_with_their_own_message(server: Live, certs: Path) -> None:
    answers: dict[int, str] = {}

    def one(number: int) -> None:
        answers[number] = answer(server, certs, f"number {number}")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert answers == {number: f"received:  number {number}" for number in range(40)}
    endings: list[Event] = []
    while len(endings) < 40:
        if isinstance(event := server.events.get(timeout=DEADLINE), Closed | Refused):
            endings.append(event)
    assert all(isinstance(ending, Closed) and ending.ending is Ending.ANSWERED for ending in endings)


# As a process: memory and descriptors -------------------------------------------------------------------------------


def status(pid: int, what: str) -> int:
    """A figure of /proc/PID/status, in kB where it is a size."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(f"{what}:")).split()[1])


def test_a_line_of_100_megabytes_is_cut_off_and_takes_no_memory(serve: Serve, certs: Path) -> None:
    process = serve()
    before = status(process.process.pid, "VmHWM")
    plain = socket.create_connection(("127.0.0.1", process.port), DEADLINE)
    with client.wrap(plain, trusting(certs), "localhost") as tls:
        sent = 0
        with suppress(OSError):
            while sent < 100_000_000:
                sent += tls.send(b"x" * (1 << 14))
    refused = process.event("refused")
    assert refused["reason"] == "the line is longer than 65536 bytes"
    assert refused["application_bytes"] <= MAX_LINE + (1 << 14)
    assert sent < 10_000_000, "it was not cut off"
    assert status(process.process.pid, "VmHWM") - before < 20_000


def dialled(process: Serving) -> socket.socket:
    return socket.create_connection(("127.0.0.1", process.port), DEADLINE)


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def ticks(pid: int) -> int:
    """CPU time used so far, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_with_few_descriptors_the_idle_make_room_and_it_neither_ends_nor_spins(serve: Serve, certs: Path) -> None:
    process = serve(prefix=(tool("prlimit"), "--nofile=64"))
    pid, many = process.process.pid, []
    idle = descriptors(pid)
    for _ in range(100):
        many.append(socket.create_connection(("127.0.0.1", process.port), DEADLINE))
        many.append(client.wrap(dialled(process), trusting(certs), "localhost"))  # not held up by those before it
    before = ticks(pid)
    time.sleep(1.0)  # the window of the measurement
    assert ticks(pid) - before < 30, "it spins"
    assert process.event("refused")["reason"].startswith("it was idle, and the process has no more file descriptors")
    assert process.event("silent")
    for each in many:
        each.close()
    with client.wrap(dialled(process), trusting(certs), "localhost") as tls:
        assert client.ask(tls, "back again").startswith(b"received:  back again\n")
    end = time.monotonic() + DEADLINE
    while descriptors(pid) > idle + 2:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_client_that_has_reset_the_line_before_its_turn_is_a_cut(certs: Path) -> None:
    """It wrote, and was gone before a thread was free: there is data, but no longer any peer to wrap."""
    context = ours(certs)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialled = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        dialled.sendall(b"\x16\x03\x01")
        accepted.recv(1, socket.MSG_PEEK)
        reset(dialled)
        end = time.monotonic() + DEADLINE
        with suppress(OSError):
            while time.monotonic() < end:
                accepted.getpeername()  # until the reset has come
        connection = net.Connection(accepted, "peer", time.monotonic() + DEADLINE)
        assert net.blocking(serve(connection, context, lambda event: None)) == Closed("peer", Ending.CUT, 0)
        connection.socket.close()
