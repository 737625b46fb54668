"""Every test certificate that a client refuses is explained from an anonymous capture: the check, the values, who.

Falsehoods caught: a deviation that is not named, or another one in its place; a section or a value that `pki verify`
does not say; a certificate that is not the deviating one; a claim about trust without trust anchors.
"""

import ast
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

import pki.path
from pki import Check, Purpose, Result, names
from pki.cases import CATALOGUE, Must
from pki.cases.builder import dated
from pki.cases.usage import for_purposes
from pki.errors import Problem
from pki.path import verify
from tests.tlsdemo.explain import refusals
from tests.tlsdemo.explain.refusals import explained, served, told, trust_of
from tlsdemo import peer
from tlsdemo.explain import judgement
from tlsdemo.explain.judgement import NEW_CA, Presented, Trust, judge
from tlsdemo.protocol import Party, Side
from tlsdemo.tls13.machine import Parts
from tlsdemo.violations import ProtocolError, Violation

pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")  # of certificates that are broken on purpose

NOT_LOADED = ("san-malformed-der", "duplicate-extension")
"""Cases whose certificate OpenSSL does not load, so that no server of the lab presents it."""
NOT_A_DEFAULT_KEY = ("ec-p192", "ec-secp256k1", "dsa-leaf")
"""Cases whose key a default client does not offer a signature scheme for: the server refuses, before Certificate."""
ONLY_STRICTER_CLIENTS = ("ca-as-leaf", "wildcard-public-suffix", "must-staple-no-staple", "known-private-key")
"""Cases to reject that neither OpenSSL nor `pki.verify` refuses."""

CHECKS: Mapping[str, frozenset[str]] = {
    "leaf validity": frozenset({"dates"}),
    "intermediate validity": frozenset({"dates"}),
    "trust anchor validity": frozenset({"dates"}),
    "trust anchor": frozenset({"chain"}),
    "certificates sent": frozenset({"chain"}),
    "leaf issuer": frozenset({"chain"}),
    "leaf authorityKeyIdentifier": frozenset({"chain", "identifiers"}),
    "leaf signature": frozenset({"chain"}),
    "intermediate signature": frozenset({"chain"}),
    "leaf signatureAlgorithm": frozenset({"algorithms", "strength"}),
    "intermediate signatureAlgorithm": frozenset({"strength"}),
    "intermediate basicConstraints": frozenset({"authorities", "path length"}),
    "intermediate keyUsage": frozenset({"authorities"}),
    "intermediate version": frozenset({"authorities"}),
    "leaf subjectAltName": frozenset({"name", "name form"}),
    "leaf subject": frozenset({"name", "name form"}),
    "leaf extendedKeyUsage": frozenset({"purpose"}),
    "intermediate extendedKeyUsage": frozenset({"purpose"}),
    "leaf keyUsage": frozenset({"signing", "key usage"}),
    "intermediate nameConstraints": frozenset({"constraints", "extensions"}),
    "trust anchor nameConstraints": frozenset({"constraints"}),
    "leaf nameConstraints": frozenset({"key usage"}),
    "leaf 1.3.6.1.4.1.32473.1": frozenset({"extensions"}),
    "intermediate 1.3.6.1.4.1.32473.1": frozenset({"extensions"}),
    "leaf ctPoison": frozenset({"extensions"}),
    "leaf version": frozenset({"name", "version"}),
    "leaf serialNumber": frozenset({"serial"}),
    "intermediate policyConstraints": frozenset({"policy"}),
    "leaf public key": frozenset({"strength", "schemes"}),
    "intermediate public key": frozenset({"strength"}),
    "revocation list": frozenset({"revocation"}),
}
"""By the field in which a case deviates: the checks of `pki verify` that are about it."""
UNDISPUTED_HERE = {
    "aki-mismatch": "some clients find no issuer: the authority key identifier of CN=localhost is 00010203",
    "eku-any": "a client that applies the rules of public CAs refuses it: the extended key usage of CN=localhost",
    "good-10000-sans": "OpenSSL accepts 102,400 by default",
    "time-fractional": "certificate 1 of 1, the leaf, cannot be read: at byte ",
}
"""Cases that OpenSSL refuses, and `pki.verify` accepts or cannot read: what is said of them."""
BY_ADDRESS = ("ip-in-dnsname", "ip-in-cn", "ip-mismatch")
"""Cases whose client asks for 127.0.0.1, which it does not write into ClientHello (RFC 6066 §3)."""


