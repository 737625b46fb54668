"""Which certificates may sign a CRL (RFC 5280 §6.3.3 (f)). Caught: an attacker's CRL clears a revoked certificate."""

from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from pki.verdict import PathProfile, Result, Verdict
from tests.pki.minting import (
    CA,
    SERVER,
    Extension,
    Minted,
    assert_accepted,
    assert_refused,
    basic,
    common_name,
    critical,
    crl,
    judge,
    mint,
    noncritical,
    raw,
    usage,
)
from tests.pki.support import DAY, NOW

ROOT = mint("Root", *CA)
SUB = mint("Sub", *CA, by=ROOT)
LEAF = mint("localhost", *SERVER, by=SUB)
SIGNS_CRLS = usage("crl_sign")
OF_ROOT = crl(ROOT)
REVOKES_LEAF = crl(SUB, LEAF)


def empty(signer: Minted, **how: object) -> x509.CertificateRevocationList:
    """A newer CRL in the name of Sub that revokes nothing."""
    return crl(SUB, by=signer, begin=NOW - DAY / 2, number=9, **how)  # type: ignore[arg-type]  # as crl() has them


def judged(*pool: Minted, crls: list[x509.CertificateRevocationList], **how: object) -> Verdict:
    return judge(LEAF, SUB, *pool, anchors=[ROOT], crls=[OF_ROOT, *crls], **how)  # type: ignore[arg-type]  # as judge()


def signer(*extensions: Extension, by: Minted = ROOT, **how: object) -> Minted:
    """A certificate in the name of Sub, with another key."""
    return mint("Sub", *extensions, by=by, **how)  # type: ignore[arg-type]  # as mint() has them


def test_a_leaf_cannot_certify_a_signer_of_crls() -> None:
    """The attack: a CA:FALSE leaf signs a certificate with the name of its own CA, and that key signs a CRL."""
    bare = mint("evil", SERVER[0], basic(False), by=SUB)
    for forged in (signer(*CA, by=bare), signer(SIGNS_CRLS, by=bare), signer(by=bare), signer(basic(True), by=bare)):
        crls = [REVOKES_LEAF, empty(forged), crl(bare)]
        for order in (crls, crls[::-1]):
            assert_refused(judged(bare, forged, crls=order), "revocation", "CN=localhost was revoked on")


@dataclass(frozen=True)
class Attack:
    """A signer that path validation refuses, what belongs to its path, and the anchors."""

    signer: Minted
    pool: tuple[Minted, ...] = ()
    anchors: tuple[Minted, ...] = (ROOT,)
    revoked: tuple[Minted, ...] = ()
    profile: PathProfile = PathProfile.TLS


def under(*extensions: Extension, to: tuple[Extension, ...] = (SIGNS_CRLS,), **how: object) -> Attack:
    """A signer under a CA with these extensions."""
    authority = mint("Other", *extensions, by=ROOT, **how)  # type: ignore[arg-type]  # as mint() has them
    return Attack(signer(*to, by=authority), (authority,))


def constrained(permitted: str | None = None, excluded: str | None = None) -> Attack:
    subtrees = [[x509.DirectoryName(common_name(each))] if each else None for each in (permitted, excluded)]
    return under(*CA, critical(x509.NameConstraints(*subtrees)))


