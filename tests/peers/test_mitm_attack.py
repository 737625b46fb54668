"""`tlsdemo mitm --attack`, live: the same attacks as in the matrix, on a line between two real programs."""

import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pki.store.files import read_credential
from tests.conftest import Answer, Command, tool
from tests.peers.conftest import Serve, Start, StartOnPath
from tests.peers.support import DEADLINE, Background, OnPath, assert_is_refusal
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.on_path import LIVE
from tlsdemo.cli.mitm_attack import INSTEAD
from tlsdemo.tls.context import server_context

ORDER = "PAY 0100 to Alice"
IMPOSTORS = ("man-in-the-middle", "copied-certificate", "other-host", "expired")
NOT_STOPPED = ("stolen-key", "stolen-ca")


def victim(cli: Command, certs: Path, middle: OnPath, *options: str) -> Answer:
    """`tlsdemo connect` through whoever sits there."""
    return cli("connect", middle.target, *options, "--trust", certs / "root.pem", "--message", ORDER)


def test_every_attack_of_the_catalogue_is_live_or_says_what_to_do_instead() -> None:
    presenting = {attack.id for attack in BY_ID.values() if attack.presents}
    assert set(BY_ID) == {*LIVE, *presenting, *INSTEAD}
    assert len(BY_ID) == len(LIVE) + len(presenting) + len(INSTEAD)


# Against our own server and client ----------------------------------------------------------------------------------

ON_THE_LINE = {
    "bit-flip": "integrity",
    "reordering": "order",
    "truncation": "closure",
    "reflection": "key-separation",
    "downgrade": "transcript",
    "renaming": "transcript",
    "replay": "freshness",
    "recorded-today": "forward-secrecy",
    "computed-secret": "strong-group",
}


@pytest.mark.parametrize("attack", ON_THE_LINE)
def test_it_works_where_its_protection_is_left_out(
    serve: Serve, start_on_path: StartOnPath, cli: Command, certs: Path, attack: str
) -> None:
    options = "--protocol", "ca", "--without", ON_THE_LINE[attack]
    server = serve(*options)
    middle = start_on_path("mitm", *options, "--attack", attack, "--certs", certs, "--once", before=server.port)
    answer = victim(cli, certs, middle, *options)
    assert middle.wait() == 0
    assert answer.code == 0, answer
    received = server.event("closed")["application_bytes"]
    match attack:
        case "bit-flip":
            assert server.event("said")["text"] == "PAY 9100 to Alice"
        case "reordering":
            assert received == 2 * len(ORDER + "\n")
        case "truncation":
            assert "both connections closed" in middle.printed()
        case "reflection":
            assert answer.out.strip() == ORDER, "his own words, as the answer"
        case "downgrade":
            assert "AES-128-CCM-8" in server.event("agreed")["cipher"]
        case "renaming":
            assert "CHANGED: client_hello" in middle.printed()
        case "replay":
            assert server.event("said", 2)["text"] == ORDER
        case _:
            assert f"READ: '{ORDER}" in middle.printed()


@pytest.mark.parametrize("protocol", ["ca", "tls"])
@pytest.mark.parametrize("attack", [each for each in ON_THE_LINE if each != "computed-secret"])
def test_it_is_noticed_where_nothing_is_left_out(
    serve: Serve, start_on_path: StartOnPath, cli: Command, certs: Path, attack: str, protocol: str
) -> None:
    server = serve("--protocol", protocol)
    middle = start_on_path(
        "mitm", "--protocol", protocol, "--attack", attack, "--certs", certs, "--once", before=server.port
    )
    answer = victim(cli, certs, middle, "--protocol", protocol)
    code = middle.wait()
    match attack:
        case "bit-flip" | "downgrade" | "renaming" | "reflection":
            assert_is_refusal(answer, 1)
        case "truncation":
            assert_is_refusal(answer, 3, "the answer may be incomplete")
            assert "--protocol" not in answer.err  # both sides had completed the handshake of one protocol
        case "replay":
            assert server.event("refused")["application_bytes"] == 0
        case "reordering":
            server.event("said")  # it takes one line, and is told of no other
            assert server.event("closed")["application_bytes"] == len(ORDER + "\n") if protocol == "tls" else True
        case "recorded-today":
            assert "READ: nothing" in middle.printed()
            assert code == 1
    if attack in ("bit-flip", "downgrade", "renaming"):
        assert server.event("refused")["application_bytes"] == 0
    if attack in ("downgrade", "renaming"):  # the server has its key: the hint must not say that it does not
        assert "an attacker on the path" in answer.err


@pytest.mark.parametrize("attack", [*IMPOSTORS, *NOT_STOPPED])
def test_a_certificate_lets_the_attacker_in_only_if_no_protection_stops_it(
    serve: Serve, start_on_path: StartOnPath, cli: Command, certs: Path, attack: str
) -> None:
    server = serve()
    middle = start_on_path("mitm", "--attack", attack, "--certs", certs, before=server.port)
    answer = victim(cli, certs, middle)
    if attack in NOT_STOPPED:
        assert answer.code == 0
        middle.wait_for(f"READ from the client: '{ORDER}")
    else:
        assert_is_refusal(answer, 1)
        middle.wait_for("REFUSED by the client")
        assert "READ from" not in middle.printed()


