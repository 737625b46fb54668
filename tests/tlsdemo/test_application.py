"""What our server says, bytes in and bytes out; an HTTP client of another make (h11's client side) is the judge."""

from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsdemo.application import MAX_LINE, SEVERAL_LINES, Fact, Talk

FACTS = [Fact("version", "TLSv1.3"), Fact("you are", "DNS:<b>&client</b>")]
REQUEST = b"GET /a?b=c HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n"


def whole(pieces: Sequence[bytes]) -> tuple[bytes | None, str | None, str | None]:
    """The answer to these pieces, and what the talk remembers."""
    talk = Talk(FACTS)
    for piece in pieces:
        if piece and (answer := talk.receive(piece)) is not None:
            return answer, talk.message, talk.refusal
    return None, talk.message, talk.refusal


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


# Lines --------------------------------------------------------------------------------------------------------------


@given(st.text().filter(lambda text: "\n" not in text), st.lists(st.integers(0, 1000)))
def test_a_line_is_answered_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    data = text.encode() + b"\n"
    assert whole(split(data, cuts)) == whole([data])
    answer, message, refusal = whole([data])
    if refusal is None:
        assert message is not None
        assert answer is not None
        assert message in answer.decode() or message.startswith(tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_any_bytes_are_answered_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    assert whole(split(data, cuts)) == whole([data])


HEADS = st.lists(
    st.sampled_from(
        [
            b"GET", b"HEAD", b"POST", b"OPTIONS", b"CONNECT", b"get", b" ", b"/", b"*", b"h:1", b" HTTP/1.1",
            b" HTTP/1.0", b" HTTP/2.0", b"\r\n", b"\n", b"\r", b"Host: h", b"Accept: text/html", b"Content-Length: 3",
            b":", b"\0", b"\xff", b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Upgrade: x",
            b"Connection: upgrade", b"abc",
        ]
    ),
    max_size=14,
)  # fmt: skip


@given(HEADS, st.lists(st.integers(0, 300)))
def test_anything_like_http_is_answered_the_same_however_it_is_cut(words: list[bytes], cuts: list[int]) -> None:
    data = b"GET / HTTP/1.1\r\n" + b"".join(words)
    assert whole(split(data, cuts)) == whole([data])
    data = b"".join(words) + b"\r\n\r\n"
    assert whole(split(data, cuts)) == whole([data])


def test_nothing_is_answered_before_the_line_has_ended() -> None:
    talk = Talk(FACTS)
    assert talk.receive(b"half") is None
    assert (talk.message, talk.refusal) == (None, None)
    assert talk.receive(b" a line\r\nmore") is not None
    assert talk.message == "half a line"


def test_the_answer_tells_the_message_and_what_was_negotiated() -> None:
    assert whole([b"hi\n"])[0] == b"received:  hi\nversion:   TLSv1.3\nyou are:   DNS:<b>&client</b>\n"


def test_an_empty_line_is_a_message() -> None:
    answer, message, refusal = whole([b"\n"])
    assert (message, refusal) == ("", None)
    assert answer


@pytest.mark.parametrize("piece", [1 << 16, 1 << 14, 1000])
@pytest.mark.parametrize(("length", "fits"), [(MAX_LINE - 1, True), (MAX_LINE, False), (MAX_LINE + 1, False)])
def test_a_line_has_64_kib_with_its_newline(length: int, fits: bool, piece: int) -> None:
    data = b"x" * length + b"\n"
    answer, message, refusal = whole([data[at : at + piece] for at in range(0, len(data), piece)])
    assert answer is not None
    assert (refusal is None) is fits
    assert (message is None) is not fits


def test_a_line_without_end_is_refused_at_the_limit_and_not_later() -> None:
    talk = Talk(FACTS)
    assert talk.receive(b"x" * MAX_LINE) is None
    assert talk.receive(b"x") == b"refused:   the line is longer than 65536 bytes\n"


# Several lines ------------------------------------------------------------------------------------------------------

BEGUN = f"{SEVERAL_LINES}\n".encode()


def whole_talk(pieces: Sequence[bytes]) -> tuple[bytes, list[str], Talk]:
    """All answers to these pieces, the lines that were said, and the talk; nothing follows an end."""
    talk, answers, said = Talk(FACTS, several=True), b"", list[str]()
    for piece in filter(None, pieces):
        answers += talk.receive(piece) or b""
        said += talk.said
        if answers and not talk.goes_on:
            break
    return answers, said, talk


LINES = st.lists(st.text().filter(lambda text: "\n" not in text and not text.endswith("\r")), max_size=8)


@given(LINES, st.lists(st.integers(0, 1000)))
def test_several_lines_are_answered_the_same_however_they_are_cut(lines: list[str], cuts: list[int]) -> None:
    data = BEGUN + "".join(f"{line}\n" for line in lines).encode()
    answers, said, talk = whole_talk(split(data, cuts))
    assert said == lines
    assert answers.decode().split("\n") == [
        "version:   TLSv1.3", "you are:   DNS:<b>&client</b>", "", *(f"received:  {line}" for line in lines), "",
    ]  # fmt: skip
    assert talk.goes_on
    assert talk.is_complete is bool(lines)


def test_a_talk_that_is_not_for_several_lines_answers_one() -> None:
    answer, message, _ = whole([BEGUN])
    assert message == SEVERAL_LINES
    assert answer


def test_without_the_announcement_one_line_is_answered() -> None:
    answers, said, talk = whole_talk([b"one\ntwo\n"])
    assert answers.startswith(b"received:  one\nversion:")
    assert (said, talk.goes_on) == (["one"], False)


@pytest.mark.parametrize("piece", [1 << 17, 1 << 14, 1000])
@pytest.mark.parametrize(("length", "fits"), [(MAX_LINE - 1, True), (MAX_LINE, False), (MAX_LINE + 1, False)])
def test_each_of_several_lines_has_64_kib_with_its_newline(length: int, fits: bool, piece: int) -> None:
    data = BEGUN + b"first\n" + b"x" * length + b"\nlast\n"
    answers, said, talk = whole_talk([data[at : at + piece] for at in range(0, len(data), piece)])
    assert (talk.refusal is None) is fits
    assert talk.goes_on is fits
    assert said == (["first", "x" * length, "last"] if fits else ["first"])
    assert answers.endswith(b"received:  last\n" if fits else b"refused:   the line is longer than 65536 bytes\n")


def test_a_line_of_several_that_is_not_utf_8_is_refused_after_those_before_it() -> None:
    answers, said, talk = whole_talk([BEGUN, b"one\n\xff\ntwo\n"])
    assert answers.endswith(b"\n\nreceived:  one\nrefused:   the line is not UTF-8\n")
    assert (said, talk.goes_on) == (["one"], False)


# HTTP ---------------------------------------------------------------------------------------------------------------


def judged(request: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
    """The answer as an HTTP client reads it: head and body, and that nothing is left over."""
    answer, _, _ = whole([request])
    assert answer is not None
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "localhost")]))
    client.send(h11.EndOfMessage())
    client.receive_data(answer)
    client.receive_data(b"")
    body, response = b"", None
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            raise AssertionError(event)
    assert response is not None
    assert client.trailing_data[0] == b""
    return response, body


