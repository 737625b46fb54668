"""`tlsdemo connect` with several lines: each is sent when it has been read, and answered before the next. EDGE.

    tlsdemo: several lines follow  ->  what was negotiated, and an empty line
    a line                         ->  one line; and so on until the input ends

The connection stays open in between. A certificate that is revoked meanwhile is refused at the next connection only:
neither TLS nor the educational handshake checks a certificate a second time.
"""

import time
from collections.abc import Iterator
from typing import Protocol

from pki.console import remark
from pki.errors import ExitCode, Problem, cannot, printable
from tlsdemo import net
from tlsdemo.application import MAX_LINE, SEVERAL_LINES

PATIENCE = 30.0  # seconds for a line and its answer
FAREWELL = 2.0  # seconds to wait for the server's close_notify
LONGEST = 2 * MAX_LINE  # bytes of an answer
SHOWN = 60  # bytes of another server's answer


class Channel(Protocol):
    """A connection after its handshake; each step has a deadline, a time of `time.monotonic`. `net.Link` is one."""

    def send(self, data: bytes, deadline: float) -> None:
        """Send application data."""

    def receive(self, deadline: float) -> bytes:
        """The next application data; b"" after the close of the server."""

    def close(self, deadline: float) -> None:
        """Send the close, and wait for the server's."""


def converse(channel: Channel, lines: Iterator[str], address: net.Address) -> None:
    """Send each line and print its answer; then close. Raises what `channel` and `lines` raise.

    Raises Problem for a server that closes before it has answered, and for one that answers one line only.
    """
    answers, sent, answered = _Answers(channel, address), 0, 0
    try:
        answers.ask(SEVERAL_LINES)
        begun = answers.line("the first line")
        if not begun.startswith(b"version:"):
            evidence = f"to {SEVERAL_LINES!r} it answered {ascii(begun[:SHOWN])[1:]}"
            hint = "`tlsdemo serve` answers several; send this server one line at a time"
            raise Problem(f"{address} does not answer several lines", evidence, hint=hint, code=ExitCode.NO)
        while begun:
            _show(begun)
            begun = answers.line("the first line")
        for line in lines:
            sent += 1
            answers.ask(line)
            _show(answers.line(f"line {sent}"))
            answered += 1
        remark("standard input is empty: no line was sent" if not sent else f"lines sent: {sent}; answered: {answered}")
    except Problem:
        if sent == answered:  # it is the input's
            channel.close(time.monotonic() + FAREWELL)
        remark(f"lines sent: {sent}; answered: {answered}")
        raise
    except BaseException:
        remark(f"lines sent: {sent}; answered: {answered}")
        raise
    channel.close(time.monotonic() + FAREWELL)


class _Answers:
    """Sends lines, and reads the lines that come back."""

    def __init__(self, channel: Channel, address: net.Address) -> None:
        self._channel, self._address = channel, address
        self._received = bytearray()
        self._deadline = 0.0

    def ask(self, line: str) -> None:
        """Send one line."""
        self._deadline = time.monotonic() + PATIENCE
        self._channel.send(line.encode() + b"\n", self._deadline)

    def line(self, asked: str) -> bytes:
        """The next line without its newline."""
        while (end := self._received.find(b"\n")) < 0:
            data = self._channel.receive(self._deadline)
            if not data:
                refusal = [f"its last words: {printable(self._received.decode(errors='replace'))}"]
                fact = f"{self._address} closed the connection before it answered {asked}"
                raise Problem(fact, *(refusal if self._received else ()), hint="its terminal may show the reason")
            self._received += data
            if len(self._received) > LONGEST and b"\n" not in self._received:
                fact = f"{self._address} answered {asked} with more than {LONGEST} bytes"
                raise Problem(fact, hint="connect to `tlsdemo serve`", code=ExitCode.NO)
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line


def _show(answer: bytes) -> None:
    """Print the line at once: another program may wait for it before it writes the next one."""
    try:
        print(printable(answer.decode("utf-8", "replace").removesuffix("\r")), flush=True)
    except OSError as error:  # not an error of the connection
        raise cannot("write the output", error) from None
