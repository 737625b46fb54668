"""Whom a client believes, and why not: each refusal with its check, and with its control, which is believed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed448

from pki import Credential, keys, names, verify
from pki.files import read_credential
from pki.keys import KeyType
from tests.edu.parties import parties
from tlsdemo.credentials import self_signed, stranger
from tlsdemo.edu.rungs import CA, MUTUAL, SIGNED, edu
from tlsdemo.edu.violations import ProtocolError, Violation
from tlsdemo.protocol import Outcome, Party, Protection, Side, converse

Case = Callable[[Path, Party, Party], tuple[Party, Party]]
WITHOUT_LISTS = CA - {Protection.REVOCATION}


def talk(client: Party, server: Party, claims: frozenset[Protection] = CA) -> Outcome:
    return converse(edu(claims).client(client), edu(claims).server(server), lines=[(Side.CLIENT, b"hello\n")])


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
    return client, replace(server, credential=self_signed(client.anchors[0], ["localhost"]))


def a_stranger(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
    return client, replace(server, credential=stranger(["localhost"])[0])


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
    (vouches_for_itself, Violation.UNTRUSTED, "chain", "vouches for itself"),
    (a_stranger, Violation.UNTRUSTED, "chain", "which is neither trusted nor sent"),
    (without_the_intermediate, Violation.UNTRUSTED, "chain", "which is neither trusted nor sent"),
    (another_name, Violation.WRONG_NAME, "name", "not valid for 'shop.example'; presented: DNS:localhost"),
    (no_name_asked_for, Violation.WRONG_NAME, "name", "no name was asked for"),
    (expired, Violation.OUT_OF_DATE, "dates", "expired on"),
    (not_yet_valid, Violation.OUT_OF_DATE, "dates", "is not valid before"),
    (a_clients_certificate, Violation.WRONG_PURPOSE, "purpose", "may not be used by a server"),
    (no_lists, Violation.REVOKED, "revocation", "no revocation list was given"),
    (revoked, Violation.REVOKED, "revocation", "CN=localhost"),
    (a_stale_list, Violation.REVOKED, "revocation", ""),
    (a_forged_list, Violation.REVOKED, "revocation", "was not signed by its key"),
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


@pytest.mark.parametrize("case", [case for case, *_ in CASES], ids=lambda case: case.__name__)
def test_the_reason_is_that_of_pki_verify(certs: Path, case: Case) -> None:
    client, server = case(certs, *parties(certs))
    error = refusal(talk(client, server), Side.CLIENT)
    assert server.credential
    verdict = verify(
        server.credential.certificate,
        intermediates=server.credential.issuers,
        trust_anchors=client.anchors,
        name=client.name,
        at=client.clock(),
        crls=client.crls,
    )
    expected = verdict.failure or next(check for check in verdict.checks if check.name in ("name", "revocation"))
    assert error.check
    assert (error.check.name, error.check.section) == (expected.name, expected.section) or not verdict.failure


LOOSE: list[tuple[Case, frozenset[Protection]]] = [
    (rogue, SIGNED),
    (vouches_for_itself, SIGNED),
    (a_stranger, SIGNED),
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
    assert (outcome.client.error, outcome.server.error, outcome.server.delivered) == (None, None, b"hello\n")


def test_control_the_same_rogue_is_believed_under_his_own_anchor(certs: Path) -> None:
    client, server = rogue(certs, *parties(certs))
    anchor = x509.load_pem_x509_certificate((certs / "rogue/ca.pem").read_bytes())
    outcome = talk(replace(client, anchors=(anchor,)), server, WITHOUT_LISTS)
    assert outcome.server.delivered == b"hello\n"


def test_certificates_of_trustme_work_when_its_root_is_trusted(certs: Path) -> None:
    client, server = parties(certs)
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in leaf.cert_chain_pems]
    credential = Credential(keys.from_pem(leaf.private_key_pem.bytes()), chain[0], tuple(chain[1:]))
    root = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    outcome = talk(replace(client, anchors=(root,)), replace(server, credential=credential), WITHOUT_LISTS)
    assert (outcome.client.error, outcome.server.delivered) == (None, b"hello\n")
    outcome = talk(client, replace(server, credential=credential), WITHOUT_LISTS)
    assert refusal(outcome, Side.CLIENT).violation is Violation.UNTRUSTED


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


def test_a_key_that_cannot_sign_a_conversation_is_refused_as_that(certs: Path) -> None:
    client, server = parties(certs)
    key = ed448.Ed448PrivateKey.generate()
    name = x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + timedelta(1)).sign(key, None)
    )  # fmt: skip
    assert server.credential
    odd = replace(server, credential=replace(server.credential, certificate=certificate, issuers=()))
    assert refusal(talk(client, odd, SIGNED), Side.CLIENT).violation is Violation.WEAK_KEY
