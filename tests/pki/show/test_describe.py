"""The output of `show` and `diff`. Falsehood caught: a value that is not in the file, a secret, a terminal escape."""

import base64
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from pki import names
from pki.cli import show_text
from pki.keys import KeyType
from pki.objects import blocks
from pki.show import describe, diff, parse
from pki.show.describe import Description
from tests.conftest import run, tool
from tests.pki.support import DAY, NOW, a_leaf, a_root, files, first, pem, validity

Tree = Callable[[KeyType], Path]
FILES = ("root.pem", "intermediate.pem", "server.pem", "client.pem", "rogue/ca.pem", "rogue/server.pem")
ROOT = a_root()
LEAF = a_leaf(ROOT)
EC_KEY = cast(ec.EllipticCurvePrivateKey, LEAF.key)
negative_serials = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


def rows(described: Description) -> dict[str, str]:
    """Label to value."""
    return {row.label: row.value for row in described.rows}


def shown(data: bytes) -> list[Description]:
    """Everything that is found."""
    return list(parse.everything(data))


def printed(data: bytes) -> str:
    """All that a person would see."""
    return "\n".join(show_text.descriptions(list(parse.everything(data)), show_text.Explain.REASONS))


def openssl(path: Path, *options: str) -> str:
    """One property of a certificate in OpenSSL's words."""
    return run(tool("openssl"), "x509", "-in", path, "-noout", *options).stdout.strip().partition("=")[2]


