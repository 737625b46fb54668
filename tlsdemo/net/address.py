"""HOST:PORT; listening and connecting."""

import errno
import ipaddress
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pki.errors import ExitCode, Problem, cannot
from pki.publish.accept import DEADLINE, WRITE, Listener, bind, in_thread, peer_name, ready

DEFAULT_HOSTS = ("127.0.0.1", "::1")
Socket = socket.socket
"""The type, for modules that use sockets and open none."""
HANDSHAKE_DEADLINE = DEADLINE  # seconds: from accept until the handshake is done; for a client, each of the two steps


@dataclass(frozen=True)
class Address:
    """Where to reach a server."""

    host: str
    port: int

    def __str__(self) -> str:
        return peer_name((self.host, self.port))


def parse_address(text: str, default_host: str, default_port: int) -> Address:
    """`host:port`, `host`, `:port`, `[::1]:port` or `::1` -> Address. ValueError for any other text."""
    if "//" in text:
        raise ValueError(f"{text!r} is a URL, not HOST:PORT")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not HOST:PORT")
        port = rest[1:]
    elif text.count(":") > 1:
        host, port = str(ipaddress.IPv6Address(text)), ""
    else:
        host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} is not a port; use a number from 1 to 65535")
    return Address(host or default_host, int(port) if port else default_port)


SERVE = "start the server first: `tlsdemo serve`"
"""The hint for a port on which no program listens."""


def dial(address: Address, seconds: float = HANDSHAKE_DEADLINE, closed: str = SERVE) -> socket.socket:
    """A TCP connection. Raises Problem if the host is unknown, refuses, or does not answer in time.

    `closed` is the hint if no program listens on the port.
    """
    try:
        return socket.create_connection((address.host, address.port), timeout=seconds)
    except (OSError, UnicodeError) as error:
        raise _not_reached(address, error, seconds, closed) from error


async def reach(address: Address, seconds: float = HANDSHAKE_DEADLINE, closed: str = SERVE) -> socket.socket:
    """The same in a handler of the accept loop, which it does not block; the socket is non-blocking."""
    until = time.monotonic() + seconds
    look_up = partial(socket.getaddrinfo, address.host, address.port, type=socket.SOCK_STREAM)
    failure: OSError | UnicodeError = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    try:
        for family, kind, protocol, _, where in await in_thread(look_up):
            try:
                return await _connect(socket.socket(family, kind, protocol), where, until)
            except OSError as error:
                failure = error
    except (OSError, UnicodeError) as error:
        failure = error
    raise _not_reached(address, failure, seconds, closed) from failure


async def _connect(dialled: socket.socket, where: tuple[object, ...], until: float) -> socket.socket:
    try:
        dialled.setblocking(False)
        code = dialled.connect_ex(where)
        if code == errno.EINPROGRESS:
            if not await ready({dialled.fileno(): WRITE}, until):
                raise TimeoutError
            code = dialled.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        return dialled
    except BaseException:  # also when the server ends the conversation meanwhile
        dialled.close()
        raise


def _not_reached(address: Address, error: OSError | UnicodeError, seconds: float, closed: str) -> Problem:
    if isinstance(error, socket.gaierror | UnicodeError):
        reason = getattr(error, "strerror", None) or str(error)
        return Problem(f"host not found: {address.host!r}", reason, hint="check the spelling")
    if isinstance(error, TimeoutError):
        hint = "check the address, and whether the host is up"
        return Problem(f"{address} did not answer within {seconds:g} s", hint=hint)
    refused = error.errno == errno.ECONNREFUSED
    hint = closed if refused else "check the address and the network"
    return cannot(f"connect to {address}", error, hint)


def listen(hosts: Sequence[str] = DEFAULT_HOSTS, port: int = 0, option: str = "--port") -> Listener:
    """Listen on all hosts on one port (0: a free one, the same for all). Of DEFAULT_HOSTS, `::1` may be missing.

    `option` is the option of the command that names the port, for hints.
    """
    for _ in range(20):  # a port that is free on one address may be taken on the other: then try the next
        bound: list[socket.socket] = []
        without: list[str] = []
        try:
            for host in hosts:
                chosen = bound[0].getsockname()[1] if bound else port
                try:
                    bound.append(bind(host, chosen))
                except OSError as error:
                    if bound and hosts == DEFAULT_HOSTS and error.errno != errno.EADDRINUSE:
                        without.append(host)
                        continue
                    raise
            return Listener(tuple(bound), bound[0].getsockname()[1], tuple(without))
        except UnicodeError:  # before any name server is asked: an empty label, or one that is too long
            raise Problem(f"{host!r} is not a host", hint="--host HOST", code=ExitCode.USAGE) from None
        except OSError as error:
            for each in bound:
                each.close()
            if error.errno == errno.EADDRINUSE and port == 0:
                continue
            raise cannot(f"listen on {Address(host, port)}", error, _hint_for(error, port, option)) from error
    raise Problem("no port is free on all addresses", hint=f"choose one with {option}")


def _hint_for(error: OSError, port: int, option: str) -> str:
    """What to do."""
    if error.errno == errno.EADDRINUSE:
        return f"stop the program that uses the port, or use another port with {option} ({option} 0: a free one)"
    if error.errno in (errno.EACCES, errno.EPERM) and 0 < port < 1024:
        return f"ports below 1024 need privileges: use a higher one, such as {option} {8000 + port}"
    return "use an address of this machine; the default is 127.0.0.1 and ::1"


def listen_each(count: int, base: int = 0) -> list[Listener]:
    """`count` listeners on the default hosts: on the ports from `base` on, or on free ones."""
    listeners: list[Listener] = []
    try:
        for number in range(count):
            listeners.append(listen(DEFAULT_HOSTS, base + number if base else 0, "--port-base"))
    except Problem:
        for each in listeners:
            each.close()
        raise
    return listeners
