"""OpenSSL's own programs as the other side: another implementation of everything above the library."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import mint, run, tlsdemo
from tests.peers.conftest import Serve, Start
from tests.peers.support import Background, Serving, s_client

VERSIONS = pytest.mark.parametrize(
    ("option", "version"), [("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")], ids=["TLS1.3", "TLS1.2"]
)
BLOCK = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
CIPHERS = {"TLSv1.3": "TLS_", "TLSv1.2": "ECDHE-"}


def proof(stem: Path) -> tuple[str | Path, ...]:
    """The options of OpenSSL's programs for a certificate, its issuers, and its key."""
    return "-cert", stem.with_suffix(".pem"), "-cert_chain", stem.with_suffix(".pem"), "-key", stem.with_suffix(".key")


def s_server(background: Start, certs: Path, *options: str | Path) -> tuple[Background, int]:
    """`openssl s_server` on a free port with the minted certificate; it ends when the test does."""
    peer = background(
        "openssl", "s_server", "-accept", "127.0.0.1:0", *proof(certs / "server"), *options, stdin=subprocess.PIPE
    )  # it ends when its standard input does
    return peer, int(peer.wait_for(r"ACCEPT .*:(\d+)").group(1))


# s_client -> our server ---------------------------------------------------------------------------------------------


@VERSIONS
def test_s_client_verifies_our_server_and_is_told_what_was_agreed(
    serve: Serve, certs: Path, openssl: str, option: str, version: str
) -> None:
    server = serve()
    done = s_client(server.port, "-CAfile", certs / "root.pem", option, "-ign_eof", say="from another world\n")
    assert "Verify return code: 0 (ok)" in done.stdout
    assert "Verified peername: localhost" in done.stdout
    assert "received:  from another world\n" in done.stdout
    assert f"version:   {version}\n" in done.stdout
    assert f"cipher:    {CIPHERS[version]}" in done.stdout
    assert "you are:   not authenticated" in done.stdout
    assert done.returncode == 0
    assert server.event("agreed")["version"] == version
    assert server.event("said")["text"] == "from another world"
    assert server.event("closed")["ending"] == "answered"


def test_s_client_sees_the_chain_that_the_server_should_send_and_no_root(
    serve: Serve, certs: Path, openssl: str
) -> None:
    done = s_client(serve().port, "-CAfile", certs / "root.pem", "-showcerts")
    assert BLOCK.findall(done.stdout) == BLOCK.findall((certs / "server.pem").read_text())
    assert len(BLOCK.findall(done.stdout)) == 2


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_every_minted_name_verifies(serve: Serve, certs: Path, openssl: str, name: str) -> None:
    check = ("-verify_hostname", name) if name == "localhost" else ("-verify_ip", name)
    host = f"[{name}]" if ":" in name else name
    again = run(
        "openssl", "s_client", "-connect", f"{host}:{serve().port}", "-CAfile", certs / "root.pem",
        "-verify_return_error", *check,
    )  # fmt: skip
    assert "Verify return code: 0 (ok)" in again.stdout


@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_versions_that_are_too_old_are_refused(serve: Serve, certs: Path, openssl: str, option: str) -> None:
    server = serve()
    done = s_client(server.port, "-CAfile", certs / "root.pem", option, "-cipher", "ALL:@SECLEVEL=0")
    assert done.returncode != 0
    refused = server.event("refused")
    assert refused["by"] == "server"
    assert refused["alert"] is None
    assert "too old" in refused["reason"]


def test_renegotiation_is_refused_and_the_server_lives_on(serve: Serve, certs: Path, openssl: str) -> None:
    server = serve()
    s_client(server.port, "-CAfile", certs / "root.pem", "-tls1_2", say="R\n")  # R asks for a renegotiation
    s_client(server.port, "-CAfile", certs / "root.pem", "-tls1_2", "-ign_eof", say="still there?\n")
    assert server.event("said")["text"] == "still there?"


def test_a_key_update_in_the_middle_is_no_matter(background: Start, serve: Serve, certs: Path, openssl: str) -> None:
    server = serve()
    peer = background(
        "openssl", "s_client", "-connect", server.target, "-CAfile", certs / "root.pem", "-tls1_3",
        stdin=subprocess.PIPE,
    )  # fmt: skip
    peer.wait_for("Verify return code: 0")
    peer.write("K\n")  # both sides change their keys
    peer.wait_for("KEYUPDATE", "err")
    peer.write("with new keys\n")
    peer.wait_for("received:  with new keys")
    assert server.event("closed")["ending"] == "answered"