@cache
def refusal(case: str) -> bytes | None:
    """The capture of a client that refuses: OpenSSL's, else ours; None if both accept."""
    if case in NOT_A_DEFAULT_KEY:
        return refusals.refused_by_openssl(case, refusals.trusting_nothing)
    return refusals.refused_by_openssl(case) or refusals.refused_by_ours(case)


def failing(case: str) -> list[Check]:
    """What `pki.path.verify` says with everything that the case's client knows."""
    chain = [x509.load_der_x509_certificate(each) for each in served(case).chain]
    known = trust_of(case)
    verdict = verify(
        chain[0], intermediates=chain[1:], trust_anchors=known.anchors, name=served(case).name, at=refusals.NOW,
        crls=known.crls,
    )  # fmt: skip
    return [each for each in verdict.checks if each.result is Result.FAILED]


SERVED = [case for case in CATALOGUE if case not in NOT_LOADED]


@pytest.mark.parametrize("case", SERVED)
def test_the_deviation_of_a_refused_certificate_is_named(case: str) -> None:
    file = refusal(case)
    if file is None:
        assert case in ONLY_STRICTER_CLIENTS or CATALOGUE[case].must is Must.ACCEPT
        return
    ending = explained(file, trust_of(case, served(case).name)).ending
    refusal_sentence, *more = ending.sentences
    text = "\n".join(more)
    assert ending.failed
    assert refusal_sentence.startswith("the client refused: alert ")
    if case in UNDISPUTED_HERE:
        assert UNDISPUTED_HERE[case] in text
        return
    assert refusal_sentence.endswith(", about Certificate of the server")
    expected = failing(case)
    said = [each.removeprefix("check ").partition(" fails")[0] for each in more if each.startswith("check ")]
    assert set(said) == {each.name for each in expected}
    for each in expected:
        assert f"check {each.name} fails: {each.detail} ({each.section})" in text
    deviates = CATALOGUE[case].deviates
    assert any(each in CHECKS[field] for field in deviates for each in said) or case == "underscore-host"
    assert ending.hint or all(each.hint is None for each in expected)


ROLES = {"leaf": ", the leaf", "intermediate": ", intermediate ", "trust": "a trust anchor, which was not sent"}
NOT_ABOUT_ONE = ("name", "constraints", "policy", "name form", "chain")
"""Checks whose sentence is about names or about the whole path, and need not name the deviating certificate."""


@pytest.mark.parametrize("case", SERVED)
def test_the_deviating_certificate_is_the_one_that_is_named(case: str) -> None:
    file = refusal(case)
    if file is None or case in UNDISPUTED_HERE or failing(case)[0].name in NOT_ABOUT_ONE:
        return
    whose = {field.split()[0] for field in CATALOGUE[case].deviates}
    text = told(file, trust_of(case, served(case).name))
    if case != "revoked":  # only the CRL deviates
        assert any(ROLES[each] in text for each in whose)
        assert not any(ROLES[each] in text for each in ROLES if each not in whose)


def test_the_cases_that_no_server_presents_cannot_be_read() -> None:
    for case in CATALOGUE:
        try:
            refusals.server_of(case)
        except Problem:
            assert case in NOT_LOADED
            found = judge(Presented(served(case).chain), refusals.NOW, None, "bad_certificate")
            assert found.fails
            assert "cannot be read: at byte " in found.sentences[0]
            assert "certificate 1 of 1, the leaf" in "".join(found.sentences)
        else:
            assert case not in NOT_LOADED


# Clients that are stricter, or of TLS 1.2 ----------------------------------------------------------------------------

