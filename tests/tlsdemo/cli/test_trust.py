"""`tlsdemo connect --trust DIR`: a folder of trust anchors.

Falsehoods caught: a folder that is refused, or of which one file is read only; a CRL in it that is ignored; a CA that
the folder does not have; a client certificate that is looked for elsewhere.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import mint, pki, run, tool
from tests.peers.support import assert_is_refusal, live_protocol
from tests.tlsdemo.conftest import Command

AUTHENTICATED = pytest.mark.parametrize("protocol", ["tls", "ca"])
Change = Callable[[Path], object]


@pytest.fixture
def anchors(certs: Path, tmp_path: Path) -> Path:
    """A folder with the root certificates of two CAs, and with files that are not certificates."""
    folder = tmp_path / "anchors"
    folder.mkdir()
    other = mint(tmp_path / "other")
    shutil.copy(other / "root.pem", folder / "a-first.pem")
    shutil.copy(certs / "root.pem", folder / "z-last.crt")
    (folder / "README").write_text("The roots of this test.\n")
    (folder / "folder").mkdir()
    return folder


@AUTHENTICATED
def test_each_certificate_in_a_folder_is_trusted(cli: Command, certs: Path, anchors: Path, protocol: str) -> None:
    with live_protocol(protocol, certs) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", anchors, "--protocol", protocol)
    assert answer.code == 0, answer
    assert "authenticated as DNS:localhost" in answer.err


@AUTHENTICATED
def test_a_ca_that_is_not_in_the_folder_is_not_trusted(cli: Command, certs: Path, anchors: Path, protocol: str) -> None:
    (anchors / "z-last.crt").unlink()
    with live_protocol(protocol, certs) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", anchors, "--protocol", protocol)
    assert_is_refusal(answer, 1, f"trusting:   {anchors}")


def test_the_hashed_folder_of_openssl_is_read(cli: Command, certs: Path, anchors: Path) -> None:
    assert run(tool("openssl"), "rehash", anchors).returncode == 0  # links such as 1a2b3c4d.0
    assert any(each.is_symlink() for each in anchors.iterdir())
    with live_protocol("tls", certs) as server:
        assert cli("connect", f"localhost:{server.port}", "--trust", anchors).code == 0


@AUTHENTICATED
def test_the_crl_in_the_folder_is_used(cli: Command, tmp_path: Path, protocol: str) -> None:
    own = mint(tmp_path / "own")
    folder = tmp_path / "anchors"
    folder.mkdir()
    shutil.copy(own / "root.pem", folder)
    assert pki("revoke", "server", "--dir", own).returncode == 0
    with live_protocol(protocol, own) as server:
        words = ("connect", f"localhost:{server.port}", "--trust", folder, "--protocol", protocol)
        assert cli(*words).code == 0
        shutil.copy(own / "crl.pem", folder)
        assert_is_refusal(cli(*words), 1, "revoked")


def test_the_client_certificate_in_the_folder_is_presented(cli: Command, certs: Path) -> None:
    with live_protocol("mutual", certs) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", certs, "--protocol", "mutual")
    assert answer.code == 0, answer
    assert "you are:   " in answer.out
    assert "not authenticated" not in answer.out


NO_ANCHORS: dict[str, Change] = {
    "empty": lambda folder: None,
    "without certificates": lambda folder: (folder / "README").write_text("nothing"),
    "with a folder": lambda folder: (folder / "certs").mkdir(),
    "with a FIFO": lambda folder: os.mkfifo(folder / "root.pem"),
    "with a link to nowhere": lambda folder: (folder / "root.pem").symlink_to("missing"),
    "with a damaged certificate": lambda folder: (folder / "root.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    ),
}


@pytest.mark.parametrize("what", NO_ANCHORS)
def test_a_folder_without_a_certificate_is_an_error(cli: Command, tmp_path: Path, what: str) -> None:
    NO_ANCHORS[what](tmp_path)
    answer = cli("connect", "localhost:1", "--trust", tmp_path)
    assert_is_refusal(answer, 3, f"no file in {tmp_path} contains a certificate")


def test_a_certificate_that_is_distrusted_for_servers_is_not_an_anchor(
    cli: Command, certs: Path, tmp_path: Path
) -> None:
    settings = (tool("openssl"), "x509", "-in", certs / "root.pem", "-addreject", "serverAuth", "-trustout")
    (tmp_path / "root.pem").write_text(run(*settings).stdout)
    answer = cli("connect", "localhost:1", "--trust", tmp_path / "root.pem")
    assert_is_refusal(answer, 3, "contains no certificate that is trusted for this purpose")


def test_the_help_says_that_a_folder_is_possible(cli: Command) -> None:
    assert "file or folder" in cli("connect", "-h").out