def test_s_client_resumes_a_session_and_is_served_again(
    serve: Serve, certs: Path, openssl: str, tmp_path: Path
) -> None:
    server, ticket = serve(), tmp_path / "session.pem"
    options = ("-CAfile", certs / "root.pem", "-tls1_3", "-ign_eof")
    s_client(server.port, *options, "-sess_out", ticket, say="first\n")
    again = s_client(server.port, *options, "-sess_in", ticket, say="second\n")
    assert "Reused, TLSv1.3" in again.stdout
    assert server.event("said", 2)["text"] == "second"


# Client certificates ------------------------------------------------------------------------------------------------


@VERSIONS
def test_a_client_certificate_is_accepted_and_its_name_is_told(
    serve: Serve, certs: Path, openssl: str, option: str, version: str
) -> None:
    server = serve("--require-client-cert")
    done = s_client(
        server.port, "-CAfile", certs / "root.pem", *proof(certs / "client"), option, "-ign_eof", say="it is me\n",
    )  # fmt: skip
    assert "you are:   DNS:client\n" in done.stdout
    assert server.event("agreed")["client"] == ["DNS:client"]


@VERSIONS
def test_a_client_without_certificate_is_refused_and_hears_the_alert(
    serve: Serve, certs: Path, openssl: str, option: str, version: str
) -> None:
    server = serve("--require-client-cert")
    done = s_client(server.port, "-CAfile", certs / "root.pem", option, "-ign_eof", say="nobody\n")
    assert done.returncode != 0
    # RFC 8446 §6.2 has an alert of its own for it; TLS 1.2 (RFC 5246 §7.4.6) answers handshake_failure.
    number = 116 if version == "TLSv1.3" else 40
    assert f"SSL alert number {number}" in done.stderr
    refused = server.event("refused")
    assert (refused["by"], refused["application_bytes"]) == ("server", 0)
    assert "did not present the certificate" in refused["reason"]


def test_a_servers_certificate_is_not_taken_from_a_client(serve: Serve, certs: Path, openssl: str) -> None:
    server = serve("--require-client-cert")
    done = s_client(
        server.port, "-CAfile", certs / "root.pem", *proof(certs / "server"), "-ign_eof", say="it is me\n",
    )  # fmt: skip
    assert done.returncode != 0
    refused = server.event("refused")
    assert (refused["by"], refused["application_bytes"]) == ("server", 0)
    assert "the certificate is not for this purpose (verify code 26)" in refused["reason"]


def test_a_client_certificate_of_another_authority_is_refused(
    serve: Serve, certs: Path, openssl: str, tmp_path: Path
) -> None:
    other = mint(tmp_path / "other")
    server = serve("--require-client-cert")
    done = s_client(
        server.port, "-CAfile", certs / "root.pem", *proof(other / "client"), "-ign_eof", say="it is me\n",
    )  # fmt: skip
    assert done.returncode != 0
    refused = server.event("refused")
    assert (refused["by"], refused["application_bytes"]) == ("server", 0)
    assert "verify code" in refused["reason"]


@VERSIONS
@pytest.mark.parametrize("whose", ["client", None, "server"])
def test_our_own_client_shows_its_certificate_or_is_refused(
    serve: Serve, certs: Path, openssl: str, background: Start, option: str, version: str, whose: str | None
) -> None:
    # s_server as the judge, since our own server offers both versions: -Verify demands a certificate.
    _, port = s_server(
        background, certs, "-www", "-Verify", "3", "-verify_return_error", "-CAfile", certs / "root.pem", option
    )
    proof = ("--cert", certs / f"{whose}.pem") if whose else ()
    done = tlsdemo("connect", f"localhost:{port}", "--trust", certs / "root.pem", "--message", "GET / HTTP/1.0", *proof)
    if whose == "client":
        assert done.returncode == 0, done.stderr
        assert version in done.stderr
    else:
        assert done.returncode == 1, (done.stdout, done.stderr)
        assert f"error: localhost:{port} refused the connection: alert " in done.stderr
        assert "Traceback" not in done.stderr


def test_our_client_learns_at_its_first_read_that_tls_1_3_wanted_a_certificate(serve: Serve, certs: Path) -> None:
    server = serve("--require-client-cert")
    done = tlsdemo("connect", server.target, "--trust", certs / "root.pem")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "connected with TLSv1.3" in done.stderr
    assert (
        "alert certificate_required (116): the peer requires a certificate, and this side presented none" in done.stderr
    )
    assert "only at its first read (RFC 8446 §4.4.2.4)" in done.stderr
    assert "--cert" in done.stderr
    assert server.event("refused")["application_bytes"] == 0


