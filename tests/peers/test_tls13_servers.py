"""`connect --protocol tls13` before servers of others. Falsehood caught: a client that only our own server understands.

OpenSSL, nginx, Python, Node, Go and GnuTLS are implementations of TLS 1.3 by others, so that a mistake which our client
and our server share shows here.
"""

import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from pki.keys import KeyType
from tests.conftest import Answer, Command, run, tool
from tests.peers.conftest import Start
from tests.peers.support import DEADLINE, PROMPT, Background, assert_is_refusal, party_of
from tests.peers.test_openssl import s_server
from tests.peers.tls13 import KEY_TYPES, SUITES, TLS13, Keyed
from tlsdemo import net
from tlsdemo.protocol import Protection, Side
from tlsdemo.tls13.handshake import Client
from tlsdemo.tls13.protocol import ALL, tls13

REQUEST = "GET / HTTP/1.0"
Connect = Callable[..., Answer]


@pytest.fixture
def connect(cli: Command, certs: Path) -> Connect:
    """`connect(port, *options, certs=...)` is `tlsdemo connect` with our own TLS 1.3; it sends a request line."""

    def run(port: int, *options: object, certs: Path = certs, message: str = REQUEST) -> Answer:
        where = (f"localhost:{port}", "--trust", certs / "root.pem", "--message", message)
        return cli("connect", *where, *TLS13, *options)

    return run


def agreed(answer: Answer) -> tuple[str, str]:
    """Group and cipher suite, as the client reports them."""
    found = re.search(
        r"^connected with TLSv1.3, (\S+), (\S+); the server is authenticated as", answer.err, re.MULTILINE
    )
    assert found, answer
    return found[1], found[2]


# openssl s_server: what is negotiated -------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_the_page_of_s_server_is_read(
    background: Start, keyed: Keyed, openssl: str, connect: Connect, key_type: KeyType
) -> None:
    certs = keyed(key_type)
    _, port = s_server(background, certs, "-www")
    answer = connect(port, certs=certs)
    assert answer.code == 0, answer
    group, suite = agreed(answer)
    assert group == "x25519"
    assert f"New, TLSv1.3, Cipher is {suite}" in answer.out  # s_server's own report


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("chooser", ["server", "client"])
def test_each_cipher_suite_is_negotiated(
    background: Start, certs: Path, openssl: str, connect: Connect, suite: str, chooser: str
) -> None:
    _, port = s_server(background, certs, "-www", *(("-ciphersuites", suite) if chooser == "server" else ()))
    answer = connect(port, *(("--cipher", suite) if chooser == "client" else ()))
    assert agreed(answer) == ("x25519", suite)
    assert f"New, TLSv1.3, Cipher is {suite}" in answer.out


@pytest.mark.parametrize(
    ("options", "hellos", "group"),
    [
        (("-groups", "X25519"), 1, "x25519"),
        (("-groups", "P-256"), 2, "secp256r1"),
        (("-groups", "ffdhe2048"), 2, "ffdhe2048"),
    ],
    ids=["X25519", "P-256", "ffdhe2048"],
)
def test_the_second_hello_has_what_the_server_asks_for(
    background: Start, certs: Path, openssl: str, connect: Connect, options: tuple[str, ...], hellos: int, group: str
) -> None:
    server, port = s_server(background, certs, "-www", "-msg", *options)
    answer = connect(port)
    assert agreed(answer)[0] == group
    assert "HTTP/1.0 200 ok" in answer.out
    server.wait_for("<<< TLS 1.3, Alert .* close_notify")
    assert len([line for line in server.out if re.match("<<< .*, ClientHello$", line)]) == hellos


@pytest.mark.parametrize("group", ["x25519", "secp256r1", "ffdhe2048"])
def test_the_client_offers_one_group_if_it_is_told_to(
    background: Start, certs: Path, openssl: str, connect: Connect, group: str
) -> None:
    _, port = s_server(background, certs, "-www", "-groups", "X25519:P-256:ffdhe2048")
    assert agreed(connect(port, "--group", group))[0] == group


def test_the_application_protocol_is_one_that_the_client_offers(
    background: Start, certs: Path, openssl: str, connect: Connect
) -> None:
    server, port = s_server(background, certs, "-alpn", "http/1.1")
    with linked(port, certs, protocols=("h2", "http/1.1")) as (_, endpoint):
        assert endpoint.negotiated["protocol"] == "http/1.1"
        server.wait_for(r"^ALPN protocols selected: http/1\.1$")
    assert_is_refusal(connect(port, "--alpn", "h2"), 1, "alert no_application_protocol")


