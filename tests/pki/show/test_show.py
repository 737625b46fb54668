"""`pki show` beyond its rows: bytes, numbers, PKCS #12. Falsehood caught: an offset or a number that is not there."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from pki.asn1 import der
from pki.cases import CATALOGUE
from pki.keys import KeyType
from pki.show import dump
from tests.conftest import run, tool
from tests.pki.cases.test_cases import minted_once
from tests.pki.conftest import Command
from tests.pki.support import first, pem

Tree = Callable[[KeyType], Path]


# Bytes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["root.pem", "server.pem", "client.pem", "rogue/ca.pem"])
def test_the_elements_are_those_that_openssl_finds(certs: Path, file: str, tmp_path: Path) -> None:
    encoded = first(certs / file).public_bytes(Encoding.DER)
    (tmp_path / "one.der").write_bytes(encoded)
    lines = run(tool("openssl"), "asn1parse", "-inform", "DER", "-in", tmp_path / "one.der").stdout.splitlines()
    theirs = [tuple(map(int, re.findall(r"^ *(\d+):d=(\d+) +hl=(\d+) +l= *(\d+)", line)[0])) for line in lines]
    ours = [
        (each.element.start, each.element.depth, each.element.header, each.element.end - each.element.content.start)
        for each in dump.of_anything(encoded)
    ]
    assert ours == theirs


@pytest.mark.parametrize("case", CATALOGUE)
def test_the_leaves_tile_the_certificate(case: str) -> None:
    for encoded in minted_once(case).served.chain:
        at = 0
        for each in dump.of_anything(encoded):
            found = each.element
            assert found.start == at
            at += found.header if found.tag & der.CONSTRUCTED else found.end - found.start
        assert at == len(encoded)


def test_the_parts_of_a_certificate_are_named(certs: Path) -> None:
    leaf = first(certs / "server.pem")
    encoded = leaf.public_bytes(Encoding.DER)
    named = {each.name: encoded[each.element.content] for each in dump.of_certificate(encoded) if each.name}
    assert int.from_bytes(named["serialNumber"]) == leaf.serial_number
    assert named["notAfter"].decode() == f"{leaf.not_valid_after_utc:%y%m%d%H%M%SZ}"
    assert b"localhost" in named["SANs"]


def test_show_der_draws_every_object_of_a_file(certs: Path, cli: Command) -> None:
    answer = cli("show", certs / "server.pem", "--der")
    assert answer.code == 0
    assert answer.out.count("tbsCertificate") == 2
    objects = json.loads(cli("show", certs / "server.pem", "--der", "--json").out)["objects"]
    assert objects[0]["elements"][0]["header_bytes"] == 4
    crl = json.loads(cli("show", certs / "crl.pem", "--der", "--json").out)["objects"]
    assert all("elements" in each for each in crl)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_der_are_no_traceback(data: bytes) -> None:
    list(dump.of_file(data))
    list(dump.of_file(b"-----BEGIN CERTIFICATE-----\n" + data + b"\n-----END CERTIFICATE-----\n"))


@given(st.integers(min_value=-(2**200), max_value=2**200))
def test_an_integer_is_written_in_as_few_bytes_as_will_do(number: int) -> None:
    encoded = der.integer(number)
    assert int.from_bytes(encoded[2:], signed=True) == number
    assert len(encoded) == 3 or not (encoded[2] == 0 and encoded[3] < 0x80)
    assert len(encoded) == 3 or not (encoded[2] == 0xFF and encoded[3] >= 0x80)


# Numbers ------------------------------------------------------------------------------------------------------------


def numbers(cli: Command, path: Path, *more: str) -> dict[str, str]:
    """What is shown of a key."""
    rows = json.loads(cli("show", path, "--json", *more).out)["objects"][0]["rows"]
    return {row["label"]: row["value"] for row in rows}


def test_the_numbers_of_an_rsa_key_are_a_key(tree: Tree, cli: Command) -> None:
    path = tree(KeyType.RSA_2048) / "server.key"
    assert not {"d", "p", "q"} & set(numbers(cli, path))
    shown = numbers(cli, path, "--secrets")
    n, d, p, q = (int(shown[name], 16) for name in "ndpq")
    assert n == p * q
    assert pow(pow(42, int(shown["e"]), n), d, n) == 42
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.public_key().public_numbers().n == n


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.ED25519], ids=lambda kind: kind.value)
def test_the_numbers_of_a_curves_key_are_those_that_openssl_reads(tree: Tree, cli: Command, kind: KeyType) -> None:
    path = tree(kind) / "server.key"
    text = run(tool("openssl"), "pkey", "-in", path, "-noout", "-text").stdout
    hexadecimal = "".join(text.replace(":", "").split())
    shown = numbers(cli, path, "--secrets")
    for name in ("x", "y", "d") if kind is KeyType.EC_P256 else ("A", "seed"):
        assert shown[name] in hexadecimal


def test_a_dsa_key_has_its_numbers_too(tmp_path: Path, cli: Command) -> None:
    (tmp_path / "dsa.key").write_bytes(minted_once("dsa-leaf").served.key_pem)
    shown = numbers(cli, tmp_path / "dsa.key", "--secrets")
    p, g, y, x = (int(shown[name], 16) for name in ("p", "g", "y", "x"))
    assert pow(g, x, p) == y
    assert isinstance(load_pem_private_key((tmp_path / "dsa.key").read_bytes(), None), dsa.DSAPrivateKey)


def test_a_public_key_alone_is_shown(certs: Path, tmp_path: Path, cli: Command) -> None:
    public = first(certs / "server.pem").public_key()
    for encoding in (Encoding.PEM, Encoding.DER):
        (tmp_path / "key").write_bytes(public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))
        assert {"x", "y"} <= set(numbers(cli, tmp_path / "key"))


# What is encrypted --------------------------------------------------------------------------------------------------


@pytest.fixture
def passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The passphrase `secret`, named as a user names it."""
    (tmp_path / "passphrase").write_text("secret\n")
    monkeypatch.setenv("PKI_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    return b"secret"


@pytest.mark.usefixtures("passphrase")
def test_a_pkcs12_file_of_openssl_is_opened_with_the_passphrase(certs: Path, tmp_path: Path, cli: Command) -> None:
    made = run(
        tool("openssl"), "pkcs12", "-export", "-in", certs / "server.pem", "-inkey", certs / "server.key",
        "-certfile", certs / "intermediate.pem", "-out", tmp_path / "one.p12", "-passout", "pass:secret",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    titles = [each["title"] for each in json.loads(cli("show", tmp_path / "one.p12", "--json").out)["objects"]]
    assert titles[0].startswith("private key")
    assert titles[1] == "certificate CN=localhost"


def test_a_pkcs12_file_without_its_passphrase_is_closed(certs: Path, tmp_path: Path, cli: Command) -> None:
    key = load_pem_private_key((certs / "server.key").read_bytes(), None)
    found = first(certs / "server.pem")
    closed = pkcs12.serialize_key_and_certificates(b"x", key, found, None, BestAvailableEncryption(b"other"))  # type: ignore[arg-type]  # an EC key
    opened = pkcs12.serialize_key_and_certificates(b"x", key, found, None, NoEncryption())  # type: ignore[arg-type]  # an EC key
    for data, title, code in ((closed, "PKCS #12, closed", 3), (opened, "private key", 0)):
        (tmp_path / "one.p12").write_bytes(data)
        answer = cli("show", tmp_path / "one.p12")
        assert answer.code == code
        assert cli("show", tmp_path / "one.p12", "--json").code == code
        assert title in answer.out


def test_an_encrypted_key_is_opened_with_the_passphrase(
    certs: Path, tmp_path: Path, cli: Command, passphrase: bytes
) -> None:
    key = load_pem_private_key((certs / "server.key").read_bytes(), None)
    encryption = BestAvailableEncryption(passphrase)
    (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    assert "x" in numbers(cli, tmp_path / "key")


def test_a_passphrase_file_that_is_missing_is_said(certs: Path, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKI_PASSPHRASE_FILE", "/nowhere")
    answer = cli("show", certs / "server.pem")
    assert answer.code == 3
    assert "PKI_PASSPHRASE_FILE" in answer.err


# How much is said ---------------------------------------------------------------------------------------------------


def test_every_field_is_one_line_and_explained_on_request(certs: Path, cli: Command) -> None:
    brief, long = (cli("show", certs / "root.pem", *more).out for more in ((), ("--explain",)))
    assert "§" not in brief
    assert "(§4.2.1.9)" in long
    assert "CN=tlsdemo development CA root" in brief


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CATALOGUE)
def test_every_rogue_can_be_looked_at(case: str, tmp_path: Path, cli: Command) -> None:
    (tmp_path / "one.pem").write_bytes(minted_once(case).served.chain_pem)
    (tmp_path / "one.key").write_bytes(minted_once(case).served.key_pem)
    for more in ((), ("--explain",), ("--der",), ("--json",)):
        assert cli("show", tmp_path / "one.pem", *more).code == 0
    assert cli("show", tmp_path / "one.key").code == 0


def test_pem_and_der_are_shown_alike(certs: Path, tmp_path: Path, cli: Command) -> None:
    one = first(certs / "server.pem")
    (tmp_path / "one.der").write_bytes(one.public_bytes(Encoding.DER))
    (tmp_path / "one.pem").write_bytes(pem(one))
    assert cli("show", tmp_path / "one.der").out == cli("show", tmp_path / "one.pem").out
