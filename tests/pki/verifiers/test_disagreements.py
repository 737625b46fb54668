"""Why other verdicts differ. Falsehood caught: an unexplained disagreement about a test certificate."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import path
from pki.asn1 import der
from pki.cases import CATALOGUE
from pki.cli import case_text
from pki.path.request import Request
from pki.verdict import PathProfile, Purpose, Verdict
from pki.verifiers import disagreements, opinions
from tests.conftest import tool
from tests.pki.cases.test_cases import minted_once
from tests.pki.minting import CA, SERVER, Minted, hosts, mint, noncritical, raw, usage
from tests.pki.support import NOW


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [case for case in CATALOGUE if case != "time-fractional"])
def test_every_disagreement_over_a_rogue_has_a_reason(case: str) -> None:
    for program in ("openssl", "certtool"):
        tool(program)
    now = datetime.now(UTC)
    for served in (minted_once(case).served, minted_once(case).control):
        asked = case_text.request(served, now)
        verdict = case_text.judge(served, now)
        for opinion in opinions.opinions(asked):
            said = disagreements.reason(opinion, verdict, asked)
            assert (said is not None) is opinion.disagrees_with(verdict), opinion


@pytest.mark.filterwarnings("ignore")
def test_a_disagreement_over_the_form_of_another_name_has_a_reason() -> None:
    now = datetime.now(UTC)
    asked = replace(case_text.request(minted_once("underscore-host").served, now), name=x509.DNSName("good.lab.test"))
    verdict = path.judge(asked)
    assert verdict.failure is not None
    assert verdict.failure.name == "name form"
    opinion = next(each for each in opinions.opinions(asked) if each.engine == "cryptography")
    assert opinion.accepted
    assert disagreements.reason(opinion, verdict, asked) is not None


@pytest.mark.parametrize("case", ["good", "revoked"])
def test_the_last_second_counts_and_openssl_is_said_to_end_before_it(case: str) -> None:
    tool("openssl")
    control = minted_once(case).control
    asked = case_text.request(control, datetime.now(UTC))
    last = asked.crls[0].next_update_utc if asked.crls else asked.leaf.not_valid_after_utc
    assert last is not None
    at_the_end = replace(asked, at=last)
    opinion = next(each for each in opinions.opinions(at_the_end) if each.engine == "openssl")
    assert path.judge(at_the_end).accepted
    assert not opinion.accepted
    assert disagreements.reason(opinion, path.judge(at_the_end), at_the_end) == disagreements.LAST_SECOND
    after = replace(asked, at=last + timedelta(seconds=1))
    assert not path.judge(after).accepted


def test_who_agrees_needs_no_reason() -> None:
    now = datetime.now(UTC)
    asked = case_text.request(minted_once("good").served, now)
    opinion = opinions.Opinion("openssl", True, "")
    assert disagreements.reason(opinion, Verdict(()), asked) is None


# Reasons are tested against the certificates (bug kind 12) ------------------------------------------------------------

ROOT = mint("Root", *CA)
PERMITTED_WITH_A_DOT = der.sequence(der.element(0xA0, der.sequence(der.element(0x82, b".example.test"))))


def said(
    leaf: Minted,
    *pool: Minted,
    anchor: Minted = ROOT,
    name: str = "localhost",
    purpose: Purpose = Purpose.SERVER,
    profile: PathProfile = PathProfile.TLS,
) -> dict[str, str | None]:
    """The reasons of the verifiers that differ, at the time of the test."""
    tool("openssl")
    certificates = tuple(each.certificate for each in pool)
    asked = Request(leaf.certificate, certificates, (anchor.certificate,), x509.DNSName(name), purpose, NOW, (),
                    profile, 8)  # fmt: skip
    verdict = path.judge(asked)
    return {
        each.engine: disagreements.reason(each, verdict, asked)
        for each in opinions.opinions(asked)
        if each.disagrees_with(verdict)
    }


def test_where_there_is_no_wildcard_none_is_the_reason() -> None:
    sub = mint("Sub", *CA, raw(x509.NameConstraints.oid, PERMITTED_WITH_A_DOT, is_critical=True), by=ROOT)
    found = said(mint("www", hosts("www.example.test"), *SERVER[1:], by=sub), sub, name="www.example.test")
    assert found["openssl"] is not None
    assert "wildcard" not in found["openssl"]
    assert "leading dot" in found["openssl"]


def test_a_verifier_that_was_not_given_the_name_is_said_to_be_one() -> None:
    client = noncritical(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
    leaf = mint("client", hosts("client.test"), usage("digital_signature"), client, by=ROOT)
    found = said(leaf, name="other.test", purpose=Purpose.CLIENT)
    assert found == {"cryptography": "its verifier for client certificates takes no name"}


def test_a_ca_as_a_leaf_is_not_explained_by_an_extended_key_usage_that_it_lacks() -> None:
    own = mint("localhost", *CA, SERVER[0])
    accepted = said(own, anchor=own, profile=PathProfile.RFC5280)
    assert set(accepted) == {"cryptography", "openssl"}
    assert "any purpose" not in str(accepted)
    assert "key usage" in str(accepted["openssl"])
    assert said(own, anchor=own) == {}, "in profile tls all refuse it; certtool knows only today"


def test_the_common_name_is_the_reason_only_where_it_is_the_name() -> None:
    bare = mint("localhost", *SERVER[1:], by=ROOT)
    assert "common name" in str(said(bare)["openssl"])
    opinion = opinions.Opinion("openssl", True, "")
    other = mint("other", *SERVER, by=ROOT)
    asked = Request(other.certificate, (), (ROOT.certificate,), x509.DNSName("evil.test"), Purpose.SERVER, NOW, (),
                    PathProfile.TLS, 8)  # fmt: skip
    assert disagreements.reason(opinion, path.judge(asked), asked) is None, "the premise is false"


WORDS = ("verify code 26, x", "required EKU not found", "incorrect criticality", "unaccounted-for critical 1.2.3",
         "UtcTime", "cA must not be asserted", "orbidden public key algorithm", "issuer is not a CA",
         "there is none", "verify code 10, x", "2.5.29.15: missing")  # fmt: skip


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("engine", ["cryptography", "openssl", "certtool"])
def test_words_alone_are_not_a_reason(engine: str, words: str) -> None:
    """A good chain, and a verifier that rejects it with an error that it has for other chains."""
    leaf = mint("localhost", *SERVER, by=ROOT)
    asked = Request(leaf.certificate, (), (ROOT.certificate,), x509.DNSName("localhost"), Purpose.SERVER, NOW, (),
                    PathProfile.TLS, 8)  # fmt: skip
    assert disagreements.reason(opinions.Opinion(engine, False, words), path.judge(asked), asked) is None


def test_what_it_knows_and_we_do_not_is_the_reason() -> None:
    leaf = mint("localhost", *SERVER, by=ROOT, digest=hashes.SHA3_256())
    asked = Request(leaf.certificate, (), (ROOT.certificate,), x509.DNSName("localhost"), Purpose.SERVER, NOW, (),
                    PathProfile.TLS, 8)  # fmt: skip
    opinion = opinions.Opinion("openssl", True, "")
    assert disagreements.reason(opinion, path.judge(asked), asked) == "it supports this algorithm"


def test_constraints_that_are_not_critical_are_a_matter_of_strictness() -> None:
    root = mint("Root", noncritical(x509.BasicConstraints(True, None)), usage("key_cert_sign", "crl_sign"))
    assert said(mint("localhost", *SERVER, by=root), anchor=root) == {"openssl": disagreements.STRICT_ONLY}