def test_our_client_with_its_certificate_is_told_who_it_is(serve: Serve, certs: Path) -> None:
    done = tlsdemo(
        "connect", serve("--require-client-cert").target, "--trust", certs / "root.pem", "--cert", certs / "client.pem"
    )
    assert done.returncode == 0
    assert "you are:   DNS:client\n" in done.stdout


def test_our_client_with_a_servers_certificate_is_refused_by_our_server(serve: Serve, certs: Path) -> None:
    server = serve("--require-client-cert")
    done = tlsdemo("connect", server.target, "--trust", certs / "root.pem", "--cert", certs / "server.pem")
    assert done.returncode == 1
    assert "refused the connection: alert " in done.stderr
    assert "verify code 26" in server.event("refused")["reason"]


# our client -> s_server ---------------------------------------------------------------------------------------------


@VERSIONS
def test_our_client_reads_the_page_of_s_server(
    background: Start, certs: Path, openssl: str, option: str, version: str
) -> None:
    _, port = s_server(background, certs, "-www", option)
    done = tlsdemo("connect", f"localhost:{port}", "--trust", certs / "root.pem", "--message", "GET / HTTP/1.0")
    assert done.returncode == 0, done.stderr
    assert f"connected with {version}, {CIPHERS[version]}" in done.stderr
    assert "HTTP/1.0 200 ok" in done.stdout
    assert f"Protocol  : {version}" in done.stdout  # s_server's own report of the session


@VERSIONS
def test_s_server_hears_our_client_and_its_rude_end_is_told_as_a_cut(
    background: Start, certs: Path, openssl: str, option: str, version: str
) -> None:
    judge, port = s_server(background, certs, option)
    client = background(*our_connect(port, certs), "--message", "to another world")
    judge.wait_for("^to another world$")
    judge.write("half an answ\n")
    judge.end_of_input()  # s_server then closes the socket, without close_notify
    assert client.wait() == 3
    assert client.out == []  # whatever came may be incomplete, so it is not shown as the answer
    assert any("without close_notify" in line for line in client.err)


@VERSIONS
def test_s_server_closes_politely_and_our_client_ends_well(
    background: Start, certs: Path, openssl: str, option: str, version: str
) -> None:
    _, port = s_server(background, certs, option, "-rev")  # CLOSE is its word for the end
    done = tlsdemo("connect", f"localhost:{port}", "--trust", certs / "root.pem", "--message", "CLOSE")
    assert done.returncode == 0, done.stderr
    assert version in done.stderr


def test_our_client_refuses_the_rogue_at_s_server_and_s_server_receives_nothing(
    background: Start, certs: Path, openssl: str
) -> None:
    judge, port = s_server(background, certs / "rogue", "-naccept", "1")
    done = tlsdemo("connect", f"localhost:{port}", "--trust", certs / "root.pem", "--message", "a secret")
    assert done.returncode == 1
    assert "verify code 7" in done.stderr
    judge.wait()
    assert not any("a secret" in line for line in judge.out)


def test_s_server_of_another_authority_is_refused_and_accepted_by_its_own(
    background: Start, certs: Path, openssl: str, tmp_path: Path
) -> None:
    other = mint(tmp_path / "other")
    _, port = s_server(background, other, "-www")
    command = ("connect", f"localhost:{port}", "--message", "GET / HTTP/1.0", "--trust")
    assert tlsdemo(*command, certs / "root.pem").returncode == 1
    assert tlsdemo(*command, other / "root.pem").returncode == 0  # the control


def our_connect(port: int, certs: Path) -> tuple[str | Path, ...]:
    return (sys.executable, "-m", "tlsdemo", "connect", f"localhost:{port}", "--trust", certs / "root.pem")


def test_the_server_ends_quietly_while_s_client_is_connected(
    background: Start, serve: Serve, certs: Path, openssl: str
) -> None:
    server: Serving = serve()
    peer = background(
        "openssl", "s_client", "-connect", server.target, "-CAfile", certs / "root.pem", stdin=subprocess.PIPE
    )
    peer.wait_for("Verify return code: 0")
    server.event("agreed")
    server.end()  # asserts exit code 0 and no traceback
