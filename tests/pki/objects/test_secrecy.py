"""`pki show --der` of keys: no private byte without `--secrets`. Falsehood caught: "only a part of it is shown".

Every key is searched for in the output: each number that makes it private, in every run of SHORTEST bytes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, mlkem, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from pki.asn1 import der
from pki.cases import CATALOGUE
from pki.show import dump
from tests.conftest import run, tool
from tests.pki.cases.test_cases import minted_once
from tests.pki.conftest import Command

SHORTEST = 4  # bytes of a secret in a row


def generated() -> dict[str, Any]:
    """A private key of each kind."""
    made = {
        "rsa": rsa.generate_private_key(65537, 2048),
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "p521": ec.generate_private_key(ec.SECP521R1()),
        "secp256k1": ec.generate_private_key(ec.SECP256K1()),
        "dsa": dsa.generate_private_key(1024),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "ed448": ed448.Ed448PrivateKey.generate(),
        "x25519": x25519.X25519PrivateKey.generate(),
        "x448": x448.X448PrivateKey.generate(),
        "mldsa44": mldsa.MLDSA44PrivateKey.generate(),
        "mldsa87": mldsa.MLDSA87PrivateKey.generate(),
        "mlkem": mlkem.MLKEM768PrivateKey.generate(),
    }
    return made


KEYS = generated()
TRADITIONAL = ("rsa", "p256", "p521", "secp256k1", "dsa")


def secrets_of(key: Any) -> list[bytes]:
    """What makes it private, as bytes."""
    match key:
        case rsa.RSAPrivateKey():
            n = key.private_numbers()
            return [each.to_bytes((each.bit_length() + 7) // 8) for each in (n.d, n.p, n.q, n.dmp1, n.dmq1, n.iqmp)]
        case ec.EllipticCurvePrivateKey():
            return [key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8)]
        case dsa.DSAPrivateKey():
            return [key.private_numbers().x.to_bytes(20)]
        case _:
            return [key.private_bytes_raw()]


def pkcs8(key: Any, encryption: Any = None) -> bytes:
    """In DER."""
    encoded: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, encryption or NoEncryption())
    return encoded


def traditional(key: Any) -> bytes:
    """PKCS #1 or SEC 1, in DER."""
    encoded: bytes = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return encoded


def forms() -> Iterator[tuple[str, Any, bytes, str]]:
    """Each key in each form: what it is, the key, DER, the label of its PEM."""
    for name, key in KEYS.items():
        inside = pkcs8(key)
        yield f"{name} pkcs8", key, inside, "PRIVATE KEY"
        yield f"{name} mislabelled", key, inside, "CERTIFICATE"
        yield f"{name} unlabelled", key, inside, "SOMETHING ELSE"
        yield f"{name} in a sequence", key, der.sequence(inside, der.boolean(True)), "PRIVATE KEY"
        yield f"{name} in a set", key, der.element(der.SET, inside), "X509 CRL"
        yield f"{name} tagged", key, der.explicit(0, inside), "PUBLIC KEY"
        yield f"{name} in an octet string", key, der.sequence(der.integer(3), der.octet_string(inside)), "PKCS12"
        yield f"{name} as text", key, der.sequence(der.element(0x0C, secrets_of(key)[0].hex().encode())), "KEY"
        yield f"{name} as bits", key, der.sequence(der.bit_string(secrets_of(key)[0])), "KEY"
        yield f"{name} as a number", key, der.sequence(der.integer(int.from_bytes(secrets_of(key)[0]))), "KEY"
        yield f"{name} as two", key, der.sequence(*[der.integer(int.from_bytes(secrets_of(key)[0]))] * 2), "KEY"
        yield f"{name} as a name", key, der.sequence(der.element(6, bytes(b & 0x7F for b in secrets_of(key)[0]))), "KEY"
        yield f"{name} implicit", key, der.sequence(der.element(0x80, secrets_of(key)[0])), "KEY"
        yield f"{name} as null", key, der.sequence(der.element(der.NULL, secrets_of(key)[0])), "KEY"
        yield f"{name} alone", key, der.octet_string(secrets_of(key)[0]), "KEY"
        yield f"{name} raw", key, secrets_of(key)[0], "PRIVATE KEY"
        yield f"{name} cut", key, inside[:-3], "PRIVATE KEY"
        yield f"{name} damaged", key, inside[:1] + b"\xbf" + secrets_of(key)[0] * 9, "PRIVATE KEY"
        if name in TRADITIONAL:
            yield f"{name} traditional", key, traditional(key), "RSA PRIVATE KEY"