def header(response: h11.Response, name: bytes) -> bytes:
    return dict(response.headers)[name]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["CRLF", "LF"])
def test_a_request_is_answered_with_text(version: str, end: str) -> None:
    response, body = judged(f"GET /x HTTP/{version}{end}Host: localhost{end}{end}".encode())
    assert response.status_code == 200
    assert header(response, b"content-type") == b"text/plain; charset=utf-8"
    assert header(response, b"connection") == b"close"
    assert body.startswith(f"received:  GET /x HTTP/{version}\nversion:   TLSv1.3\n".encode())


def test_http_1_0_needs_no_host() -> None:
    assert judged(b"GET / HTTP/1.0\r\n\r\n")[0].status_code == 200


def test_http_1_1_without_host_is_a_bad_request() -> None:
    assert judged(b"GET / HTTP/1.1\r\n\r\n")[0].status_code == 400


def test_the_page_is_html_with_everything_escaped() -> None:
    response, body = judged(b"GET /<script>&'\" HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n")
    assert header(response, b"content-type") == b"text/html; charset=utf-8"
    tags: list[str] = []
    cells: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

        def handle_data(self, data: str) -> None:
            cells.append(data)

    Reader().feed(body.decode())
    assert not {"script", "b"} & set(tags)
    assert "GET /<script>&'\" HTTP/1.1" in cells
    assert "DNS:<b>&client</b>" in cells


def test_head_is_answered_like_get_but_without_a_body() -> None:
    request = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
    response, body = judged(request, "HEAD")
    assert response.status_code == 200
    assert body == b""
    answer, message, _ = whole([request])
    assert answer is not None
    assert answer.endswith(b"\r\n\r\n")
    assert message == "HEAD / HTTP/1.1"


@pytest.mark.parametrize(
    "request_line",
    [
        "POST / HTTP/1.1",
        "PUT /x HTTP/1.1",
        "DELETE / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "PATCH / HTTP/1.1",
        "BREW /pot HTTP/1.1",
    ],
)
def test_every_method_is_answered(request_line: str) -> None:
    response, body = judged(f"{request_line}\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello".encode())
    assert response.status_code == 200
    assert request_line.encode() in body


def test_connect_is_answered_and_is_no_crash() -> None:
    answer, message, refusal = whole([b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n"])
    assert answer is not None
    assert answer.startswith(b"HTTP/1.1 ")
    assert message or refusal


def test_a_body_that_is_announced_is_not_waited_for() -> None:
    assert judged(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")[0].status_code == 200
    assert (
        judged(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")[0].status_code == 200
    )


@pytest.mark.parametrize("bad", [b"no colon\r\n", b"a b: c\r\n", b"Content-Length: x\r\n", b"X: \0\r\n"])
def test_a_malformed_request_is_a_bad_request_and_a_refusal(bad: bytes) -> None:
    data = b"GET / HTTP/1.1\r\nHost: h\r\n" + bad + b"\r\n"
    assert judged(data)[0].status_code == 400
    _, message, refusal = whole([data])
    assert message is None
    assert refusal is not None
    assert refusal.startswith("malformed HTTP request: ")


def test_a_head_without_end_is_cut_off() -> None:
    talk = Talk(FACTS)
    sent, answer = 0, talk.receive(b"GET / HTTP/1.1\r\nHost: h\r\n")
    while answer is None:
        assert sent <= MAX_LINE + 2000
        answer = talk.receive(b"X: " + b"y" * 995 + b"\r\n")
        sent += 1000
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.parametrize(
    "line", [b"GET /\n", b"GET / HTTP/2.0\n", b"get / HTTP/1.1\n", b"GET  HTTP/1.1\n", b"PRI * HTTP/2.0\r\n"]
)
def test_what_only_resembles_http_is_a_line(line: bytes) -> None:
    answer, message, _ = whole([line])
    assert answer is not None
    assert answer.startswith(b"received:  ")
    assert message == line.decode().rstrip()
