"""`tlsdemo serve` with keys as people have them: encrypted, damaged, of another certificate, for RSASSA-PSS alone."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.conftest import run, tlsdemo, tool
from tests.peers.conftest import Serve

SECRET = b"correct horse"


@pytest.fixture
def encrypted(certs: Path, tmp_path: Path) -> Path:
    """The server's key under a passphrase, which stands in the file `passphrase`."""
    key = load_pem_private_key((certs / "server.key").read_bytes(), None)
    how = BestAvailableEncryption(SECRET)
    (tmp_path / "encrypted.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    (tmp_path / "passphrase").write_bytes(SECRET + b"\n")
    for secret in ("encrypted.key", "passphrase"):
        (tmp_path / secret).chmod(0o600)
    return tmp_path / "encrypted.key"


def test_an_encrypted_key_is_opened_with_the_passphrase_of_the_environment(
    serve: Serve, certs: Path, encrypted: Path
) -> None:
    named = {"PKI_PASSPHRASE_FILE": str(encrypted.with_name("passphrase"))}
    server = serve("--cert", certs / "server.pem", "--key", encrypted, environment=named)
    assert tlsdemo("connect", server.target, "--trust", certs / "root.pem").returncode == 0


@pytest.mark.parametrize(
    ("passphrase", "words"), [(None, "PKI_PASSPHRASE_FILE"), (b"another\n", "wrong passphrase")], ids=["none", "wrong"]
)
def test_a_key_that_is_not_opened_is_an_error_that_says_why(
    certs: Path, encrypted: Path, passphrase: bytes | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if passphrase is not None:
        encrypted.with_name("passphrase").write_bytes(passphrase)
        encrypted.with_name("passphrase").chmod(0o600)
        monkeypatch.setenv("PKI_PASSPHRASE_FILE", str(encrypted.with_name("passphrase")))
    answer = tlsdemo("serve", "--port", "0", "--cert", certs / "server.pem", "--key", encrypted)
    assert answer.returncode == 3, answer
    assert answer.stderr.startswith("error: ")
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_damaged_key_is_not_called_a_wrong_passphrase(certs: Path, encrypted: Path) -> None:
    encrypted.write_text("-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\n")
    answer = tlsdemo("serve", "--port", "0", "--cert", certs / "server.pem", "--key", encrypted)
    assert answer.returncode == 3, answer
    assert "passphrase" not in answer.stderr


def test_a_chain_in_reverse_order_is_an_error_that_names_the_right_one(certs: Path, tmp_path: Path) -> None:
    end = "-----END CERTIFICATE-----\n"
    leaf, issuer = (certs / "server.pem").read_text().split(end)[:2]
    (tmp_path / "reversed.pem").write_text(issuer + end + leaf + end)
    answer = tlsdemo("serve", "--port", "0", "--cert", tmp_path / "reversed.pem", "--key", certs / "server.key")
    assert answer.returncode == 3, answer
    assert "2nd certificate" in answer.stderr
    assert "RFC 8446 §4.4.2" in answer.stderr


@pytest.mark.parametrize("restricted", [True, False], ids=["with parameters", "without"])
def test_an_rsassa_pss_key_serves(serve: Serve, tmp_path: Path, restricted: bool) -> None:
    options = (
        ("-pkeyopt", "rsa_pss_keygen_md:sha256", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha256") if restricted else ()
    )
    done = run(
        tool("openssl"), "req", "-x509", "-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048", *options, "-nodes",
        "-keyout", tmp_path / "pss.key", "-out", tmp_path / "pss.pem", "-days", "9", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost", "-addext", "keyUsage=critical,digitalSignature,keyCertSign",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    server = serve("--cert", tmp_path / "pss.pem", "--key", tmp_path / "pss.key")
    assert tlsdemo("connect", server.target, "--trust", tmp_path / "pss.pem").returncode == 0
