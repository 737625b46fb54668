"""The hash of a name, against OpenSSL. Falsehood caught: a folder in which OpenSSL does not find the certificate."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from pki.asn1 import der
from pki.objects import subject_hash
from tests.conftest import run, tool
from tests.pki import encoded

CN, O, C, SERIAL, UID = "2.5.4.3", "2.5.4.10", "2.5.4.6", "2.5.4.5", "2.5.4.45"  # noqa: E741  # as X.520 abbreviates them
PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP, NUMERIC = 0x13, 0x14, 0x16, 0x1C, 0x1E, 0x12


def text(value: str, oid: str = CN, tag: int = der.UTF8_STRING, encoding: str = "utf-8") -> bytes:
    """One attribute of a name, in DER."""
    return der.sequence(der.object_identifier(oid), der.element(tag, value.encode(encoding)))


def name(*rdns: tuple[bytes, ...]) -> bytes:
    """A Name of relative distinguished names, in DER."""
    return der.sequence(*(der.element(der.SET, *sorted(rdn)) for rdn in rdns))


def with_subject(subject: bytes) -> bytes:
    """A certificate with this subject, in DER. Its signature is wrong, which a hash does not depend on."""
    whole = encoded.certificate()
    tbs, *rest = der.children(whole, der.read(whole))
    fields = [whole[each.start : each.end] for each in der.children(whole, tbs)]
    fields[5] = subject  # after version, serial number, signature, issuer and validity
    return der.sequence(der.sequence(*fields), *(whole[each.start : each.end] for each in rest))


NAMES = {
    "plain": name((text("localhost"),)),
    "upper case": name((text("Example CA"),)),
    "empty": name(),
    "empty value": name((text(""),)),
    "only spaces": name((text("   "),)),
    "spaces around and inside": name((text("  a \t b\n\v\f\rc  "),)),
    "no-break space is kept": name((text("\u00a0a\u00a0\u00a0b\u00a0"),)),
    "separator characters are kept": name((text("\x1ca\x1d\x1eb\x1f\x85\u2003"),)),
    "upper case outside of ASCII is kept": name((text("BÜCHER Straße ΣΑΣ İ"),)),
    "emoji": name((text("🔐 Key"),)),
    "PrintableString": name((text("Example  CA", tag=PRINTABLE),)),
    "IA5String": name((text("Me@Example.Test", tag=IA5),)),
    "TeletexString": name((text("Bücher", tag=TELETEX, encoding="latin-1"),)),
    "BMPString": name((text("Bücher Ω", tag=BMP, encoding="utf-16-be"),)),
    "UniversalString": name((text("Bücher 🔐", tag=UNIVERSAL, encoding="utf-32-be"),)),
    "NumericString is kept": name((text(" 12  34 ", tag=NUMERIC),)),
    "a type that is not text": name((der.sequence(der.object_identifier(UID), der.bit_string(b"\x01\x00")),)),
    "several parts": name((text("AT", C, PRINTABLE),), (text("Org Ltd", O),), (text("Some CA"),)),
    "multi-valued": name((text("b"), text("A", O), text("42", SERIAL, PRINTABLE))),
    "multi-valued, whose order changes": name((text("ZZ", CN, PRINTABLE), text("aaaa", CN), text("Q", CN, IA5))),
    "the same part twice": name((text("a"),), (text("a"),)),
    "longer than 127 bytes": name((text("x" * 60, O),), (text("Y" * 64),), (text("z" * 60, O),)),
    "NUL": name((text("a\0B"),)),
}


def by_openssl(certificate: bytes, folder: Path) -> str:
    file = folder / "certificate.der"
    file.write_bytes(certificate)
    done = run(tool("openssl"), "x509", "-in", file, "-inform", "DER", "-noout", "-subject_hash")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("subject", NAMES.values(), ids=NAMES)
def test_a_name_has_the_hash_that_openssl_computes(subject: bytes, tmp_path: Path) -> None:
    assert subject_hash.name_hash(subject) == by_openssl(with_subject(subject), tmp_path)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=3), st.booleans())
def test_any_text_has_the_hash_that_openssl_computes(values: list[str], together: bool) -> None:
    parts = [text(value) for value in values]
    subject = name(tuple(parts)) if together else name(*((part,) for part in parts))
    command = [tool("openssl"), "x509", "-inform", "DER", "-noout", "-subject_hash"]
    done = subprocess.run(command, input=with_subject(subject), capture_output=True, check=True, timeout=60)
    assert subject_hash.name_hash(subject) == done.stdout.decode().strip()


def test_subject_and_issuer_are_found_in_certificate_and_crl(tmp_path: Path) -> None:
    certificate = x509.load_der_x509_certificate(encoded.certificate())
    crl = x509.load_der_x509_crl(encoded.crl())
    file = tmp_path / "crl.pem"
    file.write_bytes(crl.public_bytes(Encoding.PEM))
    stated = run(tool("openssl"), "crl", "-in", file, "-noout", "-hash").stdout.strip()
    assert subject_hash.of_issuer(crl) == stated
    assert subject_hash.of_subject(certificate) == by_openssl(encoded.certificate(), tmp_path)
