"""`tlsdemo connect --http`: requests to servers of other makes, and responses that are wrong or cut.

Falsehoods caught: a body that was cut and is taken for whole; one that is whole and is not; bytes that are changed on
their way to a file; bytes that drive the terminal; a second header that is smuggled in by the path.
"""

import os
import pty
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import tlsdemo, tool
from tests.peers.conftest import Serve, Start
from tests.peers.support import acting, assert_is_refusal
from tests.tlsdemo.cli.test_connect import call, tls_script
from tests.tlsdemo.conftest import Answer, Command

BODY = bytes(range(256)) * 300


def get(cli: Command, certs: Path, answer: bytes, then: str = "cut", version: str = "TLSv1_3") -> Answer:
    """`--http /` to a server that sends these bytes and then closes, cuts or resets the connection."""
    script = tls_script(certs, answer=answer, then=then, version=ssl.TLSVersion[version])
    with acting(script) as address:
        return call(cli, address, certs, "--http", "/")


# Servers of other makes ---------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "bytes.bin").write_bytes(BODY)
    (folder / "page.txt").write_text("hello\n")
    return folder


def port_of(certs: Path, site: Path, start: Start, make: str) -> int:
    """The port of a server of that make, which serves the folder."""
    chain, key = certs / "server.pem", certs / "server.key"
    if make == "openssl":
        server = start(
            tool("openssl"), "s_server", "-WWW", "-accept", "127.0.0.1:0", "-cert", chain, "-cert_chain", chain,
            "-key", key, cwd=site,
        )  # fmt: skip
        return int(server.wait_for(r"^ACCEPT 127\.0\.0\.1:(\d+)").group(1))
    if make == "python":
        server = start(sys.executable, "-u", "-c", PYTHON, chain, key, cwd=site)
        return int(server.wait_for(r"^(\d+)$").group(1))
    nginx = tool("nginx")
    configuration = site.parent / "nginx.conf"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    configuration.write_text(NGINX.format(port=port, chain=chain, key=key, site=site, folder=site.parent))
    server = start(nginx, "-p", site.parent, "-c", configuration, "-e", "stderr")
    server.wait_for("getrlimit", "err")  # it listens before it says so
    return port


PYTHON = """
import http.server, ssl, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port)
server.serve_forever()
"""
NGINX = """
daemon off; master_process off; worker_processes 1; error_log stderr notice; pid {folder}/nginx.pid;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} ssl; server_name localhost; root {site};
    ssl_certificate {chain}; ssl_certificate_key {key};
    location = /host {{ return 200 $http_host; }}
  }}
}}
"""


