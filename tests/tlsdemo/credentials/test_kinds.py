"""Credentials that are declared once. Falsehood caught: two sources that make different things of one declaration."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import Credential, names
from pki.errors import Problem
from pki.keys import KeyType
from tests.conftest import run, tool
from tlsdemo.attack.catalogue import ATTACKS
from tlsdemo.attack.real_world import world
from tlsdemo.cli.main import AttackerCredential, CredentialName
from tlsdemo.credentials import kinds
from tlsdemo.credentials.folder import Folder
from tlsdemo.credentials.kinds import BY_ID, KINDS, Kind, Source

OPENSSL_CODES: Mapping[str, int] = {
    "server": 0,
    "rogue": 7,  # signature
    "self-signed": 18,
    "untrusted-ca": 20,  # no issuer
    "stolen": 0,
    "copied": 0,  # the attacker fails to prove possession, not here
    "other-host": 62,  # host name
    "expired": 10,
    "stolen-ca": 0,
    "leaf-as-ca": 79,  # a CA certificate that is not one
    "revoked": 23,
    "by-installed-root": 20,
    "copied-client": 0,
    "self-signed-client": 18,
}
"""By kind: what `openssl verify` finds, with the root as its trust anchor (x509_vfy.h)."""
OWN = {"server", "stolen"}
PRESENTED = {"copied", "copied-client"}
"""Certificates of others: the key is the attacker's."""


class InMemory:
    """The Source of the attacks."""

    def __init__(self, certs: Path) -> None:
        self.source = world(KeyType.EC_P256).mint
        self.crls = self.source.crls

    def credential(self, kind: Kind) -> Credential:
        return self.source.credential(kind)


class InAFolder:
    """The Source of the commands."""

    def __init__(self, certs: Path) -> None:
        self.source = Folder(certs)
        self.crls = self.source.crls

    def credential(self, kind: Kind) -> Credential:
        return self.source.credential(kind)


SOURCES = [InMemory, InAFolder]
Where = InMemory | InAFolder


@pytest.fixture(params=SOURCES, ids=lambda source: source.__name__)
def where(request: pytest.FixtureRequest, certs: Path) -> Where:
    made: Where = request.param(certs)
    return made


def openssl_code(
    presented: Credential, source: Source, crls: tuple[x509.CertificateRevocationList, ...], tmp_path: Path
) -> int:
    """The first error that `openssl verify` finds in what is presented; 0 if there is none."""

    def pem(name: str, *content: x509.Certificate | x509.CertificateRevocationList) -> Path:
        (tmp_path / name).write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in content))
        return tmp_path / name

    is_client = source.client.certificate.subject == presented.certificate.subject
    done = run(
        tool("openssl"), "verify", "-CAfile", pem("root.pem", source.root_certificate),
        "-CRLfile", pem("crls.pem", *crls), "-crl_check",
        *(("-untrusted", pem("issuers.pem", *presented.issuers)) if presented.issuers else ()),
        *(() if is_client else ("-verify_hostname", "localhost")),
        "-purpose", "sslclient" if is_client else "sslserver", pem("leaf.pem", presented.certificate),
    )  # fmt: skip
    found = re.findall(r"^error (\d+) at", done.stderr, re.MULTILINE)
    return int(found[0]) if found else done.returncode


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_each_kind_has_its_one_fault_in_memory_and_from_a_folder(where: Where, kind: Kind, tmp_path: Path) -> None:
    presented = where.credential(kind)
    is_listed = isinstance(where, InMemory)  # the CRL of a folder does not list what is minted here
    expected = 0 if kind is kinds.REVOKED and not is_listed else OPENSSL_CODES[kind.id]
    assert openssl_code(presented, where.source, where.crls, tmp_path) == expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_only_a_copied_certificate_has_another_key(where: Where, kind: Kind) -> None:
    found = where.credential(kind)
    has_its_key = found.key.public_key() == found.certificate.public_key()
    assert has_its_key is (kind.id not in PRESENTED)
    assert (found.key.public_key() == where.source.server.key.public_key()) is (kind.id in OWN)


def test_every_kind_is_offered_or_used_by_an_attack() -> None:
    assert len(BY_ID) == len(KINDS) == len(OPENSSL_CODES)
    assert all(kind.serve or kind.mitm or kind.attack for kind in KINDS)
    assert all(attack.presents.mitm for attack in ATTACKS if attack.presents)


def test_the_options_offer_the_kinds_that_have_a_text_for_them() -> None:
    assert [each.value for each in CredentialName] == [kind.id for kind in KINDS if kind.serve]
    assert [each.value for each in AttackerCredential] == [kind.id for kind in KINDS if kind.mitm]


def test_in_memory_a_kind_is_minted_once(certs: Path) -> None:
    memory = InMemory(certs)
    assert memory.credential(kinds.EXPIRED) is memory.credential(kinds.EXPIRED)


@pytest.mark.parametrize("asked", ["shop.example", "192.0.2.7", "2001:db8::7"])
def test_the_stolen_ca_certifies_any_name(certs: Path, asked: str) -> None:
    minted = Folder(certs).minting_for(asked).credential(kinds.STOLEN_CA)
    (name,) = names.of_certificate(minted.certificate)
    assert names.plain(name) == asked


@pytest.mark.parametrize("asked", ["", "a b", "*.example.com", "x" * 64 + ".example"])
def test_what_is_not_a_name_is_a_problem(certs: Path, asked: str) -> None:
    with pytest.raises(Problem, match="no certificate can be minted"):
        Folder(certs).minting_for(asked)


def test_a_folder_without_files_names_the_command_that_makes_them(tmp_path: Path) -> None:
    for kind in KINDS:
        if kind not in (kinds.UNTRUSTED_CA, kinds.BY_INSTALLED_ROOT):  # which need names alone
            with pytest.raises(Problem) as caught:
                Folder(tmp_path).credential(kind)
            assert "pki init" in (caught.value.hint or ""), kind.id