# The values are those that OpenSSL reads ----------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_the_serial_number_is_the_one_that_openssl_reads(certs: Path, file: str) -> None:
    assert int(rows(describe.certificate(first(certs / file)))["serial number"], 16) == int(
        openssl(certs / file, "-serial"), 16
    )


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("field", ["subject", "issuer"])
def test_the_names_are_those_that_openssl_reads(certs: Path, file: str, field: str) -> None:
    assert rows(describe.certificate(first(certs / file)))[field] == openssl(
        certs / file, f"-{field}", "-nameopt", "RFC2253"
    )


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("field", "option"), [("not before", "-startdate"), ("not after", "-enddate")])
def test_the_dates_are_those_that_openssl_reads(certs: Path, file: str, field: str, option: str) -> None:
    moment = datetime.strptime(openssl(certs / file, option), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
    assert rows(describe.certificate(first(certs / file)))[field] == f"{moment:%Y-%m-%d %H:%M:%S}Z"


def test_a_moment_of_2050_is_shown_in_full() -> None:
    root = a_root(dates=validity(datetime(2049, 12, 31, tzinfo=UTC), 1))
    assert rows(describe.certificate(root.certificate))["not after"] == "2050-01-01 00:00:00Z"


def test_the_alternative_names_are_those_that_openssl_reads(certs: Path) -> None:
    value = rows(describe.certificate(first(certs / "server.pem")))["SANs"]
    assert value == "DNS:localhost, IP:127.0.0.1, IP:::1"
    openssls = run(tool("openssl"), "x509", "-in", certs / "server.pem", "-noout", "-ext", "subjectAltName").stdout
    assert len(value.split(", ")) == len(openssls.splitlines()[1].split(", "))


def test_the_key_identifiers_are_those_that_openssl_reads(certs: Path) -> None:
    shown_rows = rows(describe.certificate(first(certs / "server.pem")))
    for label, option in (("subject key id", "subjectKeyIdentifier"), ("authority key id", "authorityKeyIdentifier")):
        openssls = run(tool("openssl"), "x509", "-in", certs / "server.pem", "-noout", "-ext", option).stdout
        assert shown_rows[label] in openssls.replace(":", "").lower()


def test_an_authority_says_that_it_is_one(certs: Path) -> None:
    root, leaf = (rows(describe.certificate(first(certs / file))) for file in ("root.pem", "server.pem"))
    assert (root["CA"], leaf["CA"]) == ("yes, with at most 1 CA below it (critical)", "no (critical)")
    assert (root["key usage"], leaf["key usage"]) == (
        "sign certificates, sign CRLs (critical)",
        "digital signature (critical)",
    )
    assert leaf["purpose"] == "server"


@pytest.mark.parametrize("kind", KeyType, ids=lambda kind: kind.value)
def test_every_key_type_is_explained_in_full(tree: Tree, kind: KeyType) -> None:
    certs = tree(kind)
    for path in files(certs):
        for each in shown((certs / path).read_bytes()):
            assert each.rows
            assert not any("unreadable" in row.value for row in each.rows), path


def test_every_row_has_a_label_a_value_and_a_reason(certs: Path) -> None:
    for path in files(certs):
        for each in shown((certs / path).read_bytes()):
            assert all(row.label and row.value and row.reason for row in each.rows), path


# Kinds of files -----------------------------------------------------------------------------------------------------


def csr() -> x509.CertificateSigningRequest:
    """A certificate request."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.test")])
    wanted = x509.SubjectAlternativeName([x509.DNSName("a.test")])
    return x509.CertificateSigningRequestBuilder(name).add_extension(wanted, False).sign(EC_KEY, hashes.SHA256())


KINDS: dict[str, tuple[Callable[[Encoding], bytes], str]] = {
    "certificate": (lambda encoding: LEAF.certificate.public_bytes(encoding), "certificate CN=localhost"),
    "request": (lambda encoding: csr().public_bytes(encoding), "certificate request"),
    "crl": (
        lambda encoding: ROOT.crl(number=7, this_update=NOW, next_update=NOW + DAY).public_bytes(encoding),
        "CRL",
    ),
    "key": (
        lambda encoding: EC_KEY.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption()),
        "private key",
    ),
    "sec1 key": (
        lambda encoding: EC_KEY.private_bytes(encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        "private key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER], ids=["pem", "der"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_recognised_in_pem_and_der(kind: str, encoding: Encoding) -> None:
    make, title = KINDS[kind]
    (described,) = shown(make(encoding))
    assert described.title.startswith(title)
    assert len(described.rows) >= 2


def test_a_request_says_whether_its_signature_is_good() -> None:
    good = csr().public_bytes(Encoding.DER)
    bad = good[:-1] + bytes([good[-1] ^ 1])
    assert [rows(shown(der)[0])["signature valid"] for der in (good, bad)] == ["yes", "no"]


def test_a_list_tells_its_revoked_serials_and_its_number() -> None:
    entry = x509.RevokedCertificateBuilder().serial_number(0xABC).revocation_date(NOW).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(ROOT.certificate.subject)
    builder = builder.last_update(NOW).next_update(NOW + DAY).add_extension(x509.CRLNumber(7), False)
    crl = builder.add_revoked_certificate(entry).sign(EC_KEY, hashes.SHA256())
    told = rows(shown(pem(crl))[0])
    assert (told["revoked"], told["CRL number"]) == ("abc on 2026-11-22", "7")


def test_all_objects_of_a_file_are_explained_in_their_order(certs: Path) -> None:
    both = b"text before\n" + (certs / "server.key").read_bytes() + b"\n\n" + (certs / "server.pem").read_bytes()
    assert [each.title.split(" ")[0] for each in shown(both)] == ["private", "certificate", "certificate"]


def test_crlf_line_ends_and_a_byte_order_mark_do_no_harm(certs: Path) -> None:
    data = b"\xef\xbb\xbf" + (certs / "root.pem").read_bytes().replace(b"\n", b"\r\n")
    assert shown(data)[0].title == shown((certs / "root.pem").read_bytes())[0].title


def test_an_encrypted_key_is_named_and_not_opened() -> None:
    encrypted = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    assert [each.title for each in shown(encrypted)] == ["private key, encrypted"]


@pytest.mark.parametrize("data", [b"", b"\n", b"hello", b"\x00" * 1000, b"\x30\x03\x02\x01\x01"])
def test_what_is_nothing_is_explained_as_nothing(data: bytes) -> None:
    assert shown(data) == []


def test_a_damaged_block_is_named_and_the_next_one_still_explained(certs: Path) -> None:
    good = (certs / "root.pem").read_bytes()
    damaged = good.replace(b"M", b"N", 1)
    found = shown(damaged + good)
    assert [each.title.split(" ")[0] for each in found] == ["certificate", "certificate"]
    assert ["malformed" in rows(each) for each in found] == [True, False]


# Secrets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KeyType, ids=lambda kind: kind.value)
def test_no_secret_is_shown(tree: Tree, kind: KeyType) -> None:
    path = tree(kind) / "server.key"
    output = "".join(printed(path.read_bytes()).split())
    body = "".join(path.read_text().splitlines()[1:-1])
    command = [tool("openssl"), "pkey", "-in", str(path), "-noout", "-text"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout
    secret = "".join(lines.replace(":", "").split()).lower()
    assert len(output) > 100
    assert not any(body[at : at + 12] in output for at in range(0, len(body) - 12))
    hexadecimal = secret.partition("privateexponent")[2] or secret.partition("priv")[2].partition("pub")[0]
    assert len(hexadecimal) >= 64
    assert not any(hexadecimal[at : at + 16] in output for at in range(len(hexadecimal) - 16))


# Strangers' bytes ---------------------------------------------------------------------------------------------------

EVIL = "\x1b[2J\x1b]0;owned\x07\r\n\x9b31m\u202ereversed\x00"


def hostile(name: str) -> x509.Certificate:
    """A certificate with terminal escapes in its names."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    harmless_in_ia5 = "".join(c for c in name if ord(c) < 128)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(EC_KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(harmless_in_ia5), x509.UniformResourceIdentifier("http://" + harmless_in_ia5)]
            ),
            critical=False,
        )
        .sign(EC_KEY, hashes.SHA256())
    )


