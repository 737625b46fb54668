"""The verdicts of independent verifiers on the same request, each through its own interface."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pki import names
from pki.cli import case_text
from pki.path import judge
from pki.path.request import Request
from pki.store.files import read_certificates, read_crls
from pki.verdict import PathProfile, Purpose
from pki.verifiers import opinions
from tests.conftest import tool
from tests.pki.cases.test_cases import minted_once


def request(certs: Path, file: str = "server.pem", name: str | None = "localhost", **changes: object) -> Request:
    leaf, *intermediates = read_certificates(certs / file)
    asked = {
        "name": names.parse(name) if name else None,
        "purpose": Purpose.SERVER,
        "at": datetime.now(UTC),
        "crls": read_crls(certs / "crl.pem"),
        "profile": PathProfile.TLS,
        "max_depth": 8,
    } | changes
    anchors = read_certificates(certs / "root.pem")
    return Request(leaf, tuple(intermediates), anchors, **asked)  # type: ignore[arg-type]  # of several types


ALL = {"cryptography", "openssl", "certtool"}


@pytest.fixture(autouse=True)
def programs() -> None:
    for program in ("openssl", "certtool"):
        tool(program)


@pytest.mark.parametrize(
    ("file", "name", "accepted"),
    [
        ("server.pem", "localhost", True),
        ("server.pem", "127.0.0.1", True),
        ("server.pem", "evil.test", False),
        ("rogue/server.pem", "localhost", False),
    ],
)
def test_all_of_them_agree_with_us_where_the_matter_is_clear(certs: Path, file: str, name: str, accepted: bool) -> None:
    asked = request(certs, file, name)
    found = {each.engine: each for each in opinions.opinions(asked)}
    assert set(found) == ALL
    assert judge(asked).accepted is accepted
    assert {each.accepted for each in found.values()} == {accepted}, found
    assert not any(each.disagrees_with(judge(asked)) for each in found.values())
    assert all(bool(each.words) is not accepted for each in found.values()), "a refusal has a reason"


def test_they_are_asked_about_the_same_moment(certs: Path) -> None:
    asked = request(certs, at=datetime.now(UTC) + timedelta(1000))
    found = {each.engine: each for each in opinions.opinions(asked)}
    assert set(found) == ALL - {"certtool"}, "GnuTLS's tool knows only now"
    assert not any(each.accepted for each in found.values())


def test_a_client_is_judged_as_a_client(certs: Path) -> None:
    asked = request(certs, "client.pem", None, purpose=Purpose.CLIENT)
    assert judge(asked).accepted
    assert all(each.accepted for each in opinions.opinions(asked))
    as_server = request(certs, "client.pem", None)
    assert not judge(as_server).accepted
    assert {each.engine for each in opinions.opinions(as_server) if not each.accepted} >= {"openssl", "certtool"}


def test_without_programs_the_library_alone_is_asked(certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert [each.engine for each in opinions.opinions(request(certs))] == ["cryptography"]


def test_without_a_trust_anchor_every_verifier_refuses(certs: Path) -> None:
    leaf, *intermediates = read_certificates(certs / "server.pem")
    name, now = x509.DNSName("localhost"), datetime.now(UTC)
    asked = Request(leaf, tuple(intermediates), (), name, Purpose.SERVER, now, (), PathProfile.TLS, 8)
    assert not judge(asked).accepted
    assert not any(each.accepted for each in opinions.opinions(asked))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", ["san-malformed-der", "sigalg-mismatch", "empty-issuer", "leaf-v1-with-extensions"])
def test_what_gnutls_cannot_load_is_refused_in_its_words(case: str) -> None:
    asked = case_text.request(minted_once(case).served, datetime.now(UTC))
    opinion = next(each for each in opinions.opinions(asked) if each.engine == "certtool")
    assert not opinion.accepted
    assert len(opinion.words.split()) > 2, opinion
