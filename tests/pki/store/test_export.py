"""Each exported file, opened by other programs. Falsehood caught: a file that only our own library reads."""

import errno
import os
import re
import shutil
import socket
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from pki import keys
from pki.authority import Authority, Validity
from pki.errors import ExitCode, Problem
from pki.keys import KeyType
from pki.objects import private_keys
from pki.store import export
from pki.store.export import Password, Source, Strength
from pki.store.files import read_credential
from tests.conftest import mint, run, tool
from tests.pki.support import NOW, a_leaf, a_root, an_intermediate, first, pem, validity

SECRET = Password("correct-horse-99", generated=False)
Tree = Callable[[KeyType], Path]


# Names --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(certs: Path, tmp_path: Path) -> Path:
    """A copy of a CA's folder that a test may change."""
    return Path(shutil.copytree(certs, tmp_path / "certs"))


def leaf_files(folder: Path, stem: str, *names: str) -> None:
    intermediate = Authority(read_credential(folder / "intermediate.pem", folder / "intermediate.key"))
    now = datetime.now(UTC)
    leaf = a_leaf(intermediate, [x509.DNSName(each) for each in names], validity(now - timedelta(1)))
    (folder / f"{stem}.pem").write_bytes(leaf.chain_pem)
    (folder / f"{stem}.key").write_bytes(leaf.key_pem)
    (folder / f"{stem}.key").chmod(0o600)


def test_a_name_is_a_stem_or_a_first_name_or_a_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf_files(folder, "shop.example", "shop.example", "www.shop.example")
    leaf_files(folder, "_wildcard.a.test", "*.a.test")
    leaf_files(folder, "api", "Api.Example")
    monkeypatch.chdir(folder.parent)
    expected = {
        "server": ("server.pem", "server"),
        "localhost": ("server.pem", "localhost"),
        "server.pem": ("server.pem", "server"),
        "root": ("root.pem", "root"),
        "shop.example": ("shop.example.pem", "shop.example"),
        "*.a.test": ("_wildcard.a.test.pem", "*.a.test"),
        "api.example": ("api.pem", "api.example"),
        "rogue/server": ("rogue/server.pem", "server"),
        "certs/client.pem": ("client.pem", "client"),
        str(folder / "client.pem"): ("client.pem", "client"),
    }
    for name, (file, shown) in expected.items():
        found = Source.find(Path("certs"), name)
        assert (found.file.resolve(), found.name) == (folder / file, shown), name


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("none", "its certificates: client, intermediate, root, server", ExitCode.CANNOT),
        ("", "contains no certificate named ''", ExitCode.CANNOT),
        ("www.shop.example", "contains no certificate named", ExitCode.CANNOT),
        ("crl", "contains no certificate; it contains two CRLs", ExitCode.CANNOT),
        ("rogue", "contains no certificate named", ExitCode.CANNOT),
        ("a\0b", "is not a valid name", ExitCode.USAGE),
        ("server.key", "contains no certificate; it contains a private key", ExitCode.CANNOT),
        ("x" * 5000, "contains no certificate named", ExitCode.CANNOT),
    ],
)
def test_a_name_without_a_certificate_is_an_error(name: str, words: str, code: ExitCode, certs: Path) -> None:
    with pytest.raises(Problem, match=re.escape(words)) as caught:
        Source.find(certs, name)
    assert caught.value.code is code


def test_two_certificates_with_one_first_name_are_ambiguous(folder: Path) -> None:
    leaf_files(folder, "one", "same.example", "one.example")
    leaf_files(folder, "two", "same.example")
    with pytest.raises(Problem, match="2 certificates have the first name") as caught:
        Source.find(folder, "same.example")
    assert caught.value.code is ExitCode.USAGE


def test_the_chain_is_completed_from_the_folder(folder: Path) -> None:
    (folder / "server.pem").write_bytes(pem(first(folder / "server.pem")))
    assert Source.find(folder, "server").chain == (first(folder / "server.pem"), first(folder / "intermediate.pem"))
    assert Source.find(folder, "server").missing is None
    assert Source.find(folder, "root").chain == (first(folder / "root.pem"),)
    rogue = Source.find(folder, "rogue/server")
    assert rogue.chain == (first(folder / "rogue" / "server.pem"),)
    assert rogue.missing is not None


def test_the_key_of_another_certificate_is_refused(folder: Path) -> None:
    shutil.copy(folder / "client.key", folder / "server.key")
    with pytest.raises(Problem, match="does not belong to"):
        Source.find(folder, "server").credential(None)


