"""The rogue CA and the untrusted CA: every client refuses them with its own reason; the server receives nothing."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import run, tlsdemo, tool
from tests.peers.conftest import Serve
from tests.peers.support import received_nothing, s_client


def test_s_client_refuses_the_rogue_with_verify_error_7(serve: Serve, certs: Path, openssl: str) -> None:
    server = serve("--rogue")
    done = s_client(server.port, "-CAfile", certs / "root.pem", "-ign_eof", say="a secret\n")
    assert done.returncode != 0
    assert "verify error:num=7:certificate signature failure" in done.stderr
    received_nothing(server)
    assert (
        server.event("refused")["alert"] == "decrypt_error"
    )  # RFC 8446 §6.2: "unable to correctly verify a signature"


def test_curl_refuses_the_rogue(serve: Serve, certs: Path) -> None:
    server = serve("--rogue")
    done = run(
        tool("curl"), "-sS", "--noproxy", "*", "--cacert", certs / "root.pem", "-d", "a secret",
        f"https://localhost:{server.port}/",
    )  # fmt: skip
    assert done.returncode in (35, 60)  # 35: OpenSSL failed in the handshake; 60: the certificate is not to be trusted
    assert "OpenSSL" in done.stderr or "certificate" in done.stderr
    received_nothing(server)


def test_curl_with_insecure_tells_the_rogue_everything(serve: Serve, certs: Path) -> None:
    server = serve("--rogue")
    done = run(tool("curl"), "-sS", "--noproxy", "*", "--insecure", f"https://localhost:{server.port}/my-secret")
    assert done.returncode == 0
    assert "my-secret" in server.event("said")["text"]  # the control: what refuses above is the check, not the line


def test_gnutls_refuses_the_rogue(serve: Serve, certs: Path) -> None:
    server = serve("--rogue")
    done = run(
        tool("gnutls-cli"), "--x509cafile", certs / "root.pem", "--port", str(server.port), "localhost",
        stdin=None, input="a secret\n",
    )  # fmt: skip
    assert done.returncode != 0
    assert "NOT trusted. The signature in the certificate is invalid" in done.stdout + done.stderr
    received_nothing(server)


def test_gnutls_accepts_the_good_server(serve: Serve, certs: Path) -> None:
    server = serve()
    done = run(
        tool("gnutls-cli"), "--x509cafile", certs / "root.pem", "--port", str(server.port), "localhost",
        stdin=None, input="from GnuTLS\n",
    )  # fmt: skip
    assert "Status: The certificate is trusted" in done.stdout
    assert server.event("said")["text"] == "from GnuTLS"


def test_our_client_refuses_the_rogue_and_shows_what_it_presented(serve: Serve, certs: Path) -> None:
    server = serve("--rogue")
    done = tlsdemo("connect", server.target, "--trust", certs / "root.pem", "--message", "a secret")
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"error: {server.target} is refused: a certificate is not signed by the CA that it names" in done.stderr
    assert "verify code 7, certificate signature failure (RFC 5280 §6.1.3 (a)(1))" in done.stderr
    assert "presented:  DNS:localhost, IP:127.0.0.1, IP:::1" in done.stderr
    assert "sent:       no application data" in done.stderr
    received_nothing(server)


def test_one_connection_is_enough_to_show_what_was_presented(serve: Serve, certs: Path) -> None:
    """The server ends with its first connection, and the refusal still shows the certificate."""
    server = serve("--rogue", "--once")
    done = tlsdemo("connect", server.target, "--trust", certs / "root.pem", "--message", "a secret")
    assert "presented:  DNS:localhost, IP:127.0.0.1, IP:::1" in done.stderr
    assert "second connection" not in done.stderr
    assert server.event("refused")["alert"] == "decrypt_error"
    server.wait()
    assert "agreed" not in {event["event"] for event in server.events}


def test_the_rogue_is_accepted_under_its_own_root(serve: Serve, certs: Path) -> None:
    server = serve("--rogue")
    done = tlsdemo("connect", server.target, "--trust", certs / "rogue/ca.pem", "--message", "a secret")
    assert done.returncode == 0, done.stderr  # the control: nothing but the signer is wrong with it
    assert server.event("said")["text"] == "a secret"


@pytest.fixture
def private(certs: Path, tmp_path: Path) -> Path:
    """A copy of the PKI that this test may change."""
    return Path(shutil.copytree(certs, tmp_path / "certs"))


def test_the_untrusted_ca_is_refused_under_our_root_and_accepted_under_its_own(serve: Serve, private: Path) -> None:
    server = serve("--credential", "untrusted-ca", certs=private)
    assert (private / "untrusted-ca/ca.pem").exists()
    done = tlsdemo("connect", server.target, "--trust", private / "root.pem", "--message", "a secret")
    assert done.returncode == 1
    assert "verify code 20" in done.stderr
    assert "a CA that is not trusted" in done.stderr
    received_nothing(server)
    again = tlsdemo("connect", server.target, "--trust", private / "untrusted-ca/ca.pem", "--message", "a secret")
    assert again.returncode == 0, again.stderr
    assert server.event("said")["text"] == "a secret"


def test_the_untrusted_ca_is_judged_alike_by_s_client_curl_and_gnutls(
    serve: Serve, private: Path, openssl: str
) -> None:
    server = serve("--credential", "untrusted-ca", certs=private)
    for anchor, accepted in ((private / "root.pem", False), (private / "untrusted-ca/ca.pem", True)):
        by_openssl = s_client(server.port, "-CAfile", anchor)
        by_curl = run(
            tool("curl"), "-sS", "--noproxy", "*", "--cacert", anchor, f"https://localhost:{server.port}/"
        )  # fmt: skip
        by_gnutls = run(tool("gnutls-cli"), "--x509cafile", anchor, "--port", str(server.port), "localhost")
        assert (by_openssl.returncode == 0) is accepted, by_openssl.stderr
        assert (by_curl.returncode == 0) is accepted, by_curl.stderr
        assert ("Status: The certificate is trusted" in by_gnutls.stdout) is accepted, by_gnutls.stdout
        if not accepted:
            assert "num=20:" in by_openssl.stderr
            received_nothing(server)


def test_the_untrusted_ca_changes_nothing_else_in_the_folder(serve: Serve, private: Path) -> None:
    before = {path: path.read_bytes() for path in private.rglob("*") if path.is_file()}
    serve("--credential", "untrusted-ca", certs=private).end()
    after = {path: path.read_bytes() for path in private.rglob("*") if path.is_file() and ".pki" not in path.parts}
    assert set(after) - set(before) == {private / "untrusted-ca/ca.pem"}
    assert all(after[path] == data for path, data in before.items() if path in after)