def test_a_certificate_does_not_drive_the_terminal() -> None:
    output = printed(pem(hostile(EVIL)))
    assert "owned" in output
    assert all(line.isprintable() for line in output.splitlines())


def test_a_comparison_does_not_drive_the_terminal_either() -> None:
    fields = diff.difference(hostile(EVIL), LEAF.certificate)
    assert all(line.isprintable() for line in show_text.difference(fields))


def test_the_label_of_a_block_does_not_drive_the_terminal() -> None:
    output = printed(b"-----BEGIN \x1b[2J-----\nAAAA\n-----END \x1b[2J-----\n")
    assert output.strip()
    assert all(line.isprintable() for line in output.splitlines())


@given(st.text(max_size=40))
def test_no_text_of_a_certificate_drives_the_terminal(name: str) -> None:
    try:
        certificate = hostile(name)
    except ValueError:  # the builder wants 1 to 64 characters, and none that cannot be encoded
        return
    assert all(line.isprintable() for line in printed(pem(certificate)).splitlines())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    printed(data)


@given(st.binary(max_size=60), st.sampled_from([*blocks.LABELS, "", "UNKNOWN"]))
def test_arbitrary_bytes_in_armour_never_raise(data: bytes, label: str) -> None:
    body = base64.encodebytes(data)
    printed(b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), body, label.encode()))


@negative_serials
@pytest.mark.parametrize("kind", ["certificate", "request", "crl", "key"])
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_one_damaged_byte_never_raises_and_what_is_shown_stays_printable(kind: str, mask: int) -> None:
    der = KINDS[kind][0](Encoding.DER)
    for place in range(len(der)):
        damaged = bytearray(der)
        damaged[place] ^= mask
        output = printed(bytes(damaged))
        assert all(line.isprintable() for line in output.splitlines()), place


@negative_serials
@given(st.data())
def test_many_damaged_bytes_never_raise(data: st.DataObject) -> None:
    der = bytearray(LEAF.certificate.public_bytes(Encoding.DER))
    for place in data.draw(st.lists(st.integers(0, len(der) - 1), max_size=5)):
        der[place] = data.draw(st.integers(0, 255))
    printed(bytes(der))