def test_a_key_in_the_same_file_is_found(folder: Path) -> None:
    both = folder / "both.pem"
    both.write_bytes((folder / "server.pem").read_bytes() + (folder / "server.key").read_bytes())
    both.chmod(0o600)
    assert Source.find(folder, "both").credential(None).chain == Source.find(folder, "server").chain


def test_without_a_key_the_option_is_named(folder: Path) -> None:
    (folder / "server.key").unlink()
    with pytest.raises(Problem, match=r"server\.key") as caught:
        Source.find(folder, "server").credential(None)
    assert "--key" in str(caught.value.hint)


# Passwords ----------------------------------------------------------------------------------------------------------


def test_a_generated_password_has_100_bits_and_is_easy_to_type() -> None:
    found = {export.password(None).text for _ in range(200)}
    assert len(found) == 200
    assert all(re.fullmatch(r"[a-km-np-z2-9]{5}(-[a-km-np-z2-9]{5}){3}", each) for each in found)
    assert len(export.ALPHABET) == len(set(export.ALPHABET)) == 32
    assert set("".join(found)) == {*export.ALPHABET, "-"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\nsecond line\n", "is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a\x00b\n", "control characters"),
        (b"a\tb\n", "control characters"),
    ],
)
def test_a_password_that_cannot_be_typed_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(Problem, match=words) as caught:
        export.password(file)
    assert caught.value.code is ExitCode.USAGE


def test_the_option_comes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_bytes(b"from the option\r\nmore\n")
    (tmp_path / "two").write_bytes(b"from the environment\n")
    monkeypatch.setenv("PKI_PASSPHRASE_FILE", str(tmp_path / "two"))
    assert export.password(tmp_path / "one") == Password("from the option", generated=False)
    assert export.password(None) == Password("from the environment", generated=False)


# PKCS #12 -----------------------------------------------------------------------------------------------------------


def a_p12(folder: Path, name: str, to: Path, strength: Strength = Strength.MODERN, secret: Password = SECRET) -> Path:
    source = Source.find(folder, name)
    to.write_bytes(export.pkcs12(source.credential(None), source.name, secret, strength))
    return to


@pytest.mark.parametrize("strength", Strength, ids=lambda each: each.name.lower())
@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.ED25519, KeyType.RSA_2048], ids=lambda each: each.value)
def test_openssl_opens_a_p12(key_type: KeyType, strength: Strength, tree: Tree, tmp_path: Path) -> None:
    folder = tree(key_type)
    file = a_p12(folder, "server", tmp_path / "server.p12", strength)
    legacy = ("-legacy",) if strength is Strength.LEGACY else ()
    options = ("-in", file, "-passin", f"pass:{SECRET.text}", *legacy)
    info = run(tool("openssl"), "pkcs12", "-info", "-noout", *options).stderr
    key = run(tool("openssl"), "pkcs12", "-nodes", "-nocerts", *options)
    certificates = run(tool("openssl"), "pkcs12", "-nokeys", *options)
    assert key.returncode == certificates.returncode == 0
    found = x509.load_pem_x509_certificates(certificates.stdout.encode())
    assert set(found) == {first(folder / "server.pem"), first(folder / "intermediate.pem")}
    own = keys.from_pem(key.stdout.encode()).public_key()
    assert own == first(folder / "server.pem").public_key()
    assert "friendlyName: server" in certificates.stdout
    if strength is Strength.MODERN:
        assert "MAC: sha256, Iteration 600000" in info
        assert info.count("PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256") == 2
    else:
        assert "MAC: sha1, Iteration 2048" in info
        assert info.count("pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048") == 2


@pytest.mark.parametrize("strength", Strength, ids=lambda each: each.name.lower())
def test_java_and_nss_open_a_p12(strength: Strength, certs: Path, tmp_path: Path) -> None:
    file = a_p12(certs, "client", tmp_path / "client.p12", strength)
    listed = run(tool("keytool"), "-list", "-v", "-keystore", file, "-storepass", SECRET.text)
    assert listed.returncode == 0, listed.stdout
    assert "Alias name: client" in listed.stdout
    assert "Entry type: PrivateKeyEntry" in listed.stdout
    assert "Certificate chain length: 2" in listed.stdout
    database = f"sql:{tmp_path}"
    assert run(tool("certutil"), "-N", "-d", database, "--empty-password").returncode == 0
    imported = run(tool("pk12util"), "-i", file, "-d", database, "-W", SECRET.text)
    assert imported.returncode == 0, imported.stderr
    assert re.search(r"(?m)^client +u,u,u", run(tool("certutil"), "-L", "-d", database).stdout)
    wrong = run(tool("pk12util"), "-i", file, "-d", database, "-W", "another")
    assert wrong.returncode != 0