STRICTER = {
    "ca-as-leaf": "is a CA certificate, not a server or client certificate",
    "wildcard-public-suffix": "DNS:*.co.uk covers the domains of many owners",
    "must-staple-no-staple": "no OCSP response came with it",
    "known-private-key": "passes every check made here",  # only a list of such keys detects it
}


def refusing_everything(parts: Parts) -> Parts:
    def judge_none(chain: Sequence[x509.Certificate], party: Party, presenter: Side, checks: frozenset[str]) -> None:
        raise ProtocolError(Violation.BAD_CERTIFICATE)

    return replace(parts, judge=judge_none)


@pytest.mark.parametrize("case", ONLY_STRICTER_CLIENTS)
def test_what_only_stricter_clients_refuse_is_named(case: str) -> None:
    file = refusals.refused_by_ours(case, refusing_everything)
    assert file
    text = told(file, trust_of(case, served(case).name))
    assert "the client refused: alert bad_certificate (42), about Certificate of the server" in text
    assert STRICTER[case] in text


@pytest.mark.parametrize("case", ["good", "good-intermediate"])
def test_a_valid_certificate_that_is_refused_is_not_called_invalid(case: str) -> None:
    file = refusals.refused_by_ours(case, refusing_everything)
    assert file
    text = told(file, trust_of(case, served(case).name))
    assert "passes every check made here" in text
    assert "fails" not in text
    assert "some clients" not in text
    assert "refuses it" not in text


OF_TLS12 = ("expired", "untrusted-root", "wrong-host", "intermediate-bad-signature", "eku-client-only", "revoked")


@pytest.mark.parametrize("case", OF_TLS12)
def test_in_tls_1_2_it_is_the_same(case: str) -> None:
    file = refusals.refused_by_openssl(case, refusals.trusting_tls12)
    assert file
    found = explained(file, trust_of(case, served(case).name))
    assert found.version == "TLS 1.2"
    assert found.ending.sentences[0].endswith(", about Certificate of the server")
    for each in failing(case):
        assert f"check {each.name} fails: {each.detail} ({each.section})" in found.ending.sentences


# Without trust anchors, without a name, at another time --------------------------------------------------------------

ONLY_WITH_TRUST = {
    "expired-root", "self-signed", "untrusted-root", "untrusted-root-sent", "incomplete-chain", "aki-missing",
    "empty-issuer", "rogue-same-name-forged-aki", "rogue-same-name", "rogue-same-name-noaki", "bad-signature",
    "replaced-key", "intermediate-bad-signature", "nc-on-root", "policy-require-explicit", "revoked",
}  # fmt: skip
"""Cases whose deviation is in what the client knows, or in the signature of the last certificate that is sent."""


@pytest.mark.parametrize("case", SERVED)
def test_without_trust_anchors_the_same_is_said_or_that_it_is_not_known(case: str) -> None:
    file = refusal(case)
    if file is None or case in UNDISPUTED_HERE:
        return
    sentences = explained(file, Trust((), (), served(case).name)).ending.sentences
    text = "\n".join(sentences)
    assert "is not known here: give --trust to check its chain" in text
    assert "trust anchor" not in text
    assert "neither trusted nor present" not in text
    said = {each.removeprefix("check ").partition(" fails")[0] for each in sentences if each.startswith("check ")}
    if case in ONLY_WITH_TRUST:
        assert not [each for each in said if "is not made" not in each]
    else:
        assert said & {each.name for each in failing(case)}


@pytest.mark.parametrize("case", ["bad-signature", "replaced-key"])
def test_an_alert_about_a_signature_that_cannot_be_checked_is_narrowed_down(case: str) -> None:
    """The signatures of the handshake are computed here, and valid: the alert is about another one."""
    file = refusal(case)
    assert file
    text = told(file, None)
    assert "alert decrypt_error (51)" in text
    assert "every signature and Finished that the server sent is valid, computed here" in text


