"""One reader for private keys. Falsehood caught: a key that its passphrase does not open, a false answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from pki import keys
from pki.asn1 import ber, der
from pki.errors import Problem
from pki.objects import blocks, private_keys
from pki.store import files
from tests.conftest import run, tool
from tests.pki.conftest import Command
from tests.pki.encoded import key, pem
from tests.pki.support import a_leaf, a_root, first

SECRET = b"secret"
LOCKED = BestAvailableEncryption(SECRET)


def made(encoding: Encoding, form: PrivateFormat, how: KeySerializationEncryption) -> Callable[[Path], bytes]:
    return lambda _: key().private_bytes(encoding, form, how)


def by_openssl(*command: str) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        (folder / "in.key").write_bytes(keys.to_pem(key()))
        done = run(tool("openssl"), *command, "-in", folder / "in.key", "-out", folder / "out.key")
        assert done.returncode == 0, done.stderr
        return (folder / "out.key").read_bytes()

    return make


def in_pkcs12(folder: Path) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"a", key(), None, None, LOCKED)


PASS = ("-passout", "pass:secret")
FORMS: dict[str, Callable[[Path], bytes]] = {
    "PKCS #8 in PEM": made(Encoding.PEM, PrivateFormat.PKCS8, LOCKED),
    "PKCS #8 in DER": made(Encoding.DER, PrivateFormat.PKCS8, LOCKED),
    "traditional, AES-256": made(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, LOCKED),
    "traditional, 3DES": by_openssl("ec", "-des3", *PASS),
    "traditional, AES-128": by_openssl("ec", "-aes128", *PASS),
    "PKCS #8, scrypt": by_openssl("pkcs8", "-topk8", "-scrypt", *PASS),
    "PKCS #8, SHA-1 and 3DES": by_openssl("pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", *PASS),
    "PKCS #8, 600,000 iterations": by_openssl("pkcs8", "-topk8", "-iter", "600000", *PASS),
    "PKCS #12": in_pkcs12,
    "after the parameters of its curve": lambda folder: (
        pem(der.object_identifier("1.2.840.10045.3.1.7"), label="EC PARAMETERS")
        + made(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, LOCKED)(folder)
    ),
}


@pytest.fixture
def passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes | None], None]:
    """Name a file with that passphrase, or none."""

    def name(secret: bytes | None) -> None:
        monkeypatch.delenv("PKI_PASSPHRASE_FILE", raising=False)
        if secret is not None:
            (tmp_path / "passphrase").write_bytes(secret)
            monkeypatch.setenv("PKI_PASSPHRASE_FILE", str(tmp_path / "passphrase"))

    return name


Name = Callable[[bytes | None], None]


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\nsecond line\n"], ids=repr)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_opens_with_its_passphrase(form: str, ending: bytes, tmp_path: Path, passphrase: Name) -> None:
    (tmp_path / "one.key").write_bytes(FORMS[form](tmp_path))
    passphrase(SECRET + ending)
    assert files.read_key(tmp_path / "one.key").public_key() == key().public_key()


@pytest.mark.parametrize("form", FORMS)
def test_without_a_passphrase_the_hint_names_the_variable(form: str, tmp_path: Path, passphrase: Name) -> None:
    (tmp_path / "one.key").write_bytes(FORMS[form](tmp_path))
    for none in (None, b"", b"\n"):
        passphrase(none)
        with pytest.raises(Problem) as raised:
            files.read_key(tmp_path / "one.key")
        assert "encrypted, and no passphrase was given" in str(raised.value)
        assert "PKI_PASSPHRASE_FILE" in str(raised.value.hint)


@pytest.mark.parametrize("form", FORMS)
def test_another_passphrase_is_wrong(form: str, tmp_path: Path, passphrase: Name) -> None:
    (tmp_path / "one.key").write_bytes(FORMS[form](tmp_path))
    passphrase(b"guess")
    try:
        files.read_key(tmp_path / "one.key")
    except Problem as problem:
        # With CBC, 1 of 256 wrong keys gives valid padding by chance; the key is then reported as damaged.
        assert "wrong passphrase" in str(problem) or "damaged" in str(problem)
    else:
        raise AssertionError("it opened")


def clear(encoding: Encoding) -> bytes:
    return key().private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())


def locked(encoding: Encoding) -> bytes:
    return key().private_bytes(encoding, PrivateFormat.PKCS8, LOCKED)


def _algorithm() -> bytes:
    """How the encrypted key is encrypted."""
    data = locked(Encoding.DER)
    first, _ = der.children(data, der.read(data))
    return data[first.start : first.end]


DAMAGED: dict[str, bytes] = {
    "cut DER": clear(Encoding.DER)[:-5],
    "cut encrypted DER": locked(Encoding.DER)[:-5],
    "encrypted, not whole blocks": der.sequence(_algorithm(), der.octet_string(bytes(15))),
    "not base64": clear(Encoding.PEM).replace(b"M", b"*", 1),
    "encrypted, not base64": locked(Encoding.PEM).replace(b"\nM", b"\n*", 1),
    "cut PKCS #12": in_pkcs12(Path())[:-7],
    "zeros in place of the key": der.sequence(
        der.integer(0),
        der.sequence(der.object_identifier("1.2.840.10045.2.1"), der.object_identifier("1.2.840.10045.3.1.7")),
        der.octet_string(bytes(20)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_key_is_said_to_be_damaged(case: str, tmp_path: Path, passphrase: Name) -> None:
    (tmp_path / "one.key").write_bytes(DAMAGED[case])
    passphrase(SECRET)
    with pytest.raises(Problem) as raised:
        files.read_key(tmp_path / "one.key")
    assert "damaged" in str(raised.value)
    assert "assword" not in str(raised.value)


def test_a_cipher_that_is_not_supported_is_named(tmp_path: Path, passphrase: Name) -> None:
    passphrase(SECRET)
    (tmp_path / "one.key").write_bytes(by_openssl("ec", "-camellia128", *PASS)(tmp_path))
    with pytest.raises(Problem, match="CAMELLIA-128-CBC, which is not supported"):
        files.read_key(tmp_path / "one.key")


def test_a_key_that_is_not_encrypted_needs_no_passphrase(tmp_path: Path, passphrase: Name) -> None:
    passphrase(SECRET)
    for encoding in (Encoding.PEM, Encoding.DER):
        (tmp_path / "one.key").write_bytes(clear(encoding))
        assert files.read_key(tmp_path / "one.key").public_key() == key().public_key()


# Limits -------------------------------------------------------------------------------------------------------------


def with_number(data: bytes, old: int, new: int) -> bytes:
    """DER with one INTEGER exchanged, also within an OCTET STRING that holds DER."""
    tree = ber.parse(data)

    def rebuilt(node: ber.Node) -> bytes:
        whole = tree.data[node.start : node.end]
        if whole == der.integer(old):
            return der.integer(new)
        if node.children:
            return der.element(node.tag, *map(rebuilt, node.children))
        content = tree.data[node.content]
        if node.tag == der.OCTET_STRING and content[:1] == b"0" and not ber.parse(content).faults:
            return der.octet_string(with_number(content, old, new))
        return whole

    return b"".join(map(rebuilt, tree.roots))


def export(rounds: int) -> bytes:
    how = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds).hmac_hash(hashes.SHA256()).build(SECRET)
    return pkcs12.serialize_key_and_certificates(b"a", key(), None, None, how)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("PBKDF2 in PKCS #8", with_number(locked(Encoding.DER), 2048, 2**31)),
        ("PKCS #12", with_number(export(1234), 1234, 2**31 - 1)),
        ("PKCS #12, beyond 64 bits", with_number(export(1234), 1234, 2**80)),
    ],
)
def test_more_iterations_than_the_limit_are_refused_before_any_is_done(
    name: str, data: bytes, tmp_path: Path, passphrase: Name, monkeypatch: pytest.MonkeyPatch, cli: Command
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the derivation was started")

    monkeypatch.setattr(pkcs12, "load_pkcs12", never)
    monkeypatch.setattr(private_keys, "load_der_private_key", never)
    (tmp_path / "one.key").write_bytes(data)
    passphrase(SECRET)
    with pytest.raises(Problem) as raised:
        files.read_key(tmp_path / "one.key")
    assert "iterations; the limit is 3,000,000" in str(raised.value)
    assert "iterations; the limit is 3,000,000" in " ".join(cli("show", tmp_path / "one.key").out.split())


def test_the_parameters_of_scrypt_are_limited(tmp_path: Path, passphrase: Name) -> None:
    data = by_openssl("pkcs8", "-topk8", "-scrypt", "-outform", "DER", *PASS)(tmp_path)
    assert ("scrypt", 2**17) in list(private_keys.iterations(data))
    (tmp_path / "one.key").write_bytes(with_number(data, 16384, 2**30))
    passphrase(SECRET)
    with pytest.raises(Problem, match="scrypt"):
        files.read_key(tmp_path / "one.key")


def test_the_iterations_of_usual_files_are_found(tmp_path: Path) -> None:
    assert [count for _, count in private_keys.iterations(locked(Encoding.DER))] == [2048]
    assert 1234 in [count for _, count in private_keys.iterations(export(1234))]


def test_a_key_with_enormous_numbers_is_refused_before_it_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_keys, "load_der_private_key", lambda *_: pytest.fail("it was loaded"))
    long = der.element(der.INTEGER, b"\x7f" * 60_000)
    pkcs1 = der.sequence(der.integer(0), *[long] * 8)
    algorithm = der.sequence(der.object_identifier("1.2.840.113549.1.1.1"), der.element(der.NULL))
    for data in (pkcs1, der.sequence(der.integer(0), algorithm, der.octet_string(pkcs1))):
        (tmp_path / "one.key").write_bytes(data)
        with pytest.raises(Problem, match="numbers of 480000 bits; the limit is 16384"):
            files.read_key(tmp_path / "one.key")


def test_strings_in_strings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constructed strings of constructed strings, with DER in them: the parser sees each byte a few times at most."""
    data = b"\x04\x03\x02\x01\x05" * 20_000
    for _ in range(40):
        data = der.element(der.SEQUENCE, der.element(0x24, der.element(0x24, der.octet_string(data))))
    seen: list[int] = []
    parse = ber.parse

    def counting(data: bytes, most: int = ber.MOST) -> ber.Tree:
        seen.append(len(data))
        return parse(data, most)

    monkeypatch.setattr(ber, "parse", counting)
    list(private_keys.iterations(data))
    assert sum(seen) <= (private_keys.LEVELS + 2) * len(data)