def test_gnutls_opens_a_p12(certs: Path, tmp_path: Path) -> None:
    file = a_p12(certs, "client", tmp_path / "client.p12")
    done = run(tool("certtool"), "--p12-info", "--inder", "--infile", file, "--password", SECRET.text)
    assert done.returncode == 0, done.stderr
    assert "Iteration count: 600000" in done.stdout + done.stderr


def test_pki_reads_its_own_p12_within_the_limit_on_work(certs: Path, tmp_path: Path) -> None:
    file = a_p12(certs, "server", tmp_path / "server.p12")
    assert sum(number for _, number in private_keys.iterations(file.read_bytes())) == 3 * 600_000
    found = private_keys.open_pkcs12(file.read_bytes(), SECRET.encoded)
    assert found.key.public_key() == first(certs / "server.pem").public_key()


def test_a_password_and_a_name_outside_of_ascii(certs: Path, tmp_path: Path) -> None:
    secret = Password("pässwörd Ω 🔐", generated=False)
    credential = Source.find(certs, "server").credential(None)
    data = export.pkcs12(credential, "Bücher \udcff", secret, Strength.MODERN)
    assert pkcs12.load_pkcs12(data, secret.encoded).cert is not None
    (tmp_path / "x.p12").write_bytes(data)
    (tmp_path / "password").write_text(secret.text)
    options = ("-in", tmp_path / "x.p12", "-passin", f"file:{tmp_path / 'password'}", "-noout")
    assert run(tool("openssl"), "pkcs12", *options).returncode == 0


def test_a_p12_is_replaced_only_if_it_has_the_same_key_and_password(folder: Path, tmp_path: Path) -> None:
    credential = Source.find(folder, "server").credential(None)
    file = a_p12(folder, "server", tmp_path / "server.p12").read_bytes()
    ours = export.same_key(credential, SECRET)
    assert ours(file)
    assert not export.same_key(credential, Password("another", generated=False))(file)
    assert not ours(a_p12(folder, "client", tmp_path / "client.p12").read_bytes())
    anchor = first(folder / "root.pem")
    assert not ours(export.trust_store(anchor, "root", SECRET, Strength.MODERN))
    assert not ours(b"") and not ours(b"text") and not ours(file[:-5])


# A trust store for Java ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", Strength, ids=lambda each: each.name.lower())
def test_java_trusts_the_entry_of_a_trust_store(strength: Strength, certs: Path, tmp_path: Path) -> None:
    file = tmp_path / "trust.p12"
    secret = Password("changeit", generated=False)
    file.write_bytes(export.trust_store(first(certs / "root.pem"), "root", secret, strength))
    listed = run(tool("keytool"), "-list", "-keystore", file, "-storepass", "changeit")
    assert listed.returncode == 0, listed.stdout
    assert re.search(r"(?m)^root, .*trustedCertEntry", listed.stdout)
    assert "contains 1 entry" in listed.stdout


def test_a_trust_store_is_replaced_by_one_for_the_same_name(certs: Path, tmp_path: Path) -> None:
    anchor = first(certs / "root.pem")
    ours = export.only_the_anchor(anchor, SECRET)
    assert ours(export.trust_store(anchor, "root", SECRET, Strength.MODERN))
    assert ours(export.trust_store(first(certs / "rogue" / "ca.pem"), "root", SECRET, Strength.MODERN))
    assert not ours(export.trust_store(first(certs / "server.pem"), "root", SECRET, Strength.MODERN))
    assert not ours(a_p12(certs, "root", tmp_path / "root.p12").read_bytes())


def test_a_leaf_is_not_a_trust_anchor(certs: Path) -> None:
    export.check_anchor(Source.find(certs, "root"), "--trust-p12")
    export.check_anchor(Source.find(certs, "intermediate"), "--trust-p12")
    with pytest.raises(Problem, match="not the certificate of a CA") as caught:
        export.check_anchor(Source.find(certs, "server"), "--trust-p12")
    assert caught.value.code is ExitCode.USAGE


# PKCS #7 and DER ----------------------------------------------------------------------------------------------------


def test_openssl_java_and_gnutls_read_the_chain_in_pkcs7(certs: Path, tmp_path: Path) -> None:
    file = tmp_path / "server.p7b"
    file.write_bytes(export.pkcs7(Source.find(certs, "server")))
    expected = {first(certs / "server.pem"), first(certs / "intermediate.pem")}
    printed = run(tool("openssl"), "pkcs7", "-in", file, "-print_certs").stdout
    assert set(x509.load_pem_x509_certificates(printed.encode())) == expected
    assert set(pkcs7.load_pem_pkcs7_certificates(file.read_bytes())) == expected
    by_java = run(tool("keytool"), "-printcert", "-file", file).stdout
    assert "Owner: CN=localhost" in by_java
    assert "Owner: CN=tlsdemo development CA intermediate" in by_java
    assert "Number of certificates: 2" in run(tool("certtool"), "--p7-info", "--infile", file).stdout


