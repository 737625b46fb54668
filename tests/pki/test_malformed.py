"""Objects that are not well-formed, in `show` and `verify`. Falsehood caught: one bad field that hides the others, a
fault without its offset, error texts of the library."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.asn1 import der, schema
from pki.authority import Credential
from pki.objects import summary
from tests.conftest import run, tool
from tests.pki import encoded
from tests.pki.conftest import Command
from tests.pki.encoded import certificate, crl, exchanged, pem, raw, request
from tests.pki.support import handshake

LIBRARY = ("ParseError", "asn1", "does not appear", "KeyError", "object", "Traceback", "b'")
"""Words that only the library's Python or Rust code would say."""
FIELDS = {
    "version",
    "serial number",
    "issuer",
    "not before",
    "not after",
    "subject",
    "public key",
    "SANs",
    "signature",
}


def rows(cli: Command, path: Path) -> list[tuple[str, str]]:
    """All rows of the first object."""
    answer = cli("show", path, "--json")
    assert answer.code == 0, answer.err
    return [(row["label"], row["value"]) for row in json.loads(answer.out)["objects"][0]["rows"]]


def malformed(found: list[tuple[str, str]]) -> str:
    """What is said to be malformed."""
    return "\n".join(value for label, value in found if label == "malformed" or "malformed:" in value)


def time(text: bytes, tag: int = der.UTC_TIME) -> bytes:
    return der.element(tag, text)


VALIDITY = "tbsCertificate.validity"
NAME = der.sequence(der.element(der.SET, der.sequence(der.object_identifier("2.5.4.3"), der.element(0x13, b"a_b"))))
BAD: dict[str, tuple[str, bytes, str]] = {
    "version written for v1": ("tbsCertificate.version", der.explicit(0, der.integer(0)), "X.690 §11.5"),
    "version 4": ("tbsCertificate.version", der.explicit(0, der.integer(3)), "RFC 5280 §4.1.2.1"),
    "serial superfluous byte": ("tbsCertificate.serialNumber", b"\x02\x02\x00\x05", "X.690 §8.3.2"),
    "serial negative": ("tbsCertificate.serialNumber", der.integer(-5), "the serial number is negative: -5"),
    "serial too long": ("tbsCertificate.serialNumber", der.element(2, b"\x7f" * 21), "has 21 bytes; at most 20"),
    "serial long length": ("tbsCertificate.serialNumber", b"\x02\x81\x01\x05", "X.690 §10.1"),
    "date without seconds": (f"{VALIDITY}.notAfter", time(b"2711240000Z"), "YYMMDDHHMMSSZ (RFC 5280 §4.1.2.5.1)"),
    "date with an offset": (f"{VALIDITY}.notAfter", time(b"271124000000+0100"), "RFC 5280 §4.1.2.5.1"),
    "date of month 13": (f"{VALIDITY}.notBefore", time(b"261324000000Z"), "has the month 13"),
    "year 0": (f"{VALIDITY}.notAfter", time(b"00000101000000Z", 0x18), "has the year 0"),
    "year 2040 as GeneralizedTime": (f"{VALIDITY}.notAfter", time(b"20400101000000Z", 0x18), "RFC 5280 §4.1.2.5"),
    "date as text": (f"{VALIDITY}.notAfter", der.element(0x13, b"tomorrow"), "notAfter has the type PrintableString"),
    "name with an underscore": ("tbsCertificate.subject", NAME, 'the invalid character "_" (X.680 §41.4)'),
    "unused bits": ("signature", b"\x03\x02\x01\xff", "X.690 §11.2.1"),
    "indefinite length": ("tbsCertificate.subject", b"\x30\x80" + NAME[2:] + b"\0\0", "X.690 §10.1"),
}


@pytest.mark.parametrize("armour", [pem, bytes], ids=["pem", "der"])
@pytest.mark.parametrize("case", BAD)
def test_every_field_is_shown_and_the_bad_one_is_named(
    case: str, armour: Callable[[bytes], bytes], tmp_path: Path, cli: Command
) -> None:
    path, replacement, words = BAD[case]
    (tmp_path / "one").write_bytes(armour(exchanged(certificate(), path, replacement)))
    found = rows(cli, tmp_path / "one")
    assert {label for label, _ in found} >= FIELDS
    assert ("SANs", "DNS:localhost") in found
    assert words in malformed(found)
    assert "at byte" in malformed(found)
    assert not any(word in value for _, value in found for word in LIBRARY)