# Pairs --------------------------------------------------------------------------------------------------------------


def test_the_key_of_the_second_certificate_is_said_to_be_that(tmp_path: Path) -> None:
    root = a_root()
    leaf = a_leaf(root)
    chain = [root.certificate, leaf.certificate]
    (tmp_path / "chain.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
    (tmp_path / "one.key").write_bytes(leaf.key_pem)
    with pytest.raises(Problem) as raised:
        files.read_credential(tmp_path / "chain.pem", tmp_path / "one.key")
    assert "the key belongs to the 2nd certificate in that file, CN=localhost" in str(raised.value)
    assert "the server's own certificate comes first (RFC 8446 §4.4.2)" in str(raised.value)


def test_certificate_and_key_come_from_one_pkcs12_file(certs: Path, tmp_path: Path, passphrase: Name) -> None:
    done = run(
        tool("openssl"), "pkcs12", "-export", "-in", certs / "server.pem", "-inkey", certs / "server.key",
        "-certfile", certs / "intermediate.pem", "-out", tmp_path / "one.p12", *PASS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    passphrase(SECRET)
    found = files.read_credential(tmp_path / "one.p12", tmp_path / "one.p12")
    assert found.certificate == first(certs / "server.pem")


def test_pki_issues_with_an_encrypted_key_of_the_ca(tmp_path: Path, passphrase: Name, cli: Command) -> None:
    directory = tmp_path / "certs"
    assert cli("init", "--dir", directory).code == 0
    path = directory / "intermediate.key"
    opened = keys.from_pem(path.read_bytes())
    path.write_bytes(opened.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, LOCKED))
    passphrase(None)
    answer = cli("issue", "a.test", "--dir", directory)
    assert (answer.code, "PKI_PASSPHRASE_FILE" in answer.err) == (3, True)
    passphrase(b"other")
    assert "wrong passphrase" in cli("issue", "a.test", "--dir", directory).err
    passphrase(SECRET)
    assert cli("issue", "a.test", "--dir", directory).code == 0


def test_a_file_without_a_key_is_named(certs: Path) -> None:
    with pytest.raises(Problem, match="contains no private key; it contains two certificates"):
        files.read_key(certs / "server.pem")
    assert blocks.read((certs / "server.key").read_bytes()).blocks[0].kind is blocks.BlockKind.PRIVATE_KEY
