"""Certificate policies and their mappings (RFC 5280 §4.2.1.4, §4.2.1.5, §6.1). Caught: a missing policy is accepted."""

import pytest
from cryptography import x509

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
    assert_accepted,
    assert_refused,
    critical,
    judge,
    mint,
    noncritical,
    raw,
)
from tests.pki.support import NOW

A, B, C, ANY = "1.2.3.1", "1.2.3.2", "1.2.3.3", "2.5.29.32.0"
EXPLICIT = critical(x509.PolicyConstraints(0, None))
NO_MAPPING = critical(x509.PolicyConstraints(None, 0))
ROOT = mint("Root", *CA)


def policies(*oids: str) -> Extension:
    return noncritical(
        x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(each), None) for each in oids])
    )


def policies_as_written(*oids: str) -> Extension:
    """The library refuses to build the same policy twice."""
    return raw("2.5.29.32", der.sequence(*(der.sequence(der.object_identifier(each)) for each in oids)))


def mappings(*pairs: tuple[str, str], is_critical: bool = False) -> Extension:
    rows = (der.sequence(*map(der.object_identifier, pair)) for pair in pairs)
    return raw("2.5.29.33", der.sequence(*rows), is_critical=is_critical)


def judged(*of_each: tuple[Extension, ...]) -> Verdict:
    """CAs from the top, the leaf last."""
    above = ROOT
    pool = []
    for number, extensions in enumerate(of_each):
        is_leaf = number == len(of_each) - 1
        above = mint("localhost" if is_leaf else f"CA {number}", *(SERVER if is_leaf else CA), *extensions, by=above)
        pool.append(above)
    return judge(pool[-1], *pool[:-1], anchors=[ROOT])


@pytest.mark.parametrize("is_critical", [True, False])
@pytest.mark.parametrize(
    ("of_each", "accepted"),
    [
        (((EXPLICIT, policies(A)), (policies(A),)), True),
        (((EXPLICIT, policies(A)), (policies(B),)), False),
        (((EXPLICIT, policies(A), "A->B"), (policies(B),)), True),
        (((EXPLICIT, policies(A), "A->B"), (policies(A),)), False),
        (((EXPLICIT, policies(A), "A->B A->C"), (policies(C),)), True),
        (((EXPLICIT, policies(A), "B->C"), (policies(C),)), False),
        (((EXPLICIT, policies(ANY), "A->B"), (policies(B),)), True),
        (((EXPLICIT, policies(ANY), "A->B"), (policies(C),)), True),
        (((EXPLICIT, policies(A), "A->B"), (policies(B), "B->C"), (policies(C),)), True),
        (((EXPLICIT, policies(A), "A->B"), (policies(B), "B->C"), (policies(B),)), False),
        (((NO_MAPPING,), (EXPLICIT, policies(A), "A->B"), (policies(B),)), False),
        (((NO_MAPPING,), (EXPLICIT, policies(A), "A->B"), (policies(A),)), False),
        (((NO_MAPPING,), (EXPLICIT, policies(A, C), "A->B"), (policies(C),)), True),
        (((EXPLICIT, policies(A)), ()), False),
        (((policies(A),), (policies(B),)), True),
    ],
)
def test_mappings_are_processed_critical_or_not(
    of_each: tuple[tuple[Extension | str, ...], ...], accepted: bool, is_critical: bool
) -> None:
    short = {"A": A, "B": B, "C": C}

    def made(each: Extension | str) -> Extension:
        if not isinstance(each, str):
            return each
        pairs = [(short[pair[0]], short[pair[-1]]) for pair in each.split()]
        return mappings(*pairs, is_critical=is_critical)

    # An intermediate of no policies would end all of them: those that only limit state any.
    whole = [tuple(map(made, row)) for row in of_each]
    rows = [row if row and row != (NO_MAPPING,) else (*row, policies(ANY)) if row else row for row in whole]
    verdict = judged(*rows)
    if accepted:
        assert_accepted(verdict)
    else:
        assert_refused(verdict, "policy")


@pytest.mark.parametrize("pair", [(ANY, A), (A, ANY), (ANY, ANY)])
@pytest.mark.parametrize("is_critical", [True, False])
def test_a_mapping_from_or_to_any_policy_is_refused(pair: tuple[str, str], is_critical: bool) -> None:
    verdict = judged((policies(A), mappings((A, B), pair, is_critical=is_critical)), ())
    assert_refused(verdict, "policy", "anyPolicy")


def test_the_same_policy_twice_is_refused_in_a_ca_and_in_a_leaf() -> None:
    twice = policies_as_written(A, B, A)
    assert_refused(judged((twice,), ()), "policy", A, "twice")
    assert_refused(judged((), (twice,)), "policy", "twice")
    assert_accepted(judged((policies_as_written(A, B),), ()))


def test_malformed_mappings_are_refused() -> None:
    for odd in (b"\x30\x00", b"\x05\x00", b"\x30\x02\x30\x00", b"\x30\x05\x30\x03\x06\x01\x2a", b"\xff"):
        assert_refused(judged((policies(A), raw("2.5.29.33", odd)), ()), "policy")


def test_mappings_that_multiply_take_linear_work() -> None:
    """RFC 9618: in the tree of RFC 5280 every level of these has seven times as many nodes."""
    many = [f"1.2.4.{number}" for number in range(60)]
    everything = mappings(*((one, other) for one in many for other in many))
    above, pool = ROOT, []
    for number in range(7):
        above = mint(f"CA {number}", *CA, policies(*many), everything, by=above)
        pool.append(above)
    leaf = mint("localhost", *SERVER, policies(many[3]), by=above)
    budget = Budget()
    asked = Request(leaf.certificate, tuple(each.certificate for each in pool), (ROOT.certificate,), LOCALHOST,
                    Purpose.SERVER, NOW, (), PathProfile.TLS, 8)  # fmt: skip
    assert judge_request(asked, budget).accepted
    assert budget.done[WorkKind.STEP] == 9
    assert budget.done[WorkKind.POLICY] == 7 * (60 + 3600) + 1, "each policy and each mapping once"