@pytest.mark.parametrize("options", [("-max_send_frag", "512"), ("-record_padding", "256"), ("-num_tickets", "5")])
def test_split_messages_padding_and_tickets_are_read(
    background: Start, certs: Path, openssl: str, connect: Connect, options: tuple[str, str]
) -> None:
    _, port = s_server(background, certs, "-www", *options)
    answer = connect(port)
    assert answer.code == 0, answer
    assert "HTTP/1.0 200 ok" in answer.out


# openssl s_server: who the two are ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_s_server_authenticates_the_client(
    background: Start, keyed: Keyed, openssl: str, connect: Connect, key_type: KeyType
) -> None:
    certs = keyed(key_type)
    demands = ("-Verify", "3", "-verify_return_error", "-CAfile", certs / "root.pem")
    server, port = s_server(background, certs, "-www", *demands)
    assert connect(port, "--cert", certs / "client.pem", certs=certs).code == 0
    server.wait_for("verify return:1", "err")
    assert_is_refusal(connect(port, "--cert", certs / "server.pem", certs=certs), 1, "refused the connection: alert ")


def test_a_client_without_the_certificate_is_refused(
    background: Start, certs: Path, openssl: str, cli: Command
) -> None:
    _, port = s_server(background, certs, "-www", "-Verify", "3", "-CAfile", certs / "root.pem")
    (certs.parent / "alone.pem").write_bytes((certs / "root.pem").read_bytes())
    where = ("connect", f"localhost:{port}", "--trust", certs.parent / "alone.pem")
    answer = cli(*where, *TLS13, "--without", "client-identity", "--message", REQUEST)
    assert_is_refusal(answer, 1, "alert certificate_required", "--cert")


@pytest.mark.parametrize(
    ("folder", "options", "sentence"),
    [
        ("rogue", (), "the key of CN=tlsdemo development CA root did not sign"),
        (".", ("--name", "shop.example"), "is not valid for"),
    ],
    ids=["rogue CA", "other name"],
)
def test_the_client_refuses_a_certificate_and_sends_nothing(
    background: Start, certs: Path, openssl: str, connect: Connect, folder: str, options: tuple[str, ...], sentence: str
) -> None:
    server, port = s_server(background, certs / folder)
    answer = connect(port, *options, message="a secret")
    assert_is_refusal(answer, 1, f"localhost:{port} is refused: ", sentence, "no application data")
    server.wait_for("SSL alert number (42|48)", "err")
    server.kill()
    assert "a secret" not in "\n".join(server.out)


@pytest.mark.parametrize(
    ("options", "alert"),
    [(("-tls1_2",), "protocol_version"), (("-groups", "P-384"), "handshake_failure")],
    ids=["TLS 1.2", "P-384"],
)
def test_a_server_without_a_common_choice_refuses_and_its_alert_is_shown(
    background: Start, certs: Path, openssl: str, connect: Connect, options: tuple[str, ...], alert: str
) -> None:
    _, port = s_server(background, certs, "-www", *options)
    answer = connect(port)
    assert_is_refusal(answer, 1, f"localhost:{port} refused the connection: alert {alert}", "no application data")


# openssl s_server: after the handshake ------------------------------------------------------------------------------


@contextmanager
def linked(port: int, certs: Path, protocols: Sequence[str] = ()) -> Iterator[tuple[net.Link, Client]]:
    """Our client on a socket, after its handshake."""
    claims = ALL - {Protection.CLIENT_IDENTITY}
    endpoint = tls13(claims, protocols=protocols).client(party_of(certs, Side.CLIENT))
    assert isinstance(endpoint, Client)
    with net.dial(net.Address("127.0.0.1", port)) as plain:
        link = net.Link(plain, endpoint)
        link.handshake(time.monotonic() + DEADLINE)
        yield link, endpoint


def receive(link: net.Link, until: bytes) -> bytes:
    """The data of the server up to and including `until`."""
    received = b""
    while until not in received:
        data = link.receive(time.monotonic() + DEADLINE)
        assert data, received
        received += data
    return received


