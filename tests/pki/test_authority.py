"""The contents of certificates (RFC 5280 §4). Falsehood caught: "verifiers accepted it, so it is correct"."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from pki import keys, names
from pki.authority import Authority, Validity, authority_name, subject_for
from pki.keys import KeyType
from pki.profiles import INTERMEDIATE, ROOT, SERVER
from tests.conftest import mint, run, tool
from tests.pki.support import DAY, NOW, a_leaf, a_root, an_intermediate, by_openssl, first, key, serial, validity

Tree = Callable[[KeyType], Path]
every_key_type = pytest.mark.parametrize("key_type", KeyType, ids=lambda key_type: key_type.value)
AUTHORITIES = ("root.pem", "intermediate.pem", "rogue/ca.pem")
LEAVES = ("server.pem", "client.pem", "rogue/server.pem")
RSA = {KeyType.RSA_2048, KeyType.RSA_3072, KeyType.RSA_4096}


def text(path: Path) -> str:
    """A certificate in OpenSSL's words, white space folded."""
    return re.sub(r"\s+", " ", run(tool("openssl"), "x509", "-in", path, "-noout", "-text").stdout)


def key_identifiers(certificate: x509.Certificate) -> tuple[bytes, bytes | None]:
    """Subject's and authority's."""
    own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    above = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    return own, above


# Profiles, as OpenSSL reads them ------------------------------------------------------------------------------------


@every_key_type
@pytest.mark.parametrize("leaf", LEAVES)
def test_a_leaf_may_sign_and_only_with_rsa_encipher_keys(tree: Tree, key_type: KeyType, leaf: str) -> None:
    usage = "Digital Signature, Key Encipherment" if key_type in RSA else "Digital Signature"  # RFC 8813 §3
    assert f"X509v3 Key Usage: critical {usage} X509v3" in text(tree(key_type) / leaf)


@every_key_type
@pytest.mark.parametrize("authority", AUTHORITIES)
def test_an_authority_may_sign_certificates_and_lists_and_nothing_else(
    tree: Tree, key_type: KeyType, authority: str
) -> None:
    assert "X509v3 Key Usage: critical Certificate Sign, CRL Sign X509v3" in text(tree(key_type) / authority)


@pytest.mark.parametrize(
    ("file", "constraint"),
    [
        ("root.pem", "CA:TRUE, pathlen:1"),
        ("intermediate.pem", "CA:TRUE, pathlen:0"),
        ("rogue/ca.pem", "CA:TRUE, pathlen:1"),
        ("server.pem", "CA:FALSE"),
        ("client.pem", "CA:FALSE"),
        ("rogue/server.pem", "CA:FALSE"),
    ],
)
def test_basic_constraints_are_critical_and_as_narrow_as_can_be(certs: Path, file: str, constraint: str) -> None:
    assert f"X509v3 Basic Constraints: critical {constraint} X509v3" in text(certs / file)


@pytest.mark.parametrize(
    ("file", "purpose"),
    [
        ("server.pem", "TLS Web Server Authentication"),
        ("rogue/server.pem", "TLS Web Server Authentication"),
        ("client.pem", "TLS Web Client Authentication"),
    ],
)
def test_a_leaf_is_good_for_one_side_only(certs: Path, file: str, purpose: str) -> None:
    assert f"X509v3 Extended Key Usage: {purpose} X509v3" in text(certs / file)


@pytest.mark.parametrize("file", AUTHORITIES)
def test_an_authority_is_not_limited_in_purpose(certs: Path, file: str) -> None:
    assert "Extended Key Usage" not in text(certs / file)


@pytest.mark.parametrize("file", AUTHORITIES + LEAVES)
def test_every_certificate_is_of_version_3(certs: Path, file: str) -> None:
    assert "Version: 3 (0x2)" in text(certs / file)


@every_key_type
@pytest.mark.parametrize("file", AUTHORITIES + LEAVES)
def test_the_authority_key_identifier_is_the_issuers_subject_key_identifier(
    tree: Tree, key_type: KeyType, file: str
) -> None:
    certs = tree(key_type)
    issuer = {"server.pem": "intermediate.pem", "client.pem": "intermediate.pem", "rogue/server.pem": "rogue/ca.pem"}
    _, above = key_identifiers(first(certs / file))
    assert above == key_identifiers(first(certs / issuer.get(file, "root.pem")))[0]


