"""The server and the client that readers copy: alone in a folder, against each other and against OpenSSL's programs."""

import queue
import re
import shutil
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT, run, tool
from tests.peers.support import DEADLINE, PROMPT, Background, reset
from tlsdemo.tls import client, server

# Copied out -----------------------------------------------------------------------------------------------------------

SERVER = """
    import server, socket, ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem", "server.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("port", listener.getsockname()[1], flush=True)
        plain, _ = listener.accept()
        try:
            server.serve(plain, context, lambda line: b"received: " + line + b"\\n")
            print("answered", flush=True)
        except ssl.SSLError as error:
            print("refused", error.reason, flush=True)
"""
CLIENT = """
    import client, socket, ssl, sys

    context = ssl.create_default_context(cafile="root.pem")
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60) as plain:
        try:
            with client.wrap(plain, context, sys.argv[2]) as tls:
                print(client.ask(tls, sys.argv[3]).decode(), end="")
        except ssl.SSLCertVerificationError as error:
            print("not trusted:", error.verify_code)
"""


@pytest.fixture
def folder(tmp_path: Path, certs: Path) -> Path:
    """The two modules, and the files of a PKI; nothing else."""
    for module in ("server.py", "client.py"):
        shutil.copy(ROOT / "tlsdemo/tls" / module, tmp_path)
    for name in ("root.pem", "server.pem", "server.key"):
        shutil.copy(certs / name, tmp_path)
    return tmp_path


def isolated(script: str) -> tuple[str, ...]:
    """A command that runs a script with `python -I`: no site of the user, no variables, and the folder it runs in."""
    return sys.executable, "-I", "-c", "import sys; sys.path.insert(0, '.')\n" + textwrap.dedent(script)


@contextmanager
def copied_server(folder: Path) -> Iterator[tuple[int, Background]]:
    """The port of the copied server, which serves one client, and its process."""
    background = Background(*isolated(SERVER), cwd=folder)
    try:
        yield int(background.wait_for(r"^port (\d+)$").group(1)), background
        assert background.wait() == 0, background.err
    finally:
        background.kill()


def ask_with_the_copied_client(folder: Path, port: int, line: str, name: str = "localhost") -> str:
    done = subprocess.run(
        [*isolated(CLIENT), str(port), name, line], cwd=folder, capture_output=True, text=True, timeout=DEADLINE
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_folder_imports_nothing_of_this_project(folder: Path) -> None:
    done = run(*isolated("import client, server, sys; print(*(m for m in sys.modules if 'tlsdemo' in m))"), cwd=folder)
    assert (done.stdout, done.stderr) == ("\n", "")
    assert sorted(each.name for each in folder.glob("*.py")) == ["client.py", "server.py"]


def test_copied_server_and_copied_client_talk(folder: Path) -> None:
    with copied_server(folder) as (port, serving):
        assert ask_with_the_copied_client(folder, port, "hello") == "received: hello\n"
        serving.wait_for("^answered$")


def test_a_copied_client_refuses_a_wrong_name_and_the_copied_server_is_told(folder: Path) -> None:
    with copied_server(folder) as (port, serving):
        assert ask_with_the_copied_client(folder, port, "hello", "shop.example") == "not trusted: 62\n"
        assert "ALERT" in serving.wait_for("^refused (.*)$").group(1)


def test_openssl_gets_the_answer_of_the_copied_server(folder: Path) -> None:
    tool("openssl")
    with copied_server(folder) as (port, serving):
        done = run(
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-verify_return_error",
            "-verify_hostname", "localhost", "-CAfile", folder / "root.pem", "-ign_eof", stdin=None, input="hello\n",
        )  # fmt: skip
        serving.wait_for("^answered$")
    assert done.returncode == 0, done.stderr
    assert "received: hello" in done.stdout.splitlines()


def test_the_copied_client_gets_the_answer_of_openssl(folder: Path) -> None:
    serving = Background(
        tool("openssl"), "s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-cert_chain", "server.pem",
        "-key", "server.key", "-www", "-naccept", "1", cwd=folder,
    )  # fmt: skip
    try:
        port = int(serving.wait_for(r"^ACCEPT 127\.0\.0\.1:(\d+)$").group(1))
        answer = ask_with_the_copied_client(folder, port, "GET / HTTP/1.0\r\n\r")
        assert serving.wait() == 0, serving.err
    finally:
        serving.kill()
    assert answer.startswith("HTTP/1.0 200 ok\n")
    assert re.search(r"^New, TLSv1\.3, ", answer, re.MULTILINE)


# Clients that misbehave -----------------------------------------------------------------------------------------------


@pytest.fixture
def contexts(certs: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a client and of a server, as a user's program makes them, under a Python that takes a cut for an end."""
    asking = ssl.create_default_context(cafile=str(certs / "root.pem"))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certs / "server.pem", certs / "server.key")
    for each in (asking, serving):
        each.options |= server.IGNORE_UNEXPECTED_EOF
    return asking, serving


@contextmanager
def serving_one(
    context: ssl.SSLContext, answer: Callable[[bytes], bytes] = bytes.upper, seconds: float = DEADLINE
) -> Iterator[tuple[socket.socket, "queue.Queue[BaseException | None]"]]:
    """A plain connection to a server of one client, and what its `serve` raises, None if nothing."""
    endings: queue.Queue[BaseException | None] = queue.Queue()

    def hold(plain: socket.socket) -> None:
        try:
            server.serve(plain, context, answer, seconds)
            endings.put(None)
        except BaseException as error:
            endings.put(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), DEADLINE)
        far, _ = listener.accept()
    thread = threading.Thread(target=hold, args=(far,))
    thread.start()
    try:
        yield near, endings
    finally:
        near.close()
        thread.join(DEADLINE)
        assert far.fileno() == -1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda each: each.name)
