"""`pki verify` on the command line: its options reach the walk, and what others say stands beside it."""

import json
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.conftest import Command


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


def test_any_purpose_is_nobodys(cli: Command, certs: Path) -> None:
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
    assert "(otherwise)" not in accepted.out
    client = cli("verify", certs / "client.pem", "--dir", certs, "--purpose", "any")
    assert client.code == 0
    assert re.search(r"others    cryptography  REFUSED: .*\(otherwise\)", client.out), client.out


def test_what_was_not_reached_is_one_line(cli: Command, certs: Path) -> None:
    answer = cli("verify", certs / "rogue/server.pem", "--dir", certs)
    assert answer.code == 1
    assert answer.out.count("not made") == 1
    assert "not reached" not in answer.out
