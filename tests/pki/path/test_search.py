"""The path search among many useless certificates. Caught: a hidden good path, a wrong no, unlimited work."""

from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pki.asn1 import der
from pki.budget import Budget, WorkKind
from pki.path import judge as judge_request
from pki.path.request import Request
from pki.verdict import PathProfile, Purpose, Verdict
from tests.pki.minting import (
    CA,
    LOCALHOST,
    SERVER,
    Extension,
    Minted,
    assert_accepted,
    assert_refused,
    basic,
    critical,
    edited,
    mint,
    names,
    noncritical,
    raw,
    swapped,
    usage,
)
from tests.pki.support import DAY, NOW

ROOT = mint("Root", *CA)
SUB = mint("Sub", *CA, by=ROOT)
LEAF = mint("localhost", *SERVER, by=SUB)
A_CHAIN = 20_000
"""More than one chain of three costs."""


def searched(
    leaf: Minted, pool: Sequence[Minted], anchors: Sequence[Minted] = (ROOT,), profile: PathProfile = PathProfile.TLS
) -> tuple[Verdict, Budget]:
    budget = Budget()
    asked = Request(
        leaf.certificate,
        tuple(each.certificate for each in pool),
        tuple(each.certificate for each in anchors),
        LOCALHOST,
        Purpose.SERVER,
        NOW,
        (),
        profile,
        8,
    )
    return judge_request(asked, budget), budget


TWINS: dict[str, tuple[Extension, ...]] = {
    "not a CA": (basic(False), usage("digital_signature")),
    "without basic constraints": (),
    "without keyCertSign": (basic(True), usage("crl_sign")),
    "with an unknown critical extension": (*CA, raw("1.3.6.1.4.1.32473.9", b"\x05\x00", is_critical=True)),
    "for mail alone": (*CA, noncritical(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]))),
    "unreadable": (*CA, raw(x509.TLSFeature.oid, bytes.fromhex("3003020163"))),
    "excluding the name": (*CA, critical(x509.NameConstraints(None, [x509.DNSName("localhost")]))),
}


def twins(kind: str, count: int) -> list[Minted]:
    """Of Sub, with its key."""
    begin, end = (NOW - 9 * DAY, NOW - DAY) if kind == "expired" else (NOW - DAY, NOW + DAY)
    return [mint("Sub", *TWINS.get(kind, CA), by=ROOT, own=SUB.key, begin=begin, end=end) for _ in range(count)]


@pytest.mark.parametrize("kind", [*TWINS, "expired"])
def test_forty_useless_twins_do_not_hide_the_good_path(kind: str) -> None:
    pile = twins(kind, 40)
    for pool in ([*pile, SUB], [SUB, *pile], [*pile[:20], SUB, *pile[20:]]):
        verdict, budget = searched(LEAF, pool)
        assert_accepted(verdict)
        if kind != "excluding the name":  # which only the whole path shows
            assert budget.left > budget.limit - A_CHAIN, "the good one is tried first"


def test_where_all_were_tried_the_answer_is_definite() -> None:
    verdict, _ = searched(LEAF, twins("without basic constraints", 40))
    assert_refused(verdict, "authorities", "no basic constraints")


def test_where_not_all_were_tried_the_answer_says_so() -> None:
    pile: list[Minted] = []
    above, leaf_above = ROOT, ROOT
    for layer in range(4):  # 12 ** 4 paths
        own = mint(f"layer {layer}", *CA, by=above)
        pile += [mint(f"layer {layer}", *TWINS["excluding the name"], by=above, own=own.key) for _ in range(12)]
        above = leaf_above = own
    leaf = mint("localhost", *SERVER, by=leaf_above)
    verdict, budget = searched(leaf, pile)
    assert_refused(verdict, "chain", "search limit reached", "DNS:localhost is excluded")
    assert budget.left < 0


def clique(count: int, text: str) -> list[Minted]:
    """Every CA issues a certificate for every other CA; no path leads to an anchor."""
    subjects = [
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{text}{n}", _validate=False)]) for n in range(count)
    ]
    selves = [mint(each, *CA) for each in subjects]
    return [
        mint(subjects[below], *CA, by=selves[above], own=selves[below].key)
        for below in range(count)
        for above in range(count)
        if below != above
    ]


