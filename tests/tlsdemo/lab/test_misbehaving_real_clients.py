"""Clients that people use, before servers that violate TLS 1.3. Falsehoods caught: a case that OpenSSL refuses for a
reason other than the one that the case is about, and a client that accepts a forged proof.

The alerts of OpenSSL 3.0 were measured with a server that is not this one, too. Other libraries answer with other
alerts, or with none, so of them only the verdict is tested.
"""

import re
from collections.abc import Callable, Mapping

import pytest

from tests.conftest import run, tool
from tests.tlsdemo.lab.test_misbehaving_cases import BAD, CASES, VALID
from tests.tlsdemo.lab.test_real_clients import needed
from tests.tlsdemo.lab.trying import tried
from tlsdemo.findings import ClientVerdict, Report
from tlsdemo.lab import tester as checking

MUST = [case for case in BAD if CASES[case].severity == "must"]
ALERTS_OF_OPENSSL: Mapping[str, str | None] = {
    "certificate-verify-other-key": "decrypt_error",
    "certificate-verify-zeros": "decrypt_error",
    "certificate-verify-garbage": "decrypt_error",
    "certificate-verify-empty": "decrypt_error",
    "certificate-verify-as-client": "decrypt_error",
    "certificate-verify-replayed": "decrypt_error",
    "certificate-verify-missing": "unexpected_message",
    "copied-certificate": "decrypt_error",
    "certificate-empty": "decode_error",
    "certificate-missing": "unexpected_message",
    "unauthenticated": "unexpected_message",
    "certificate-verify-sha1": "illegal_parameter",
    "certificate-verify-pkcs1": "illegal_parameter",
    "certificate-verify-scheme": "illegal_parameter",
    "finished-wrong": "decrypt_error",
    "finished-empty": "decode_error",
    "finished-missing": None,
    "finished-skipped": "bad_record_mac",
    "version-not-offered": "illegal_parameter",
    "suite-not-offered": "illegal_parameter",
    "group-not-offered": "illegal_parameter",
    "key-share-zeros": "illegal_parameter",
    "key-share-short": "illegal_parameter",
    "key-share-missing": "missing_extension",
    "session-id-not-echoed": "illegal_parameter",
    "compression-selected": "illegal_parameter",
    "alpn-in-server-hello": "unsupported_extension",
    "second-hello-retry-request": "unexpected_message",
    "downgrade-sentinel": "illegal_parameter",
    "extension-twice": "illegal_parameter",
    "alpn-not-offered": "unsupported_extension",
    "server-name-with-content": "decode_error",
    "encrypted-extensions-twice": "unexpected_message",
    "record-of-padding": "unexpected_message",
    "record-too-long": "record_overflow",
}
"""Without ALPN in ClientHello. It accepts the extension that it did not offer."""
OFFERS_ALPN: Mapping[str, str | None] = {
    **ALERTS_OF_OPENSSL,
    "alpn-in-server-hello": "illegal_parameter",
    "alpn-not-offered": "decode_error",
}


def is_openssl_3_0() -> bool:
    """Whether the program `openssl` is of the version whose alerts are known."""
    return re.match(r"OpenSSL 3\.0\.", run(tool("openssl"), "version").stdout) is not None


@pytest.fixture(scope="session")
def reports(tester: checking.Tester) -> Callable[[str], Report]:
    """Each preset once, on all handshakes, each refusal with its control."""
    known: dict[str, Report] = {}

    def report_of(name: str, *cases: str) -> Report:
        if name not in known:
            known[name] = tried(tester, name, *cases, controls=True)
        return known[name]

    return report_of


@pytest.mark.parametrize(
    ("name", "alerts"),
    [
        ("openssl-strict", ALERTS_OF_OPENSSL),
        ("python-urllib", OFFERS_ALPN),
        ("curl", OFFERS_ALPN),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_openssl_sends_the_alert_of_each_case(
    name: str, alerts: Mapping[str, str | None], reports: Callable[..., Report]
) -> None:
    needed(name)
    found = {each.case.id: each for each in reports(name, *CASES).findings}
    refused = {case: found[case].alert for case in BAD if found[case].verdict is ClientVerdict.REFUSED}
    assert {case for case in CASES if found[case].verdict is ClientVerdict.ACCEPTED} == {
        *VALID,
        "extension-not-offered",
    }
    if is_openssl_3_0():
        assert refused == alerts


@pytest.mark.parametrize("name", ["node", "java", "wget", "gnutls-cli", "go", "git", "chromium"])
def test_other_clients_refuse_forged_proofs_and_accept_valid_handshakes(
    name: str, reports: Callable[..., Report]
) -> None:
    needed(name)
    found = {each.case.id: each for each in reports(name, *MUST, *VALID).findings}
    for case in MUST:
        assert found[case].verdict in (ClientVerdict.REFUSED, ClientVerdict.REFUSED_LATE), found[case]
        assert found[case].did.endswith("accepted the control")
    for case in VALID:
        assert found[case].verdict is ClientVerdict.ACCEPTED, found[case]