def has_matches(pattern: str, count: int, lines: list[str]) -> bool:
    return sum(bool(re.match(pattern, line)) for line in lines) == count


@pytest.mark.parametrize("key", ["k", "K"], ids=["its own key", "both keys"])
def test_data_passes_in_both_directions_after_the_server_updates_its_key(
    background: Start, certs: Path, openssl: str, key: str
) -> None:
    server, port = s_server(background, certs, "-msg")
    with linked(port, certs) as (link, _):
        for number in (1, 2):
            link.send(f"line {number}\n".encode(), time.monotonic() + DEADLINE)
            server.wait_for(f"^line {number}$")
            server.write(f"{key}\n")
            server.wait_until(partial(has_matches, ">>> .*, KeyUpdate$", number))  # else it reads both lines as one
            server.write(f"answer {number}\n")
            receive(link, f"answer {number}\n".encode())
        link.send(b"the last line\n", time.monotonic() + DEADLINE)
        server.wait_for("^the last line$")


@pytest.mark.parametrize("request_update", [0, 1])
def test_data_passes_in_both_directions_after_the_client_updates_its_key(
    background: Start, certs: Path, openssl: str, request_update: int
) -> None:
    server, port = s_server(background, certs, "-rev", "-msg")
    with linked(port, certs) as (link, endpoint):
        for number in (1, 2):
            endpoint.change_key(request_update)
            link.send(f"line {number}\n".encode(), time.monotonic() + DEADLINE)
            receive(link, f"{number} enil\n".encode())
        link.send(b"CLOSE\n", time.monotonic() + DEADLINE)
        assert link.receive(time.monotonic() + DEADLINE) == b""
    server.wait_for("<<< .*, KeyUpdate$")
    answers = [line for line in server.out if re.match(">>> .*, KeyUpdate$", line)]
    assert len(answers) == 2 * request_update


# Other servers ------------------------------------------------------------------------------------------------------

PYTHON = """
import socket, ssl, sys
chain, key, ca = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain, key)
context.load_verify_locations(ca)
context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    tls = context.wrap_socket(listener.accept()[0], server_side=True)
    line = tls.recv(1000).decode()
    name = tls.getpeercert()["subjectAltName"][0][1]
    tls.sendall(f"{tls.version()}, {tls.cipher()[0]}, {name} says {line}".encode())
    tls.unwrap().close()
"""
NODE = """
const fs = require("fs"), tls = require("tls");
const [, cert, key, ca] = process.argv.map(name => fs.existsSync(name) ? fs.readFileSync(name) : name);
const server = tls.createServer({cert, key, ca, requestCert: true}, socket => socket.on("data", line => {
  const name = socket.getPeerCertificate().subjectaltname.replace("DNS:", "");
  socket.end(`${socket.getProtocol()}, ${socket.getCipher().name}, ${name} says ${line}`);
}));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""
GO = """
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	pair, _ := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	root, _ := os.ReadFile(os.Args[3])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: roots}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	if len(os.Args) > 4 {
		config.CurvePreferences = []tls.CurveID{tls.CurveP256}
	}
	listener, _ := tls.Listen("tcp", "127.0.0.1:0", config)
	var port int
	fmt.Sscanf(listener.Addr().String(), "127.0.0.1:%d", &port)
	fmt.Println(port)
	for {
		conn, _ := listener.Accept()
		line, _ := bufio.NewReader(conn).ReadString('\\n')
		state := conn.(*tls.Conn).ConnectionState()
		name := state.PeerCertificates[0].DNSNames[0]
		suite := tls.CipherSuiteName(state.CipherSuite)
		fmt.Fprintf(conn, "TLSv1.%d, %s, %s says %s", state.Version-tls.VersionTLS10, suite, name, line)
		conn.Close()
	}
}
"""


@pytest.fixture(scope="session")
def go_server(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """The program of GO, built once."""
    folder = tmp_path_factory.mktemp("go")

    def built() -> Path:
        program = folder / "server"
        if not program.exists():
            (folder / "server.go").write_text(GO)
            places = {"GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "path"), "GO111MODULE": "off"}
            settings = {"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin", "GOTOOLCHAIN": "local", **places}
            done = run(tool("go"), "build", "-o", program, folder / "server.go", env=settings)
            assert done.returncode == 0, done.stderr
        return program

    return built


def line_server(background: Start, certs: Path, *command: str | Path) -> int:
    """The port of a program that answers one line; it gets the paths of its chain and key, and of the client's CA."""
    server = background(*command, certs / "server.pem", certs / "server.key", certs / "root.pem")
    return int(server.wait_for(r"^(\d+)$")[1])


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("make", ["python", "node", "go"])
def test_a_server_authenticates_the_client_and_answers_its_line(
    background: Start, keyed: Keyed, go_server: Callable[[], Path], connect: Connect, make: str, key_type: KeyType
) -> None:
    certs = keyed(key_type)
    match make:
        case "python":
            port = line_server(background, certs, sys.executable, "-c", PYTHON)
        case "node":
            port = line_server(background, certs, tool("node"), "-e", NODE)
        case _:
            port = line_server(background, certs, go_server())
    answer = connect(port, "--cert", certs / "client.pem", certs=certs, message="good morning")
    assert answer.code == 0, answer
    group, suite = agreed(answer)
    assert group == "x25519"
    assert answer.out == f"TLSv1.3, {suite}, client says good morning\n"