@pytest.mark.parametrize("length", [10, 200, 60_000])
def test_the_work_in_a_clique_is_counted_and_names_are_normalised_once(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pki.objects import distinguished_names

    mesh = clique(9, "é" * length)
    normalised = 0
    original = distinguished_names._folded

    def counting(value: str | bytes) -> str:
        nonlocal normalised
        normalised += 1
        return original(value)

    monkeypatch.setattr(distinguished_names, "_folded", counting)
    leaf = mint("localhost", *SERVER, by=mesh[0])
    verdict, budget = searched(leaf, mesh)
    assert_refused(verdict, "chain", "search limit reached")
    assert normalised <= 2 * (len(mesh) + 2), "subject and issuer of each certificate"
    assert budget.done[WorkKind.SIGNATURE] <= len(mesh) + 1


def test_thousands_of_useless_certificates_cost_little() -> None:
    useless = [mint(f"CN {number}", *CA, own=ROOT.key, identifiers=False) for number in range(2000)]
    verdict, budget = searched(LEAF, [*useless, SUB])
    assert_accepted(verdict)
    assert budget.done[WorkKind.SIGNATURE] == 2


def test_a_pile_that_cannot_be_read_whole_leaves_the_answer_open() -> None:
    budget = Budget(limit=2_000)
    asked = Request(LEAF.certificate, (*(each.certificate for each in twins("not a CA", 100)), SUB.certificate),
                    (ROOT.certificate,), LOCALHOST, Purpose.SERVER, NOW, (), PathProfile.TLS, 8)  # fmt: skip
    verdict = judge_request(asked, budget)
    assert_refused(verdict, "chain", "search limit reached")


def test_a_long_chain_of_changed_keys_ends() -> None:
    above, pool = ROOT, []
    for _ in range(300):
        above = mint("Sub" if above is ROOT else above.certificate.subject, *CA, by=above)
        pool.append(above)
    verdict, budget = searched(mint("localhost", *SERVER, by=above), pool)
    assert_refused(verdict, "chain")
    assert budget.left > 0


def test_no_depth_is_too_deep_for_the_interpreter() -> None:
    above, pool = ROOT, []
    for number in range(1_200):
        above = mint(f"CA {number}", *CA, by=above, identifiers=True)
        pool.append(above)
    leaf = mint("localhost", *SERVER, by=above)
    asked = Request(leaf.certificate, tuple(each.certificate for each in pool), (ROOT.certificate,), LOCALHOST,
                    Purpose.SERVER, NOW, (), PathProfile.TLS, 100_000)  # fmt: skip
    verdict = judge_request(asked)
    assert verdict.checks
    assert not verdict.failure or "recursion" not in verdict.failure.detail


def test_twenty_thousand_names_times_many_constraints_are_counted() -> None:
    allowed = [x509.DNSName(f"a{number}.test") for number in range(300)]
    authority = mint("Sub", *CA, critical(x509.NameConstraints(allowed, None)), by=ROOT)
    many = [x509.DNSName(f"h{number}.a299.test") for number in range(20_000)]
    leaf = mint("localhost", names(*many), *SERVER[1:], by=authority)
    verdict, budget = searched(leaf, [authority])
    assert_refused(verdict, "constraints", "comparisons")
    assert budget.done[WorkKind.COMPARISON] <= 101_000


def a_year_zero(minted: Minted, signer: Minted) -> Minted:
    """Its last moment is in the year 0, which the library reads only when it is asked for."""
    end = minted.certificate.not_valid_after_utc
    return edited(
        minted, signer, swapped(der.generalized_time(end), der.generalized_time(end).replace(b"2060", b"0000"))
    )


@pytest.mark.parametrize("first", [True, False])
def test_an_unreadable_candidate_decides_nothing_wherever_it_stands(first: bool) -> None:
    """Bug kind 10: the year 0 in an anchor, in an intermediate, beside the good one."""
    late = NOW.replace(year=2060)
    odd_root = a_year_zero(mint("Root", *CA, own=ROOT.key, end=late), ROOT)
    odd_sub = a_year_zero(mint("Sub", *CA, by=ROOT, own=SUB.key, end=late), ROOT)
    with pytest.raises(ValueError, match="year 0"):
        _ = odd_root.certificate.not_valid_after_utc
    anchors = [odd_root, ROOT] if first else [ROOT, odd_root]
    pool = [odd_sub, SUB] if first else [SUB, odd_sub]
    assert_accepted(searched(LEAF, pool, anchors)[0])
    assert not searched(LEAF, pool, [odd_root])[0].accepted
    assert not searched(LEAF, [odd_sub], [ROOT])[0].accepted


def test_many_names_are_cut_in_the_answer() -> None:
    many = [x509.DNSName(f"h{number}.test") for number in range(20_000)]
    verdict, _ = searched(mint("many", names(*many), *SERVER[1:], by=SUB), [SUB])
    assert_refused(verdict, "name", "DNS:h0.test", "and 19,990 more")
    assert verdict.failure is not None
    assert len(verdict.failure.detail) < 500
