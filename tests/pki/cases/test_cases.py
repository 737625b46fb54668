"""The catalogue keeps its promises. Falsehood caught: a rogue refused for another reason than the one it teaches."""

import json
import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pki import keys, names, path
from pki.cases import CATALOGUE, CaseBuilder, Ingredients, Minted, Mode, Must, Served, Severity
from pki.cases.case import certificate_case, collect
from pki.verdict import PathProfile, Result, Verdict
from tests.pki.deviations import deviations, read
from tests.pki.support import STRICT_3_13, handshake, key, serial

NAMES = {
    "measured": ("good.lab.test",),
    "localhost": ("localhost", "127.0.0.1", "::1"),
    "address": ("192.0.2.7",),
    "wildcard": ("*.example.test",),
    "long": ("a" * 60 + ".test",),
    "both": ("shop.test", "corp.shop.test", "*.shop.test"),
    "last": ("255.255.255.255",),
}
UNSERVABLE = ("san-malformed-der", "duplicate-extension")
"""OpenSSL refuses to load these: no server of Python's can show them."""
every_case = pytest.mark.parametrize("case", CATALOGUE)
refusing = [case for case, declared in CATALOGUE.items() if declared.must is Must.REJECT]


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Shared, since it takes long to make."""
    return rsa.generate_private_key(65537, bits)


@cache
def case_builder(of: str) -> CaseBuilder:
    """An authority that mints for these names."""
    wanted = [names.parse(name) for name in NAMES[of]]
    return CaseBuilder.with_new_root(wanted, now=datetime.now(UTC), new_key=key, new_serial=serial, rsa_key=rsa_key)


@cache
def minted_once(case: str, of: str = "measured") -> Minted:
    """Minted once in a session."""
    return CATALOGUE[case].mint(case_builder(of))


def measured(served: Served, mode: Mode) -> frozenset[int]:
    """The verify codes with which Python's ssl refuses it in a handshake; empty when it accepts."""
    levels = {Mode.LEVEL_0: "DEFAULT:@SECLEVEL=0", Mode.LEVEL_1: "DEFAULT:@SECLEVEL=1"}
    try:
        refused = handshake(
            served.anchors_pem.decode(),
            served.chain_pem.decode(),
            served.key_pem.decode(),
            name=names.plain(served.name),
            flags=STRICT_3_13 if mode is Mode.PYTHON_3_13 else ssl.VERIFY_DEFAULT,
            ciphers=levels.get(mode, "DEFAULT:@SECLEVEL=2"),
        )
    except ssl.SSLError:
        return frozenset({0})
    return frozenset() if refused is None else frozenset({refused.verify_code})


@every_case
@pytest.mark.parametrize("of", NAMES)
def test_a_rogue_is_refused_as_it_states_and_its_control_accepted(case: str, of: str) -> None:
    if case in UNSERVABLE:
        pytest.skip("OpenSSL refuses to load it, so that it is checked with verifiers only")
    minted = minted_once(case, of)
    declared = CATALOGUE[case]
    for mode in Mode:
        assert measured(minted.served, mode) == declared.openssl[mode], mode
        if declared.must is Must.REJECT:
            assert measured(minted.control, mode) == frozenset(), mode


@pytest.mark.parametrize("case", UNSERVABLE)
def test_what_cannot_be_served_is_refused_by_verifiers(case: str) -> None:
    assert not judged(minted_once(case).served).accepted
    assert judged(minted_once(case).control).accepted
    assert measured(minted_once(case).control, Mode.PYTHON_3_13) == frozenset()


def test_the_modes_are_those_of_the_running_interpreter() -> None:
    strict = ssl.create_default_context().verify_flags & STRICT_3_13
    assert strict == (STRICT_3_13 if sys.version_info >= (3, 13) else ssl.VERIFY_DEFAULT)


NEW = (
    "good-renewed", "host-as-prefix", "host-as-suffix", "host-inside", "subdomain", "host-beginning", "host-ending",
)  # fmt: skip
"""Added since the table was measured. With the neutral common name no code of the table has changed: where a case is
about the subjectAltName, OpenSSL does not look at the common name while a dNSName is there, and the cases without a
dNSName keep the host as common name. `ip-in-cn` lost its SAN; OpenSSL never compares addresses with a common name."""


def test_the_catalogue_is_that_of_the_measured_table(shared_data: Path) -> None:
    rows = {row["case"]: row for row in json.loads((shared_data / "certificate-cases.json").read_text())["cases"]}
    assert set(CATALOGUE) == set(rows) | set(NEW)
    for case, row in rows.items():
        declared = CATALOGUE[case]
        assert (declared.must.value, declared.disputed) == (row["must"], row["disputed"]), case
        assert names.plain(minted_once(case).served.name) == row["reference_name"], case
        for mode in Mode:
            found = row["openssl_3_0"][mode.value]
            expected = set() if found["verdict"] == "accept" else {found["verify_code"] or 0}
            assert declared.openssl[mode] == expected, (case, mode)