@given(st.integers(0, 600))
def test_a_cut_certificate_never_raises(length: int) -> None:
    der = LEAF.certificate.public_bytes(Encoding.DER)
    assert all("malformed" in rows(each) for each in shown(der[: min(length, len(der) - 1)]))


@negative_serials
def test_a_damaged_certificate_can_still_be_compared() -> None:
    der = LEAF.certificate.public_bytes(Encoding.DER)
    for place in range(len(der)):
        damaged = bytearray(der)
        damaged[place] ^= 0x01
        try:
            other = x509.load_der_x509_certificate(bytes(damaged))
        except (ValueError, x509.InvalidVersion):
            continue
        list(show_text.difference(diff.difference(LEAF.certificate, other)))


# Differences --------------------------------------------------------------------------------------------------------


def differing(one: Path, other: Path) -> set[str]:
    """The labels of the fields that differ."""
    return {field.label for field in diff.difference(first(one), first(other)) if not field.same}


@pytest.mark.parametrize("kind", KeyType, ids=lambda kind: kind.value)
def test_the_root_and_the_attackers_differ_only_in_what_cannot_be_copied(tree: Tree, kind: KeyType) -> None:
    certs = tree(kind)
    assert differing(certs / "root.pem", certs / "rogue/ca.pem") == {"serial number", "public key", "signature"}


def test_the_two_server_certificates_also_differ_in_their_issuer(certs: Path) -> None:
    # The subject key identifiers follow from the keys, the authority key identifier from the other issuer.
    assert differing(certs / "server.pem", certs / "rogue/server.pem") == {
        "serial number", "public key", "signature", "issuer", "subject key id", "authority key id",
    }  # fmt: skip


def test_a_certificate_does_not_differ_from_itself(certs: Path) -> None:
    assert differing(certs / "root.pem", certs / "root.pem") == set()


def test_no_field_is_left_out_of_a_comparison(certs: Path) -> None:
    compared = [field.label for field in diff.difference(first(certs / "root.pem"), first(certs / "server.pem"))]
    root, server = (rows(describe.certificate(first(certs / file))) for file in ("root.pem", "server.pem"))
    assert set(compared) == (root.keys() | server.keys()) - {describe.FINGERPRINT}  # a hash of all fields
    assert len(compared) == len(set(compared))


def test_two_fields_that_differ_late_are_told_apart() -> None:
    # Long values are shortened for people; what is shortened must still differ where the certificates do.
    many = [names.parse(f"host-{number}.test") for number in range(40)]
    one = a_leaf(ROOT, many, leaf_key=LEAF.key).certificate
    other = a_leaf(ROOT, [*many[:-1], names.parse("evil.test")], leaf_key=LEAF.key).certificate
    assert "SANs" in {field.label for field in diff.difference(one, other) if not field.same}


def unknown_extension(value: bytes) -> x509.Certificate:
    """The leaf's twin with an unknown extension."""
    oid = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
    builder = x509.CertificateBuilder(
        LEAF.certificate.issuer, LEAF.certificate.subject, EC_KEY.public_key(), 1, NOW - DAY, NOW + DAY
    )
    return builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False).sign(EC_KEY, hashes.SHA256())


def test_two_unknown_extensions_that_differ_late_are_told_apart() -> None:
    one, other = (unknown_extension(b"\x04\x81\xc8" + b"a" * 199 + last) for last in (b"a", b"b"))
    assert "1.3.6.1.4.1.99999.1" in {field.label for field in diff.difference(one, other) if not field.same}


def test_two_certificates_that_differ_in_criticality_are_told_apart() -> None:
    def with_names(critical: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            LEAF.certificate.issuer, LEAF.certificate.subject, EC_KEY.public_key(), 1, NOW - DAY, NOW + DAY
        )
        wanted = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        return builder.add_extension(wanted, critical=critical).sign(EC_KEY, hashes.SHA256())

    different = {each.label for each in diff.difference(with_names(False), with_names(True)) if not each.same}
    assert "SANs" in different
