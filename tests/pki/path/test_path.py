"""The verdict and its reasons. Falsehood caught: a wrong accept, a wrong reason, or a crash."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from pki import names, path
from pki.authority import Authority, Credential, authority_name
from pki.keys import KeyType
from pki.profiles import CLIENT, INTERMEDIATE
from pki.verdict import Purpose, Result, Verdict
from tests.conftest import run, tool
from tests.pki.support import DAY, NOW, a_leaf, a_root, an_intermediate, first, key, serial, validity

ROOT_CA = a_root()
INTERMEDIATE_CA = an_intermediate(ROOT_CA)
LEAF = a_leaf(INTERMEDIATE_CA)
LOCALHOST = names.parse("localhost")
SECOND = timedelta(seconds=1)
Crl = x509.CertificateRevocationList


def judge(
    credential: Credential = LEAF,
    *,
    intermediates: Sequence[x509.Certificate] | None = None,
    anchors: Sequence[x509.Certificate] = (ROOT_CA.certificate,),
    name: x509.GeneralName | None = LOCALHOST,
    purpose: Purpose = Purpose.SERVER,
    at: datetime = NOW,
    crls: Sequence[Crl] = (),
    max_depth: int = path.MAX_DEPTH,
) -> Verdict:
    """`path.verify` with everything right unless told otherwise."""
    return path.verify(
        credential.certificate,
        intermediates=credential.issuers if intermediates is None else intermediates,
        trust_anchors=anchors,
        name=name,
        purpose=purpose,
        at=at,
        crls=crls,
        max_depth=max_depth,
    )


def assert_refused(verdict: Verdict, check: str, words: str) -> None:
    """Refused by that check and for that reason."""
    assert not verdict.accepted
    assert verdict.failure is not None
    assert verdict.failure.name == check
    assert verdict.reason == verdict.failure.detail
    assert words in verdict.reason


def crl(
    authority: Authority,
    *revoked: int,
    begin: datetime = NOW - DAY,
    end: datetime | None = NOW + DAY,
    signer: Authority | None = None,
    issuer: x509.Name | None = None,
) -> Crl:
    """A CRL, built without our own code."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer or authority.certificate.subject)
        .last_update(begin)
        .next_update(end or NOW + DAY)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    for number in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(NOW - DAY).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign((signer or authority).credential.key, hashes.SHA256())


# Accepted -----------------------------------------------------------------------------------------------------------


def test_a_good_chain_is_accepted_without_a_reason() -> None:
    verdict = judge()
    assert verdict.accepted
    assert verdict.reason is None
    assert verdict.failure is None


def test_the_chain_runs_from_the_leaf_to_the_anchor() -> None:
    assert judge().chain == (LEAF.certificate, INTERMEDIATE_CA.certificate, ROOT_CA.certificate)


def test_every_check_has_a_section_and_a_detail() -> None:
    for verdict in (judge(), judge(name=names.parse("evil.test")), judge(anchors=())):
        assert all(check.section.startswith("RFC ") and check.detail for check in verdict.checks)


def test_what_was_not_asked_is_said_to_be_not_checked() -> None:
    verdict = judge(name=None)
    assert {check.name: check.result for check in verdict.checks if check.result is not Result.PASSED} == {
        "name": Result.NOT_MADE,
        "revocation": Result.NOT_MADE,
    }
    assert verdict.accepted


def test_useless_certificates_beside_the_chain_do_no_harm() -> None:
    stranger = a_root("stranger").certificate
    assert judge(intermediates=[stranger, ROOT_CA.certificate, *LEAF.issuers], anchors=[stranger, *ROOTS]).accepted


ROOTS = (ROOT_CA.certificate,)


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048], ids=lambda kind: kind.value)
def test_what_we_mint_is_accepted(tree: Callable[[KeyType], Path], kind: KeyType) -> None:
    certs = tree(kind)
    chain = x509.load_pem_x509_certificates((certs / "server.pem").read_bytes())
    verdict = path.verify(
        chain[0],
        intermediates=chain[1:],
        trust_anchors=[first(certs / "root.pem")],
        name=LOCALHOST,
        at=chain[0].not_valid_before_utc,
    )
    assert verdict.accepted, verdict.reason


def chain_of(files: Sequence[bytes]) -> Credential:
    """The chain of an independent issuer."""
    chain = [x509.load_pem_x509_certificate(text) for text in files]
    return Credential(key(), chain[0], tuple(chain[1:]))