@pytest.mark.parametrize("case", BAD)
def test_the_bytes_name_the_same_fault(case: str, tmp_path: Path, cli: Command) -> None:
    path, replacement, words = BAD[case]
    (tmp_path / "one").write_bytes(pem(exchanged(certificate(), path, replacement)))
    answer = cli("show", tmp_path / "one", "--der")
    assert answer.code == 0
    assert words in answer.out


@pytest.mark.parametrize("armour", [pem, bytes], ids=["pem", "der"])
def test_bytes_after_the_end_are_named(armour: Callable[[bytes], bytes], tmp_path: Path, cli: Command) -> None:
    whole = certificate()
    (tmp_path / "one").write_bytes(armour(whole + b"\x05\x00"))
    found = rows(cli, tmp_path / "one")
    assert f"at byte {len(whole)}: bytes after the end of certificate (RFC 5280 §4.1: one SEQUENCE)" in malformed(found)


def test_a_cut_certificate_shows_what_is_left(tmp_path: Path, cli: Command) -> None:
    whole = certificate()
    (tmp_path / "one").write_bytes(whole[:-20])
    found = rows(cli, tmp_path / "one")
    assert ("SANs", "DNS:localhost") in found
    assert "X.690 §8.1.3" in malformed(found)


# Extensions ---------------------------------------------------------------------------------------------------------


def names(*elements: bytes) -> bytes:
    return der.sequence(*elements)


LOCALHOST = der.element(0x82, b"localhost")
EXTENSIONS: dict[str, tuple[x509.UnrecognizedExtension, str, str]] = {
    "an address of five bytes": (
        raw("san", names(LOCALHOST, der.element(0x87, b"12345"))),
        "DNS:localhost, IP:3132333435",
        "iPAddress has 5 bytes; it must have 4 or 16 (RFC 5280 §4.2.1.6)",
    ),
    "a host that is not ASCII": (
        raw("san", names(LOCALHOST, der.element(0x82, b"b\xfc"))),
        'DNS:localhost, DNS:"bü"',
        'IA5String "b\\xfc" has the invalid character "\\xfc"',
    ),
    "an empty host": (raw("san", names(LOCALHOST, der.element(0x82))), 'DNS:localhost, DNS:""', "dNSName is empty"),
    "no name at all": (raw("san", names()), "(empty)", "at least one element (RFC 5280 §4.2.1.6)"),
    "an unknown kind of name": (raw("san", names(LOCALHOST, b"\x8a\x00")), "DNS:localhost", "has the type [10]"),
    "a truncated value": (raw("san", b"\x30\x20" + LOCALHOST), "DNS:localhost", "announces 32 bytes, but 11 are left"),
    "bytes after the value": (raw("san", names(LOCALHOST) + b"\0"), "DNS:localhost", "RFC 5280 §4.2.1.6"),
    "a mail address without @": (raw("san", names(LOCALHOST, der.element(0x81, b"x"))), "email:x", "local@host"),
    "a relative URI": (raw("san", names(LOCALHOST, der.element(0x86, b"/x"))), "URI:/x", "has no scheme"),
    "no usage": (raw("key usage", b"\x03\x01\x00"), "", "no bit is set; at least one must be (RFC 5280 §4.2.1.3)"),
    "usage with zeros at the end": (raw("key usage", b"\x03\x02\x00\x80"), "digital signature", "X.690 §11.2.2"),
    "an empty list of purposes": (raw("purpose", names()), "", "RFC 5280 §4.2.1.12"),
    "not a CA, written": (raw("basic", names(der.boolean(False))), "cA false", "X.690 §11.5"),
    "a negative path length": (
        raw("basic", names(der.boolean(True), der.integer(-1))),
        "cA true, -1",
        "pathLenConstraint is negative: -1 (RFC 5280 §4.2.1.9)",
    ),
    "a path length without a CA": (raw("basic", names(der.integer(1))), "1", "RFC 5280 §4.2.1.9"),
    "a key identifier that is not octets": (raw("ski", der.integer(5)), "5", "it must be OCTET STRING"),
    "issuer without serial": (raw("aki", names(der.element(0xA1, LOCALHOST))), "DNS:localhost", "RFC 5280 §4.2.1.1"),
    "empty constraints": (raw("constraints", names()), "", "RFC 5280 §4.2.1.10"),
    "a minimum, written": (
        raw("constraints", names(der.element(0xA0, names(LOCALHOST, der.element(0x80, b"\0"))))),
        "DNS:localhost",
        "X.690 §11.5",
    ),
    "a mask with gaps": (
        raw("constraints", names(der.element(0xA0, names(der.element(0x87, b"\x0a\0\0\0\xff\0\xff\0"))))),
        "IP:10.0.0.0/16",
        "has gaps (RFC 5280 §4.2.1.10, RFC 4632)",
    ),
    "a service without a place": (
        raw("aia", names(names(der.object_identifier("1.3.6.1.5.5.7.48.1")))),
        "1.3.6.1.5.5.7.48.1",
        "accessLocation is missing in AccessDescription (RFC 5280 §4.2.2.1)",
    ),
    "a policy that is not an identifier": (raw("policies", names(names(der.integer(1)))), "1", "RFC 5280 §4.2.1.4"),
    "empty policy limits": (raw("limits", names()), "", "RFC 5280 §4.2.1.11"),
    "a negative limit": (raw("any policy", der.integer(-3)), "-3", "SkipCerts is negative: -3 (RFC 5280 §4.2.1.14)"),
    "not a list of features": (raw("feature", der.integer(5)), "status_request", "RFC 7633 §4.1"),
    "a value that is not DER": (raw("points", b"\xff\xff\xff"), "", "at byte"),
}  # fmt: skip


