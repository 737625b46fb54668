"""An HTTP response, bytes in: the same result however the bytes are cut. Falsehood caught: an end that is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tlsdemo.test_application import split
from tlsdemo.http_client import InvalidPath, NotHttp, Response, check_path, host_header

RESPONSES = {
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody": True,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n": True,
    b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody": True,
    b"HTTP/1.0 200 ok\r\n\r\nbody": False,
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody": False,
}


def read(pieces: list[bytes]) -> tuple[bytes, Response]:
    """The body, and the response, of an answer in these pieces."""
    response = Response("/", "localhost")
    response.request()
    return b"".join(map(response.receive, filter(None, pieces))), response


@given(st.sampled_from(list(RESPONSES)), st.lists(st.integers(0, 300)))
def test_a_response_is_read_the_same_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    body, response = read(split(data, cuts))
    assert (body, response.complete, response.head) == (b"body", RESPONSES[data], read([data])[1].head)


def test_close_notify_ends_a_response_without_a_length_and_no_other() -> None:
    assert read([b"HTTP/1.0 200 ok\r\n\r\nbody"])[1].end()
    assert not read([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody"])[1].end()
    assert not read([])[1].end()


def test_the_head_is_kept_as_received() -> None:
    _, response = read([b"HTTP/1.1 404 Not Here\r\nX-Odd: \xe9\r\ncontent-LENGTH: 0\r\n\r\n"])
    assert response.head == ["HTTP/1.1 404 Not Here", "X-Odd: é", "content-LENGTH: 0", ""]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_response_or_not_http(data: bytes) -> None:
    try:
        _, response = read([data])
    except NotHttp:
        return
    response.end()


def test_the_request_has_one_line_for_each_header() -> None:
    lines = Response("/a?b", "localhost:1").request().split(b"\r\n")
    assert lines[0] == b"GET /a?b HTTP/1.1"
    assert lines[1:] == [b"Host: localhost:1", b"User-Agent: tlsdemo", b"Accept: */*", b"Connection: close", b"", b""]


@given(st.text(max_size=20))
def test_a_path_that_passes_the_check_cannot_end_the_request_line(path: str) -> None:
    try:
        check_path(path)
    except InvalidPath:
        return
    assert Response(path, "h").request().count(b"\r\n") == 6


@pytest.mark.parametrize(
    ("host", "port", "header"),
    [
        ("localhost", 443, "localhost"),
        ("localhost", 8443, "localhost:8443"),
        ("::1", 443, "[::1]"),
        ("::1", 1, "[::1]:1"),
    ],
)
def test_the_port_is_in_host_unless_it_is_443(host: str, port: int, header: str) -> None:
    assert host_header(host, port) == header