def test_a_chain_of_trustme_is_accepted_under_its_anchor() -> None:
    authority = trustme.CA()
    stranger = chain_of([blob.bytes() for blob in authority.issue_cert("shop.test").cert_chain_pems])
    anchor = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    verdict = judge(stranger, anchors=[anchor], name=names.parse("shop.test"))
    assert verdict.accepted, verdict.reason


def test_a_chain_of_trustme_is_refused_under_our_anchor() -> None:
    stranger = chain_of([blob.bytes() for blob in trustme.CA().issue_cert("shop.test").cert_chain_pems])
    assert_refused(judge(stranger, name=names.parse("shop.test")), "chain", "neither trusted nor present")


OPENSSL_EXTENSIONS = """
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[leaf]
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=DNS:shop.test
extendedKeyUsage=serverAuth
"""


def test_a_chain_that_openssl_made_is_accepted_under_its_anchor(tmp_path: Path) -> None:
    (tmp_path / "ext").write_text(OPENSSL_EXTENSIONS)
    for name, extensions, issuer in (("ca", "ca", []), ("leaf", "leaf", ["-CA", "ca.pem", "-CAkey", "ca.key"])):
        request = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}")
        run(tool("openssl"), "req", *request, "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=tmp_path)
        signing = issuer or ["-signkey", "ca.key"]
        run(
            tool("openssl"), "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing,
            "-extfile", "ext", "-extensions", extensions, "-days", "2", cwd=tmp_path,
        )  # fmt: skip
    anchor = first(tmp_path / "ca.pem")
    stranger = chain_of([(tmp_path / "leaf.pem").read_bytes()])
    verdict = judge(stranger, anchors=[anchor], name=names.parse("shop.test"), at=anchor.not_valid_before_utc + SECOND)
    assert verdict.accepted, verdict.reason


@pytest.mark.parametrize("moment", [LEAF.certificate.not_valid_before_utc, LEAF.certificate.not_valid_after_utc])
def test_both_dates_are_inclusive(moment: datetime) -> None:
    # RFC 5280 §4.1.2.5: "through notAfter, inclusive".
    assert judge(at=moment).accepted


# Refused, each for its reason ---------------------------------------------------------------------------------------


def test_another_name_is_refused_and_the_presented_ones_are_told() -> None:
    verdict = judge(name=names.parse("evil.test"))
    assert_refused(verdict, "name", "not valid for 'evil.test'")
    assert "DNS:localhost" in (verdict.reason or "")


@pytest.mark.parametrize("wanted", ["www.localhost", "localhost.evil.test", "127.0.0.1", "ocalhost"])
def test_a_similar_name_is_another_name(wanted: str) -> None:
    assert_refused(judge(name=names.parse(wanted)), "name", "not valid for")


def test_expired_is_refused_with_both_moments() -> None:
    moment = LEAF.certificate.not_valid_after_utc
    verdict = judge(at=moment + SECOND)
    assert_refused(verdict, "dates", "CN=localhost expired on")
    assert f"{moment:%Y-%m-%d %H:%M:%S}Z" in (verdict.reason or "")


def test_not_yet_valid_is_refused() -> None:
    moment = LEAF.certificate.not_valid_before_utc
    assert_refused(judge(at=moment - SECOND), "dates", "is not valid before")


@pytest.mark.parametrize("days", [3000, 4000], ids=["intermediate", "root"])
def test_an_expired_authority_is_refused(days: int) -> None:
    leaf = a_leaf(INTERMEDIATE_CA, dates=validity(days=5000))
    assert_refused(judge(leaf, at=NOW + days * DAY), "dates", "expired on")


def test_an_expired_intermediate_above_a_leaf_that_is_still_good_is_refused() -> None:
    # Our own CA would cut the validity of the leaf, so a copy of the CA with a longer validity signs.
    root = a_root(dates=validity(NOW - 100 * DAY, 3650))
    expired = an_intermediate(root, validity(NOW - 20 * DAY, 10))
    longer = root.subordinate(
        INTERMEDIATE,
        subject=expired.certificate.subject,
        key=expired.credential.key,
        validity=validity(NOW - 20 * DAY, 100),
        serial=serial(),
    )
    leaf = a_leaf(longer, dates=validity(NOW - 15 * DAY)).certificate
    verdict = judge(Credential(key(), leaf, (expired.certificate,)), anchors=[root.certificate])
    assert_refused(verdict, "dates", "test intermediate expired on")


def test_a_missing_intermediate_is_named() -> None:
    verdict = judge(intermediates=())
    assert_refused(verdict, "chain", "neither trusted nor present")
    assert "intermediate" in (verdict.reason or "")


def test_a_self_signed_certificate_is_refused_as_one() -> None:
    own = a_root("localhost")
    verdict = judge(Credential(own.credential.key, own.certificate))
    assert not verdict.accepted
    assert_refused(verdict, "chain", "is self-signed")


def test_an_unknown_root_that_was_sent_along_is_named_and_not_called_missing() -> None:
    root = a_root("stranger")
    verdict = judge(Credential(key(), a_leaf(root).certificate, (root.certificate,)))
    assert_refused(verdict, "chain", "CN=stranger root is self-signed, and not a trust anchor")


def test_no_trust_anchors_means_no() -> None:
    assert_refused(judge(anchors=()), "chain", "neither trusted nor present")


def test_the_right_name_with_the_wrong_signature_is_refused(certs: Path) -> None:
    rogue = first(certs / "rogue/server.pem")
    verdict = path.verify(
        rogue, trust_anchors=[first(certs / "root.pem")], name=LOCALHOST, at=rogue.not_valid_before_utc
    )
    assert_refused(verdict, "chain", "the issuer name matches, the signature does not")


def test_the_rogue_is_accepted_under_its_own_anchor(certs: Path) -> None:
    rogue = first(certs / "rogue/server.pem")
    anchors = [first(certs / "rogue/ca.pem")]
    assert path.verify(rogue, trust_anchors=anchors, name=LOCALHOST, at=rogue.not_valid_before_utc).accepted


def test_a_certificate_is_good_only_for_its_own_side() -> None:
    client = a_leaf(INTERMEDIATE_CA, profile=CLIENT)
    assert_refused(judge(client), "purpose", "is not valid for a server")
    assert_refused(judge(purpose=Purpose.CLIENT), "purpose", "is not valid for a client")
    assert judge(client, purpose=Purpose.CLIENT, name=None).accepted


def test_a_leaf_that_plays_authority_is_refused() -> None:
    # CVE-2002-0862: Internet Explorer did not look at basicConstraints.
    impostor = Authority(LEAF)
    forged = a_leaf(impostor, [names.parse("bank.test")])
    verdict = judge(forged, intermediates=[LEAF.certificate, *LEAF.issuers], name=names.parse("bank.test"))
    assert_refused(verdict, "authorities", "is not a CA: its basic constraints have cA FALSE")


def test_a_path_longer_than_its_authority_allows_is_refused() -> None:
    # The intermediate has pathLenConstraint 0 but issues a CA certificate.
    second = INTERMEDIATE_CA.subordinate(
        INTERMEDIATE, subject=authority_name("second", "intermediate"), key=key(), validity=validity(), serial=serial()
    )
    leaf = a_leaf(second)
    chain = [second.certificate, INTERMEDIATE_CA.certificate]
    verdict = judge(leaf, intermediates=chain)
    assert_refused(verdict, "path length", "allows 0 CAs below it; the path has 1")
    assert "<Certificate(" not in (verdict.reason or ""), "a reason is written for people"


def test_a_chain_deeper_than_asked_for_is_refused() -> None:
    assert judge(max_depth=1).accepted
    assert_refused(judge(max_depth=0), "chain", "")


def test_ed25519_is_judged_as_the_others(tree: Callable[[KeyType], Path]) -> None:
    certs = tree(KeyType.ED25519)
    chain = x509.load_pem_x509_certificates((certs / "server.pem").read_bytes())
    anchors = [first(certs / "root.pem")]
    credential = Credential(key(), chain[0], tuple(chain[1:]))
    assert judge(credential, anchors=anchors, at=chain[0].not_valid_before_utc).accepted
    rogue = x509.load_pem_x509_certificates((certs / "rogue/server.pem").read_bytes())
    forged = Credential(key(), rogue[0], tuple(rogue[1:]))
    assert_refused(judge(forged, anchors=anchors, at=rogue[0].not_valid_before_utc), "chain", "did not sign")


def test_a_certificate_without_alternative_names_is_refused_though_its_subject_has_the_name() -> None:
    bare = assembled([])
    assert bare.subject.rfc4514_string() == "CN=localhost"
    assert_refused(judge(Credential(LEAF.key, bare, LEAF.issuers)), "name", "presented: no name")


# Revocation ---------------------------------------------------------------------------------------------------------

ROOTS_LIST = crl(ROOT_CA)
LEAFS_LIST = crl(INTERMEDIATE_CA)


def test_current_and_empty_lists_of_both_issuers_are_accepted() -> None:
    verdict = judge(crls=[ROOTS_LIST, LEAFS_LIST])
    assert verdict.accepted
    assert verdict.checks[-1].result is Result.PASSED


def test_a_list_with_other_serials_revokes_nothing_of_ours() -> None:
    assert judge(crls=[ROOTS_LIST, crl(INTERMEDIATE_CA, serial())]).accepted


def test_a_revoked_leaf_is_refused() -> None:
    revoked = crl(INTERMEDIATE_CA, LEAF.certificate.serial_number)
    assert_refused(judge(crls=[ROOTS_LIST, revoked]), "revocation", "CN=localhost was revoked on")


def test_a_revoked_intermediate_is_refused() -> None:
    revoked = crl(ROOT_CA, INTERMEDIATE_CA.certificate.serial_number)
    assert_refused(judge(crls=[revoked, crl(INTERMEDIATE_CA)]), "revocation", "intermediate was revoked on")


def test_a_serial_revoked_by_another_issuer_is_another_certificate() -> None:
    elsewhere = crl(ROOT_CA, LEAF.certificate.serial_number)
    assert judge(crls=[elsewhere, crl(INTERMEDIATE_CA)]).accepted


def test_an_older_list_does_not_hide_a_revocation() -> None:
    old = crl(INTERMEDIATE_CA, begin=NOW - 3 * DAY)
    new = crl(INTERMEDIATE_CA, LEAF.certificate.serial_number, begin=NOW - DAY)
    for lists in ([old, new], [new, old]):
        assert_refused(judge(crls=[ROOTS_LIST, *lists]), "revocation", "was revoked on")


def test_a_stale_list_is_refused() -> None:
    stale = crl(INTERMEDIATE_CA, begin=NOW - 3 * DAY, end=NOW - SECOND)
    assert_refused(judge(crls=[ROOTS_LIST, stale]), "revocation", "is stale")


def test_a_list_is_current_up_to_its_next_update() -> None:
    assert judge(crls=[ROOTS_LIST, crl(INTERMEDIATE_CA, end=NOW)]).accepted


def test_a_list_from_the_future_is_refused() -> None:
    early = crl(INTERMEDIATE_CA, begin=NOW + SECOND)
    assert_refused(judge(crls=[ROOTS_LIST, early]), "revocation", "is not valid before")


def test_a_list_signed_by_another_key_is_refused() -> None:
    forged = crl(INTERMEDIATE_CA, signer=a_root("attacker"))
    assert_refused(judge(crls=[ROOTS_LIST, forged]), "revocation", "is not signed by its issuer's key")


def test_a_forged_list_beside_the_true_one_revokes_nothing() -> None:
    forged = crl(INTERMEDIATE_CA, LEAF.certificate.serial_number, signer=a_root("attacker"))
    assert judge(crls=[ROOTS_LIST, forged, crl(INTERMEDIATE_CA)]).accepted


def test_a_list_of_another_issuer_says_nothing() -> None:
    other = crl(a_root("other"))
    assert_refused(judge(crls=[other]), "revocation", "no CRL is issued by")


def test_lists_for_the_leaf_alone_do_not_cover_the_intermediate() -> None:
    assert_refused(judge(crls=[crl(INTERMEDIATE_CA)]), "revocation", "no CRL is issued by")


def test_the_list_that_init_writes_is_accepted(certs: Path) -> None:
    from pki.store.files import read_certificates, read_crls

    chain = read_certificates(certs / "server.pem")
    verdict = judge(
        Credential(key(), chain[0], chain[1:]),
        anchors=read_certificates(certs / "root.pem"),
        at=chain[0].not_valid_before_utc + DAY,
        crls=read_crls(certs / "crl.pem"),
    )
    assert verdict.accepted, verdict.reason


# Mutilated certificates never raise ---------------------------------------------------------------------------------


negative_serials = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


def flipped(der: bytes, mask: int) -> Iterator[x509.Certificate]:
    """Every certificate that still loads after one byte was changed."""
    for place in range(len(der)):
        damaged = bytearray(der)
        damaged[place] ^= mask
        try:
            yield x509.load_der_x509_certificate(bytes(damaged))
        except (ValueError, x509.InvalidVersion):
            continue


@negative_serials
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_a_leaf_with_one_damaged_byte_is_refused_and_never_raises(mask: int) -> None:
    loaded = 0
    for certificate in flipped(LEAF.certificate.public_bytes(Encoding.DER), mask):
        loaded += 1
        verdict = judge(Credential(LEAF.key, certificate, LEAF.issuers), crls=[ROOTS_LIST, LEAFS_LIST])
        assert verdict.reason
    assert loaded > 200


@negative_serials
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_an_intermediate_with_one_damaged_byte_is_refused_and_never_raises(mask: int) -> None:
    for certificate in flipped(INTERMEDIATE_CA.certificate.public_bytes(Encoding.DER), mask):
        verdict = judge(intermediates=[certificate])
        assert not verdict.accepted


@negative_serials
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_an_anchor_with_one_damaged_byte_never_raises(mask: int) -> None:
    for certificate in flipped(ROOT_CA.certificate.public_bytes(Encoding.DER), mask):
        assert judge(anchors=[certificate]).checks


@negative_serials
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_a_list_with_one_damaged_byte_is_refused_and_never_raises(mask: int) -> None:
    der = LEAFS_LIST.public_bytes(Encoding.DER)
    for place in range(len(der)):
        damaged = bytearray(der)
        damaged[place] ^= mask
        try:
            loaded = x509.load_der_x509_crl(bytes(damaged))
        except (ValueError, x509.InvalidVersion):
            continue
        verdict = judge(crls=[ROOTS_LIST, loaded])
        assert not verdict.accepted, place


def assembled(subject_names: Sequence[x509.GeneralName], *extensions: x509.ExtensionType) -> x509.Certificate:
    """An unusual certificate with a valid signature."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(LEAF.certificate.subject)
        .issuer_name(INTERMEDIATE_CA.certificate.subject)
        .public_key(LEAF.key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    if subject_names:
        builder = builder.add_extension(x509.SubjectAlternativeName(subject_names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(cast(EllipticCurvePrivateKey, INTERMEDIATE_CA.credential.key), hashes.SHA256())


ODD_NAMES = (
    st.text(st.characters(max_codepoint=127), max_size=30).map(x509.DNSName)
    | st.text(st.characters(max_codepoint=127), max_size=30).map(x509.UniformResourceIdentifier)
    | st.ip_addresses().map(x509.IPAddress)
    | st.just(x509.RegisteredID(x509.ObjectIdentifier("1.2.3")))
    | st.just(x509.DirectoryName(LEAF.certificate.subject))
    | st.binary(max_size=10).map(
        lambda blob: x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x04" + bytes([len(blob)]) + blob)
    )
)


@given(st.lists(ODD_NAMES, min_size=1, max_size=3))
def test_odd_names_in_a_well_signed_certificate_never_raise_and_never_cover_a_host(
    odd: list[x509.GeneralName],
) -> None:
    if LOCALHOST not in odd:
        assert not judge(Credential(LEAF.key, assembled(odd), LEAF.issuers)).accepted


OID = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
ODD_EXTENSIONS = {
    "unknown and critical": x509.UnrecognizedExtension(OID, b"\x05\x00"),
    "names that are no names": x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\xff\xff"),
    "names that are cut": x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x20\x82"),
    "a purpose that is no purpose": x509.UnrecognizedExtension(x509.ExtendedKeyUsage.oid, b"\x04\x00"),
    "empty constraints": x509.UnrecognizedExtension(x509.BasicConstraints.oid, b""),
    "an address of 5 bytes": x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, b"\x30\x07\x87\x05\x01\x02\x03\x04\x05"
    ),
    "a name that is not ASCII": x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, b"\x30\x04\x82\x02\xc3\xbc"
    ),
    "an EDI party name": x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, b"\x30\x06\xa5\x04\xa1\x02\x0c\x00"
    ),
}


ODD_CASES = [
    pytest.param(extension, named, id=f"{case}-{'with-names' if named else 'alone'}")
    for case, extension in ODD_EXTENSIONS.items()
    for named in (False, True)
    if not (named and extension.oid == x509.SubjectAlternativeName.oid)  # the builder refuses two of one kind
]


@pytest.mark.parametrize(("extension", "named"), ODD_CASES)
def test_odd_extensions_are_refused_and_never_raise(extension: x509.UnrecognizedExtension, named: bool) -> None:
    certificate = assembled([LOCALHOST] if named else [], extension)
    verdict = judge(Credential(LEAF.key, certificate, LEAF.issuers))
    assert not verdict.accepted
    assert verdict.reason
    assert "<Certificate(" not in verdict.reason, "a reason is written for people"
