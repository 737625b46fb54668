"""Whom a client believes, and why not: each refusal with its check, and with its control, which is believed."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pki import Credential, keys, names
from pki.keys import KeyType
from pki.path import verify
from pki.store.files import read_credential
from tests.tlsdemo.edu.parties import ORDER, Editor, a_certificate_for_ed448, believed, parties, talk
from tlsdemo.conversation import Outcome
from tlsdemo.credentials.folder import Folder
from tlsdemo.credentials.kinds import SELF_SIGNED, UNTRUSTED_CA
from tlsdemo.edu.protocol import CA, MUTUAL, SIGNED
from tlsdemo.protocol import Party, Protection, Side
from tlsdemo.violations import ProtocolError, Violation

Case = Callable[[Path, Party, Party], tuple[Party, Party]]
WITHOUT_LISTS = CA - {Protection.REVOCATION}


def refusal(outcome: Outcome, side: Side) -> ProtocolError:
    error = outcome[side].error
    assert isinstance(error, ProtocolError), error
    assert outcome.server.delivered == b""
    return error


def later(days: int) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(days)


def rogue(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return client, replace(server, credential=read_credential(certs / "rogue/server.pem", certs / "rogue/server.key"))


def vouches_for_itself(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return client, replace(server, credential=Folder(certs).credential(SELF_SIGNED))


def by_an_untrusted_ca(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return client, replace(server, credential=Folder(certs).credential(UNTRUSTED_CA))


def without_the_intermediate(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    assert server.credential
    return client, replace(server, credential=replace(server.credential, issuers=()))


def another_name(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return replace(client, name=names.reference("shop.example")), server


def no_name_asked_for(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return replace(client, name=None), server


def expired(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return replace(client, clock=later(200)), server


def not_yet_valid(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return replace(client, clock=later(-200)), server


def a_clients_certificate(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return client, replace(server, credential=client.credential)


def no_lists(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return replace(client, crls=()), server


def a_list_of(certs: Path, client: Party, key: keys.PrivateKey, days: int, *revoked: x509.Certificate) -> Party:
    """The client with another list of the intermediate."""
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(client.crls[1].issuer)
    builder = builder.last_update(now - timedelta(10)).next_update(now + timedelta(days))
    builder = builder.add_extension(x509.CRLNumber(1), critical=False)
    for certificate in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now)
        builder = builder.add_revoked_certificate(entry.build())
    return replace(client, crls=(client.crls[0], builder.sign(key, hashes.SHA256())))


def intermediate_key(certs: Path) -> keys.PrivateKey:
    return keys.from_pem((certs / "intermediate.key").read_bytes())


def revoked(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    assert server.credential
    return a_list_of(certs, client, intermediate_key(certs), 10, server.credential.certificate), server


def a_stale_list(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return a_list_of(certs, client, intermediate_key(certs), -1), server


def a_forged_list(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return a_list_of(certs, client, keys.generate(KeyType.EC_P256), 10), server


CASES: list[tuple[Case, Violation, str, str]] = [
    (rogue, Violation.FORGED, "chain", "did not sign CN=localhost"),
    (vouches_for_itself, Violation.UNTRUSTED, "chain", "is self-signed"),
    (by_an_untrusted_ca, Violation.UNTRUSTED, "chain", "whose certificate is neither trusted nor present"),
    (
        without_the_intermediate,
        Violation.UNTRUSTED,
        "chain",
        "whose certificate is neither trusted nor present",
    ),
    (another_name, Violation.WRONG_NAME, "name", "not valid for 'shop.example'; presented: DNS:localhost"),
    (no_name_asked_for, Violation.WRONG_NAME, "name", "no name was given"),
    (expired, Violation.OUT_OF_DATE, "dates", "expired on"),
    (not_yet_valid, Violation.OUT_OF_DATE, "dates", "is not valid before"),
    (a_clients_certificate, Violation.WRONG_PURPOSE, "purpose", "is not valid for a server"),
    (no_lists, Violation.REVOKED, "revocation", "no CRL was given"),
    (revoked, Violation.REVOKED, "revocation", "CN=localhost"),
    (a_stale_list, Violation.REVOKED, "revocation", ""),
    (a_forged_list, Violation.REVOKED, "revocation", "is not signed by its issuer's key"),
]


@pytest.mark.parametrize(("case", "violation", "check", "words"), CASES, ids=lambda each: getattr(each, "__name__", ""))
@pytest.mark.parametrize("rung", [CA, MUTUAL], ids=["ca", "mutual"])
def test_the_client_refuses_and_says_which_check(
    certs: Path, case: Case, violation: Violation, check: str, words: str, rung: frozenset[Protection]
) -> None:
    client, server = case(certs, *parties(certs))
    outcome = talk(client, server, rung)
    error = refusal(outcome, Side.CLIENT)
    assert error.violation is violation
    assert error.check
    assert error.check.name == check
    assert words in error.check.detail
    heard = refusal(outcome, Side.SERVER)
    assert heard.violation is Violation.ALERT
    assert heard.detail.startswith(f"{violation.alert}: ")


LOOSE: list[tuple[Case, frozenset[Protection]]] = [
    (rogue, SIGNED),
    (vouches_for_itself, SIGNED),
    (by_an_untrusted_ca, SIGNED),
    (another_name, CA - {Protection.NAME}),
    (expired, CA - {Protection.VALIDITY, Protection.REVOCATION}),
    (revoked, WITHOUT_LISTS),
    (a_stale_list, WITHOUT_LISTS),
    (no_lists, WITHOUT_LISTS),
]


@pytest.mark.parametrize(("case", "claims"), LOOSE, ids=lambda each: getattr(each, "__name__", ""))
def test_who_does_not_claim_the_protection_believes(certs: Path, case: Case, claims: frozenset[Protection]) -> None:
    client, server = case(certs, *parties(certs))
    outcome = talk(client, server, claims)
    assert (outcome.client.error, outcome.server.error, outcome.server.delivered) == (None, None, ORDER[1])


def one_days_list(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return a_list_of(certs, client, intermediate_key(certs), 1), server


def a_list_with_another(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    assert client.credential
    return a_list_of(certs, client, intermediate_key(certs), 10, client.credential.certificate), server


def one_of_its_names(name: str) -> Case:
    return lambda certs, client, server: (replace(client, name=names.reference(name)), server)


def on_day(day: int) -> Case:
    return lambda certs, client, server: (replace(client, clock=later(day)), server)


CONTROLS: dict[str, tuple[Case, frozenset[Protection]]] = {
    "nothing is wrong": (lambda certs, client, server: (client, server), CA),
    "the name that it has": (one_of_its_names("localhost"), CA),
    "the address that it has": (one_of_its_names("127.0.0.1"), CA),
    "the last day": (on_day(89), WITHOUT_LISTS),
    "the first day": (on_day(0), WITHOUT_LISTS),
    "somebody else was revoked": (a_list_with_another, CA),
    "the list ends tomorrow": (one_days_list, CA),
}


@pytest.mark.parametrize("control", CONTROLS)
def test_control_with_the_deviation_undone_it_is_believed(certs: Path, control: str) -> None:
    case, claims = CONTROLS[control]
    client, server = case(certs, *parties(certs))
    assert believed(talk(client, server, claims))


MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"
VALUES: list[tuple[Case, str]] = [
    (rogue, r"the key of CN=.* root did not sign CN=localhost: the issuer name matches, the signature does not"),
    (vouches_for_itself, r"CN=localhost is self-signed, and not a trust anchor"),
    (
        without_the_intermediate,
        r"CN=localhost names the issuer CN=.* intermediate,O=.*, whose certificate is neither trusted nor present",
    ),
    (another_name, r"the certificate is not valid for 'shop\.example'; presented: DNS:localhost, .*"),
    (expired, rf"CN=localhost expired on {MOMENT}; the time is {MOMENT}"),
    (not_yet_valid, rf"CN=localhost is not valid before {MOMENT}; the time is {MOMENT}"),
    (a_clients_certificate, r"CN=.* is not valid for a server: its extended key usage is clientAuth"),
    (revoked, r"CN=localhost was revoked on \d{4}-\d\d-\d\d \d\d:\d\dZ"),
    (a_stale_list, r"the CRL of CN=.* intermediate is stale: it expired on \d{4}-\d\d-\d\d"),
    (a_forged_list, r"the CRL of CN=.* intermediate is not signed by its issuer's key"),
]


@pytest.mark.parametrize(("case", "words"), VALUES, ids=lambda each: getattr(each, "__name__", ""))
def test_the_error_is_the_check_of_pki_with_both_values(certs: Path, case: Case, words: str) -> None:
    client, server = case(certs, *parties(certs))
    moment = client.clock()
    client = replace(client, clock=lambda: moment)
    error = refusal(talk(client, server), Side.CLIENT)
    assert server.credential
    verdict = verify(
        server.credential.certificate, intermediates=server.credential.issuers, trust_anchors=client.anchors,
        name=client.name, at=moment, crls=client.crls,
    )  # fmt: skip
    assert error.check
    assert error.check == verdict.failure
    assert re.fullmatch(words, error.check.detail), error.check.detail
    assert str(error) == f"{error.violation.sentence}: {error.check.detail}"


def test_control_the_rogue_certificate_is_accepted_under_the_rogue_root(certs: Path) -> None:
    client, server = rogue(certs, *parties(certs))
    anchor = x509.load_pem_x509_certificate((certs / "rogue/ca.pem").read_bytes())
    outcome = talk(replace(client, anchors=(anchor,)), server, WITHOUT_LISTS)
    assert outcome.server.delivered == ORDER[1]


def of_trustme(authority: trustme.CA, name: str) -> Credential:
    leaf = authority.issue_cert(name)
    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in leaf.cert_chain_pems]
    return Credential(keys.from_pem(leaf.private_key_pem.bytes()), chain[0], tuple(chain[1:]))


def test_certificates_of_trustme_work_when_its_root_is_trusted(certs: Path) -> None:
    client, server = parties(certs)
    authority = trustme.CA()
    server = replace(server, credential=of_trustme(authority, "localhost"))
    root = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    assert believed(talk(replace(client, anchors=(root,)), server, WITHOUT_LISTS))
    assert refusal(talk(client, server, WITHOUT_LISTS), Side.CLIENT).violation is Violation.UNTRUSTED
    unlisted = talk(replace(client, anchors=(root,)), server, CA)
    assert refusal(unlisted, Side.CLIENT).violation is Violation.REVOKED


# The client shows one, too ------------------------------------------------------------------------------------------


def test_a_server_refuses_a_servers_certificate_from_a_client(certs: Path) -> None:
    client, server = parties(certs)
    outcome = talk(replace(client, credential=server.credential), server, MUTUAL)
    assert refusal(outcome, Side.SERVER).violation is Violation.WRONG_PURPOSE
    assert outcome.client.accepted, "it believes that it is connected until its next read, as in TLS 1.3"
    assert refusal(outcome, Side.CLIENT).violation is Violation.ALERT


def test_a_server_refuses_a_client_that_has_copied_a_certificate(certs: Path) -> None:
    client, server = parties(certs)
    assert client.credential
    copied = replace(client.credential, key=keys.generate(KeyType.EC_P256))
    outcome = talk(replace(client, credential=copied), server, MUTUAL)
    assert refusal(outcome, Side.SERVER).violation is Violation.BAD_SIGNATURE


def clients(change: Case) -> Case:
    """What is wrong with the server in that case is wrong with the client in this one."""

    def case(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
        judging, shown = change(certs, server, client)
        return shown, judging

    return case


OF_CLIENTS: list[tuple[Case, Violation, str]] = [
    (rogue, Violation.FORGED, "did not sign"),
    (vouches_for_itself, Violation.UNTRUSTED, "is self-signed"),
    (without_the_intermediate, Violation.UNTRUSTED, "whose certificate is neither trusted nor present"),
    (expired, Violation.OUT_OF_DATE, "expired on"),
    (not_yet_valid, Violation.OUT_OF_DATE, "is not valid before"),
    (no_lists, Violation.REVOKED, "no CRL was given"),
    (revoked, Violation.REVOKED, "was revoked on"),
    (a_stale_list, Violation.REVOKED, "is stale"),
    (a_forged_list, Violation.REVOKED, "is not signed by its issuer's key"),
]


@pytest.mark.parametrize(
    ("case", "violation", "words"), OF_CLIENTS, ids=lambda each: each.__name__ if callable(each) else ""
)
def test_the_server_refuses_a_client_for_the_same_reasons(
    certs: Path, case: Case, violation: Violation, words: str
) -> None:
    client, server = clients(case)(certs, *parties(certs))
    outcome = talk(client, server, MUTUAL)
    error = refusal(outcome, Side.SERVER)
    assert error.violation is violation
    assert words in error.detail
    assert refusal(outcome, Side.CLIENT).detail == f"{violation.alert}: {error}"


def test_whichever_client_a_trusted_authority_vouches_for_may_come_in(certs: Path) -> None:
    client, server = parties(certs)
    authority = trustme.CA()
    anchor = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    client = replace(client, credential=of_trustme(authority, "alice@example.test"))
    vouched = replace(server, anchors=(anchor,))
    assert believed(talk(client, vouched, MUTUAL - {Protection.REVOCATION}))
    outcome = talk(client, server, MUTUAL - {Protection.REVOCATION})
    assert refusal(outcome, Side.SERVER).violation is Violation.UNTRUSTED


@pytest.mark.parametrize("nobody", Side, ids=lambda side: side.value)
def test_who_has_nothing_to_show_says_so_and_is_not_let_in(certs: Path, nobody: Side) -> None:
    party = dict(zip(Side, parties(certs), strict=True))
    party[nobody] = replace(party[nobody], credential=None)
    outcome = talk(party[Side.CLIENT], party[Side.SERVER], MUTUAL)
    error = refusal(outcome, nobody)
    assert error.violation is Violation.NO_CERTIFICATE
    assert error.detail == f"this rung requires one from the {nobody.value}"
    assert refusal(outcome, nobody.other).detail == f"certificate_required: {error}"


@pytest.mark.parametrize("garbage", ["30", "3000", "00" * 1000, "30820001" + "ff" * 40])
def test_what_is_no_certificate_is_refused_as_that(certs: Path, garbage: str) -> None:
    for sender in Side:
        editor = Editor(sender, "certificate", lambda entries: [{**entries, "chain": [garbage]}])
        error = refusal(talk(*parties(certs), MUTUAL, editor), sender.other)
        assert error.violation is Violation.BAD_CERTIFICATE
        assert error.detail


def test_a_key_that_cannot_sign_a_conversation_is_refused_as_that(certs: Path) -> None:
    client, server = parties(certs)
    assert server.credential
    odd = replace(server, credential=replace(server.credential, certificate=a_certificate_for_ed448(), issuers=()))
    assert refusal(talk(client, odd, SIGNED), Side.CLIENT).violation is Violation.WEAK_KEY
