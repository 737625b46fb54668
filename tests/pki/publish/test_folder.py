"""`pki publish`: CRLs and OCSP of a folder. Falsehood caught: a revocation that needs a restart.

`openssl ocsp` and `curl` ask; they know nothing of our code.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from tests.conftest import mint, pki, run, tool
from tests.pki.support import first


@contextmanager
def published(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The base URL of a running `pki publish`, and its process."""
    words = (sys.executable, "-m", "pki", "publish", "--port", "0", "--dir", str(folder))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = ""
            for line in process.stdout:
                if found := re.match(r"OCSP +(http://127\.0\.0\.1:\d+)/ocsp", line):
                    url = found[1]
                if line.strip().startswith("openssl ocsp"):
                    break
            assert url, process.stderr.read() if process.stderr else ""
            yield url, process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(30)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A folder that a test may change."""
    return mint(tmp_path / "certs")


def ocsp(folder: Path, url: str, *which: str | Path, issuer: str = "intermediate") -> str:
    """What `openssl ocsp` prints."""
    ran = run(tool("openssl"), "ocsp", "-issuer", folder / f"{issuer}.pem", *which, "-url", f"{url}/ocsp", "-CAfile",
              folder / "root.pem", "-VAfile", folder / f"{issuer}.pem")  # fmt: skip
    assert "Response verify OK" in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    return ran.stdout


def test_a_revocation_is_visible_with_the_next_request(fresh: Path) -> None:
    with published(fresh) as (url, process):
        cert = ("-cert", fresh / "server.pem")
        assert "server.pem: good" in ocsp(fresh, url, *cert)
        assert pki("revoke", "server", "--reason", "key-compromise", "--dir", fresh).returncode == 0
        told = ocsp(fresh, url, *cert)
        assert "server.pem: revoked" in told and "Reason: keyCompromise" in told
        assert "intermediate.pem: good" in ocsp(fresh, url, "-cert", fresh / "intermediate.pem", issuer="root")
        assert "0x1234: unknown" in ocsp(fresh, url, "-serial", "0x1234")
        (fresh / "got.crl").write_bytes(
            subprocess.run([tool("curl"), "-sS", f"{url}/intermediate.crl"], capture_output=True, check=True).stdout
        )
        got = x509.load_der_x509_crl((fresh / "got.crl").read_bytes())
        assert got.get_revoked_certificate_by_serial_number(first(fresh / "server.pem").serial_number) is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None and "Traceback" not in process.stderr.read()


def test_a_damaged_crl_is_an_answer_and_not_the_end(fresh: Path) -> None:
    with published(fresh) as (url, _):
        good = (fresh / "crl.pem").read_bytes()
        (fresh / "crl.pem").write_bytes(b"garbage")
        ran = run(tool("curl"), "-sS", "-o", os.devnull, "-w", "%{http_code}", f"{url}/root.crl")
        assert ran.stdout == "500"
        which = ("-issuer", fresh / "intermediate.pem", "-cert", fresh / "server.pem")
        said = run(tool("openssl"), "ocsp", *which, "-url", f"{url}/ocsp", "-noverify")
        assert "trylater" in said.stdout + said.stderr
        (fresh / "crl.pem").write_bytes(good)
        assert "server.pem: good" in ocsp(fresh, url, "-cert", fresh / "server.pem")


def test_a_certificate_of_another_ca_is_unknown(fresh: Path, tmp_path: Path) -> None:
    other = mint(tmp_path / "other")
    (fresh / "theirs.pem").write_bytes((other / "server.pem").read_bytes())
    serial = f"0x{first(other / 'server.pem').serial_number:x}"
    with published(fresh) as (url, _):
        assert f"{serial}: unknown" in ocsp(fresh, url, "-serial", serial).lower()


@pytest.mark.parametrize("change", ["missing", "forged", "another CA"])
def test_without_true_crls_nothing_is_called_good(fresh: Path, tmp_path: Path, change: str) -> None:
    other = mint(tmp_path / "other")
    with published(fresh) as (url, _):
        issuer = fresh / "intermediate.pem"
        match change:
            case "missing":
                (fresh / "crl.pem").unlink()
            case "forged":
                (fresh / "crl.pem").write_bytes((other / "crl.pem").read_bytes())
            case _:
                issuer = tmp_path / "old.pem"
                issuer.write_bytes((fresh / "intermediate.pem").read_bytes())
                assert pki("init", "--force", "--dir", fresh).returncode == 0
        which = ("-issuer", issuer, "-serial", "0x1234")
        said = run(tool("openssl"), "ocsp", *which, "-url", f"{url}/ocsp", "-noverify")
        assert "trylater" in said.stdout + said.stderr, said.stdout + said.stderr


def test_the_url_of_a_certificate_is_where_it_is_published(fresh: Path) -> None:
    with published(fresh) as (url, _):
        assert pki("issue", "a.test", "--revocation-url", url, "--dir", fresh).returncode == 0
        made = first(fresh / "a.test.pem")
        points = made.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        where = (points[0].full_name or [])[0]
        assert run(tool("curl"), "-sS", "--fail", "-o", os.devnull, where.value).returncode == 0
        uri = run(tool("openssl"), "x509", "-in", fresh / "a.test.pem", "-noout", "-ocsp_uri").stdout.strip()
        assert uri == f"{url}/ocsp"


@pytest.mark.parametrize("damage", ["crl.pem", "intermediate.key"])
def test_without_its_files_it_does_not_begin(fresh: Path, damage: str) -> None:
    (fresh / damage).unlink()
    ran = pki("publish", "--port", "0", "--dir", fresh)
    assert ran.returncode == 3 and ran.stderr.startswith("error: ") and damage in ran.stderr