@pytest.mark.parametrize("case", BY_ADDRESS)
def test_an_address_is_not_in_client_hello_and_that_is_said(case: str) -> None:
    file = refusal(case)
    assert file
    found = told(file, trust_of(case))
    presented = ", ".join(map(names.show, names.of_certificate(served(case).credential.certificate))) or "no name"
    if case == "ip-in-dnsname":
        assert f"{presented} is an IP address in a dNSName" in found
    else:
        assert "ClientHello has no server_name" in found
        assert presented in found
        assert "fails" not in found


def test_the_name_of_client_hello_is_used_without_another_one() -> None:
    file = refusal("wrong-host")
    assert file
    assert "check name fails: the certificate is not valid for 'localhost'" in told(file, trust_of("wrong-host"))


def test_validity_is_judged_at_the_time_of_the_capture() -> None:
    """The certificate is valid now, and was not 9999 days ago."""
    past = refusals.NOW - timedelta(days=9999)
    now, then = (refusals.refused_by_ours("good", refusing_everything, at=at) for at in (refusals.NOW, past))
    assert now
    assert then
    assert "check dates" not in told(now, trust_of("good"))
    assert "check dates fails: CN=localhost is not valid before" in told(then, trust_of("good"))
    assert f"the time is {past:%Y-%m-%d}" in told(then, trust_of("good"))
    assert explained(then, trust_of("good")).ending.hint == "check the clock of the client"


@pytest.mark.parametrize("refused", [refusals.refused_by_openssl, refusals.refused_by_ours])
def test_the_attacker_is_not_told_what_is_encrypted(refused: Callable[[str], bytes | None]) -> None:
    """The certificate is encrypted in TLS 1.3, and so is the alert of our client; OpenSSL's is not."""
    file = refused("wrong-host")
    assert file
    text = "\n".join(explained(file, trust_of("wrong-host"), as_attacker=True).ending.sentences)
    assert "evil.example" not in text
    assert "Certificate" not in text
    if refused is refusals.refused_by_openssl:
        assert "the client refused: alert bad_certificate (42), after ServerHello of the server" in text
    else:
        assert text == "unknown: 5 records are not decrypted, and an alert may be among them"


# What to do ----------------------------------------------------------------------------------------------------------

HINTED = {
    "expired": "replace it with a new certificate: `pki issue NAME`",
    "expired-intermediate": NEW_CA,
    "expired-root": NEW_CA,
    "validity-inverted": "issue a certificate whose notBefore comes before its notAfter: `pki issue NAME`",
    "wrong-host": "check the address; if the server is yours, issue one with `pki issue localhost`",
    "rogue-same-name": "the issuer's name matches, its key does not: the certificate is forged, or --trust has another "
    "CA of that name",
    "self-signed": "add it to the trust anchors of the client only if you know that it is genuine",
    "incomplete-chain": "add the missing intermediate to the certificate file of the server, or that CA to the trust "
    "anchors of the client",
}
"""By case: the hint."""


@pytest.mark.parametrize("case", HINTED)
def test_the_hint_is_for_the_owner_of_the_deviating_certificate(case: str) -> None:
    found = judge(Presented(served(case).chain), refusals.NOW, trust_of(case, served(case).name), "bad_certificate")
    assert found.hint == HINTED[case]


@pytest.mark.parametrize("case", SERVED)
def test_no_hint_lacks_a_value_or_means_the_options_of_another_program(case: str) -> None:
    for purpose in (Purpose.SERVER, Purpose.CLIENT):
        hint = judge(Presented(served(case).chain, purpose), refusals.NOW, trust_of(case), "bad_certificate").hint
        assert "`pki issue`" not in hint
        assert "--purpose" not in hint
        assert "{" not in hint
        assert "with --trust" not in hint
        assert ("pki issue NAME" not in hint) or purpose is Purpose.SERVER


