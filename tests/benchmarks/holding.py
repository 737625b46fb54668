"""How long the next client waits for its handshake while others hold the server: ours, an older checkout, nginx.

    .venv/bin/python -m tests.benchmarks.holding [clients, such as 256,5000] [older source tree]

silent   connected, and nothing sent          slow     one byte of a ClientHello each second
idle     the handshake done, nothing sent     unread   conversations, while stdout is a pipe that nobody reads
64       64 file descriptors and 200 silent clients, then 200 idle ones
crl      silent clients of the publisher; the time of a request

Each cell is the longest of three tries, in ms. Loopback only; all servers end with the script.
"""

import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from pki.publish.accept import allow_descriptors
from tests.benchmarks.servers import ROOT, Running, Servers

PATIENCE = 15.0  # seconds for the next client
TRIES = 3


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def handshake(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(dial(port), server_hostname="localhost")


def longest(act: Callable[[], None]) -> str:
    """Milliseconds of the slowest of three calls."""
    slowest = 0.0
    for _ in range(TRIES):
        begin = time.monotonic()
        try:
            act()
        except OSError:
            return f"> {PATIENCE:.0f} s" if time.monotonic() - begin > PATIENCE - 1 else "refused"
        slowest = max(slowest, time.monotonic() - begin)
    return f"{slowest * 1000:.0f} ms"


def next_handshake(server: Running, context: ssl.SSLContext) -> str:
    return longest(lambda: handshake(server.port, context).close())


def next_request(server: Running) -> str:
    def ask() -> None:
        with dial(server.port) as connected:
            connected.sendall(b"GET /text HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if not connected.recv(100).startswith(b"HTTP/1.1 200"):
                raise OSError

    return longest(ask)


# Those that hold it ---------------------------------------------------------------------------------------------------


@contextmanager
def silent(count: int, server: Running, context: ssl.SSLContext) -> Iterator[int]:
    held = [dial(server.port) for _ in range(count)]
    yield count
    for each in held:
        each.close()


@contextmanager
def slow(count: int, server: Running, context: ssl.SSLContext) -> Iterator[int]:
    out = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    hello, done = out.read(), threading.Event()
    held = [dial(server.port) for _ in range(count)]

    def drip() -> None:
        for byte in hello:
            began = time.monotonic()
            for each in held:
                with suppress(OSError):
                    each.send(bytes([byte]))
            if done.wait(max(1 - (time.monotonic() - began), 0)):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    time.sleep(1.5)  # each has sent its first byte
    yield count
    done.set()
    thread.join()
    for each in held:
        each.close()


@contextmanager
def idle(count: int, server: Running, context: ssl.SSLContext) -> Iterator[int]:
    held: list[int] = []
    with suppress(OSError):  # a server that is full takes no more
        while len(held) < count:
            plain = dial(server.port)
            plain.settimeout(2)
            held.append(context.wrap_socket(plain, server_hostname="localhost").detach())  # open, without a close
    yield len(held)
    for descriptor in held:
        socket.close(descriptor)


Hold = Callable[[int, Running, ssl.SSLContext], AbstractContextManager[int]]
HOLD: dict[str, Hold] = {"silent": silent, "slow": slow, "idle": idle}


# The table ------------------------------------------------------------------------------------------------------------


def main() -> None:
    allow_descriptors()
    counts = [int(word) for word in (sys.argv[1:2] or ["256,5000"])[0].split(",")]
    sources = {"ours": ROOT} | ({"before": Path(sys.argv[2])} if len(sys.argv) > 2 else {})
    names = [*reversed(sources), *(["nginx"] if shutil.which("nginx") else [])]
    print(f"{'':<26}" + "".join(f"{name:>32}" for name in names), flush=True)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        servers = Servers(Path(scratch), stack)
        context = servers.client_context()

        def row(title: str, cell: Callable[[str], str]) -> None:
            print(f"{title:<26}" + "".join(f"{cell(name):>32}" for name in names), flush=True)

        def started(name: str, prefix: tuple[str, ...] = (), connections: int = 16000) -> Running:
            return (
                servers.nginx(connections, prefix) if name == "nginx" else servers.tlsdemo(sources[name], prefix=prefix)
            )

        for kind, hold in HOLD.items():
            for count in counts:

                def held(name: str, count: int = count, hold: Hold = hold) -> str:
                    server = started(name)
                    with hold(count, server, context) as holding:
                        cell = next_handshake(server, context)
                    servers.end(server)
                    return cell if holding == count else f"{cell} ({holding} got in)"

                row(f"{count} {kind}", held)
        for kind in ("silent", "idle"):

            def few(name: str, hold: Hold = HOLD[kind]) -> str:
                server = started(name, (shutil.which("prlimit") or "prlimit", "--nofile=64:64"), 40)
                with hold(200, server, context) as holding:
                    cell = next_handshake(server, context)
                servers.end(server)
                return cell if holding == 200 else f"{cell} ({holding} got in)"

            row(f"64 descriptors, 200 {kind}", few)
        for count in counts:

            def publishing(name: str, count: int = count) -> str:
                if name == "nginx":
                    return "-"
                server = servers.publisher(sources[name])
                with silent(count, server, context):
                    cell = next_request(server)
                servers.end(server)
                return cell

            row(f"crl, {count} silent", publishing)

        def unread(name: str) -> str:
            if name == "nginx":
                return "-"
            server = servers.tlsdemo(sources[name], stdout=subprocess.PIPE)
            done = 0
            with suppress(OSError):
                while done < 2000:
                    plain = dial(server.port)
                    plain.settimeout(3)
                    context.wrap_socket(plain, server_hostname="localhost").close()
                    done += 1
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            try:
                server.process.wait(PATIENCE)
                ended = f"SIGTERM {(time.monotonic() - began) * 1000:.0f} ms"
            except subprocess.TimeoutExpired:
                ended = "ignores SIGTERM"
                server.process.kill()
            return f"{done} of 2000, {ended}"

        row("unread", unread)


if __name__ == "__main__":
    main()
