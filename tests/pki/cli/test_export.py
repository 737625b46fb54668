"""`pki bundle` and `pki export` as a user runs them: output, exit codes, files."""

import json
from pathlib import Path

from cryptography import x509

from tests.pki.conftest import Command
from tests.pki.support import first


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
