"""The MAC of PKCS #12, against the library and OpenSSL. Falsehood caught: a file that other programs call damaged."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from pki.asn1 import ber, der
from pki.objects.pkcs12_mac import with_mac
from tests.conftest import run, tool
from tests.pki.support import key

DIGESTS = {"sha256": hashes.SHA256(), "sha1": hashes.SHA1()}
PASSWORDS = ("short", "x" * 31, "x" * 40, "pässwörd Ω")


def a_file(password: str, digest: str) -> bytes:
    builder = PrivateFormat.PKCS12.encryption_builder().hmac_hash(DIGESTS[digest])
    encryption = builder.kdf_rounds(1).key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
    return pkcs12.serialize_key_and_certificates(b"x", key(), None, None, encryption.build(password.encode()))


def stated(pfx: bytes) -> tuple[bytes, int]:
    """Salt and iterations of the MAC."""
    tree = ber.parse(pfx)
    _, salt, iterations = tree.roots[0].children[2].children
    return pfx[salt.content], ber.integer(pfx[iterations.content])


@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("password", PASSWORDS)
def test_with_the_librarys_salt_and_iterations_the_file_stays_the_same(digest: str, password: str) -> None:
    pfx = a_file(password, digest)
    salt, iterations = stated(pfx)
    assert with_mac(pfx, password, digest=digest, salt=salt, iterations=iterations) == pfx


@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("password", PASSWORDS)
def test_openssl_verifies_the_new_mac(digest: str, password: str, tmp_path: Path) -> None:
    pfx = with_mac(a_file(password, digest), password, digest=digest, salt=bytes(range(16)), iterations=5000)
    assert stated(pfx) == (bytes(range(16)), 5000)
    assert der.read(pfx).end == len(pfx)
    (tmp_path / "x.p12").write_bytes(pfx)
    (tmp_path / "password").write_text(password)
    options = ("-in", tmp_path / "x.p12", "-passin", f"file:{tmp_path / 'password'}")
    done = run(tool("openssl"), "pkcs12", "-info", "-noout", *options)
    assert done.returncode == 0, done.stderr
    assert f"MAC: {digest}, Iteration 5000" in done.stderr


def test_another_password_does_not_fit(tmp_path: Path) -> None:
    pfx = with_mac(a_file("one", "sha256"), "other", digest="sha256", salt=b"salt", iterations=2)
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(pfx, b"one")
