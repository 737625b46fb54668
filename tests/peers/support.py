"""What the tests of `tlsdemo` share: programs in the background, servers in this process, servers that misbehave."""

import json
import os
import queue
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from signal import SIGINT
from typing import IO, Any, TypeVar

from cryptography import x509

from pki import Credential
from pki.store.files import read_certificates, read_credential, read_crls
from tests.conftest import Answer, run
from tlsdemo import net
from tlsdemo.cli.protocol_options import party
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.edu.server import serve as serve_edu
from tlsdemo.events import Closed, Event, Refused
from tlsdemo.key_agreement import Group
from tlsdemo.protocol import Party, Protection, Side
from tlsdemo.tls.connection import serve
from tlsdemo.tls.context import client_context, server_context
from tlsdemo.tls13.machine import Log, no_log
from tlsdemo.tls13.protocol import tls13

T = TypeVar("T")

DEADLINE = 60.0
"""Seconds after which an event will not come any more. It takes milliseconds, and some seconds on a loaded machine."""
PROMPT = 20.0
"""Seconds that something immediate may take on a loaded machine. A test tells it apart from a wait that is longer."""


# Programs in the background -----------------------------------------------------------------------------------------


class Background:
    """A program that runs beside the test. Its output is read line by line, so that it never blocks on a full pipe."""

    def __init__(
        self,
        *command: str | Path,
        stdin: int | IO[str] = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            env={**os.environ, **(environment or {})},
            cwd=cwd,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._more = threading.Condition()
        assert self.process.stdout and self.process.stderr
        for stream in (self.process.stdout, self.process.stderr):
            assert isinstance(stream, TextIOWrapper)
            stream.reconfigure(newline="\n")  # a carriage return is no end of a line: it would drive a terminal
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines))
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            with self._more:
                lines.append(line.rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._more.notify_all()

    def wait_for(self, pattern: str, stream: str = "out") -> re.Match[str]:
        """The first line of that stream which has the pattern; an AssertionError with all output if none comes."""

        def found(lines: list[str]) -> re.Match[str] | None:
            return next((match for line in lines if (match := re.search(pattern, line))), None)

        match = self.wait_until(found, stream, pattern)
        assert match
        return match

    def wait_until(self, found: Callable[[list[str]], T], stream: str = "out", wanted: str = "such line") -> T:
        """The first true answer, asked anew with each line; an AssertionError with all output if none comes."""
        lines, end = getattr(self, stream), time.monotonic() + DEADLINE
        with self._more:
            while not (answer := found(lines)):
                gone = not any(reader.is_alive() for reader in self._readers)
                assert not gone and time.monotonic() < end, f"no {wanted!r} in {self.out} {self.err}"
                self._more.wait(0.2)
        return answer

    def write(self, text: str) -> None:
        """To its standard input, flushed."""
        assert self.process.stdin
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def end_of_input(self) -> None:
        """Nothing more comes on its standard input."""
        assert self.process.stdin
        self.process.stdin.close()

    def signal(self, number: int) -> None:
        """Send a signal to this very process."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code, once it has ended; all its output has been read by then."""
        if self.process.stdin:
            with suppress(OSError):
                self.process.stdin.close()
        code = self.process.wait(DEADLINE)
        for reader in self._readers:
            reader.join(DEADLINE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()
        return code

    def end(self, number: int = SIGINT) -> None:
        """Ctrl-C: it ends with 0, and without a traceback."""
        if self.process.poll() is None:
            self.signal(number)
        code = self.wait()
        assert "Traceback" not in "\n".join(self.err), "\n".join(self.err)
        assert code == 0, (code, self.out, self.err)

    def kill(self) -> None:
        """The end, whatever it was doing."""
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdout and not self.process.stdout.closed:
            self.wait()


class Serving(Background):
    """`tlsdemo serve --port 0` as a process of its own; it is listening when the constructor returns."""

    def __init__(
        self,
        *options: str | Path,
        certs: Path,
        as_json: bool = True,
        prefix: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        super().__init__(
            *prefix, sys.executable, "-m", "tlsdemo", "serve", "--port", "0", "--certs", certs,
            *(("--json",) if as_json else ()), *options, environment=environment, cwd=cwd,
        )  # fmt: skip
        self.as_json = as_json
        if as_json:
            self.port = int(json.loads(self.wait_for("").string)["port"])
        else:
            self.port = int(self.wait_for(r"^listening on .*:(\d+) \(\w+\)$").group(1))

    @property
    def target(self) -> str:
        """HOST:PORT, for a client."""
        return f"localhost:{self.port}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has reported so far."""
        return [json.loads(line) for line in list(self.out)]

    def event(self, name: str, number: int = 1) -> dict[str, Any]:
        """The first (second, ...) event of that name, as soon as it is there."""
        end = time.monotonic() + DEADLINE
        with self._more:
            while len(found := [event for event in self.events if event["event"] == name]) < number:
                assert time.monotonic() < end and self._readers[0].is_alive(), f"no {name} in {self.out} {self.err}"
                self._more.wait(0.2)
        return found[number - 1]

    def of(self, peer: str) -> list[dict[str, Any]]:
        """The events of one conversation, in order, once it has ended."""

        def ended(lines: list[str]) -> list[dict[str, Any]]:
            found = [event for event in map(json.loads, lines) if event.get("peer") == peer]
            return found if found and found[-1]["event"] in ("refused", "closed", "silent") else []

        return self.wait_until(ended, wanted=f"end of {peer}")


class OnPath(Background):
    """`tlsdemo eavesdrop` or `mitm`, on a free port before a server; it is listening when the constructor returns."""

    def __init__(self, *words: str | Path, before: int, cwd: Path | None = None) -> None:
        command, *options = words
        super().__init__(
            sys.executable, "-m", "tlsdemo", command, "--listen", "0", "--upstream", f"localhost:{before}", *options,
            cwd=cwd, environment={"PYTHONUNBUFFERED": ""},  # it is his own doing that each line comes at once
        )  # fmt: skip
        self.port = int(self.wait_for(r"^listening on .*?:(\d+),").group(1))
        self.target = f"localhost:{self.port}"

    def printed(self) -> str:
        """All that it has printed so far."""
        return "\n".join(self.out)


def throw(port: int, data: bytes) -> tuple[str, bytes]:
    """Send bytes and the end of the line; (this end's address as the server names it, all that came back)."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as plain:
        answer = b""
        with suppress(OSError):
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while piece := plain.recv(1 << 16):
                answer += piece
        return f"127.0.0.1:{plain.getsockname()[1]}", answer


def received_nothing(server: Serving) -> None:
    """The verdict of the server's side: it was refused, and no application byte has reached it."""
    refused = server.event("refused")
    assert refused["application_bytes"] == 0
    assert refused["by"] == "client"
    assert all(
        event["event"] in ("listening", "refused") or not event.get("application_bytes") for event in server.events
    )
    assert not any(event["event"] == "said" for event in server.events)


def s_client(server_port: int, *options: str | Path, say: str | None = None) -> subprocess.CompletedProcess[str]:
    """`openssl s_client`, to its end; what it is to say goes to its standard input."""
    given: dict[str, object] = {"stdin": None, "input": say} if say is not None else {}
    return run(
        "openssl", "s_client", "-connect", f"localhost:{server_port}", "-servername", "localhost",
        "-verify_return_error", "-verify_hostname", "localhost", *options, **given,
    )  # fmt: skip


def assert_is_refusal(answer: Answer, code: int, *words: str) -> None:
    """A clear error: nothing on stdout, `error:` and a hint, no traceback."""
    assert answer.code == code, answer
    assert answer.out == ""
    assert re.search(r"^error: ", answer.err, re.MULTILINE), answer.err
    assert re.search(r"^  hint: ", answer.err, re.MULTILINE), answer.err
    assert "Traceback" not in answer.err
    for word in words:
        assert word in answer.err


# Servers in this process --------------------------------------------------------------------------------------------


@dataclass
class Live:
    """A real server of ours on a thread, and the events of its conversations."""

    server: net.AcceptLoop
    port: int
    events: "queue.Queue[Event]" = field(default_factory=queue.Queue)
    silent: "queue.Queue[tuple[str, float]]" = field(default_factory=queue.Queue)

    def conversation(self) -> list[Event]:
        """The events up to the end of one conversation."""
        seen: list[Event] = []
        while not seen or not isinstance(seen[-1], Closed | Refused):
            seen.append(self.events.get(timeout=DEADLINE))
        return seen

    def ending(self) -> Event:
        """How one conversation ended."""
        return self.conversation()[-1]

    def dial(self) -> socket.socket:
        """A plain connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)


def live(context: ssl.SSLContext, deadline: float = DEADLINE, limit: float = net.LIMIT) -> AbstractContextManager[Live]:
    """Serve TLS with a context on a free port while this lasts; `stop` must end and join it."""
    return _live(lambda connection, report: serve(connection, context, report), deadline, limit)


def live_rung(
    rung: str, certs: Path, *, group: Group | None = None, deadline: float = DEADLINE
) -> AbstractContextManager[Live]:
    """Serve a rung of the educational handshake with a minted PKI, on a free port while this lasts."""
    claims = RUNGS[rung] if group is None or group.strong else RUNGS[rung] - {Protection.STRONG_GROUP}
    protocol = edu(claims, group=group)
    own = party_of(certs, Side.SERVER)
    return _live(lambda connection, report: serve_edu(connection, protocol, own, report), deadline)


def live_tls13(
    certs: Path, claims: frozenset[Protection], *, log: Log = no_log, deadline: float = DEADLINE
) -> AbstractContextManager[Live]:
    """Serve TLS 1.3 of our own with a minted PKI, on a free port while this lasts."""
    protocol, own = tls13(claims, log=log), party_of(certs, Side.SERVER)
    return _live(lambda connection, report: serve_edu(connection, protocol, own, report), deadline)


def party_of(certs: Path, side: Side) -> Party:
    """One side, with what it needs of a minted PKI."""
    return party(
        read_credential(certs / f"{side.value}.pem", certs / f"{side.value}.key"),
        read_certificates(certs / "root.pem"),
        read_crls(certs / "crl.pem"),
        x509.DNSName("localhost") if side is Side.CLIENT else None,
    )


def live_protocol(protocol: str, certs: Path) -> AbstractContextManager[Live]:
    """Serve any value of --protocol."""
    return live(ours(certs)) if protocol == "tls" else live_rung(protocol, certs)


@contextmanager
def _live(
    converse: Callable[[net.Connection, Callable[[Event], None]], net.Handling[Event]],
    deadline: float,
    limit: float = net.LIMIT,
) -> Iterator[Live]:
    listener = net.listen(("127.0.0.1",))
    held: list[Live] = []

    async def handle(connection: net.Connection) -> None:
        held[0].events.put(await converse(connection, held[0].events.put))

    def on_silent(connection: net.Connection, seconds: float) -> None:
        held[0].silent.put((connection.peer, seconds))

    server = net.AcceptLoop(listener, handle, on_silent, deadline, limit)
    held.append(Live(server, listener.port))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield held[0]
    finally:
        server.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive(), "stop() did not end run()"


def ours(certs: Path, *, rogue: bool = False) -> ssl.SSLContext:
    """The server's context for a minted PKI."""
    folder = certs / "rogue" if rogue else certs
    return server_context(read_credential(folder / "server.pem", folder / "server.key"))


def trusting(certs: Path, credential: Credential | None = None) -> ssl.SSLContext:
    """The client's context for a minted PKI, as `connect` builds it."""
    return client_context(
        read_certificates(certs / "root.pem"), crls=read_crls(certs / "crl.pem"), credential=credential
    )


def reset(connected: socket.socket) -> None:
    """Close with a reset instead of an end of file."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connected.close()


def heard(connected: socket.socket) -> bytes:
    """What comes next; ConnectionError, which ends a Script, when nothing does."""
    if data := connected.recv(1 << 16):
        return data
    raise ConnectionError


Script = Callable[[socket.socket], None]


@contextmanager
def acting(script: Script) -> Iterator[net.Address]:
    """A server that does what the script says with every connection, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopping = threading.Event()

        def act() -> None:
            while not stopping.is_set():
                try:
                    connected, _ = listener.accept()
                except OSError:
                    return
                connected.settimeout(DEADLINE)
                with connected, suppress(OSError):
                    if not stopping.is_set():
                        script(connected)

        thread = threading.Thread(target=act)
        thread.start()
        try:
            yield net.Address("127.0.0.1", listener.getsockname()[1])
        finally:
            stopping.set()
            with suppress(OSError):
                socket.create_connection(listener.getsockname(), 1).close()  # wakes accept()
            thread.join(DEADLINE)
            assert not thread.is_alive()