@pytest.mark.parametrize("make", ["openssl", "python", "nginx"])
def test_a_file_of_another_server_arrives_byte_by_byte(
    background: Start, certs: Path, site: Path, tmp_path: Path, make: str
) -> None:
    port = port_of(certs, site, background, make)
    command = [sys.executable, "-m", "tlsdemo", "connect", f"localhost:{port}", "--trust", str(certs / "root.pem")]
    done = subprocess.run([*command, "--http", "/bytes.bin"], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert done.stdout == BODY
    assert re.search(rb"^HTTP/1\.[01] 200 ok$", done.stderr, re.MULTILINE | re.IGNORECASE)
    missing = subprocess.run([*command, "--http", "/none"], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    assert missing.returncode == 0, missing.stderr
    assert missing.stdout


def test_the_host_is_that_of_the_name_with_the_port(background: Start, certs: Path, site: Path) -> None:
    port = port_of(certs, site, background, "nginx")
    trust = ("--trust", certs / "root.pem", "--http", "/host")
    for address, name in (("localhost", None), ("127.0.0.1", "localhost"), ("localhost", "::1")):
        done = tlsdemo("connect", f"{address}:{port}", *trust, *(("--name", name) if name else ()))
        assert done.stdout == (f"[{name}]:{port}" if name == "::1" else f"localhost:{port}")


def test_our_server_answers_and_the_message_of_the_pipe_is_not_read(serve: Serve, certs: Path) -> None:
    server = serve()
    done = tlsdemo(
        "connect", server.target, "--trust", certs / "root.pem", "--http", "/a?b=c%20d", stdin=None, input="a\nb\n"
    )
    assert done.returncode == 0
    assert done.stdout.startswith("received:  GET /a?b=c%20d HTTP/1.1\nversion:   TLSv1.3\n")
    assert "HTTP/1.1 200 OK\nContent-Type: text/plain; charset=utf-8\n" in done.stderr
    assert server.event("said")["text"] == "GET /a?b=c%20d HTTP/1.1"


# Whole, or cut ------------------------------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "Content-Length": OK + b"Content-Length: 4\r\n\r\nbody",
    "chunked": CHUNKED + b"4\r\nbody\r\n0\r\n\r\n",
    "chunked, with a trailer": CHUNKED + b"2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\nA: b\r\n\r\n",
    "interim responses": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nbody",
    "more than announced": OK + b"Content-Length: 4\r\n\r\nbody, and more",
    "HTTP/1.0": b"HTTP/1.0 200 ok\r\nContent-Length: 4\r\n\r\nbody",
    "an error": b"HTTP/1.1 500 \r\nContent-Length: 4\r\n\r\nbody",
}
WITHOUT_BODY = {"204": b"HTTP/1.1 204 No Content\r\n\r\n", "304": b"HTTP/1.1 304 Not Modified\r\n\r\n"}
BY_CLOSE = {"HTTP/1.1": OK + b"\r\nbody", "HTTP/1.0": b"HTTP/1.0 200 ok\r\nContent-Type: x\r\n\r\nbody"}
CUT = {
    "in the body": OK + b"Content-Length: 5\r\n\r\nbody",
    "before the body": OK + b"Content-Length: 5\r\n\r\n",
    "in the head": OK + b"Content-Len",
    "in the status line": b"HTTP/1.1 2",
    "before the last chunk": CHUNKED + b"4\r\nbody\r\n",
    "in a chunk": CHUNKED + b"5\r\nbody",
    "after an interim response": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("then", ["cut", "close"])
@pytest.mark.parametrize("what", [*WHOLE, *WITHOUT_BODY])
def test_a_response_that_has_its_whole_length_is_whole_whatever_comes_then(
    cli: Command, certs: Path, what: str, then: str, version: str
) -> None:
    answer = get(cli, certs, (WHOLE | WITHOUT_BODY)[what], then, version)
    assert answer.code == 0, answer
    assert answer.out == ("body" if what in WHOLE else "")


@pytest.mark.parametrize("what", BY_CLOSE)
def test_a_response_without_a_length_ends_with_close_notify_alone(cli: Command, certs: Path, what: str) -> None:
    assert get(cli, certs, BY_CLOSE[what], "close").code == 0
    answer = get(cli, certs, BY_CLOSE[what], "cut")
    assert (answer.code, answer.out) == (1, "body")
    assert "closed the connection within the response" in answer.err
    assert "RFC 8446 §6.1" in answer.err


@pytest.mark.parametrize("then", ["cut", "close"])
@pytest.mark.parametrize("what", CUT)
def test_a_response_that_is_cut_is_a_no(cli: Command, certs: Path, what: str, then: str) -> None:
    answer = get(cli, certs, CUT[what], then)
    assert answer.code == 1, answer
    assert "body".startswith(answer.out)
    assert re.search("^error: .* closed the connection within the response$", answer.err, re.MULTILINE)


def test_a_reset_is_not_taken_for_the_end(cli: Command, certs: Path) -> None:
    answer = get(cli, certs, BY_CLOSE["HTTP/1.1"], "reset")
    assert answer.code in (1, 3)  # the reset may destroy what came before it
    assert "closed the connection" in answer.err


@pytest.mark.parametrize(("then", "code"), [("close", 1), ("cut", 3), ("reset", 3)])
def test_no_response_at_all_is_told(cli: Command, certs: Path, then: str, code: int) -> None:
    answer = get(cli, certs, b"", then)
    assert (answer.code, answer.out) == (code, "")
    assert "closed the connection" in answer.err


NOT_HTTP = {
    "text": b"received:  GET / HTTP/1.1\r\n\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\n\r\n",
    "a header without a colon": OK + b"nonsense\r\n\r\n",
    "two lengths": OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
    "a length of letters": OK + b"Content-Length: four\r\n\r\nbody",
    "a chunk of letters": CHUNKED + b"xyz\r\nbody\r\n",
    "an endless head": OK + b"A: " + b"x" * (1 << 17),
    "a control character in a header": OK + b"A: \x1b[2J\x00\r\n\r\n",
}


@pytest.mark.parametrize("what", NOT_HTTP)
def test_what_is_not_http_is_a_no(cli: Command, certs: Path, what: str) -> None:
    answer = get(cli, certs, NOT_HTTP[what], "close")
    assert_is_refusal(answer, 1, "sent a response that is not HTTP", "it begins with '")
    assert all(line.isprintable() for line in answer.err.splitlines())


# The terminal -------------------------------------------------------------------------------------------------------

NASTY = b"\x1b[2Jgone\xff\r\n\ttab\x07\n\xc2\x9b31mred\r\rover\xe2\x80\xae\r"


def on_terminal(*words: str | Path) -> tuple[int, bytes]:
    """Exit code, and all that a terminal gets from the command."""
    main, end = pty.openpty()
    with subprocess.Popen([*map(str, words)], stdin=subprocess.DEVNULL, stdout=end, stderr=end) as process:
        os.close(end)
        shown = b"".join(_read(main))
        os.close(main)
        return process.wait(60), shown


def _read(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(descriptor, 1 << 16)
        except OSError:  # EIO: the program has ended
            return
        if not data:
            return
        yield data


def test_a_body_is_escaped_on_a_terminal(certs: Path) -> None:
    answer = OK + b"X-Odd: \x9b31m\xe9\r\nContent-Length: %d\r\n\r\n" % len(NASTY) + NASTY
    with acting(tls_script(certs, answer=answer)) as address:
        code, shown = on_terminal(
            sys.executable, "-m", "tlsdemo", "connect", str(address), "--name", "localhost",
            "--trust", certs / "root.pem", "--http", "/",
        )  # fmt: skip
    assert code == 0, shown
    text = shown.decode()
    assert text.endswith("\\x1b[2Jgone\ufffd\r\n\ttab\\x07\r\n\\x9b31mred\\r\\rover\\u202e\\r\r\n")
    assert "X-Odd: \\x9b31m\u00e9\r\n" in text
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)


def test_a_body_is_not_escaped_elsewhere(certs: Path) -> None:
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(NASTY) + NASTY
    with acting(tls_script(certs, answer=answer)) as address:
        done = subprocess.run(
            [sys.executable, "-m", "tlsdemo", "connect", str(address), "--name", "localhost",
             "--trust", str(certs / "root.pem"), "--http", "/"],
            capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, NASTY)


def test_a_body_that_cannot_be_written_is_3(certs: Path) -> None:
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with acting(tls_script(certs, answer=answer)) as address:
        command = (
            f'"{sys.executable}" -m tlsdemo connect {address} --name localhost --trust "{certs}/root.pem" --http /'
        )
        done = subprocess.run(["bash", "-c", f"{command} > /dev/full"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 3
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr


# Wrong usage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "http://localhost/",
        "*",
        "/a b",
        "/\r\nX: y",
        "/\n",
        "/\r",
        "/\t",
        "/\x7f",
        "/ü",
        "/#a",
        "/\x1b",
    ],
    ids=ascii,
)
def test_what_is_not_a_path_is_wrong_usage(cli: Command, certs: Path, path: str) -> None:
    answer = cli("connect", "localhost:1", "--trust", certs / "root.pem", "--http", path)
    assert_is_refusal(answer, 2, "is not a path")


def test_a_path_is_for_tls_alone_and_excludes_a_message(cli: Command, certs: Path) -> None:
    words = ("connect", "localhost:1", "--trust", certs / "root.pem", "--http", "/")
    assert_is_refusal(cli(*words, "--protocol", "ca"), 2, "--http is not possible with --protocol ca")
    assert_is_refusal(cli(*words, "--message", "a"), 2, "--http and --message are mutually exclusive")
