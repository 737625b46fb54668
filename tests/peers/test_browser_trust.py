"""A real Chromium before and after `pki trust`. Falsehood caught: certutil is content, and the browser is not."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pki import keys
from pki.authority import Validity
from pki.keys import KeyType
from pki.profiles import SERVER
from pki.store.ca import load_authority
from tests.conftest import pki, run, tool
from tests.peers.conftest import Serve

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP bank.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)  # fmt: skip
PAGE = "the server's answer"
Browse = Callable[[str], str]
LIMITS = ("--permit", "localhost", "--permit", "127.0.0.0/8", "--permit", "::1")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tool("certutil")
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def browse(home: Path, address: str) -> str:
    """The page, or on stderr the name of the error."""
    profile = f"--user-data-dir={home / 'profile'}"
    done = run(tool("chromium"), *QUIET, profile, "--dump-dom", address, env={**os.environ, "HOME": str(home)})
    return done.stdout or done.stderr


@pytest.mark.parametrize("store", ["created by pki", "created by Chromium"])
def test_chromium_refuses_then_trusts_then_refuses(home: Path, tmp_path: Path, serve: Serve, store: str) -> None:
    ca = tmp_path / "certs"
    assert pki("init", "--dir", ca, *LIMITS).returncode == 0
    address = f"https://{serve(certs=ca).target}/"
    if store == "created by Chromium":
        assert "ERR_CERT_AUTHORITY_INVALID" in browse(home, address)
    assert pki("trust", "--dir", ca).returncode == 0
    assert PAGE in browse(home, address)
    assert pki("untrust", "--dir", ca).returncode == 0
    assert "ERR_CERT_AUTHORITY_INVALID" in browse(home, address)


@pytest.mark.parametrize("limits", [LIMITS, ()], ids=["constrained", "unconstrained"])
def test_chromium_follows_the_name_constraints_of_a_trusted_root(
    home: Path, tmp_path: Path, serve: Serve, limits: tuple[str, ...]
) -> None:
    """The reason for refusing a root without them: with the root's key, the attacker can be any site."""
    ca, now = tmp_path / "certs", datetime.now(UTC).replace(microsecond=0)
    assert pki("init", "--dir", ca, *limits).returncode == 0
    stolen = load_authority(ca, now, "root")
    forged = stolen.issue(
        SERVER,
        alternative_names=[x509.DNSName("bank.example")],
        key=keys.generate(KeyType.EC_P256),
        validity=Validity(now - timedelta(hours=1), now + timedelta(days=9)),
        serial=x509.random_serial_number(),
    )
    (tmp_path / "forged.pem").write_bytes(forged.chain_pem)
    (tmp_path / "forged.key").write_bytes(forged.key_pem)
    server = serve("--cert", tmp_path / "forged.pem", certs=ca)
    assert pki("trust", "--dir", ca, "--unconstrained").returncode == 0
    shown = browse(home, f"https://bank.example:{server.port}/")
    assert "ERR_CERT_" in shown if limits else PAGE in shown, shown