def extension_row(found: list[tuple[str, str]]) -> str:
    (value,) = (value for _, value in found if "malformed:" in value)
    return value


@pytest.mark.parametrize("case", EXTENSIONS)
@pytest.mark.parametrize("kind", ["certificate", "request"])
def test_a_malformed_extension_is_named_and_the_others_are_shown(
    kind: str, case: str, tmp_path: Path, cli: Command
) -> None:
    extension, readable, words = EXTENSIONS[case]
    if kind == "certificate":
        (tmp_path / "one").write_bytes(
            certificate(extension, raw("points", names(names())), raw("any policy", der.integer(7)))
            if extension.oid.dotted_string not in (encoded.OIDS["points"], encoded.OIDS["any policy"])
            else certificate(extension)
        )
    else:
        (tmp_path / "one").write_bytes(request(extension))
    found = rows(cli, tmp_path / "one")
    value = extension_row(found)
    assert readable in value
    assert words in value
    assert not any(word in text for _, text in found for word in LIBRARY)
    if kind == "certificate" and "any policy" not in case and extension.oid.dotted_string != encoded.OIDS["any policy"]:
        assert extension.oid.dotted_string == encoded.OIDS["points"] or ("inhibit any policy", "after 7") in found


OF_LISTS: dict[str, tuple[bytes, str]] = {
    "a negative number": (crl(of_list=raw("number", der.integer(-1))), "RFC 5280 §5.2.3"),
    "a number of 21 bytes": (crl(of_list=raw("number", der.element(2, b"\x7f" * 21))), "has 21 bytes"),
    "a scope with a default": (crl(of_list=raw("scope", names(der.element(0x81, b"\0")))), "X.690 §11.5"),
    "a reason that is not defined": (crl(of_entry=raw("reason", b"\x0a\x01\x07")), "the reason code 7 is not defined"),
    "a reason that is an integer": (crl(of_entry=raw("reason", der.integer(1))), "it must be ENUMERATED"),
    "an invalidity date as UTCTime": (crl(of_entry=raw("since", time(b"260101000000Z"))), "RFC 5280 §5.3.2"),
}


@pytest.mark.parametrize("case", OF_LISTS)
def test_a_malformed_extension_of_a_list_or_an_entry_is_named(case: str, tmp_path: Path, cli: Command) -> None:
    data, words = OF_LISTS[case]
    (tmp_path / "one").write_bytes(data)
    found = rows(cli, tmp_path / "one")
    assert words in "\n".join(value for _, value in found)
    assert any(label == "revoked" and value.startswith("abc on ") for label, value in found)
    assert not any(word in text for _, text in found for word in LIBRARY)