FORMS = list(forms())


def assert_is_not_told(key: Any, words: str) -> None:
    """No run of SHORTEST bytes of a secret is in the text: in hex, as a decimal number, as text or as an OID."""
    shown = words.lower()
    whole = "".join(character for character in shown if character.isalnum())
    for secret in secrets_of(key):
        for at in range(len(secret) - SHORTEST + 1):
            assert secret[at : at + SHORTEST].hex() not in whole, f"bytes {at} to {at + SHORTEST}"
        for length in (8, 16, 32, len(secret)):
            for at in range(0, max(1, len(secret) - length)):
                assert str(int.from_bytes(secret[at : at + length])) not in shown


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(("key", "encoded", "label"), [each[1:] for each in FORMS], ids=[each[0] for each in FORMS])
def test_no_private_byte_is_shown(
    tmp_path: Path, cli: Command, key: Any, encoded: bytes, label: str, more: tuple[str, ...]
) -> None:
    for name, data in (("one.der", encoded), ("one.pem", der.armoured(label, encoded))):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o600)
        answer = cli("show", tmp_path / name, "--der", *more)
        assert_is_not_told(key, answer.out + answer.err)


@pytest.mark.parametrize("name", KEYS)
def test_what_is_encrypted_is_not_shown_either(tmp_path: Path, cli: Command, name: str) -> None:
    """Of an encrypted key, the bytes that an attacker needs for guessing passphrases."""
    encoded = pkcs8(KEYS[name], BestAvailableEncryption(b"secret"))
    (tmp_path / "key").write_bytes(der.armoured("ENCRYPTED PRIVATE KEY", encoded))
    sealed = encoded[list(der.elements(encoded))[-1].content]
    answer = cli("show", tmp_path / "key", "--der")
    assert answer.code == 0
    assert sealed[:SHORTEST].hex() not in answer.out
    assert sealed[:SHORTEST].hex() in cli("show", tmp_path / "key", "--der", "--secrets").out


@pytest.mark.parametrize("passphrase", [b"", b"secret"], ids=["open", "encrypted"])
def test_nothing_of_a_pkcs12_file_is_shown(certs: Path, tmp_path: Path, cli: Command, passphrase: bytes) -> None:
    found = load_pem_x509_certificate((certs / "root.pem").read_bytes())
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    key = KEYS["p256"]
    bundle = pkcs12.serialize_key_and_certificates(b"x", None, found, None, encryption)
    made = run(
        tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out",
        tmp_path / "c", "-subj", "/CN=x",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    for data in (bundle, der.sequence(der.integer(3), der.octet_string(pkcs8(key)))):
        (tmp_path / "one.p12").write_bytes(data)
        answer = cli("show", tmp_path / "one.p12", "--der")
        assert answer.code == 0
        assert_is_not_told(key, answer.out + answer.err)


@pytest.mark.parametrize("name", KEYS)
def test_with_secrets_all_of_it_is_shown(tmp_path: Path, cli: Command, name: str) -> None:
    (tmp_path / "key").write_bytes(der.armoured("PRIVATE KEY", pkcs8(KEYS[name])))
    objects = json.loads(cli("show", tmp_path / "key", "--der", "--json", "--secrets").out)["objects"]
    assert not any(each["hidden"] for each in objects[0]["elements"])
    assert any(each["type"] == "OCTET STRING" and each["value"] for each in objects[0]["elements"])


def test_of_a_private_key_the_public_part_is_shown(tmp_path: Path, cli: Command) -> None:
    for name, expected in (("rsa", 2), ("p256", 1), ("dsa", 4)):
        key = KEYS[name]
        (tmp_path / "key").write_bytes(der.armoured("RSA PRIVATE KEY", traditional(key)))
        elements = json.loads(cli("show", tmp_path / "key", "--der", "--json").out)["objects"][0]["elements"]
        kind = "BIT STRING" if name == "p256" else "INTEGER"
        shown = [each for each in elements if each["type"] == kind and not each["hidden"] and each["content_bytes"] > 1]
        assert len(shown) == expected, name


def test_a_hidden_value_says_how_to_see_it(certs: Path, cli: Command) -> None:
    answer = cli("show", certs / "server.key", "--der")
    assert "(hidden; --secrets shows it)" in answer.out


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CATALOGUE)
def test_nothing_of_a_certificate_is_hidden(case: str) -> None:
    """Of malformed ones neither."""
    for encoded in minted_once(case).served.chain:
        for data in (encoded, der.armoured("CERTIFICATE", encoded)):
            for _, found in dump.of_file(data):
                assert not isinstance(found, str)
                assert not any(each.hidden for each in found.spans)


