"""Other people's verifiers judge what we mint. Falsehood caught: "it is correct, for our own code accepts it"."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from pki.keys import KeyType
from tests.conftest import run, tool
from tests.pki.support import JUDGES, STRICT_3_13, by_cryptography, by_openssl, handshake

Tree = Callable[[KeyType], Path]
SIGNATURE_FAILURE = 7  # X509_V_ERR_CERT_SIGNATURE_FAILURE

every_key_type = pytest.mark.parametrize("key_type", KeyType, ids=lambda key_type: key_type.value)
# Ed25519 is outside the web profile of `cryptography`: what it says then is asserted at the end of this file.
EVERY_JUDGE_AND_KEY_TYPE = [
    pytest.param(key_type, judge, id=f"{key_type.value}-{judge}")
    for key_type in KeyType
    for judge in JUDGES
    if (key_type, judge) != (KeyType.ED25519, "cryptography")
]
by_every_judge = pytest.mark.parametrize(("key_type", "judge"), EVERY_JUDGE_AND_KEY_TYPE)


@by_every_judge
def test_every_judge_accepts_the_good_chain_and_refuses_the_rogue(tree: Tree, key_type: KeyType, judge: str) -> None:
    certs = tree(key_type)
    good = JUDGES[judge](certs / "root.pem", certs / "server.pem")
    rogue = JUDGES[judge](certs / "root.pem", certs / "rogue/server.pem")
    assert good.accepted, good.words
    assert not rogue.accepted
    assert "signature" in rogue.words or judge == "cryptography", "refused, but for another reason"


@by_every_judge
def test_every_judge_accepts_the_rogue_under_the_attackers_own_anchor(
    tree: Tree, key_type: KeyType, judge: str
) -> None:
    certs = tree(key_type)
    control = JUDGES[judge](certs / "rogue/ca.pem", certs / "rogue/server.pem")
    assert control.accepted, control.words


@by_every_judge
def test_every_judge_refuses_another_name(tree: Tree, key_type: KeyType, judge: str) -> None:
    certs = tree(key_type)
    assert not JUDGES[judge](certs / "root.pem", certs / "server.pem", "evil.test").accepted


@every_key_type
@pytest.mark.parametrize("sent", [False, True], ids=["ca-not-sent", "ca-sent"])
def test_openssl_refuses_the_rogue_for_its_signature_alone(tree: Tree, key_type: KeyType, sent: bool) -> None:
    certs = tree(key_type)
    more: list[str | Path] = ["-untrusted", certs / "rogue/ca.pem"] if sent else []
    judged = by_openssl(certs / "root.pem", certs / "rogue/server.pem", "localhost", *more)
    assert "error 7 at 0 depth lookup: certificate signature failure" in judged.words
    assert judged.words.count(" depth lookup: ") == 1


@every_key_type
@pytest.mark.parametrize("flags", [ssl.VERIFY_DEFAULT, STRICT_3_13], ids=["python-3.11", "python-3.13"])
@pytest.mark.parametrize("sent", [False, True], ids=["ca-not-sent", "ca-sent"])
def test_tls_refuses_the_rogue_with_verify_code_7(
    tree: Tree, key_type: KeyType, sent: bool, flags: ssl.VerifyFlags
) -> None:
    certs = tree(key_type)
    chain = (certs / "rogue/server.pem").read_text() + ((certs / "rogue/ca.pem").read_text() if sent else "")
    key = (certs / "rogue/server.key").read_text()
    refused = handshake(certs / "root.pem", chain, key, name="localhost", flags=flags)
    assert refused is not None
    assert refused.verify_code == SIGNATURE_FAILURE


@every_key_type
def test_openssl_accepts_the_good_chain_with_revocation_checked(tree: Tree, key_type: KeyType) -> None:
    certs = tree(key_type)
    crl = ("-crl_check_all", "-CRLfile", certs / "crl.pem")
    judged = by_openssl(certs / "root.pem", certs / "server.pem", "localhost", *crl)
    assert judged.accepted, judged.words


@every_key_type
def test_openssl_finds_every_crl_well_signed(tree: Tree, key_type: KeyType, tmp_path: Path) -> None:
    certs = tree(key_type)
    end = "-----END X509 CRL-----\n"
    lists = [text + end for text in (certs / "crl.pem").read_text().split(end) if text]
    for text, issuer in zip(lists, ("root", "intermediate"), strict=True):
        (tmp_path / "crl.pem").write_text(text)
        done = run(tool("openssl"), "crl", "-in", tmp_path / "crl.pem", "-CAfile", certs / f"{issuer}.pem", "-noout")
        assert "verify OK" in done.stderr


@every_key_type
def test_the_client_certificate_is_good_for_a_client_and_not_for_a_server(tree: Tree, key_type: KeyType) -> None:
    certs = tree(key_type)
    client = certs / "client.pem"
    command: list[str | Path] = [
        tool("openssl"),
        "verify",
        "-x509_strict",
        "-CAfile",
        certs / "root.pem",
        "-untrusted",
        client,
    ]
    assert run(*command, "-purpose", "sslclient", client).returncode == 0
    assert "error 26" in run(*command, "-purpose", "sslserver", client).stderr  # X509_V_ERR_INVALID_PURPOSE


@pytest.mark.parametrize("name", ["127.0.0.1", "::1"])
def test_the_default_addresses_are_names_of_the_server(certs: Path, name: str) -> None:
    chain, key = (certs / "server.pem").read_text(), (certs / "server.key").read_text()
    assert handshake(certs / "root.pem", chain, key, name=name) is None


def test_cryptography_refuses_an_ed25519_chain_and_says_that_the_key_is_why(tree: Tree) -> None:
    certs = tree(KeyType.ED25519)
    judged = by_cryptography(certs / "root.pem", certs / "server.pem")
    assert not judged.accepted
    assert "Forbidden public key algorithm" in judged.words