@pytest.mark.parametrize("message", ["", "a", "hi1", "my dear Alice", "x" * 5000], ids=len)
@pytest.mark.parametrize("protocol", ["plain", "ca", "tls"])
def test_words_of_any_length_are_found(
    serve: Serve, start_on_path: StartOnPath, cli: Command, certs: Path, protocol: str, message: str
) -> None:
    """Falsehood caught: three letters, a newline, a type and a tag are as long as a goodbye with half a tag."""
    server = serve("--protocol", protocol)
    middle = start_on_path(
        "mitm", "--protocol", protocol, "--attack", "reordering", "--certs", certs, "--once", before=server.port
    )
    cli("connect", middle.target, "--protocol", protocol, "--trust", certs / "root.pem", "--message", message)
    assert middle.wait() == 0, middle.printed()


@pytest.mark.parametrize(("attack", "words"), [("eavesdropper", "eavesdrop"), ("nonsense", "attacks"), ("quantum", "")])
def test_what_is_not_for_a_live_line_says_what_is(cli: Command, certs: Path, attack: str, words: str) -> None:
    assert_is_refusal(cli("mitm", "--attack", attack, "--certs", certs), 2, words)


def test_where_there_is_nothing_to_try_it_says_so(cli: Command, certs: Path) -> None:
    answer = cli("mitm", "--attack", "downgrade", "--protocol", "plain", "--certs", certs)
    assert_is_refusal(answer, 2, "is not applicable to plain")


# Against others -----------------------------------------------------------------------------------------------------


def s_server(background: Start, certs: Path, *options: str) -> tuple[int, Background]:
    """`openssl s_server`, listening, on a port of its own."""
    server = background(
        tool("openssl"), "s_server", "-accept", "127.0.0.1:0", "-cert", certs / "server.pem",
        "-cert_chain", certs / "server.pem", "-key", certs / "server.key", *options, stdin=subprocess.PIPE,
    )  # fmt: skip
    return int(server.wait_for(r"^ACCEPT .*:(\d+)$").group(1)), server


def test_openssls_server_notices_a_flipped_bit(
    background: Start, start_on_path: StartOnPath, cli: Command, certs: Path
) -> None:
    port, server = s_server(background, certs)
    middle = start_on_path("mitm", "--attack", "bit-flip", "--once", "--certs", certs, before=port)
    assert_is_refusal(victim(cli, certs, middle), 1, "bad_record_mac")
    assert middle.wait() == 0
    server.wait_for("bad record mac", "err")
    assert not any("PAY" in line for line in server.out)


def test_a_payment_in_0_rtt_is_made_twice(
    background: Start, start_on_path: StartOnPath, certs: Path, tmp_path: Path
) -> None:
    """RFC 8446 §8: early data may be replayed; OpenSSL's protection against it is switched off here."""
    pay, session = tmp_path / "pay.txt", tmp_path / "session.pem"
    pay.write_text("PAY 0100 to Alice\n")
    port, server = s_server(background, certs, "-tls1_3", "-early_data", "-no_anti_replay", "-max_early_data", "4096")

    def call(port: int, *options: str | Path) -> Background:
        return background(
            tool("openssl"), "s_client", "-connect", f"localhost:{port}", "-CAfile", certs / "root.pem", "-tls1_3",
            *options, stdin=subprocess.PIPE,
        )  # fmt: skip

    def payments(lines: list[str]) -> int:
        return sum("PAY 0100 to Alice" in line for line in lines)

    first = call(port, "-sess_out", session)
    end = time.monotonic() + DEADLINE
    while not (session.exists() and "END" in session.read_text()):  # it is written when the ticket has come
        assert time.monotonic() < end
        time.sleep(0.01)
    first.end_of_input()
    first.wait()
    middle = start_on_path("mitm", "--attack", "replay", "--once", "--certs", certs, before=port)
    second = call(middle.port, "-sess_in", session, "-early_data", pay)
    server.wait_until(lambda lines: payments(lines) == 1)
    second.end_of_input()
    second.wait()
    assert middle.wait() == 0
    server.wait_until(lambda lines: payments(lines) == 2)


class Page(BaseHTTPRequestHandler):
    """One short page, whose end is the end of the line."""

    def do_GET(self) -> None:
        """Say it."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"pay Alice\n")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.mark.parametrize("attack", ["bit-flip", "downgrade", "renaming"])
def test_curl_notices(start_on_path: StartOnPath, certs: Path, attack: str) -> None:
    with HTTPServer(("127.0.0.1", 0), Page) as web:
        context = server_context(read_credential(certs / "server.pem", certs / "server.key"))
        web.socket = context.wrap_socket(web.socket, server_side=True)
        web.handle_error = lambda *_: None  # type: ignore[method-assign]  # quiet: clients break off
        serving = threading.Thread(target=web.serve_forever)
        serving.start()
        try:
            middle = start_on_path("mitm", "--attack", attack, "--once", "--certs", certs, before=web.server_address[1])
            command = [tool("curl"), "-sS", "--cacert", str(certs / "root.pem"), f"https://localhost:{middle.port}/"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
            assert middle.wait() == 0, middle.printed()
        finally:
            web.shutdown()
            serving.join(DEADLINE)
    assert done.returncode != 0, (done.stdout, done.stderr, middle.printed())
