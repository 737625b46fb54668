"""`tlsdemo connect --http PATH`: one GET request over a verified TLS connection. EDGE.

The status line and the header fields go to stderr, the body to stdout: unchanged, or escaped if stdout is a terminal.
"""

import codecs
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from pki import names
from pki.console import remark
from pki.errors import ExitCode, Problem, printable
from tlsdemo.cli.target import ConnectOptions, Target
from tlsdemo.http_client import InvalidPath, NotHttp, Response, check_path, host_header
from tlsdemo.tls import errors

PATIENCE = 30.0  # seconds for each part of the response
FAREWELL = 1.0  # seconds to wait for the server's close_notify after a complete response
CHUNK = 1 << 14  # bytes; one full TLS record
SHOWN = 60  # bytes of a response that is not HTTP


def forbid(settings: ConnectOptions) -> None:
    """Raise Problem for --http with options that exclude it, or with a path that cannot be requested."""
    if settings.http is None:
        return
    if settings.protocol != "tls":
        fact = f"--http is not possible with --protocol {settings.protocol}"
        raise Problem(fact, hint="use --protocol tls", code=ExitCode.USAGE)
    if settings.message is not None:
        raise Problem("--http and --message are mutually exclusive", hint="use one of them", code=ExitCode.USAGE)
    try:
        check_path(settings.http)
    except InvalidPath as error:
        raise Problem(
            f"--http {settings.http!r} is not a path: {error}", hint="--http /", code=ExitCode.USAGE
        ) from None


def fetch(tls: ssl.SSLSocket, call: Target, path: str, lose: Callable[[OSError], NoReturn]) -> None:
    """Send the request and print the response.

    Raises Problem for a response that is not HTTP, or that is truncated. Calls `lose` for another error of the
    connection.
    """
    response = Response(path, host_header(names.plain(call.name), call.address.port))
    printed, body, first = 0, _Body(), b""
    tls.settimeout(PATIENCE)
    try:
        tls.sendall(response.request())
    except OSError as error:
        lose(error)
    remark(f"sent: GET {path} HTTP/1.1, Host: {response.host}")
    while not response.complete:
        try:
            data = tls.recv(CHUNK)
        except OSError as error:
            if not (errors.is_gone(error) and first):
                lose(error)
            raise _truncated(call, "without close_notify: an attacker may have cut it (RFC 8446 §6.1)") from None
        first = first or data[:SHOWN]
        try:
            content = response.receive(data) if data else b""
        except NotHttp as error:
            evidence = f"it begins with {ascii(first)[1:]}"
            hint = "leave out --http for a server that is not an HTTP server"
            fact = f"{call.address} sent a response that is not HTTP: {error}"
            raise Problem(fact, evidence, hint=hint, code=ExitCode.NO) from None
        if not data and not response.end():
            raise _truncated(call, "with close_notify, before the end that it had announced (RFC 9112 §8)")
        for line in response.head[printed:]:
            remark(printable(line))
        printed = len(response.head)
        body.write(content)
    body.end()
    tls.settimeout(FAREWELL)
    with suppress(OSError):  # the response is complete; many servers close without close_notify
        tls.unwrap()


def _truncated(call: Target, how: str) -> Problem:
    sys.stdout.flush()
    return Problem(f"{call.address} closed the connection within the response", how, code=ExitCode.NO)


class _Body:
    """Writes a body to stdout, piece by piece."""

    def __init__(self) -> None:
        self._on_terminal = sys.stdout.isatty()
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""  # a carriage return, until it is known whether a newline follows
        self._last = "\n"

    def write(self, data: bytes) -> None:
        """Write one piece."""
        if self._on_terminal:
            self._show(self._text.decode(data))
        elif data:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def end(self) -> None:
        """Write what is left; on a terminal, end the last line."""
        if self._on_terminal:
            self._show(self._text.decode(b"", final=True))
            rest, self._held = self._held, ""
            print(printable(rest), end="" if self._last == "\n" and not rest else "\n", flush=True)

    def _show(self, text: str) -> None:
        text, self._held = self._held + text, ""
        if text.endswith("\r"):
            text, self._held = text[:-1], "\r"
        if text:
            self._last = text[-1]
            print("".join(_escaped(each) for each in text.replace("\r\n", "\n")), end="", flush=True)


def _escaped(character: str) -> str:
    return character if character in "\n\t" else printable(character)