def test_go_asks_for_a_key_share_of_its_only_group(
    background: Start, certs: Path, go_server: Callable[[], Path], connect: Connect
) -> None:
    server = background(go_server(), certs / "server.pem", certs / "server.key", certs / "root.pem", "with P-256 alone")
    answer = connect(int(server.wait_for(r"^(\d+)$")[1]), "--cert", certs / "client.pem", message="good morning")
    assert answer.code == 0, answer
    assert agreed(answer)[0] == "secp256r1"
    assert "client says good morning" in answer.out


def free_port() -> int:
    """A port for a program that cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.mark.parametrize(("priority", "group"), [("", "x25519"), (":-GROUP-ALL:+GROUP-SECP256R1", "secp256r1")])
@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_gnutls_serv_repeats_the_line(keyed: Keyed, key_type: KeyType, priority: str, group: str) -> None:
    # gnutls-serv listens on every address, so that it runs in a network of its own.
    alone = (tool("unshare"), "--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    tool("gnutls-serv")
    tool("ip")
    if run(*alone, "true").returncode != 0:
        pytest.skip("this user cannot make a network namespace")
    done = run(*alone, sys.executable, "-c", f"from {__name__} import echoed; echoed()", keyed(key_type), priority)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{group}: good morning\n"


def echoed() -> None:
    """Start gnutls-serv with the CA folder and the priorities in `sys.argv`, and print the group and its answer."""
    certs, port = Path(sys.argv[1]), free_port()
    server = Background(
        "gnutls-serv", "--echo", "--port", str(port), "--x509certfile", certs / "server.pem",
        "--x509keyfile", certs / "server.key", "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS1.3{sys.argv[2]}",
    )  # fmt: skip
    try:
        server.wait_for("listening on IPv4 .*done$", "err")
        with linked(port, certs) as (link, endpoint):
            link.send(b"good morning\n", time.monotonic() + DEADLINE)
            print(f"{endpoint.negotiated['group']}: {receive(link, b'morning').decode().strip()}")
            link.close(time.monotonic() + PROMPT)
            assert endpoint.error is None
    finally:
        server.kill()


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_nginx_serves_its_page(background: Start, keyed: Keyed, tmp_path: Path, key_type: KeyType) -> None:
    certs, port = keyed(key_type), free_port()
    (tmp_path / "nginx.conf").write_text(NGINX.format(port=port, certs=certs, folder=tmp_path))
    server: Background = background(tool("nginx"), "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", "stderr")
    server.wait_for("getrlimit", "err")  # it listens before it says so
    with linked(port, certs) as (link, endpoint):
        link.send(b"GET / HTTP/1.0\r\n\r\n", time.monotonic() + DEADLINE)
        answer = receive(link, b"\r\n\r\n")
        if not answer.endswith(b"}"):
            answer += receive(link, b"}")
        assert b"{TLSv1.3 X25519}" in answer
        assert endpoint.negotiated["group"] == "x25519"


NGINX = """
daemon off; master_process off; worker_processes 1; error_log stderr notice; pid {folder}/nginx.pid;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} ssl; server_name localhost; ssl_protocols TLSv1.3;
    ssl_certificate {certs}/server.pem; ssl_certificate_key {certs}/server.key;
    location = / {{ return 200 "{{$ssl_protocol $ssl_curve}}"; }}
  }}
}}
"""