def test_openssl_reads_the_certificate_in_der(certs: Path, tmp_path: Path) -> None:
    file = tmp_path / "server.der"
    file.write_bytes(export.der(Source.find(certs, "server")))
    printed = run(tool("openssl"), "x509", "-inform", "DER", "-in", file).stdout
    assert x509.load_pem_x509_certificate(printed.encode()) == first(certs / "server.pem")


# A folder for -CApath -----------------------------------------------------------------------------------------------


def a_hashed_folder(folder: Path, to: Path) -> export.HashedFolder:
    source = Source.find(folder, "root")
    return export.write_hashed(to, source.certificate, export.crls_of(source, folder))


def test_openssl_verifies_with_the_folder_and_its_crls(certs: Path, tmp_path: Path) -> None:
    hashed = tmp_path / "hashed"
    a_hashed_folder(certs, hashed)
    options = ("-CApath", hashed, "-no-CAfile", "-no-CAstore", "-crl_check_all", "-untrusted")
    verify = (tool("openssl"), "verify", *options, certs / "server.pem")
    assert run(*verify, certs / "server.pem").returncode == 0
    assert run(*verify, certs / "rogue" / "server.pem").returncode != 0
    without = tmp_path / "without"
    shutil.copytree(hashed, without, ignore=shutil.ignore_patterns("*.r0"))
    again = [without if each == hashed else each for each in verify]
    assert "unable to get certificate CRL" in run(*again, certs / "server.pem").stderr


def test_openssl_rehash_gives_the_same_names(certs: Path, tmp_path: Path) -> None:
    hashed, rehashed = tmp_path / "hashed", tmp_path / "rehashed"
    found = a_hashed_folder(certs, hashed)
    assert sorted(os.listdir(hashed)) == sorted((*found.certificates, *found.crls))
    rehashed.mkdir()
    for number, name in enumerate(os.listdir(hashed)):
        shutil.copy(hashed / name, rehashed / f"{number}.pem")
    assert run(tool("openssl"), "rehash", rehashed).returncode == 0
    assert {each.name for each in rehashed.iterdir() if each.is_symlink()} == set(os.listdir(hashed))


def test_the_files_are_public_copies(certs: Path, tmp_path: Path) -> None:
    a_hashed_folder(certs, tmp_path / "hashed")
    assert stat.S_IMODE((tmp_path / "hashed").stat().st_mode) == 0o755
    for file in (tmp_path / "hashed").iterdir():
        assert stat.S_ISREG(os.lstat(file).st_mode)
        assert stat.S_IMODE(os.lstat(file).st_mode) == 0o644


def test_a_second_export_changes_nothing(certs: Path, tmp_path: Path) -> None:
    found = a_hashed_folder(certs, tmp_path)
    before = {each.name: each.stat().st_mtime_ns for each in tmp_path.iterdir()}
    assert a_hashed_folder(certs, tmp_path) == found
    assert {each.name: each.stat().st_mtime_ns for each in tmp_path.iterdir()} == before


def test_two_roots_with_one_name_get_two_numbers(certs: Path, tmp_path: Path) -> None:
    found = a_hashed_folder(certs, tmp_path)
    other = mint(tmp_path.parent / "other-certs")
    more = a_hashed_folder(other, tmp_path)
    name = found.certificates[0].removesuffix(".0")
    assert more.certificates == (f"{name}.1",)
    assert more.others == (f"{name}.0",)
    assert sorted(more.crls) == sorted(each.replace(".r0", ".r1") for each in found.crls)
    for folder in (certs, other):
        options = ("-CApath", tmp_path, "-no-CAfile", "-crl_check_all", "-untrusted")
        done = run(tool("openssl"), "verify", *options, folder / "server.pem", folder / "server.pem")
        assert done.returncode == 0, done.stderr


def test_names_of_other_files_are_never_overwritten(certs: Path, tmp_path: Path) -> None:
    probe = a_hashed_folder(certs, tmp_path / "probe")
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    name = probe.certificates[0]
    (hashed / name).write_text("mine")
    (hashed / name.replace(".0", ".1")).mkdir()
    (hashed / name.replace(".0", ".2")).symlink_to(tmp_path / "missing")
    found = a_hashed_folder(certs, hashed)
    assert found.certificates == (name.replace(".0", ".3"),)
    assert (hashed / name).read_text() == "mine"
    assert not (tmp_path / "missing").exists()


