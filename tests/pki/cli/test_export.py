"""`pki bundle` and `pki export` as a user runs them: output, exit codes, files."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from tests.pki.conftest import Command
from tests.pki.support import first, snapshot


def test_bundle_prints_the_chain_and_says_what_it_left_out(cli: Command, certs: Path) -> None:
    answer = cli("bundle", certs / "root.pem", certs / "intermediate.pem", certs / "server.pem")
    assert answer.code == 0
    found = x509.load_pem_x509_certificates(answer.out.encode())
    assert found == [first(certs / "server.pem"), first(certs / "intermediate.pem")]
    assert f"left out CN=tlsdemo development CA root in {certs / 'root.pem'}: the root" in answer.err
    assert f"{certs / 'server.pem'}: a duplicate: it is also in {certs / 'intermediate.pem'}" in answer.err


def test_bundle_names_the_certificate_of_a_key(cli: Command, certs: Path) -> None:
    answer = cli("bundle", certs / "server.pem", certs / "client.pem", certs / "client.key")
    assert answer.code == 0
    assert f"the key in {certs / 'client.key'} belongs to CN=client, in {certs / 'client.pem'}" in answer.err
    answer = cli("bundle", certs / "server.pem", "--key", certs / "client.key")
    assert answer.code == 1
    assert answer.out == ""
    assert "belongs to none of the certificates" in answer.err


def test_bundle_fails_without_an_issuer(cli: Command, certs: Path) -> None:
    answer = cli("bundle", certs / "rogue" / "server.pem", certs / "root.pem")
    assert (answer.code, answer.out) == (1, "")
    assert "issuer of CN=localhost is missing: subject CN=tlsdemo development CA root" in answer.err


def test_bundle_writes_a_file_and_replaces_only_its_own(cli: Command, certs: Path, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    files = certs / "server.pem", certs / "root.pem"
    for _ in range(2):
        answer = cli("bundle", *files, "--out", chain)
        assert answer.code == 0
        assert f"to {chain}: 2 certificates." in answer.out
    assert len(x509.load_pem_x509_certificates(chain.read_bytes())) == 2
    for name in ("root.pem", "server.key", "client.pem", "crl.pem"):
        before = (certs / name).read_bytes()
        assert cli("bundle", *files, "--out", certs / name).code == 1
        assert (certs / name).read_bytes() == before


def test_bundle_as_json(cli: Command, certs: Path, tmp_path: Path) -> None:
    answer = cli("bundle", certs / "server.pem", certs / "root.pem", certs / "server.key", "--json")
    found = json.loads(answer.out)
    assert [each["subject"].split(",")[0] for each in found["chain"]] == [
        "CN=localhost",
        "CN=tlsdemo development CA intermediate",
    ]
    assert [each["why"].split(",")[0] for each in found["left_out"]] == ["the root"]
    assert found["key"] == str(certs / "server.key")
    assert found["issuer_not_in_files"] is None
    assert found["pem"].count("BEGIN CERTIFICATE") == 2


def test_bundle_without_a_file_is_wrong_usage(cli: Command) -> None:
    assert cli("bundle").code == 2


# export -------------------------------------------------------------------------------------------------------------


def test_a_p12_is_secret_and_its_password_is_the_last_line(cli: Command, certs: Path, tmp_path: Path) -> None:
    file = tmp_path / "server.p12"
    before = os.umask(0)
    try:
        answer = cli("export", "server", "--p12", file, "--dir", certs)
    finally:
        os.umask(before)
    assert answer.code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = answer.out.splitlines()[-1]
    assert (answer.out + answer.err).count(password) == 1
    found = pkcs12.load_pkcs12(file.read_bytes(), password.encode())
    assert found.cert is not None
    assert found.cert.friendly_name == b"server"
    assert "600,000 iterations" in answer.out
    assert answer.err == ""


def test_a_p12_with_a_given_password_does_not_print_it(
    cli: Command, certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct-horse-99\n")
    secret.chmod(0o600)
    answers = [cli("export", "server", "--p12", tmp_path / "1.p12", "--password-file", secret, "--dir", certs)]
    monkeypatch.setenv("PKI_PASSPHRASE_FILE", str(secret))
    answers.append(cli("export", "server", "--p12", tmp_path / "2.p12", "--dir", certs))
    for number, answer in enumerate(answers, start=1):
        assert answer.code == 0
        assert "correct-horse" not in answer.out + answer.err
        assert pkcs12.load_pkcs12((tmp_path / f"{number}.p12").read_bytes(), b"correct-horse-99").key is not None


def test_an_existing_p12_is_replaced_only_with_its_password(cli: Command, certs: Path, tmp_path: Path) -> None:
    file, secret = tmp_path / "server.p12", tmp_path / "secret"
    secret.write_text("correct-horse-99\n")
    secret.chmod(0o600)
    words = ("export", "server", "--p12", file, "--dir", certs)
    assert cli(*words, "--password-file", secret).code == 0
    file.chmod(0o644)
    first_one = file.read_bytes()
    refused = cli(*words)
    assert (refused.code, refused.out, file.read_bytes()) == (1, "", first_one)
    assert "exists and contains a private key" in refused.err
    assert cli(*words, "--password-file", secret).code == 0
    assert file.read_bytes() != first_one
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("option", ["--p12", "--trust-p12", "--p7b", "--der"])
@pytest.mark.parametrize("target", ["root.key", "client.pem", "crl.pem", "root.pem", "notes.txt"])
def test_nothing_else_is_overwritten(option: str, target: str, cli: Command, certs: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(certs, tmp_path / "certs"))
    (folder / "notes.txt").write_text("mine")
    before = snapshot(folder)
    name = "root" if option == "--trust-p12" else "server"
    assert cli("export", name, option, folder / target, "--dir", folder).code == 1
    assert snapshot(folder) == before


def test_an_empty_file_becomes_secret(cli: Command, certs: Path, tmp_path: Path) -> None:
    file = tmp_path / "empty.p12"
    file.touch(0o644)
    assert cli("export", "server", "--p12", file, "--dir", certs).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_legacy_says_why_it_is_weak(cli: Command, certs: Path, tmp_path: Path) -> None:
    answer = cli("export", "server", "--p12", tmp_path / "old.p12", "--legacy", "--dir", certs)
    assert answer.code == 0
    for words in (
        "--legacy is weak",
        "3DES",
        "SHA-1",
        "Windows before 2019",
        "macOS before 14",
        "Java 8 before update 301",
    ):
        assert words in answer.err
    assert "3DES and a MAC with SHA-1, 2,048 iterations" in answer.out


def test_the_key_of_a_ca_is_exported_with_a_note(cli: Command, certs: Path, tmp_path: Path) -> None:
    answer = cli("export", "root", "--p12", tmp_path / "root.p12", "--dir", certs)
    assert answer.code == 0
    assert "contains the private key of a CA" in answer.err


def test_trust_stores_take_the_root_by_default(cli: Command, certs: Path, tmp_path: Path) -> None:
    answer = cli("export", "--trust-p12", tmp_path / "trust.p12", "--dir", certs)
    assert answer.code == 0
    password = answer.out.splitlines()[-1]
    found = pkcs12.load_pkcs12((tmp_path / "trust.p12").read_bytes(), password.encode())
    assert [each.certificate for each in found.additional_certs] == [first(certs / "root.pem")]
    answer = cli("export", "--hashed-dir", tmp_path / "hashed", "--dir", certs)
    assert answer.code == 0
    assert "2 CRLs" in answer.out
    answer = cli("export", "intermediate", "--hashed-dir", tmp_path / "hashed", "--dir", certs)
    assert answer.code == 0
    assert "is not self-signed" in answer.err
    assert "which is trusted too" in answer.err


def test_the_chain_and_the_certificate(cli: Command, certs: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert "2 certificates" in cli("export", "server", "--p7b", tmp_path / "s.p7b", "--dir", certs).out
        assert cli("export", "localhost", "--der", tmp_path / "s.der", "--dir", certs).code == 0
    assert len(pkcs7.load_pem_pkcs7_certificates((tmp_path / "s.p7b").read_bytes())) == 2
    assert x509.load_der_x509_certificate((tmp_path / "s.der").read_bytes()) == first(certs / "server.pem")


def test_export_as_json(cli: Command, certs: Path, tmp_path: Path) -> None:
    answer = cli("export", "server", "--p12", tmp_path / "s.p12", "--json", "--dir", certs)
    found = json.loads(answer.out)
    assert (found["format"], found["name"], found["certificates"], found["iterations"]) == ("p12", "server", 2, 600_000)
    assert pkcs12.load_pkcs12((tmp_path / "s.p12").read_bytes(), found["password"].encode()).key is not None
    found = json.loads(cli("export", "--hashed-dir", tmp_path / "h", "--json", "--dir", certs).out)
    assert sorted(found["files"]) == sorted(os.listdir(tmp_path / "h"))
    assert found["password"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["server"], "no format is given"),
        (["server", "--der", "a", "--p7b", "b"], "--p7b and --der are mutually exclusive"),
        (["--p12", "a"], "--p12 needs the NAME of a certificate"),
        (["server", "--der", "a", "--legacy"], "--legacy needs --p12 or --trust-p12"),
        (["server", "--p7b", "a", "--password-file", "b"], "--password-file needs --p12 or --trust-p12"),
        (["root", "--trust-p12", "a", "--key", "b"], "--key needs --p12"),
        (["server", "--p12", "-"], "needs a password"),
        (["server", "--der", "-", "--json"], "both write to stdout"),
        (["server", "--hashed-dir", "a"], "not the certificate of a CA"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else None,
)
def test_wrong_usage(
    words: list[str], said: str, cli: Command, certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = cli("export", *words, "--dir", certs)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert os.listdir(tmp_path) == []


def test_stdout_gets_the_file_alone(certs: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "pki", "export", "server", "--dir", str(certs)]
    done = subprocess.run([*program, "--der", "-"], capture_output=True, check=True, timeout=60)
    assert x509.load_der_x509_certificate(done.stdout) == first(certs / "server.pem")
    words = [*program, "--p12", "-", "--password-file", "-"]
    done = subprocess.run(words, input=b"secret 99\n", capture_output=True, check=True, timeout=60)
    assert pkcs12.load_pkcs12(done.stdout, b"secret 99").key is not None


def test_a_name_of_a_file_does_not_drive_the_terminal(cli: Command, certs: Path, tmp_path: Path) -> None:
    answer = cli("export", "server", "--p7b", tmp_path / "a\x1b[31m\nb", "--dir", certs)
    assert answer.code == 0
    assert all(line.isprintable() for line in answer.out.splitlines())


def test_an_encrypted_key_is_opened_with_the_passphrase(
    cli: Command, certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One passphrase for the key, another one for the file."""
    key = serialization.load_pem_private_key((certs / "server.key").read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"of the key")
    shutil.copy(certs / "server.pem", tmp_path / "server.pem")
    (tmp_path / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    (tmp_path / "one").write_text("of the key\n")
    (tmp_path / "two").write_text("of the file\n")
    words = ("export", tmp_path / "server.pem", "--dir", certs, "--p12", tmp_path / "s.p12")
    answer = cli(*words)
    assert answer.code == 3
    assert "no passphrase was given" in answer.err
    monkeypatch.setenv("PKI_PASSPHRASE_FILE", str(tmp_path / "one"))
    assert cli(*words, "--password-file", tmp_path / "two").code == 0
    assert pkcs12.load_pkcs12((tmp_path / "s.p12").read_bytes(), b"of the file").key is not None


def test_a_folder_without_a_ca_is_an_error(cli: Command, tmp_path: Path) -> None:
    answer = cli("export", "server", "--der", tmp_path / "x", "--dir", tmp_path / "none")
    assert answer.code == 3
    assert "pki init" in answer.err