@every_key_type
@pytest.mark.parametrize("file", ("root.pem", "intermediate.pem", *LEAVES))
def test_the_subject_key_identifier_is_computed_from_the_key(tree: Tree, key_type: KeyType, file: str) -> None:
    certificate = first(tree(key_type) / file)
    # RFC 5280 §4.2.1.2 (1), computed by the library from the key that stands in the certificate.
    assert key_identifiers(certificate)[0] == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def test_key_identifiers_are_not_critical(certs: Path) -> None:
    for file in AUTHORITIES + LEAVES:  # §4.2.1.1, §4.2.1.2: MUST be non-critical
        found = {each.oid: each.critical for each in first(certs / file).extensions}
        assert not found[x509.SubjectKeyIdentifier.oid]
        assert not found[x509.AuthorityKeyIdentifier.oid]


def test_a_development_certificate_points_to_no_server_on_the_net(certs: Path) -> None:
    for file in AUTHORITIES + LEAVES:
        assert "http" not in text(certs / file)


def test_the_server_has_the_default_names_in_their_order(certs: Path) -> None:
    assert "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1" in text(certs / "server.pem")


# Who signs whom -----------------------------------------------------------------------------------------------------


def test_the_server_file_holds_leaf_and_intermediate_and_not_the_root(certs: Path) -> None:
    chain = x509.load_pem_x509_certificates((certs / "server.pem").read_bytes())
    assert chain[1:] == x509.load_pem_x509_certificates((certs / "intermediate.pem").read_bytes())
    assert all(certificate.issuer == above.subject for certificate, above in pairwise(chain))
    assert first(certs / "root.pem") not in chain


def test_the_root_and_the_attackers_authority_are_alone_in_their_files(certs: Path) -> None:
    for file in ("root.pem", "rogue/ca.pem", "rogue/server.pem"):
        assert len(x509.load_pem_x509_certificates((certs / file).read_bytes())) == 1


def test_the_attackers_authority_is_the_root_but_for_key_and_serial(certs: Path) -> None:
    root, rogue = first(certs / "root.pem"), first(certs / "rogue/ca.pem")
    assert (rogue.subject, rogue.issuer) == (root.subject, root.issuer)
    assert Validity.of(rogue) == Validity.of(root)
    assert list(rogue.extensions) == list(root.extensions)
    assert rogue.public_key() != root.public_key()
    assert rogue.serial_number != root.serial_number


def test_the_attackers_server_has_the_dates_and_names_of_the_server(certs: Path) -> None:
    good, rogue = first(certs / "server.pem"), first(certs / "rogue/server.pem")
    assert Validity.of(rogue) == Validity.of(good)
    assert rogue.subject == good.subject
    assert names.of_certificate(rogue) == names.of_certificate(good)


# Serials ------------------------------------------------------------------------------------------------------------


def test_serials_are_positive_distinct_and_too_random_to_guess(tree: Tree) -> None:
    found = [first(tree(key_type) / file).serial_number for key_type in KeyType for file in AUTHORITIES + LEAVES]
    assert len(set(found)) == len(found)
    # At most 20 octets (§4.1.2.2); a random one has fewer than 100 bits once in 2**59.
    assert all(100 < number.bit_length() <= 159 for number in found)


# Dates --------------------------------------------------------------------------------------------------------------


def lifetime(path: Path, now: datetime) -> timedelta:
    """From the time of issue to the end."""
    return first(path).not_valid_after_utc - now


def test_lifetimes_are_3650_1825_and_90_days(tmp_path: Path) -> None:
    certs = mint(tmp_path / "certs", now=NOW)
    days = {"root.pem": 3650, "intermediate.pem": 1825, "server.pem": 90, "client.pem": 90}
    assert {file: lifetime(certs / file, NOW) for file in days} == {file: days[file] * DAY for file in days}


def test_days_set_the_leaves_and_nothing_else(tmp_path: Path) -> None:
    certs = mint(tmp_path / "certs", now=NOW, days=7)
    days = {"root.pem": 3650, "intermediate.pem": 1825, "server.pem": 7, "client.pem": 7, "rogue/server.pem": 7}
    assert {file: lifetime(certs / file, NOW) for file in days} == {file: days[file] * DAY for file in days}


def test_everything_is_valid_already_on_a_clock_that_is_a_little_behind(tmp_path: Path) -> None:
    certs = mint(tmp_path / "certs", now=NOW)
    for file in AUTHORITIES + LEAVES:
        assert timedelta() < NOW - first(certs / file).not_valid_before_utc <= timedelta(hours=24)