def test_a_feature_with_an_unknown_number_is_shown(tmp_path: Path, cli: Command) -> None:
    (tmp_path / "one").write_bytes(certificate(raw("feature", names(der.integer(5), der.integer(99)))))
    assert ("must staple", "status_request, feature 99") in rows(cli, tmp_path / "one")


def test_an_extension_that_occurs_twice_is_named_and_shown_twice(tmp_path: Path, cli: Command) -> None:
    whole = certificate(raw("any policy", der.integer(1)))
    found = schema.read(whole, schema.CERTIFICATE)
    listed = found.get("tbsCertificate.extensions.list")
    assert listed is not None
    twice = der.sequence(whole[listed.content], whole[listed.children[-1].start : listed.children[-1].end])
    (tmp_path / "one").write_bytes(exchanged(whole, "tbsCertificate.extensions.list", twice))
    shown = rows(cli, tmp_path / "one")
    assert [value for label, value in shown if label == "inhibit any policy"] == ["after 1", "after 1"]
    assert "the extension 2.5.29.54 occurs twice (RFC 5280 §4.2)" in malformed(shown)


@pytest.mark.parametrize("case", ["an address of five bytes", "no usage", "a negative path length"])
def test_verify_refuses_with_the_same_words(case: str, tmp_path: Path, cli: Command) -> None:
    extension, _, words = EXTENSIONS[case]
    (tmp_path / "one.pem").write_bytes(pem(certificate(extension)))
    answer = cli("verify", tmp_path / "one.pem", "--trust", tmp_path / "one.pem", "--name", "localhost", "--json")
    found = json.loads(answer.out)
    assert answer.code == 1
    if case != "no usage":  # the library reads it, and the path has its own words
        assert words in str(found["reason"])
    assert not any(word in str(found["reason"]) for word in LIBRARY)


def test_a_certificate_to_verify_that_cannot_be_read_is_an_error_with_the_place(tmp_path: Path, cli: Command) -> None:
    (tmp_path / "one.pem").write_bytes(pem(exchanged(certificate(), "tbsCertificate.subject", NAME)))
    answer = cli("verify", tmp_path / "one.pem", "--trust", tmp_path / "one.pem")
    assert answer.code == 3
    assert 'PrintableString "a_b" has the invalid character "_" (X.680 §41.4)' in answer.err
    assert "hint: `pki show`" in answer.err


def test_two_certificates_are_compared_though_the_library_loads_neither(tmp_path: Path, cli: Command) -> None:
    for name, serial in (("one", 5), ("other", 6)):
        odd = exchanged(certificate(), "tbsCertificate.subject", NAME)
        (tmp_path / name).write_bytes(exchanged(odd, "tbsCertificate.serialNumber", der.integer(serial)))
    answer = cli("diff", tmp_path / "one", tmp_path / "other", "--json")
    assert "serial number" in json.loads(answer.out)["different"]
    assert "subject" not in json.loads(answer.out)["different"]


# Names for display --------------------------------------------------------------------------------------------------

ODD = {
    "PrintableString with an underscore": der.element(0x13, b"a_b"),
    "TeletexString in Latin-1": der.element(0x14, b"M\xfcller"),
    "UTF8String that is not": der.element(0x0C, b"\xc3\x28"),
    "an integer": der.integer(5),
    "a BMPString": der.element(0x1E, "büro".encode("utf-16-be")),
    "control characters": der.element(0x0C, b"\x1b[2Jx"),
    "two names in one": der.element(0x0C, b"evil.org, CN=example.com"),
    "nothing": der.element(0x0C),
    "very long": der.element(0x0C, b"a" * 100_000),
}


@pytest.mark.parametrize("case", ODD)
def test_subject_and_issuer_of_any_certificate_are_safe_text(case: str) -> None:
    attribute = der.sequence(der.object_identifier("2.5.4.3"), ODD[case])
    name = der.sequence(der.element(der.SET, attribute))
    data = exchanged(exchanged(certificate(), "tbsCertificate.subject", name), "tbsCertificate.issuer", name)
    found = summary.summary(data)
    for text in (found.subject, found.issuer):
        assert text.isprintable()
        assert 0 < len(text) <= summary.LONGEST_NAME + 1
        assert text.count("CN=") <= 1 or '"' in text or "\\," in text
    assert found.names == ("DNS:localhost",)


