"""A client of a handshake of ours on a socket: send one line, and read the answer. EDGE; compare `tls.client`."""

import time

from tlsdemo import net

ANSWER_LIMIT = 1 << 20  # bytes


class AnswerTooLong(Exception):
    """The server sent more than ANSWER_LIMIT bytes."""


def ask(link: net.Link, line: str, seconds: float = 30.0) -> bytes:
    """Send one line and return the whole answer, which runs until the server's close_notify.

    Raises TimeoutError when that has not come within `seconds`, ProtocolError for a peer that misbehaves, and
    AnswerTooLong.
    """
    deadline = time.monotonic() + seconds
    link.send(line.encode() + b"\n", deadline)
    answer = bytearray()
    while data := link.receive(deadline):
        answer += data
        if len(answer) > ANSWER_LIMIT:
            raise AnswerTooLong
    link.close(deadline)
    return bytes(answer)