def test_what_is_disputed_is_informational_and_so_is_what_is_about_a_limit() -> None:
    informational = {case for case, each in CATALOGUE.items() if each.severity is Severity.INFORMATIONAL}
    assert informational == {case for case, each in CATALOGUE.items() if each.disputed} | {"good-10000-sans"}


A_CA_MUST_ERR = ("trailing-dot-san", "no-san-cn-only", "wildcard-tld", "rsa1024", "sha1-leaf", "validity-inverted")
ATTACKERS_OWN = ("expired", "wrong-host", "host-as-prefix", "leaf-signs-leaf", "eku-client-only", "untrusted-root")


def test_the_severity_is_what_an_attacker_gains() -> None:
    assert {CATALOGUE[case].severity for case in A_CA_MUST_ERR} == {Severity.WEAK}
    assert {CATALOGUE[case].severity for case in ATTACKERS_OWN} == {Severity.MUST}


# One deviation each -------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("of", NAMES)
def test_certificate_and_control_differ_in_the_declared_deviation_alone(case: str, of: str) -> None:
    minted = minted_once(case, of)
    assert minted.served.name == minted.control.name
    assert deviations(minted.served, minted.control) == set(CATALOGUE[case].deviates)


@pytest.mark.parametrize("case", [case for case, each in CATALOGUE.items() if each.must is Must.REJECT])
def test_what_must_be_refused_deviates_in_something(case: str) -> None:
    assert CATALOGUE[case].deviates


ABOUT_THE_COMMON_NAME = (
    "no-san-cn-only", "san-mismatch-cn-match", "ip-in-cn", "san-email-only", "san-uri-only", "nul-in-cn",
)  # fmt: skip


@pytest.mark.parametrize(
    "case", [case for case, each in CATALOGUE.items() if each.theme in ("host-names", "wildcards")]
)
def test_where_the_common_name_is_not_the_point_it_names_no_host(case: str) -> None:
    subject = read(minted_once(case).served.chain[0]).subject
    assert (b"test certificate" in subject) is (case not in ABOUT_THE_COMMON_NAME)


# The control --------------------------------------------------------------------------------------------------------


