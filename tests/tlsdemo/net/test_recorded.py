"""`net.Recorded`. Falsehood caught: a connection that behaves differently while it is recorded."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

import pytest

from tests.peers.support import reset
from tlsdemo.net import Passed, Recorded
from tlsdemo.protocol import Side

DEADLINE = 10.0


@contextmanager
def recorded() -> Iterator[tuple[socket.socket, socket.socket, Recorded]]:
    """The program's socket, its peer, and the recording of a client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    found = Recorded(mine, Side.CLIENT)
    with peer, found.socket:
        for each in (peer, found.socket):
            each.settimeout(DEADLINE)
        yield found.socket, peer, found
    found.close()
    found.join(DEADLINE)
    assert not found.is_open


def whole(connected: socket.socket) -> bytes:
    data = b""
    while more := connected.recv(1 << 16):
        data += more
    return data


def sent(passed: list[Passed], side: Side) -> bytes:
    return b"".join(each.data for each in passed if each.sender is side)


def test_what_passes_is_kept_in_order() -> None:
    with recorded() as (program, peer, found):
        for line in (b"one", b"two"):
            program.sendall(line)
            assert peer.recv(10) == line
            peer.sendall(line.upper())
            assert program.recv(10) == line.upper()
    assert [(each.sender.value, each.data) for each in found.passed] == [
        ("client", b"one"), ("server", b"ONE"), ("client", b"two"), ("server", b"TWO"),
    ]  # fmt: skip
    times = [each.time for each in found.passed]
    assert times == sorted(times)


def test_much_data_in_both_directions_at_once_is_whole() -> None:
    data = {Side.CLIENT: bytes(range(256)) * 20_000, Side.SERVER: bytes(reversed(range(256))) * 20_000}
    with recorded() as (program, peer, found):
        for end, side in ((program, Side.CLIENT), (peer, Side.SERVER)):
            threading.Thread(target=lambda end=end, side=side: (end.sendall(data[side]), end.shutdown(1))).start()
        received = {}
        reader = threading.Thread(target=lambda: received.update({Side.SERVER: whole(program)}))
        reader.start()
        received[Side.CLIENT] = whole(peer)
        reader.join(DEADLINE)
    assert received == data == {side: sent(found.passed, side) for side in Side}


def test_the_last_bytes_of_the_program_reach_the_peer_after_it_has_closed() -> None:
    with recorded() as (program, peer, found):
        program.sendall(b"goodbye")
        program.close()
        found.close()
        assert whole(peer) == b"goodbye"
    assert sent(found.passed, Side.CLIENT) == b"goodbye"


def test_the_peer_closes_its_direction_and_still_reads() -> None:
    with recorded() as (program, peer, _):
        peer.sendall(b"asked")
        peer.shutdown(socket.SHUT_WR)
        assert whole(program) == b"asked"
        program.sendall(b"answered")
        assert peer.recv(10) == b"answered"


def test_a_reset_by_the_peer_is_an_end() -> None:
    with recorded() as (program, peer, _):
        reset(peer)
        assert program.recv(10) == b""


@pytest.mark.parametrize("closes", ["program", "peer"])
def test_when_over_is_called_once_with_everything(closes: str) -> None:
    calls: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    found = Recorded(mine, Side.CLIENT, lambda passed: calls.append(len(passed)))
    with peer:
        found.socket.sendall(b"hello")
        assert peer.recv(10) == b"hello"
        if closes == "program":
            found.close()
    found.close()
    found.join(DEADLINE)
    assert calls == [1]
    assert [side for side, _ in groupby(found.passed, lambda each: each.sender)] == [Side.CLIENT]
