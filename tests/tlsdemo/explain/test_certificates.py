"""The DER elements of a certificate. Caught: a byte without a row, an element that OpenSSL reads otherwise, the value
of another extension, a traceback for damaged bytes."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.asn1 import der
from tests.conftest import run, tool
from tests.tlsdemo.explain.test_conversation import FROM_RFC, NAMES, explained
from tlsdemo.explain.as_data import as_data
from tlsdemo.explain.certificates import MOST, elements
from tlsdemo.explain.conversation import Explanation
from tlsdemo.explain.rows import Row, flat
from tlsdemo.explain.text import lines
from tlsdemo.report.bytes import Style

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def certificate(*, common_name: str = "shop.example", names: tuple[str, ...] = ("shop.example",)) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 77, NOW - timedelta(1), NOW + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, names))), critical=True)
    builder = builder.add_extension(x509.BasicConstraints(True, 3), critical=False)
    return builder.sign(key, hashes.SHA256())


@pytest.fixture(scope="module")
def usual() -> bytes:
    return certificate().public_bytes(Encoding.DER)


def assert_tiles(rows: list[Row], start: int, end: int) -> None:
    assert [row.start for row in rows] == [start, *(row.end for row in rows[:-1])]
    assert rows[-1].end == end
    assert all(row.start < row.end for row in rows)


def certificates(found: Explanation) -> list[Row]:
    return [row for entry in found.entries for row in entry.rows if row.inside]


@pytest.mark.parametrize("name", [*NAMES, *FROM_RFC])
def test_the_elements_of_each_certificate_of_a_capture_tile_it_after_its_length(name: str) -> None:
    found = certificates(explained(name))
    assert found
    for row in found:
        assert_tiles(list(row.inside), row.start + 3, row.end)
        assert_tiles(list(flat([row])), row.start, row.end)


def test_openssl_reads_the_same_elements(usual: bytes, tmp_path: Path) -> None:
    """Offset, depth, header and type of each element; OpenSSL does not read into the values of extensions."""
    (tmp_path / "der").write_bytes(usual)
    parsed = run(tool("openssl"), "asn1parse", "-inform", "DER", "-in", tmp_path / "der").stdout
    pattern = re.compile(r"\s*(\d+):d=(\d+)\s+hl=(\d+)\s+l=\s*(\d+) (?:cons|prim): ([A-Z0-9 ]*[A-Z0-9]|cont \[ \d \])")
    theirs = [pattern.match(line) for line in parsed.splitlines()]
    assert len(theirs) > 30
    ours = {row.start: row for row in elements(usual, 0, 0)}
    types = {"UTF8STRING": "UTF8String", "UTCTIME": "UTCTime", "OBJECT": "OBJECT IDENTIFIER"}
    for each in theirs:
        assert each
        row = ours[int(each[1])]
        assert row.depth == int(each[2])
        kind = each[5].removeprefix("cont ").replace(" ", "") if each[5].startswith("cont") else each[5]
        assert row.name.endswith(f"({types.get(kind, kind)})")
        assert row.end == row.start + int(each[3]) + (
            0 if "cons:" in each[0] or kind == "OCTET STRING" else int(each[4])
        )


def test_the_well_known_fields_have_their_values_and_reasons(usual: bytes) -> None:
    rows = {row.name: row for row in elements(usual, 0, 0)}
    for name, value in {
        "serialNumber (INTEGER)": "4d",
        "notBefore (UTCTime)": "2026-11-26 00:00:00Z",
        "notAfter (UTCTime)": "2026-11-28 00:00:00Z",
        "commonName (UTF8String)": '"shop.example"',
        "subject (SEQUENCE)": "CN=shop.example",
        "subjectAltName (SEQUENCE)": "SANs: DNS:shop.example (critical)",
        "basicConstraints (SEQUENCE)": "CA: yes, with at most 3 CAs below it",
        "dNSName ([2])": '"shop.example"',
        "pathLenConstraint (INTEGER)": "3",
        "signatureAlgorithm (SEQUENCE)": "ecdsa-with-SHA256",
    }.items():
        assert rows[name].value == value
    assert rows["notAfter (UTCTime)"].reason == "Valid until this time, included (RFC 5280 §4.1.2.5)."
    reasons = [row.reason for row in rows.values() if row.reason]
    assert len(reasons) > 20
    for reason in reasons:
        assert re.fullmatch(r"[A-Z](?:[^§]|RFC \d+ §)+\.|[A-Z][^§]*", reason), reason


def test_two_extensions_of_one_type_have_each_its_own_value() -> None:
    """RFC 5280 §4.2 forbids it, so the second one is also called malformed."""
    extensions = [
        der.sequence(der.object_identifier("2.5.29.17"), der.octet_string(der.sequence(der.element(0x82, name))))
        for name in (b"one.example", b"two.example")
    ]
    name = der.sequence()
    dates = der.sequence(der.element(der.UTC_TIME, b"261126000000Z"), der.element(der.UTC_TIME, b"261128000000Z"))
    algorithm = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))
    key = der.sequence(algorithm, der.bit_string(b"key"))
    start = der.explicit(0, der.integer(2)) + der.integer(1)
    tbs = der.sequence(start, algorithm, name, dates, name, key, der.explicit(3, der.sequence(*extensions)))
    rows = list(elements(der.sequence(tbs, algorithm, der.bit_string(bytes(64))), 0, 0))
    found = [row.value for row in rows if row.name == "subjectAltName (SEQUENCE)"]
    assert found == ["SANs: DNS:one.example", "SANs: DNS:two.example"]
    assert any("occurs twice" in row.value for row in rows)


def test_text_in_a_certificate_is_escaped_and_cut() -> None:
    rows = elements(certificate(common_name="\x1b[2J\u202e", names=("a" * 5000,)).public_bytes(Encoding.DER), 0, 0)
    values = [row.value for row in rows]
    assert all(value.isprintable() for value in values)
    assert '"\\x1b[2J\\u202e"' in values
    assert max(map(len, values)) < 1000


def test_a_huge_certificate_has_a_row_for_its_rest() -> None:
    data = certificate(names=("a",) * 5000).public_bytes(Encoding.DER)
    rows = list(elements(data, 0, 0))
    assert_tiles(rows, 0, len(data))
    assert len(rows) == MOST + 1
    assert rows[-1].name == "not read"


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_certificate_is_read_as_far_as_it_can_be(usual: bytes, data: st.DataObject) -> None:
    damaged = bytearray(usual)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    rows = list(elements(bytes(damaged), 9, 2))
    assert_tiles(rows, 9, 9 + len(damaged))
    assert all(row.value.isprintable() and row.name.isprintable() for row in rows)


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_have_rows(data: bytes) -> None:
    assert_tiles(list(elements(data, 0, 0)), 0, len(data))


def test_a_fault_is_told_at_its_element(usual: bytes) -> None:
    at = usual.index(b"261128000000Z")
    rows = elements(usual[: at + 2] + b"13" + usual[at + 4 :], 0, 0)
    (row,) = [each for each in rows if "malformed" in each.value]
    assert row.name == "notAfter (UTCTime)"
    assert "has the month 13" in row.value


@pytest.mark.parametrize("name", NAMES)
def test_the_terminal_prints_one_row_for_a_certificate_unless_its_elements_are_asked_for(name: str) -> None:
    found = explained(name)
    short, long = ("\n".join(lines(found, Style(100, der=each))) for each in (False, True))
    assert "serialNumber (INTEGER)" not in short
    assert long.count("serialNumber (INTEGER)") == len(certificates(found))
    assert max(map(len, lines(found, Style(60, der=True)))) <= 60


def test_json_has_the_elements_of_each_certificate() -> None:
    found = explained(NAMES[0])
    fields = [field for entry in as_data(found)["entries"] for field in entry["fields"] if "elements" in field]
    assert [len(each["elements"]) for each in fields] == [len(row.inside) for row in certificates(found)]
    assert "notAfter (UTCTime)" in [each["name"] for each in fields[0]["elements"]]
