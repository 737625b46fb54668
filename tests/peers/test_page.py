"""The page for whoever sends an HTTP request: curl as the judge of our HTTP and of our certificate."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import run, tool
from tests.peers.conftest import Serve
from tests.peers.support import Serving


def curl(server: Serving, certs: Path, *options: str | Path, path: str = "/") -> subprocess.CompletedProcess[str]:
    """curl with the root as its only authority; -f would hide what we want to see."""
    return run(
        tool("curl"), "-sS", "--noproxy", "*", "--max-time", "20", "--cacert", certs / "root.pem", *options,
        f"https://localhost:{server.port}{path}",
    )  # fmt: skip


@pytest.fixture
def server(serve: Serve) -> Serving:
    return serve()


def test_a_browser_gets_html(server: Serving, certs: Path) -> None:
    done = curl(server, certs, "-i", "-H", "Accept: text/html,application/xhtml+xml")
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.partition("\n\n")
    assert head.startswith("HTTP/1.1 200 OK")
    assert "text/html; charset=utf-8" in head
    assert body.startswith("<!doctype html>")
    assert "GET / HTTP/1.1" in body
    assert "TLSv1.3" in body


def test_whoever_takes_anything_gets_text(server: Serving, certs: Path) -> None:
    done = curl(server, certs, "-w", "%{http_code} %{content_type} %{ssl_verify_result}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("received:  GET / HTTP/1.1\nversion:   TLSv1.3\n")
    assert done.stdout.endswith("200 text/plain; charset=utf-8 0")


def test_the_page_names_the_client_that_proved_itself(serve: Serve, certs: Path) -> None:
    done = curl(
        serve("--require-client-cert"), certs, "--cert", certs / "client.pem", "--key", certs / "client.key"
    )  # fmt: skip
    assert "you are:   DNS:client\n" in done.stdout, done.stderr


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_is_served_in_each_version(server: Serving, certs: Path, version: str) -> None:
    done = curl(server, certs, f"--tlsv{version}", "--tls-max", version)
    assert f"version:   TLSv{version}\n" in done.stdout


def test_http_1_0_is_answered(server: Serving, certs: Path) -> None:
    done = curl(server, certs, "--http1.0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("received:  GET / HTTP/1.0\n")


def test_head_is_answered_without_a_body(server: Serving, certs: Path) -> None:
    done = curl(server, certs, "--head")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HTTP/1.1 200")
    assert server.event("closed")["ending"] == "answered"


@pytest.mark.parametrize("size", [3, 100_000, 900_000])
def test_a_body_is_read_away_and_the_answer_arrives(server: Serving, certs: Path, tmp_path: Path, size: int) -> None:
    (tmp_path / "body").write_bytes(b"x" * size)
    done = curl(server, certs, "--data-binary", f"@{tmp_path / 'body'}", path="/somewhere")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("received:  POST /somewhere HTTP/1.1\n")


def test_a_head_that_is_too_long_is_answered_with_431(server: Serving, certs: Path, tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("".join(f"X-{number}: {'y' * 1000}\n" for number in range(90)))
    done = curl(server, certs, "-w", "%{http_code}", "-H", f"@{tmp_path / 'headers'}")
    assert done.stdout.endswith("431"), (done.stdout, done.stderr)


def test_what_the_request_says_is_escaped_in_the_page_and_on_the_servers_terminal(serve: Serve, certs: Path) -> None:
    server = serve(as_json=False)
    done = curl(server, certs, "-H", "Accept: text/html", "--path-as-is", path="/<script>alert(1)</script>")
    assert "<script>" not in done.stdout
    assert "&lt;script&gt;" in done.stdout


def test_curl_refuses_a_name_that_was_not_minted(server: Serving, certs: Path) -> None:
    done = run(
        tool("curl"), "-sS", "--noproxy", "*", "--cacert", certs / "root.pem",
        "--connect-to", f"shop.example:443:localhost:{server.port}", "https://shop.example/",
    )  # fmt: skip
    assert done.returncode == 60
    assert "no alternative certificate subject name matches" in done.stderr


def test_curl_follows_the_revocation_lists(server: Serving, certs: Path) -> None:
    assert curl(server, certs, "--crlfile", certs / "crl.pem").returncode == 0


def test_plain_http_to_the_port_is_told_from_garbage(server: Serving) -> None:
    done = run(tool("curl"), "-isS", "--noproxy", "*", "--max-time", "20", f"http://localhost:{server.port}/")
    assert done.stdout.startswith("HTTP/1.1 400 Bad Request")
    assert "begin the URL with https://" in done.stdout
    refused = server.event("refused")
    assert refused["by"] == "server"
    assert "an HTTP request without TLS" in refused["reason"]
    assert refused["application_bytes"] == 0
