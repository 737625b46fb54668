"""Keys as others read them. Falsehood caught: "the file holds what --key-type said"."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, x25519

from pki import keys
from pki.cli.options import KeyTypeName
from pki.keys import KeyType
from tests.conftest import run, tool
from tests.pki.support import first

Tree = Callable[[KeyType], Path]
every_key_type = pytest.mark.parametrize("key_type", KeyType, ids=lambda key_type: key_type.value)

IN_OPENSSLS_WORDS = {
    KeyType.EC_P256: "ASN1 OID: prime256v1",
    KeyType.EC_P384: "ASN1 OID: secp384r1",
    KeyType.ED25519: "ED25519 Private-Key",
    KeyType.RSA_2048: "Private-Key: (2048 bit",
    KeyType.RSA_3072: "Private-Key: (3072 bit",
    KeyType.RSA_4096: "Private-Key: (4096 bit",
}
IN_OUR_WORDS = {
    KeyType.EC_P256: "EC P-256",
    KeyType.EC_P384: "EC P-384",
    KeyType.ED25519: "Ed25519",
    KeyType.RSA_2048: "RSA 2048 bits",
    KeyType.RSA_3072: "RSA 3072 bits",
    KeyType.RSA_4096: "RSA 4096 bits",
}
SIGNATURE = {  # as strong as the key that signs (NIST SP 800-57 part 1, tables 2 and 3); RFC 8410 for Ed25519
    KeyType.EC_P256: "ecdsa-with-SHA256",
    KeyType.EC_P384: "ecdsa-with-SHA384",
    KeyType.ED25519: "ED25519",
    KeyType.RSA_2048: "sha256WithRSAEncryption",
    KeyType.RSA_3072: "sha256WithRSAEncryption",
    KeyType.RSA_4096: "sha256WithRSAEncryption",
}


@every_key_type
def test_openssl_reads_every_key_as_the_type_asked_for(tree: Tree, key_type: KeyType) -> None:
    certs = tree(key_type)
    for path in certs.rglob("*.key"):
        shown = run(tool("openssl"), "pkey", "-in", path, "-noout", "-text", "-check")
        assert IN_OPENSSLS_WORDS[key_type] in shown.stdout, path
        assert shown.returncode == 0, shown.stderr


@every_key_type
def test_a_key_file_is_pkcs8_and_not_encrypted(tree: Tree, key_type: KeyType) -> None:
    text = (tree(key_type) / "server.key").read_text()
    assert text.startswith("-----BEGIN PRIVATE KEY-----\n")  # RFC 7468 §10


@every_key_type
def test_no_two_keys_of_a_tree_are_the_same(tree: Tree, key_type: KeyType) -> None:
    found = [path.read_bytes() for path in tree(key_type).rglob("*.key")]
    assert len(set(found)) == len(found) == 5


@every_key_type
def test_the_hash_that_signs_is_as_strong_as_the_key(tree: Tree, key_type: KeyType) -> None:
    for path in tree(key_type).rglob("*.pem"):
        kind = "crl" if path.name == "crl.pem" else "x509"
        shown = run(tool("openssl"), kind, "-in", path, "-noout", "-text").stdout
        assert f"Signature Algorithm: {SIGNATURE[key_type]}\n" in shown, path


@every_key_type
def test_a_key_is_described_by_its_type_and_size(tree: Tree, key_type: KeyType) -> None:
    assert keys.describe(first(tree(key_type) / "server.pem").public_key()) == IN_OUR_WORDS[key_type]


@every_key_type
def test_the_fingerprint_is_the_sha256_of_the_public_key_as_openssl_writes_it(tree: Tree, key_type: KeyType) -> None:
    path = tree(key_type) / "server.key"
    command = [tool("openssl"), "pkey", "-in", str(path), "-pubout", "-outform", "DER"]
    public_der = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
    own = keys.from_pem(path.read_bytes()).public_key()
    assert keys.fingerprint(own) == hashlib.sha256(public_der).hexdigest()


def test_a_key_comes_back_from_its_file_unchanged() -> None:
    for key_type in (KeyType.EC_P256, KeyType.EC_P384, KeyType.ED25519):
        key = keys.generate(key_type)
        assert keys.to_pem(keys.from_pem(keys.to_pem(key))) == keys.to_pem(key)


def test_the_command_line_offers_exactly_the_key_types_that_there_are() -> None:
    assert [each.value for each in KeyTypeName] == [each.value for each in KeyType]


def pem(
    key: ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | ed448.Ed448PrivateKey, password: bytes = b""
) -> bytes:
    """PKCS#8, encrypted if a password is given."""
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


EC_KEY = ec.generate_private_key(ec.SECP256R1())
UNUSABLE = {
    "empty": (b"", "no private key"),
    "garbage": (b"\xff" * 200, "no private key"),
    "cut": (pem(EC_KEY)[:100], "no private key"),
    "public": (
        EC_KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "no private key",
    ),
    "encrypted": (pem(EC_KEY, b"secret"), "encrypted"),
    "for agreement only": (pem(x25519.X25519PrivateKey.generate()), "cannot sign"),
    "of a type that we do not offer": (pem(ed448.Ed448PrivateKey.generate()), "cannot sign"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_no_usable_key_is_refused_with_the_reason(case: str) -> None:
    text, reason = UNUSABLE[case]
    with pytest.raises(ValueError, match=reason):
        keys.from_pem(text)