def test_every_hint_that_is_replaced_is_one_of_pki() -> None:
    package = Path(pki.path.__file__).parent
    sources = " ".join(each.value for path in package.glob("*.py") for each in ast.walk(ast.parse(path.read_text()))
                       if isinstance(each, ast.Constant) and isinstance(each.value, str))  # fmt: skip
    of_purpose = "if it is a {0} certificate, use --purpose {0}"
    for hint in set(judgement.HINTS) - {of_purpose.format(each) for each in ("client", "server")}:
        assert hint in sources


def test_a_validity_that_holds_at_no_time_is_called_so() -> None:
    found = judge(Presented(served("validity-inverted").chain), refusals.NOW, trust_of("validity-inverted"), "x")
    leaf = x509.load_der_x509_certificate(served("validity-inverted").chain[0])
    before, after = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    assert before > after
    assert (
        f"notBefore, {before:%Y-%m-%d %H:%M:%S}Z, is after notAfter, {after:%Y-%m-%d %H:%M:%S}Z" in found.sentences[1]
    )
    expired = judge(Presented(served("expired").chain), refusals.NOW, trust_of("expired"), "x")
    assert not any("never valid" in each for each in expired.sentences)


@pytest.mark.parametrize("case", ["nc-excluded-violation", "nc-permitted-violation", "nc-ip-violation", "nc-on-root"])
def test_the_ca_that_constrains_the_name_is_named(case: str) -> None:
    known = trust_of(case)
    found = judge(Presented(served(case).chain), refusals.NOW, known, "bad_certificate")
    certificates = [*map(x509.load_der_x509_certificate, served(case).chain), *known.anchors]
    (subject,) = {peer.describe(each).subject for each in certificates if has_name_constraints(each)}
    assert f"these are name constraints of {subject} (RFC 5280 §4.2.1.10)" in found.sentences


def has_name_constraints(certificate: x509.Certificate) -> bool:
    return any(isinstance(each.value, x509.NameConstraints) for each in certificate.extensions)


# Several reasons -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alert", "first"),
    {"certificate_expired": "dates", "unsupported_certificate": "purpose", "bad_certificate": "dates"}.items(),
)
def test_of_several_failing_checks_the_one_that_the_alert_is_about_comes_first(alert: str, first: str) -> None:
    """A certificate that is expired, for clients, and for another host."""
    given = refusals.builder()
    expired, for_clients = dated(given.day(-9), given.day(-1)), for_purposes(ExtendedKeyUsageOID.CLIENT_AUTH)
    chain = given.serve(leaf=lambda draft: for_clients(expired(draft))).chain
    known = Trust((given.root,), (), x509.DNSName("shop.example"))
    found = judge(Presented(chain), refusals.NOW, known, alert)
    order = [each.split()[1] for each in found.sentences if each.startswith("check ")]
    assert order[0] == first
    assert sorted(order) == ["dates", "name", "purpose"]
    assert (
        found.hint
        == {
            "dates": "replace it with a new certificate: `pki issue NAME`",
            "purpose": "use a certificate that is for a server: `pki issue NAME`",
        }[first]
    )


def test_without_a_path_the_other_checks_are_made_all_the_same() -> None:
    """A server refuses a client certificate of another CA that is for servers, with either of two alerts."""
    given = refusals.builder()
    chain = given.serve(leaf=for_purposes(ExtendedKeyUsageOID.SERVER_AUTH)).chain
    trusted = Trust((given.untrusted_ca.authority.certificate,))
    for alert, order in (("unsupported_certificate", ["purpose", "chain"]), ("unknown_ca", ["chain", "purpose"])):
        found = judge(Presented(chain, Purpose.CLIENT), refusals.NOW, trusted, alert)
        assert [each.split()[1] for each in found.sentences if each.startswith("check ")] == order
    valid = judge(Presented(chain), refusals.NOW, trusted, "unknown_ca")
    assert [each.split()[1] for each in valid.sentences if each.startswith("check ")] == ["chain"]


def test_a_certificate_that_no_library_reads_does_not_raise() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = judge(Presented((b"\x30\x80not DER",)), refusals.NOW, None, "bad_certificate")
    assert found.fails
    assert found.sentences[0].startswith("certificate 1 of 1, the leaf, cannot be read: ")
