"""`pki verify` on the command line: its options reach the path walk, and other verdicts are shown beside its own."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import Authority, Validity
from pki.objects import subject_hash
from pki.store.files import read_credential
from tests.conftest import Command, mint, run, tool
from tests.pki.cases.test_cases import minted_once
from tests.pki.support import first


def judged(cli: Command, *words: str | Path) -> tuple[int, dict[str, object]]:
    answer = cli("verify", *words, "--json")
    return answer.code, json.loads(answer.out)


def failed(found: dict[str, object]) -> list[str]:
    checks = found["checks"]
    assert isinstance(checks, list)
    return [check["name"] for check in checks if check["result"] == "failed"]


def test_the_moment_can_be_chosen(cli: Command, certs: Path) -> None:
    code, found = judged(cli, certs / "server.pem", "--dir", certs, "--at", "2020-01-01")
    assert code == 1
    assert failed(found) == ["dates", "revocation"], "not valid yet, and the list has not begun"
    assert judged(cli, certs / "server.pem", "--dir", certs)[0] == 0


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_moment_is_wrong_usage(cli: Command, certs: Path, text: str) -> None:
    answer = cli("verify", certs / "server.pem", "--dir", certs, "--at", text)
    assert answer.code == 2
    assert "hint:" in answer.err


def test_purpose_any_accepts_a_client_certificate(cli: Command, certs: Path) -> None:
    client = certs / "client.pem"
    assert failed(judged(cli, client, "--dir", certs)[1]) == ["purpose"]
    assert judged(cli, client, "--dir", certs, "--purpose", "client")[0] == 0
    assert judged(cli, client, "--dir", certs, "--purpose", "any")[0] == 0


def test_intermediates_may_lie_in_another_file(cli: Command, certs: Path, tmp_path: Path) -> None:
    leaf, *others = x509.load_pem_x509_certificates((certs / "server.pem").read_bytes())
    alone, rest = tmp_path / "leaf.pem", tmp_path / "rest.pem"
    alone.write_bytes(leaf.public_bytes(Encoding.PEM))
    rest.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in others))
    assert failed(judged(cli, alone, "--dir", certs)[1]) == ["chain"]
    assert judged(cli, alone, "--dir", certs, "--untrusted", rest)[0] == 0


@pytest.mark.parametrize("profile", ["rfc5280", "tls", "webpki"])
def test_a_minted_certificate_passes_every_profile(cli: Command, certs: Path, profile: str) -> None:
    code, found = judged(cli, certs / "server.pem", "--dir", certs, "--name", "localhost", "--profile", profile)
    assert code == 0, failed(found)


def test_others_are_heard_and_marked_where_they_say_otherwise(cli: Command, certs: Path) -> None:
    accepted = cli("verify", certs / "server.pem", "--dir", certs, "--name", "localhost")
    assert "others    cryptography  accepted" in accepted.out
    assert "(differs from pki" not in accepted.out
    client = cli("verify", certs / "client.pem", "--dir", certs, "--purpose", "any")
    assert client.code == 0
    assert re.search(r"others    cryptography  REFUSED: (?s:.*)\(differs from pki: ", client.out), client.out


def test_what_was_not_reached_is_one_line(cli: Command, certs: Path) -> None:
    answer = cli("verify", certs / "rogue/server.pem", "--dir", certs)
    assert answer.code == 1
    assert answer.out.count("skipped") == 1
    assert "not reached" not in answer.out


def test_a_folder_of_anchors_is_trusted_as_a_whole(cli: Command, certs: Path, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes((certs / "root.pem").read_bytes())
    (tmp_path / "rogue.pem").write_bytes((certs / "rogue/ca.pem").read_bytes())
    (tmp_path / "notes.txt").write_text("not a certificate")
    (tmp_path / "more").mkdir()
    assert judged(cli, certs / "server.pem", "--trust", tmp_path)[0] == 0
    assert judged(cli, certs / "rogue/server.pem", "--trust", tmp_path)[0] == 0
    assert cli("verify", certs / "server.pem", "--trust", tmp_path / "more").code == 3


@pytest.fixture
def mixed_folder(certs: Path, tmp_path: Path) -> Path:
    """A hashed folder with links, as `openssl rehash` makes it, and what else lies in such folders."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    end = b"-----END X509 CRL-----\n"
    for number, block in enumerate((certs / "crl.pem").read_bytes().split(end)[:-1]):
        (folder / f"crl-{number}.pem").write_bytes(block + end)
    shutil.copy(certs / "root.pem", folder / "root.pem")
    assert run(tool("openssl"), "rehash", folder).returncode == 0
    assert sum(each.is_symlink() for each in folder.iterdir()) == 3
    shutil.copy(certs / "server.key", folder / "server.key")
    (folder / "README").write_text("hello")
    (folder / "empty").touch()
    (folder / "gone.pem").symlink_to("nowhere")
    (folder / "request.pem").write_text(
        "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"
    )
    os.mkfifo(folder / "fifo")
    (folder / "sub").mkdir()
    return folder


def test_a_hashed_folder_is_read_with_its_crls(cli: Command, certs: Path, mixed_folder: Path) -> None:
    code, said = judged(cli, certs / "server.pem", "--trust", mixed_folder)
    assert code == 0
    checks = said["checks"]
    assert isinstance(checks, list)
    assert [each["result"] for each in checks if each["name"] == "revocation"] == ["passed"]
    assert judged(cli, certs / "rogue/server.pem", "--trust", mixed_folder)[0] == 1


