"""`pki request` and `pki sign`. Falsehood caught: a CA that certifies what a request asks for.

OpenSSL makes the hostile requests and reads the certificates.
"""

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pki.errors import ExitCode
from tests.conftest import mint, run, tool
from tests.pki.conftest import Command
from tests.pki.support import first, snapshot

COPY_ALL = ("--copy", "subjectAltName", "--copy", "keyUsage", "--copy", "extendedKeyUsage")


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A folder that a test may change."""
    return mint(tmp_path / "certs")


def made_by_openssl(folder: Path, *extensions: str, subject: str = "/CN=x", key: str = "ec") -> Path:
    """A request with these extensions."""
    new = {
        "ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        "ed25519": ("-newkey", "ed25519"),
        "rsa-1024": ("-newkey", "rsa:1024"),
        "rsa-2048": ("-newkey", "rsa:2048"),
    }[key]
    wanted = [word for each in extensions for word in ("-addext", each)]
    path = folder / "request.csr"
    ran = run(tool("openssl"), "req", "-new", *new, "-nodes", "-keyout", folder / "request.key", "-subj", subject,
              "-out", path, *wanted)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return path


def test_a_request_of_ours_is_valid_for_openssl_and_has_the_names(tmp_path: Path, cli: Command) -> None:
    answer = cli("request", "a.test", "*.b.test", "::1", "--dir", tmp_path / "mine")
    assert answer.code == 0, answer.err
    ran = run(tool("openssl"), "req", "-in", tmp_path / "mine" / "a.test.csr", "-verify", "-noout", "-text")
    assert ran.returncode == 0 and "verify OK" in ran.stdout + ran.stderr
    assert "DNS:a.test, DNS:*.b.test, IP Address:0:0:0:0:0:0:0:1" in ran.stdout
    assert (tmp_path / "mine" / "a.test.key").stat().st_mode & 0o777 == 0o600
    before = snapshot(tmp_path / "mine")
    assert cli("request", "a.test", "--dir", tmp_path / "mine").code == ExitCode.NO
    assert snapshot(tmp_path / "mine") == before


def test_nothing_is_copied_unasked(fresh: Path, tmp_path: Path, cli: Command) -> None:
    request = made_by_openssl(tmp_path, "subjectAltName=DNS:a.test", "basicConstraints=critical,CA:TRUE")
    before = snapshot(fresh)
    answer = cli("sign", request, "--dir", fresh)
    assert (answer.code, snapshot(fresh)) == (ExitCode.USAGE, before)
    assert "--copy subjectAltName" in answer.err and "CA:TRUE" in answer.err
    answer = cli("sign", request, "--san", "b.test", "--dir", fresh)
    assert answer.code == 0, answer.err
    names = first(fresh / "b.test.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("b.test")]


def test_the_usage_of_a_ca_is_never_copied(fresh: Path, tmp_path: Path, cli: Command) -> None:
    request = made_by_openssl(
        tmp_path, "subjectAltName=DNS:a.test,DNS:UP.test,URI:https://x/,email:ann@x.test,DNS:bad_name.test",
        "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
        "extendedKeyUsage=serverAuth,OCSPSigning", "1.2.3.4=DER:0500", "tlsfeature=status_request",
    )  # fmt: skip
    answer = cli("sign", request, *COPY_ALL, "--dir", fresh, "--json")
    assert answer.code == 0, answer.err
    left_out = [each["what"] for each in json.loads(answer.out)["left_out"]]
    for what in ("basicConstraints CA:TRUE", "keyUsage keyCertSign", "keyUsage cRLSign", "extendedKeyUsage OCSPSigning",
                 "URI:https://x/", "DNS:bad_name.test", "email:ann@x.test", "1.2.3.4"):  # fmt: skip
        assert what in left_out, left_out
    extensions = first(fresh / "a.test.pem").extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_cert_sign and not usage.crl_sign
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("a.test"), x509.DNSName("up.test")]
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_oid(x509.ObjectIdentifier("1.2.3.4"))


def test_a_request_that_asks_for_a_ca_alone_gets_the_usual_usage(fresh: Path, tmp_path: Path, cli: Command) -> None:
    request = made_by_openssl(
        tmp_path, "subjectAltName=DNS:a.test", "keyUsage=keyCertSign", "extendedKeyUsage=OCSPSigning"
    )
    assert cli("sign", request, *COPY_ALL, "--dir", fresh).code == 0
    usage = first(fresh / "a.test.pem").extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_cert_sign


@pytest.mark.parametrize("key", ["ec", "ed25519", "rsa-2048"])
def test_a_signed_request_is_a_certificate_for_that_key(fresh: Path, tmp_path: Path, cli: Command, key: str) -> None:
    request = made_by_openssl(tmp_path, "subjectAltName=DNS:a.test", key=key, subject="/CN=evil.test/O=bank")
    assert cli("sign", request, "--copy", "subjectAltName", "--dir", fresh).code == 0
    made = first(fresh / "a.test.pem")
    assert made.public_key() == x509.load_pem_x509_csr(request.read_bytes()).public_key()
    assert made.subject.rfc4514_string() == "CN=a.test", "the subject is not copied"
    issuers = ("-CAfile", fresh / "root.pem", "-untrusted", fresh / "intermediate.pem")
    wanted = ("-x509_strict", "-purpose", "sslserver", "-verify_hostname", "a.test")
    ran = run(tool("openssl"), "verify", *wanted, *issuers, fresh / "a.test.pem")
    assert ran.returncode == 0, ran.stderr
    before = snapshot(fresh)
    assert cli("sign", request, "--copy", "subjectAltName", "--dir", fresh).code == ExitCode.NO
    assert snapshot(fresh) == before
    assert cli("sign", request, "--copy", "subjectAltName", "--force", "--dir", fresh).code == 0


def flipped(pem: bytes) -> bytes:
    """The request with one bit of its signature changed."""
    encoded = bytearray(x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER))
    encoded[-1] ^= 1
    return bytes(encoded)


def of_dsa(pem: bytes) -> bytes:
    """A request for a DSA key."""
    key = dsa.generate_private_key(1024)
    names = x509.SubjectAlternativeName([x509.DNSName("a.test")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (flipped, ExitCode.NO, "is not valid"),
        (of_dsa, ExitCode.NO, "not one for TLS"),
        (lambda pem: pem[:200], ExitCode.CANNOT, "cannot be read"),
        (lambda pem: pem + pem, ExitCode.USAGE, "2 certificate requests"),
        (lambda pem: b"", ExitCode.CANNOT, "no certificate request"),
        (lambda pem: b"\x30\x82garbage", ExitCode.CANNOT, "no certificate request"),
    ],
    ids=["signature", "dsa", "cut", "two", "empty", "garbage"],
)
def test_a_bad_request_is_refused(
    fresh: Path, tmp_path: Path, cli: Command, change: object, code: ExitCode, words: str
) -> None:
    request = made_by_openssl(tmp_path, "subjectAltName=DNS:a.test")
    request.write_bytes(change(request.read_bytes()))  # type: ignore[operator]  # a function from the list above
    before = snapshot(fresh)
    answer = cli("sign", request, "--copy", "subjectAltName", "--dir", fresh)
    assert (answer.code, snapshot(fresh)) == (code, before), answer.err
    assert words in answer.err and "hint: " in answer.err


def test_a_short_rsa_key_is_refused(fresh: Path, tmp_path: Path, cli: Command) -> None:
    request = made_by_openssl(tmp_path, "subjectAltName=DNS:a.test", key="rsa-1024")
    answer = cli("sign", request, "--copy", "subjectAltName", "--dir", fresh)
    assert answer.code == ExitCode.NO and "1024 bits" in answer.err


def test_the_key_of_another_request_is_not_left_beside_the_certificate(
    fresh: Path, tmp_path: Path, cli: Command
) -> None:
    assert cli("request", "a.test", "--dir", fresh).code == 0
    other = made_by_openssl(tmp_path, "subjectAltName=DNS:a.test")
    answer = cli("sign", other, "--copy", "subjectAltName", "--dir", fresh)
    assert answer.code == ExitCode.NO and "a.test.key" in answer.err
    assert cli("sign", fresh / "a.test.csr", "--copy", "subjectAltName", "--dir", fresh).code == 0
