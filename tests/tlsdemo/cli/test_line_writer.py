"""The queue before stdout: `put` never waits, what is dropped is counted, and what can be written is written."""

import os
import select
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import TextIO

import pytest

from tests.peers.support import DEADLINE
from tlsdemo.cli.line_writer import LINES, Outlet


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """The reading end of a pipe, which the test alone reads; and a stream that writes to it."""
    reading, writing = os.pipe()
    with open(writing, "w", encoding="utf-8") as stream:
        yield reading, stream
    os.close(reading)


def read_lines(descriptor: int, until: bytes) -> list[bytes]:
    text, end = b"", time.monotonic() + DEADLINE
    while until not in text:
        assert time.monotonic() < end
        text += os.read(descriptor, 1 << 16)
    return text.splitlines()


def test_lines_come_in_order_and_whole(pipe: tuple[int, TextIO]) -> None:
    out = Outlet(pipe[1])
    out.put("first", "second")
    out.put("grüße")
    assert out.close() == 0
    assert os.read(pipe[0], 100) == "first\nsecond\ngrüße\n".encode()


def test_nothing_is_started_for_nothing(pipe: tuple[int, TextIO]) -> None:
    before = set(threading.enumerate())
    assert Outlet(pipe[1]).close() == 0
    assert set(threading.enumerate()) <= before


def test_an_unread_pipe_delays_no_client_and_the_loss_is_reported(pipe: tuple[int, TextIO]) -> None:
    out, line = Outlet(pipe[1]), "x" * 1000
    begin = time.monotonic()
    for number in range(5 * LINES):
        out.put(f"{number} {line}")
    assert time.monotonic() - begin < 5
    lines = read_lines(pipe[0], b" dropped: ")
    kept = [int(each.split()[0]) for each in lines if each.endswith(b"x")]
    dropped = int(next(each for each in lines if b" dropped: " in each).split()[0])
    assert kept == list(range(len(kept)))  # what is missing is missing at the end
    assert dropped
    assert out.close() == 0
    assert len(kept) + dropped == 5 * LINES


def test_what_is_never_read_is_counted_at_the_end(pipe: tuple[int, TextIO]) -> None:
    out, line = Outlet(pipe[1]), "x" * 1000
    for _ in range(3 * LINES):
        out.put(line)
    begin = time.monotonic()
    lost = out.close(0.1)
    assert time.monotonic() - begin < 5
    assert LINES < lost <= 3 * LINES
    while out._thread and out._thread.is_alive():  # lets the thread end
        if select.select([pipe[0]], [], [], 0.1)[0]:
            os.read(pipe[0], 1 << 20)


def test_one_text_may_be_longer_than_the_queue(pipe: tuple[int, TextIO]) -> None:
    out = Outlet(pipe[1])
    out.put(*["x"] * (2 * LINES))
    assert out.close(None) == 0
    assert os.read(pipe[0], 1 << 16) == b"x\n" * (2 * LINES)


def test_a_reader_that_is_gone_is_a_failure_and_is_told() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    failed = threading.Event()
    with open(writing, "w", encoding="utf-8") as stream:
        out = Outlet(stream, on_failure=failed.set)
        out.put("x")
        assert failed.wait(DEADLINE)
        assert isinstance(out.failure, BrokenPipeError)
        out.put("y")
        out.close()


def test_a_pipe_that_does_not_block_is_waited_for(pipe: tuple[int, TextIO]) -> None:
    os.set_blocking(pipe[1].fileno(), False)
    out = Outlet(pipe[1])
    out.put("x" * (1 << 18))
    received = 0
    while received <= 1 << 18:
        received += len(os.read(pipe[0], 1 << 16))
    assert out.close() == 0


def test_a_stream_without_a_file_will_do() -> None:
    stream = StringIO()
    out = Outlet(stream)
    out.put("x")
    assert out.close() == 0
    assert stream.getvalue() == "x\n"


def test_a_file_takes_all(tmp_path: Path) -> None:
    with open(tmp_path / "out", "w") as file:
        out = Outlet(file)
        for number in range(LINES // 2):
            out.put(str(number))
        assert out.close(None) == 0
    assert (tmp_path / "out").read_text().split() == [str(number) for number in range(LINES // 2)]