def test_a_newer_crl_replaces_the_earlier_one(folder: Path, tmp_path: Path) -> None:
    hashed = tmp_path / "hashed"
    found = a_hashed_folder(folder, hashed)
    intermediate = Authority(read_credential(folder / "intermediate.pem", folder / "intermediate.key"))
    dates = Validity.of(first(folder / "server.pem"))
    revoked = first(folder / "server.pem").serial_number
    newer = intermediate.crl(number=2, this_update=dates.not_before, next_update=dates.not_after, revoked=[revoked])
    of_root = (folder / "crl.pem").read_bytes().split(b"-----END X509 CRL-----\n")[0] + b"-----END X509 CRL-----\n"
    (folder / "crl.pem").write_bytes(of_root + pem(newer))
    assert set(a_hashed_folder(folder, hashed).crls) == set(found.crls)
    assert sorted(os.listdir(hashed)) == sorted((*found.certificates, *found.crls))
    options = ("-CApath", hashed, "-no-CAfile", "-crl_check_all", "-untrusted")
    done = run(tool("openssl"), "verify", *options, folder / "server.pem", folder / "server.pem")
    assert "certificate revoked" in done.stderr


def test_a_crl_of_a_stranger_is_not_exported(folder: Path, tmp_path: Path) -> None:
    stranger = a_root().crl(number=9, this_update=NOW, next_update=NOW + timedelta(9))
    (folder / "crl.pem").write_bytes(pem(stranger))
    assert a_hashed_folder(folder, tmp_path / "hashed").crls == ()


def test_a_folder_that_cannot_be_written_is_an_error(certs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem) as caught:
        a_hashed_folder(certs, tmp_path / "file")
    assert caught.value.code is ExitCode.CANNOT


def test_a_failing_disk_leaves_no_part_of_a_file(certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(Problem, match="No space left") as caught:
        patch.setattr(os, "fsync", full)
        a_hashed_folder(certs, tmp_path)
    assert caught.value.code is ExitCode.CANNOT
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_hard_links_is_written_too(
    number: int, certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    found = a_hashed_folder(certs, tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted((*found.certificates, *found.crls))


def test_exports_at_the_same_time_lose_no_certificate(tmp_path: Path) -> None:
    roots = [a_root().certificate for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda root: export.write_hashed(tmp_path, root, ()).certificates[0], roots))
    assert len(set(found)) == 12
    assert {first(tmp_path / name) for name in found} == set(roots)
    assert len(os.listdir(tmp_path)) == 12


# A TLS connection ---------------------------------------------------------------------------------------------------


@contextmanager
def a_server(folder: Path) -> Iterator[int]:
    """A server that demands a client certificate and answers with its subject; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.load_verify_locations(folder / "root.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)

        def serve() -> None:
            connection, _ = listening.accept()
            connection.settimeout(60)
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(4096)
                subject = str(tls.getpeercert()).encode()
                tls.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(subject), subject))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(60)
        assert not thread.is_alive()


def test_curl_uses_the_p12_and_the_folder(certs: Path, tmp_path: Path) -> None:
    file = a_p12(certs, "client", tmp_path / "client.p12")
    a_hashed_folder(certs, tmp_path / "hashed")
    credential = ("--cert-type", "P12", "--cert", f"{file}:{SECRET.text}")
    with a_server(certs) as port:
        url = f"https://localhost:{port}/"
        done = run(tool("curl"), "-sS", "--noproxy", "*", "--capath", tmp_path / "hashed", *credential, url)
    assert done.returncode == 0, done.stderr
    assert "'client'" in done.stdout


def test_python_finds_the_root_and_the_crls_in_the_folder(certs: Path, tmp_path: Path) -> None:
    a_hashed_folder(certs, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(capath=tmp_path)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    context.load_cert_chain(certs / "client.pem", certs / "client.key")
    with (
        a_server(certs) as port,
        socket.create_connection(("127.0.0.1", port), 60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"'client'" in tls.recv(4096)


def test_a_chain_of_a_foreign_ca_is_exported_too(tmp_path: Path) -> None:
    """From a path, without the folder of a CA."""
    root = a_root()
    leaf = a_leaf(an_intermediate(root))
    (tmp_path / "leaf.pem").write_bytes(leaf.chain_pem)
    (tmp_path / "leaf.key").write_bytes(leaf.key_pem)
    found = Source.find(tmp_path / "no folder", str(tmp_path / "leaf.pem"))
    assert found.credential(None).chain == leaf.chain
    assert found.name == "leaf"
