"""The path walk with unusual certificates, hostile meshes and random changes. It always returns, in bounded work."""

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from pki import names
from pki.malformed import MALFORMED
from pki.path import verify
from pki.verdict import PathProfile, Result, Verdict
from tests.conftest import REQUIRE
from tests.pki.support import NOW, a_leaf, a_root, an_intermediate

ROOT_CA = a_root()
INTERMEDIATE_CA = an_intermediate(ROOT_CA)
LEAF = a_leaf(INTERMEDIATE_CA)
LOCALHOST = names.parse("localhost")


def judge(leaf: x509.Certificate, *others: x509.Certificate, profile: PathProfile = PathProfile.TLS) -> Verdict:
    return verify(
        leaf, intermediates=others, trust_anchors=[ROOT_CA.certificate], name=LOCALHOST, at=NOW, profile=profile
    )


def authority(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(1))
        .not_valid_after(NOW + timedelta(1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(by, hashes.SHA256())
    )


def test_two_authorities_that_vouch_for_each_other_are_a_circle_and_not_missing() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    one, other = authority("one", "other", keys[0], keys[1]), authority("other", "one", keys[1], keys[0])
    verdict = judge(authority("leaf", "one", keys[2], keys[0]), one, other)
    assert verdict.reason is not None
    assert "CN=other names the issuer CN=one" in verdict.reason
    assert "a loop without a trust anchor" in verdict.reason


def test_a_mesh_of_authorities_that_certify_each_other_is_given_up() -> None:
    """RFC 4158 §2: each of these CAs issued a certificate for every other one; no path leads to an anchor."""
    count = 12
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(count)]
    mesh = [
        authority(f"CA {one}", f"CA {other}", keys[one], keys[other])
        for one in range(count)
        for other in range(count)
        if one != other
    ]
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    verdict = judge(authority("leaf", "CA 0", leaf_key, keys[0]), *mesh)
    assert verdict.failure
    assert verdict.failure.name == "chain"
    assert "search limit reached" in verdict.failure.detail


def test_a_wrong_turn_is_only_a_detour() -> None:
    """An expired twin of the intermediate, with the same name and key, comes before it, or after it."""
    good = INTERMEDIATE_CA.certificate
    builder = x509.CertificateBuilder(good.issuer, good.subject, good.public_key(), 7)
    builder = builder.not_valid_before(NOW - timedelta(9)).not_valid_after(NOW - timedelta(8))
    for extension in good.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    root_key = ROOT_CA.credential.key
    assert isinstance(root_key, ec.EllipticCurvePrivateKey)
    expired = builder.sign(root_key, hashes.SHA256())
    assert judge(LEAF.certificate, expired, good).accepted
    assert judge(LEAF.certificate, good, expired).accepted
    alone = judge(LEAF.certificate, expired)
    assert alone.failure
    assert alone.failure.name == "dates"


@pytest.mark.parametrize("profile", PathProfile)
def test_each_profile_makes_its_checks_and_those_of_the_ones_before(profile: PathProfile) -> None:
    made = [check.name for check in judge(LEAF.certificate, *LEAF.issuers, profile=profile).checks]
    assert len(made) == len(set(made))
    assert ("purpose" in made) == (profile is not PathProfile.RFC5280)
    assert ("common name" in made) == (profile is PathProfile.WEBPKI)


def test_all_checks_are_listed_also_when_one_fails() -> None:
    late = verify(
        LEAF.certificate,
        intermediates=LEAF.issuers,
        trust_anchors=[ROOT_CA.certificate],
        name=names.parse("evil.test"),
        at=NOW + timedelta(40_000),
    )
    failed = [check.name for check in late.checks if check.result is Result.FAILED]
    assert failed == ["dates", "name"]
    assert late.failure
    assert late.failure.name == "dates"


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), min_size=1, max_size=4))
def test_changed_bytes_are_refused_and_never_a_traceback(changes: list[tuple[int, int]]) -> None:
    der = bytearray(LEAF.certificate.public_bytes(Encoding.DER))
    for place, mask in changes:
        der[place % len(der)] ^= mask
    if bytes(der) == LEAF.certificate.public_bytes(Encoding.DER):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            changed = x509.load_der_x509_certificate(bytes(der))
        except MALFORMED:
            return
        assert not judge(changed, *LEAF.issuers).accepted


def test_the_odd_certificates_of_the_library_are_judged_without_a_traceback() -> None:
    try:
        import cryptography_vectors
    except ImportError:
        assert not REQUIRE
        pytest.skip("the package cryptography-vectors is not installed")
    folder = Path(cryptography_vectors.__file__).parent / "x509/custom"
    judged = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(folder.glob("*.pem")):
            try:
                odd = x509.load_pem_x509_certificate(path.read_bytes())
            except MALFORMED:
                continue
            for anchors in ([ROOT_CA.certificate], [odd]):
                verdict = verify(
                    odd, intermediates=[odd], trust_anchors=anchors, name=LOCALHOST, at=datetime(2020, 1, 1, tzinfo=UTC)
                )
                assert verdict.checks
            judged += 1
    assert judged > 50


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def constrained(count: int, hosts: int) -> tuple[x509.Certificate, x509.Certificate]:
    """An anchor with so many constraints, and a leaf with so many names, the last of them outside."""
    key = ec.generate_private_key(ec.SECP256R1())
    allowed = [x509.DNSName(f"a{number}.test") for number in range(count - 1)] + [x509.DNSName("ok.test")]
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    root = x509.CertificateBuilder(named("limited"), named("limited"), key.public_key(), 1)
    leaf = x509.CertificateBuilder(named("limited"), named("leaf"), key.public_key(), 2)
    wanted = [x509.DNSName(f"h{number}.ok.test") for number in range(hosts - 1)] + [x509.DNSName("evil.example")]
    for extension, critical in (
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (x509.NameConstraints(allowed, None), True),
        (own, False),
    ):
        root = root.add_extension(extension, critical)
    leaf = leaf.add_extension(x509.SubjectAlternativeName(wanted), critical=False).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False
    )
    dates = NOW - timedelta(1), NOW + timedelta(1)
    made = [
        each.not_valid_before(dates[0]).not_valid_after(dates[1]).sign(key, hashes.SHA256()) for each in (leaf, root)
    ]
    return made[0], made[1]


@pytest.mark.parametrize(
    ("count", "hosts", "words"),
    [(5, 20, "DNS:evil.example is not within the permitted names"), (2000, 2000, "comparisons")],
)
def test_names_are_compared_with_constraints_but_not_for_ever(count: int, hosts: int, words: str) -> None:
    leaf, root = constrained(count, hosts)
    verdict = verify(leaf, trust_anchors=[root], name=x509.DNSName("h1.ok.test"), at=NOW)
    assert verdict.failure
    assert verdict.failure.name == "constraints"
    assert words in verdict.failure.detail