def test_a_revocation_in_a_hashed_folder_is_seen(cli: Command, certs: Path, mixed_folder: Path) -> None:
    authority = Authority(read_credential(certs / "intermediate.pem", certs / "intermediate.key"))
    revoked = first(certs / "server.pem")
    dates = Validity.of(revoked)
    newer = authority.crl(
        number=2, this_update=dates.not_before, next_update=dates.not_after, revoked=[revoked.serial_number]
    )
    name = f"{subject_hash.of_issuer(newer)}.r0"
    (mixed_folder / name).unlink()
    (mixed_folder / name).write_bytes(newer.public_bytes(Encoding.PEM))
    code, said = judged(cli, certs / "server.pem", "--trust", mixed_folder)
    assert code == 1
    assert failed(said) == ["revocation"]


def test_an_exported_folder_is_read(cli: Command, certs: Path, tmp_path: Path) -> None:
    assert cli("export", "--hashed-dir", tmp_path / "h", "--dir", certs).code == 0
    assert judged(cli, certs / "server.pem", "--trust", tmp_path / "h")[0] == 0
    assert judged(cli, certs / "rogue/server.pem", "--trust", tmp_path / "h")[0] == 1


def test_lists_may_lie_in_several_files(cli: Command, certs: Path, tmp_path: Path) -> None:
    end = b"-----END X509 CRL-----\n"
    for number, block in enumerate((certs / "crl.pem").read_bytes().split(end)[:-1]):
        (tmp_path / f"{number}.pem").write_bytes(block + end)
    der = x509.load_pem_x509_crl((tmp_path / "1.pem").read_bytes()).public_bytes(Encoding.DER)
    (tmp_path / "1.der").write_bytes(der)
    words = (certs / "server.pem", "--dir", certs, "--crl", tmp_path / "0.pem")
    assert failed(judged(cli, *words)[1]) == ["revocation"], "the list of the other authority is missing"
    assert judged(cli, *words, "--crl", tmp_path / "1.pem")[0] == 0
    assert judged(cli, *words, "--crl", tmp_path / "1.der")[0] == 0


def test_a_mail_address_can_be_asked_for(cli: Command, tmp_path: Path) -> None:
    for program in ("openssl", "certtool"):
        tool(program)
    fresh = mint(tmp_path / "certs")
    assert cli("issue", "--client", "alice@example.test", "--dir", fresh).code == 0
    file = fresh / "alice@example.test.pem"
    words = (file, "--dir", fresh, "--purpose", "client", "--name")
    for wanted, code in (("alice@EXAMPLE.test", 0), ("Alice@example.test", 1), ("bob@example.test", 1)):
        found, said = judged(cli, *words, wanted)
        assert found == code, wanted
        engines = said["engines"]
        assert isinstance(engines, list)
        assert [each["engine"] for each in engines] == ["openssl", "certtool"], "the library judges no mail"
        assert engines[0]["accepted"] is (code == 0), engines


def test_der_is_read_as_well(cli: Command, certs: Path, tmp_path: Path) -> None:
    root = x509.load_pem_x509_certificate((certs / "root.pem").read_bytes())
    (tmp_path / "root.der").write_bytes(root.public_bytes(Encoding.DER))
    assert judged(cli, certs / "server.pem", "--trust", tmp_path / "root.der")[0] == 0


def test_who_says_otherwise_is_explained(cli: Command, tmp_path: Path) -> None:
    tool("openssl")
    assert cli("rogue", "mint", "no-san-cn-only", "--out", tmp_path).code == 0
    folder = tmp_path / "no-san-cn-only"
    words = (folder / "server.pem", "--trust", folder / "root.pem", "--name", "localhost")
    code, found = judged(cli, *words)
    assert code == 1
    engines = found["engines"]
    assert isinstance(engines, list)
    said = {each["engine"]: each for each in engines}
    assert (said["cryptography"]["agrees"], said["openssl"]["agrees"]) == (True, False)
    assert "common name" in said["openssl"]["why_not"]
    assert "(differs from pki: " in cli("verify", *words).out


def test_what_cannot_be_read_is_said_with_the_place(cli: Command, certs: Path, tmp_path: Path) -> None:
    served = minted_once("time-fractional").served
    (tmp_path / "one.pem").write_bytes(served.chain_pem)
    (tmp_path / "root.pem").write_bytes(served.anchors_pem)
    answer = cli("verify", tmp_path / "one.pem", "--trust", tmp_path / "root.pem")
    assert answer.code == 3
    assert "is not of the form YYYYMMDDHHMMSSZ (RFC 5280 §4.1.2.5.2)" in answer.err
    key = cli("verify", certs / "server.key", "--dir", certs)
    assert key.code == 3
    assert "PEM" not in key.err, "a key is no damaged certificate"


def test_the_name_of_a_file_drives_no_terminal(cli: Command, certs: Path, tmp_path: Path) -> None:
    odd = tmp_path / "red\x1b[31m.pem"
    for content in ((certs / "server.pem").read_bytes(), b"junk"):
        odd.write_bytes(content)
        for words in (("verify", odd, "--dir", certs), ("diff", odd, odd), ("show", odd), ("list", "--dir", tmp_path)):
            answer = cli(*words)
            assert "\x1b" not in answer.out + answer.err, words


def test_every_check_is_listed_also_where_there_is_no_chain(cli: Command, certs: Path) -> None:
    def checks(file: Path) -> list[str]:
        found = judged(cli, file, "--dir", certs)[1]["checks"]
        assert isinstance(found, list)
        return [each["name"] for each in found]

    assert checks(certs / "rogue/server.pem") == checks(certs / "server.pem")