@pytest.mark.parametrize("line", ["", "hello", "x" * 60_000], ids=["empty", "short", "in many records"])
def test_a_line_is_answered(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], version: ssl.TLSVersion, line: str
) -> None:
    theirs, ours = contexts
    theirs.maximum_version = version
    with serving_one(ours) as (near, endings), client.wrap(near, theirs, "localhost") as tls:
        assert client.ask(tls, line) == line.upper().encode()
        assert endings.get(timeout=DEADLINE) is None


def test_after_the_handshake_the_caller_sees_what_was_agreed_on(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    theirs, ours = contexts
    seen: list[str | None] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), DEADLINE)
        far, _ = listener.accept()
    thread = threading.Thread(
        target=server.serve, args=(far, ours, lambda line: line, DEADLINE, lambda tls: seen.append(tls.version()))
    )
    thread.start()
    with client.wrap(near, theirs, "localhost") as tls:
        agreed = tls.version()
        client.ask(tls, "hello")
    thread.join(DEADLINE)
    assert agreed is not None
    assert seen == [agreed]


def test_a_line_without_an_end_is_refused(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    theirs, ours = contexts
    with serving_one(ours) as (near, endings), client.wrap(near, theirs, "localhost") as tls:
        with suppress(OSError):
            tls.sendall(b"x" * (server.LINE_LIMIT + 1))
        assert isinstance(endings.get(timeout=DEADLINE), server.LineTooLong)


@pytest.mark.parametrize("said", [b"", b"half a l"], ids=["nothing", "half a line"])
def test_a_cut_is_an_error_and_nothing_is_answered(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], said: bytes
) -> None:
    theirs, ours = contexts
    answered: list[bytes] = []

    def keep(line: bytes) -> bytes:
        answered.append(line)
        return b""

    with serving_one(ours, keep) as (near, endings):
        with client.wrap(near, theirs, "localhost") as tls:
            tls.sendall(said)
            socket.socket.shutdown(tls, socket.SHUT_WR)
            ending = endings.get(timeout=DEADLINE)
        assert isinstance(ending, ssl.SSLEOFError | ssl.SSLError)
        assert answered == []


def test_a_close_ends_the_line_too(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    theirs, ours = contexts
    answered: list[bytes] = []

    def keep(line: bytes) -> bytes:
        answered.append(line)
        return b""

    with serving_one(ours, keep) as (near, endings):
        with client.wrap(near, theirs, "localhost") as tls:
            tls.sendall(b"all of it")
            tls.unwrap()
        assert endings.get(timeout=DEADLINE) is None
    assert answered == [b"all of it"]


SILENT: dict[str, Callable[[socket.socket], None]] = {
    "nothing": lambda near: None,
    "half a header": lambda near: near.sendall(b"\x16\x03"),
}


@pytest.mark.parametrize("begin", SILENT.values(), ids=SILENT)
def test_a_client_that_does_not_go_on_meets_the_deadline(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], begin: Callable[[socket.socket], None]
) -> None:
    with serving_one(contexts[1], seconds=0.2) as (near, endings):
        begin(near)
        assert isinstance(endings.get(timeout=PROMPT), TimeoutError)


def test_a_client_that_sends_byte_by_byte_meets_the_deadline(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    theirs, ours = contexts
    with serving_one(ours, seconds=0.5) as (near, endings), client.wrap(near, theirs, "localhost") as tls:
        begin = time.monotonic()
        with suppress(OSError):
            while endings.empty() and time.monotonic() < begin + PROMPT:
                tls.sendall(b"x")  # each byte comes before any timeout of its own
                time.sleep(0.02)
        assert isinstance(endings.get(timeout=PROMPT), TimeoutError)


GARBAGE = {"text": b"hello\n" * 100, "zeros": bytes(1000), "HTTP": b"GET / HTTP/1.1\r\n\r\n"}


@pytest.mark.parametrize("what", GARBAGE)
def test_what_is_not_tls_is_an_error_and_the_connection_ends_without_a_reset(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], what: str
) -> None:
    with serving_one(contexts[1]) as (near, endings):
        near.sendall(GARBAGE[what] * 100)  # more than OpenSSL reads: without more ado, close() would send a reset
        near.shutdown(socket.SHUT_WR)
        assert near.recv(1 << 14) == b""
        assert isinstance(endings.get(timeout=DEADLINE), ssl.SSLError)


def test_a_reset_in_the_handshake_is_an_error(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    theirs, ours = contexts
    hello = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        theirs.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
    with serving_one(ours) as (near, endings):
        near.sendall(hello.read())
        near.recv(1)  # the server has answered
        reset(near)
        assert isinstance(endings.get(timeout=DEADLINE), OSError)


def test_what_the_callers_function_raises_comes_out(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    theirs, ours = contexts

    def fail(line: bytes) -> bytes:
        raise KeyError(line)

    with serving_one(ours, fail) as (near, endings), client.wrap(near, theirs, "localhost") as tls:
        with suppress(OSError):
            client.ask(tls, "hello")
        assert isinstance(endings.get(timeout=DEADLINE), KeyError)