@pytest.mark.parametrize("file", ["crl.pem", "server.pem", "root.pem"])
def test_nothing_of_what_is_public_is_hidden(certs: Path, file: str) -> None:
    for _, found in dump.of_file((certs / file).read_bytes()):
        assert not isinstance(found, str)
        assert not any(each.hidden for each in found.spans)


@given(st.binary(min_size=8, max_size=120), st.sampled_from(["PRIVATE KEY", "KEY", "EC PRIVATE KEY"]))
def test_bytes_of_an_unknown_kind_are_not_printed(data: bytes, label: str) -> None:
    for content in (data, der.octet_string(data), der.sequence(der.octet_string(data))):
        for encoded in (content, der.armoured(label, content)):
            for _, found in dump.of_file(encoded):
                if isinstance(found, str):
                    assert data.hex()[:16] not in found
                else:
                    assert "".join(dump.table(found)).find(data.hex()[:16]) < 0


# Who else may read it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o644, True), (0o666, True)]
)
def test_a_key_that_others_may_read_is_noted(
    certs: Path, tmp_path: Path, cli: Command, mode: int, exposed: bool
) -> None:
    for name in ("root.pem", "intermediate.pem", "intermediate.key", "server.key"):
        (tmp_path / name).write_bytes((certs / name).read_bytes())
        (tmp_path / name).chmod(mode)
    for words in (
        ("issue", f"a{mode}.test", "--dir", tmp_path), ("show", tmp_path / "server.key"),
        ("show", tmp_path / "server.key", "--der"),
    ):  # fmt: skip
        answer = cli(*words)
        assert answer.code == 0
        assert (f"(mode {mode:04o}); run `chmod 600 {tmp_path}" in answer.err) == exposed
    assert "chmod" not in cli("show", tmp_path / "root.pem").err


@pytest.mark.parametrize("name", ["ed25519", "mldsa44", "rsa"])
def test_a_key_in_der_is_one_too(tmp_path: Path, cli: Command, name: str) -> None:
    for encoded in (pkcs8(KEYS[name]), pkcs8(KEYS[name], BestAvailableEncryption(b"x"))):
        (tmp_path / "key").write_bytes(encoded)
        (tmp_path / "key").chmod(0o644)
        assert "chmod 600" in cli("show", tmp_path / "key").err


def test_a_passphrase_that_others_may_read_is_noted(certs: Path, tmp_path: Path, cli: Command) -> None:
    (tmp_path / "passphrase").write_text("secret")
    (tmp_path / "passphrase").chmod(0o644)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PKI_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
        assert "chmod 600" in cli("show", certs / "root.pem").err