def test_a_leaf_never_outlives_its_issuer(tmp_path: Path) -> None:
    certs = mint(tmp_path / "certs", now=NOW, days=36500)
    assert first(certs / "server.pem").not_valid_after_utc == first(certs / "intermediate.pem").not_valid_after_utc


def test_the_lists_are_good_until_the_leaf_expires(certs: Path) -> None:
    end = b"-----END X509 CRL-----\n"
    lists = [x509.load_pem_x509_crl(part + end) for part in (certs / "crl.pem").read_bytes().split(end) if part.strip()]
    assert [each.issuer for each in lists] == [
        first(certs / f"{name}.pem").subject for name in ("root", "intermediate")
    ]
    assert {each.next_update_utc for each in lists} == {first(certs / "server.pem").not_valid_after_utc}
    assert all(len(each) == 0 for each in lists)


def test_dates_beyond_2049_are_written_as_generalized_time() -> None:
    # RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; a UTCTime of 2050 would mean 1950.
    certificate = a_root(dates=validity(datetime(2049, 12, 31, tzinfo=NOW.tzinfo), 2)).certificate
    der = certificate.tbs_certificate_bytes
    assert b"\x17\x0d491231000000Z" in der
    assert b"\x18\x0f20500102000000Z" in der


DATES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2400, 1, 1))


@given(DATES, DATES, DATES, DATES)
def test_a_certificate_ends_no_later_than_its_issuer(a: datetime, b: datetime, c: datetime, d: datetime) -> None:
    mine, issuers = Validity(min(a, b), max(a, b)), Validity(min(c, d), max(c, d))
    cut = mine.until(issuers)
    assert cut.not_before == mine.not_before
    assert cut.not_after in (mine.not_after, issuers.not_after)
    assert cut.not_after <= mine.not_after and cut.not_after <= issuers.not_after


# The API ------------------------------------------------------------------------------------------------------------


def test_an_authority_that_is_given_the_same_issues_the_same() -> None:
    # Ed25519 signs deterministically (RFC 8032), so purity can be seen in the bytes.
    ed25519 = keys.generate(KeyType.ED25519)

    def issued() -> bytes:
        subject = authority_name("test", "root")
        root = Authority.self_signed(ROOT, subject=subject, key=ed25519, validity=validity(), serial=1)
        leaf = root.issue(SERVER, alternative_names=[names.parse("a.test")], key=ed25519, validity=validity(), serial=2)
        return leaf.certificate.public_bytes(Encoding.DER)

    assert issued() == issued()


def test_a_certificate_without_a_name_is_misuse() -> None:
    with pytest.raises(ValueError, match="at least one name"):
        a_leaf(a_root(), [])


def test_a_name_too_long_for_the_subject_stands_in_critical_alternative_names_alone(tmp_path: Path) -> None:
    # ub-common-name is 64 (RFC 5280 appendix A.1); an empty subject makes the names critical (§4.2.1.6).
    name = f"{'a' * 60}.test"
    root = a_root(dates=validity(NOW - 4000 * DAY, 9000))
    leaf = a_leaf(root, [names.parse(name)], dates=validity(NOW - 4000 * DAY, 9000))
    assert len(name) == 65
    assert not list(leaf.certificate.subject)
    assert leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical
    (tmp_path / "root.pem").write_bytes(root.credential.chain_pem)
    (tmp_path / "leaf.pem").write_bytes(leaf.chain_pem)
    judged = by_openssl(tmp_path / "root.pem", tmp_path / "leaf.pem", name)
    assert judged.accepted, judged.words


def test_a_name_of_64_characters_still_fits_into_the_subject() -> None:
    assert subject_for(names.parse(f"{'a' * 59}.test")).rfc4514_string() == f"CN={'a' * 59}.test"


def test_a_credential_sends_its_issuers_and_never_the_root() -> None:
    root = a_root()
    intermediate = an_intermediate(root)
    assert a_leaf(root).issuers == ()
    assert a_leaf(intermediate).issuers == (intermediate.certificate,)


def test_an_intermediate_cannot_outlive_its_root_either() -> None:
    root = a_root(dates=validity(days=10))
    intermediate = root.subordinate(
        INTERMEDIATE, subject=authority_name("t", "i"), key=key(), validity=validity(days=20), serial=serial()
    )
    assert Validity.of(intermediate.certificate) == Validity.of(root.certificate)