def test_the_names_of_a_loaded_certificate_never_raise() -> None:
    from pki.objects import distinguished_names

    attribute = der.sequence(der.object_identifier("2.5.4.3"), ODD["TeletexString in Latin-1"])
    name = der.sequence(der.element(der.SET, attribute))
    data = exchanged(exchanged(certificate(), "tbsCertificate.subject", name), "tbsCertificate.issuer", name)
    loaded = x509.load_der_x509_certificate(data)
    with pytest.raises(ValueError, match="subject"):
        str(loaded.subject)
    assert distinguished_names.subject(loaded) == "CN=Müller"
    assert distinguished_names.issuer(loaded) == "CN=Müller"


# Bytes of the certificate -------------------------------------------------------------------------------------------


@pytest.fixture
def explicit(tmp_path: Path) -> Path:
    """A certificate whose curve is spelt out, with its key."""
    done = run(
        tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-pkeyopt", "ec_param_enc:explicit", "-nodes", "-keyout", tmp_path / "one.key", "-out", tmp_path / "one.pem",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return tmp_path / "one.pem"


@pytest.fixture
def restricted(tmp_path: Path) -> Path:
    """A certificate whose key is for RSASSA-PSS with SHA-256 alone, with its key."""
    for command in (
        "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha256"
        " -pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:32 -out one.key",
        "req -x509 -key one.key -out one.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost",
    ):
        done = run(tool("openssl"), *command.split(), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    return tmp_path / "one.pem"


@pytest.mark.parametrize("form", ["explicit", "restricted"])
def test_the_fingerprint_of_the_key_is_that_of_its_bytes(
    form: str, request: pytest.FixtureRequest, cli: Command
) -> None:
    path: Path = request.getfixturevalue(form)
    public = run(tool("openssl"), "x509", "-in", path, "-pubkey", "-noout").stdout
    body = "".join(public.splitlines()[1:-1])
    theirs = hashlib.sha256(__import__("base64").b64decode(body)).hexdigest()
    assert theirs in dict(rows(cli, path))["public key"]
    assert theirs in dict(rows(cli, path.with_suffix(".key")))["public key"]


def test_explicit_curve_parameters_are_said(explicit: Path, cli: Command) -> None:
    found = rows(cli, explicit)
    assert "EC P-256 with explicit curve parameters" in dict(found)["public key"]
    assert "the curve parameters are explicit; the curve must be named (RFC 5480 §2.1.1)" in malformed(found)


def test_what_an_rsassa_pss_key_may_do_is_said(restricted: Path, cli: Command) -> None:
    assert "RSASSA-PSS with SHA-256 and a salt of 32 bytes" in dict(rows(cli, restricted))["public key"]


def test_an_rsassa_pss_key_stays_usable_for_ssl(restricted: Path) -> None:
    from pki.objects import public_keys
    from pki.store.files import read_credential

    found: Credential = read_credential(restricted, restricted.with_suffix(".key"))
    assert isinstance(found.key, rsa.RSAPrivateKey)
    encrypted = public_keys.restricted_pkcs8(found.key, found.certificate, b"secret")
    assert encrypted is not None
    restricted.with_name("again.key").write_bytes(der.armoured("ENCRYPTED PRIVATE KEY", encrypted))
    opened = run(tool("openssl"), "pkey", "-in", restricted.with_name("again.key"), "-passin", "pass:secret", "-pubout")
    assert opened.stdout == run(tool("openssl"), "x509", "-in", restricted, "-pubkey", "-noout").stdout
    plain = run(tool("openssl"), "pkey", "-in", restricted.with_name("again.key"), "-passin", "pass:secret").stdout
    assert handshake(restricted, found.chain_pem.decode(), plain, name="localhost") is None


def test_a_compressed_point_keeps_its_bytes(tmp_path: Path, cli: Command) -> None:
    public = encoded.key().public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = der.sequence(der.object_identifier("1.2.840.10045.2.1"), der.object_identifier("1.2.840.10045.3.1.7"))
    info = der.sequence(algorithm, der.bit_string(point))
    (tmp_path / "one").write_bytes(exchanged(certificate(), "tbsCertificate.subjectPublicKeyInfo", info))
    digest = hashes.Hash(hashes.SHA256())
    digest.update(info)
    assert digest.finalize().hex() in dict(rows(cli, tmp_path / "one"))["public key"]