FOREIGN = mint("Foreign", *CA)
UNKNOWN = raw("1.3.6.1.4.1.32473.9", b"\x05\x00", is_critical=True)
REVOKED_SIGNER = signer(SIGNS_CRLS)
SHORT = mint("Short", basic(True, 0), usage("key_cert_sign", "crl_sign"), by=ROOT)
BELOW_SHORT = mint("Below", *CA, by=SHORT)
WEAK = ec.generate_private_key(ec.SECP192R1())
ATTACKS = {
    "under another anchor": Attack(signer(SIGNS_CRLS, by=FOREIGN), (FOREIGN,), (ROOT, FOREIGN)),
    "another anchor itself": Attack(m := mint("Sub", *CA), (), (ROOT, m)),
    "under nothing": Attack(signer(SIGNS_CRLS, by=FOREIGN)),
    "outside permitted names": constrained(permitted="x"),
    "within excluded names": constrained(excluded="Sub"),
    "with an unknown critical extension": Attack(signer(SIGNS_CRLS, UNKNOWN)),
    "under a CA with an unknown critical extension": under(*CA, UNKNOWN),
    "expired": Attack(signer(SIGNS_CRLS, end=NOW - DAY / 4)),
    "not yet valid": Attack(signer(SIGNS_CRLS, begin=NOW + DAY)),
    "under an expired CA": under(*CA, end=NOW - DAY / 4),
    "deeper than its CA allows": Attack(signer(SIGNS_CRLS, by=BELOW_SHORT), (SHORT, BELOW_SHORT)),
    "under a CA that may not sign certificates": under(basic(True), usage("crl_sign")),
    "without cRLSign": Attack(signer(basic(True), usage("key_cert_sign"))),
    "not a CA, without key usage": Attack(signer()),
    "not a CA, says so, without key usage": Attack(signer(basic(False))),
    "not a CA, may sign certificates": Attack(signer(usage("crl_sign", "key_cert_sign"))),
    "revoked": Attack(REVOKED_SIGNER, revoked=(REVOKED_SIGNER,)),
    "with a key that is too short": Attack(signer(SIGNS_CRLS, own=WEAK)),
    "under a policy that is missing": under(*CA, critical(x509.PolicyConstraints(0, None))),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_the_crl_of_a_signer_that_is_not_valid_clears_nothing(name: str) -> None:
    attack = ATTACKS[name]
    crls = [crl(ROOT, *attack.revoked), empty(attack.signer), *map(crl, attack.pool)]
    verdict = judge(LEAF, SUB, *attack.pool, attack.signer, anchors=attack.anchors, crls=[*crls, REVOKES_LEAF])
    assert_refused(verdict, "revocation", "CN=localhost was revoked on")
    alone = judge(LEAF, SUB, *attack.pool, attack.signer, anchors=attack.anchors, crls=crls)
    assert_refused(alone, "revocation")


CONTROLS = {
    "another key of the CA": Attack(signer(*CA)),
    "a signer that is not a CA": Attack(signer(SIGNS_CRLS)),
    "a CA without key usage": Attack(signer(basic(True))),
    "for another purpose": Attack(
        signer(SIGNS_CRLS, noncritical(x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.4")])))
    ),
    "under another CA": under(*CA),
    "within permitted names": constrained(permitted="Sub"),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_the_crl_of_a_valid_signer_counts(name: str) -> None:
    control = CONTROLS[name]
    others = [crl(each) for each in control.pool]
    assert_accepted(judged(*control.pool, control.signer, crls=[empty(control.signer), *others]))
    revoking = crl(SUB, LEAF, by=control.signer)
    assert_refused(judged(*control.pool, control.signer, crls=[revoking, *others]), "revocation", "was revoked on")
    for missing in others:
        crls = [empty(control.signer), *(each for each in others if each is not missing)]
        assert_refused(judged(*control.pool, control.signer, crls=crls), "revocation", "no valid path")


def test_a_signer_does_not_clear_itself_where_another_crl_revokes_it() -> None:
    """Sub revoked its second key, with the first one; the second key then signs a newer, empty CRL."""
    second = mint("Sub", SIGNS_CRLS, by=SUB)
    crls = [crl(SUB, LEAF, second), empty(second)]
    assert_refused(judged(second, crls=crls), "revocation", "CN=localhost was revoked on")
    assert_accepted(judged(second, crls=[crl(SUB, begin=NOW - 2 * DAY), empty(second)]))


def test_two_signers_do_not_clear_each_other() -> None:
    one, two = mint("Sub", SIGNS_CRLS, by=SUB), mint("Sub", SIGNS_CRLS, by=SUB)
    crls = [crl(SUB, LEAF, one, two), empty(one), crl(SUB, by=two, begin=NOW - DAY / 3, number=10)]
    assert_refused(judged(one, two, crls=crls), "revocation", "CN=localhost was revoked on")


def test_a_signer_that_only_its_own_crl_speaks_of_is_trusted() -> None:
    """As after a key rollover (PKITS 4.4.19)."""
    second = mint("Sub", *CA, by=ROOT)
    assert_accepted(judged(second, crls=[empty(second)]))
    own = mint("Sub", SIGNS_CRLS, by=SUB)
    assert_accepted(judged(own, crls=[empty(own)]))


def test_many_signers_that_depend_on_each_other_end_within_the_budget() -> None:
    signers = [mint("Sub", *CA, by=SUB) for _ in range(25)]
    crls = [crl(SUB, by=each, begin=NOW - (2 + n) * DAY / 50, number=n) for n, each in enumerate(signers)]
    verdict = judged(*signers, crls=crls)
    assert verdict.checks
    revoked = judged(*signers, crls=[*crls, REVOKES_LEAF])
    assert revoked.checks


# What is known and what is not ---------------------------------------------------------------------------------------


def revocation(verdict: Verdict) -> str:
    found = next(check for check in verdict.checks if check.name == "revocation")
    assert found.result is Result.FAILED
    return found.detail


REVOKES_SUB = crl(ROOT, SUB)


def test_a_known_revocation_comes_first_and_then_what_is_missing() -> None:
    verdict = judge(LEAF, SUB, anchors=[ROOT], crls=[REVOKES_SUB])
    assert_refused(verdict, "revocation", "CN=Sub was revoked on", "no CRL is issued by CN=Sub")
    detail = revocation(verdict)
    assert detail.index("CN=Sub was revoked") < detail.index("no CRL is issued by")


@pytest.mark.parametrize(
    "other",
    [
        crl(SUB, end=NOW - DAY / 2),
        crl(SUB, begin=NOW + DAY / 2),
        crl(SUB, by=FOREIGN),
        crl(SUB, extensions=[UNKNOWN]),
        crl(SUB, extensions=[raw("2.5.29.28", b"\x30\x03\x81\x01\x00")]),
    ],
    ids=["stale", "early", "forged", "critical", "default written"],
)
def test_revoked_takes_precedence_over_a_crl_that_cannot_be_used(other: x509.CertificateRevocationList) -> None:
    for crls in ([REVOKES_SUB, other], [other, REVOKES_SUB]):
        assert_refused(judge(LEAF, SUB, anchors=[ROOT], crls=crls), "revocation", "CN=Sub was revoked on")


def test_all_that_is_revoked_is_said() -> None:
    verdict = judge(LEAF, SUB, anchors=[ROOT], crls=[REVOKES_LEAF, REVOKES_SUB])
    assert_refused(verdict, "revocation", "CN=localhost was revoked on", "CN=Sub was revoked on")


def test_a_known_revocation_comes_before_what_can_be_corrected() -> None:
    verdict = judge(LEAF, SUB, anchors=[ROOT], crls=[OF_ROOT, REVOKES_LEAF], name=x509.DNSName("other.test"))
    assert_refused(verdict, "revocation", "was revoked on")
    assert [check.name for check in verdict.checks if check.result is Result.FAILED] == ["revocation", "name"]
    undetermined = judge(LEAF, SUB, anchors=[ROOT], crls=[OF_ROOT], name=x509.DNSName("other.test"))
    assert_refused(undetermined, "name")


def test_a_stale_crl_still_revokes_for_ever_but_not_what_it_holds() -> None:
    stale = crl(SUB, LEAF, end=NOW - DAY / 2)
    assert_refused(judged(crls=[stale]), "revocation", "was revoked on")
    hold = x509.RevokedCertificateBuilder(LEAF.certificate.serial_number, NOW - DAY)
    entry = hold.add_extension(x509.CRLReason(x509.ReasonFlags.certificate_hold), critical=False).build()
    builder = x509.CertificateRevocationListBuilder(SUB.certificate.subject, NOW - DAY, NOW - DAY / 2)
    held = builder.add_revoked_certificate(entry).add_extension(x509.CRLNumber(1), critical=False)
    assert_refused(judged(crls=[held.sign(SUB.key, hashes.SHA256())]), "revocation", "is stale")
    assert_accepted(judged(crls=[stale, crl(SUB, begin=NOW - DAY / 2)]))


def test_the_order_of_the_crls_decides_nothing() -> None:
    odd = crl(SUB, extensions=[raw("2.5.29.28", b"\x30\x03\x81\x01\x00")], begin=NOW - DAY / 3)
    good = crl(SUB)
    for crls in ([odd, good], [good, odd]):
        assert_accepted(judged(crls=crls))


def test_a_crl_with_unused_bits_is_not_believed() -> None:
    original = crl(SUB)
    der = bytearray(original.public_bytes(Encoding.DER))
    place = der.rindex(b"\x00" + original.signature)
    while der[-1] & 1:  # DER wants unused bits to be 0
        original = crl(SUB)
        der = bytearray(original.public_bytes(Encoding.DER))
        place = der.rindex(b"\x00" + original.signature)
    der[place] = 1
    assert_refused(judged(crls=[x509.load_der_x509_crl(bytes(der))]), "revocation", "1 unused bits")


def test_the_controls_are_as_they_should_be() -> None:
    assert_accepted(judged(crls=[crl(SUB)]))
    assert_refused(judged(crls=[REVOKES_LEAF]), "revocation", "CN=localhost was revoked on")