@every_case
def test_a_control_is_minted_when_it_is_first_asked_for_and_only_once(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, serve = list[str](), CaseBuilder.serve

    def counted(builder: CaseBuilder, **changes: Any) -> Served:
        served.append(case)
        return serve(builder, **changes)

    monkeypatch.setattr(CaseBuilder, "serve", counted)
    minted = CATALOGUE[case].mint(case_builder("measured"))
    assert len(served) <= 1
    assert minted.control is minted.control
    assert len(served) <= 2


# What pki.verify says of them ---------------------------------------------------------------------------------------

OTHERWISE = {
    "aki-mismatch": "by RFC 5280 §4.2.1.1 it only helps to find the issuer",
    "aki-missing": "RFC 5280 §4.2.1.1 demands it",
    "ca-as-leaf": "only the web's rules forbid it: profile webpki",
    "underscore-host": "no host name by RFC 1123 §2.1",
    "wildcard-public-suffix": "the web's rules forbid it to authorities: profile webpki",
    "eku-any": "the web's rules forbid it: profile webpki",
    "serial-zero": "RFC 5280 §4.1.2.2 demands a positive one",
    "serial-negative": "RFC 5280 §4.1.2.2 demands a positive one",
    "serial-too-long": "RFC 5280 §4.1.2.2 allows 20 octets",
    "empty-subject-noncritical-san": "RFC 5280 §4.1.2.6 demands that they are critical",
    "must-staple-no-staple": "whether a server staples is not in its certificate",
    "known-private-key": "nobody here keeps a list of such keys",
}
"""Disputed cases in which the profile `tls` sides with the other party, and why."""


def judged(served: Served, profile: PathProfile = PathProfile.TLS) -> Verdict:
    """As a client would; what cannot be loaded is refused."""
    chain = [x509.load_der_x509_certificate(each) for each in served.chain]
    return path.verify(
        chain[0],
        intermediates=chain[1:],
        trust_anchors=[x509.load_der_x509_certificate(each) for each in served.anchors],
        name=served.name,
        at=datetime.now(UTC),
        crls=served.crls,
        profile=profile,
    )


@pytest.mark.filterwarnings("ignore")
@every_case
@pytest.mark.parametrize("of", NAMES)
def test_pki_verify_does_with_it_what_a_strict_client_must(case: str, of: str) -> None:
    if case == "time-fractional":
        with pytest.raises(ValueError, match="parsing"):
            judged(minted_once(case, of).served)
        return
    accepts = judged(minted_once(case, of).served).accepted
    must = CATALOGUE[case].must is Must.ACCEPT
    assert accepts is (must is (case not in OTHERWISE))
    if not must:
        assert judged(minted_once(case, of).control).accepted


def test_only_what_is_disputed_is_judged_otherwise() -> None:
    assert all(CATALOGUE[case].disputed for case in OTHERWISE)


REASONS = {
    "expired": "dates", "self-signed": "chain", "incomplete-chain": "chain", "leaf-signs-leaf": "authorities",
    "pathlen-exceeded": "path length", "wrong-host": "name", "eku-client-only": "purpose", "sha1-leaf": "strength",
    "md5-leaf": "strength", "nc-excluded-vs-wildcard": "constraints", "unknown-critical-ext": "extensions",
    "policy-require-explicit": "policy", "revoked": "revocation", "ku-no-digitalsignature": "signing",
    "dsa-leaf": "schemes", "ec-explicit-params": "schemes", "rsa512": "strength", "sigalg-mismatch": "algorithms",
}  # fmt: skip


@pytest.mark.parametrize("case", REASONS)
def test_it_is_refused_by_the_step_that_is_about_it(case: str) -> None:
    failure = judged(minted_once(case).served).failure
    assert failure is not None
    assert failure.name == REASONS[case]


VALUES = {
    "sigalg-mismatch": ("ecdsa-with-SHA384 in tbsCertificate", "ecdsa-with-SHA256 in signatureAlgorithm"),
    "wrong-host": ("good.lab.test", "DNS:evil.example"),
    "nc-excluded-vs-wildcard": ("DNS:*.lab.test", "DNS:good.lab.test"),
    "rsa1024": ("RSA 1024 bits", "2048 bits"),
    "pathlen-exceeded": ("allows 0", "the path has 1"),
}


@pytest.mark.parametrize("case", VALUES)
def test_the_sentence_has_the_two_values_that_disagree(case: str) -> None:
    reason = judged(minted_once(case).served).reason
    assert reason is not None
    assert all(value in reason for value in VALUES[case]), reason


# The declarations ---------------------------------------------------------------------------------------------------


@every_case
def test_a_rogue_tells_its_story_and_names_its_clause(case: str) -> None:
    assert len(CATALOGUE[case].story.split()) > 5
    assert CATALOGUE[case].clause.startswith(("RFC ", "CA/B Forum BR §"))


def test_aliases_are_of_one_rogue_each() -> None:
    aliases = [alias for each in CATALOGUE.values() for alias in each.aliases]
    assert len(set(aliases)) == len(aliases)


def test_an_attacker_mints_a_new_key_and_a_new_serial_each_time() -> None:
    for case in ("self-signed", "rogue-same-name-forged-aki", "expired"):
        one, other = (CATALOGUE[case].mint(case_builder("measured")).credential for _ in range(2))
        assert one.key_pem != other.key_pem
        assert one.certificate.serial_number != other.certificate.serial_number


def test_the_forger_copies_the_roots_subject_key_identifier() -> None:
    attacker = x509.load_der_x509_certificate(minted_once("rogue-same-name-forged-aki").control.anchors[0])
    own, roots = (
        each.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        for each in (attacker, case_builder("measured").root)
    )
    assert own == roots != x509.SubjectKeyIdentifier.from_public_key(attacker.public_key()).digest


def _minted_twice() -> Iterator[tuple[str, bytes]]:
    for case in ("good", "good-intermediate", "good-no-cn"):
        yield case, minted_once(case).served.chain[0]


def test_a_certificate_written_field_by_field_is_what_the_library_writes() -> None:
    for case, der in _minted_twice():
        leaf = x509.load_der_x509_certificate(der)
        builder = x509.CertificateBuilder(
            leaf.issuer, leaf.subject, leaf.public_key(), leaf.serial_number,
            leaf.not_valid_before_utc.replace(tzinfo=None), leaf.not_valid_after_utc.replace(tzinfo=None),
            list(leaf.extensions),
        )  # fmt: skip
        again = builder.sign(case_builder("measured").root_key, keys.signature_hash(case_builder("measured").root_key))
        assert again.tbs_certificate_bytes == leaf.tbs_certificate_bytes, case


def test_a_case_without_a_story_is_misuse() -> None:
    def mute(given: Ingredients) -> Minted:
        raise NotImplementedError

    with pytest.raises(ValueError, match="no docstring"):
        certificate_case("RFC 5280", {})(mute)


def test_two_cases_of_one_name_are_misuse() -> None:
    theme = ModuleType("theme")
    theme.one = theme.other = next(iter(CATALOGUE.values()))  # type: ignore[attr-defined]  # a module made up here
    with pytest.raises(ValueError, match="two cases"):
        collect(theme)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [case for case in refusing if case != "time-fractional"])
def test_every_refusal_comes_with_what_mends_it(case: str) -> None:
    for profile in PathProfile:
        for check in judged(minted_once(case).served, profile).checks:
            assert check.result is not Result.FAILED or check.hint, check
