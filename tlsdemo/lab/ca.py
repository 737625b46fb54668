"""The CA of one lab, and certificates that several cases share, minted when they are first used."""

import ssl
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from cryptography import x509

from pki import keys, names
from pki.authority import Credential, authority_name
from pki.cases import CATALOGUE, CaseBuilder
from pki.cases.minting import case_builder
from pki.profiles import ROOT
from pki.publish.server import Publisher
from tlsdemo.findings import GOOD
from tlsdemo.lab.client_credentials import ClientCredentials
from tlsdemo.lab.context import lab_context

HOME = "localhost"
"""The host of every case. All clients resolve it, and the case's own port needs no server_name."""
ADDRESSES = ("127.0.0.1", "::1")
NAME = "tlsdemo lab"
ROOT_NAME = authority_name(NAME, ROOT.name)
"""The subject of a lab's root. `--ca-out` replaces the certificate of an earlier lab, and no other."""
Pem = tuple[bytes, bytes]
"""A certificate chain and its key."""


@dataclass(frozen=True)
class LabCA:
    """The root of one lab, with its key, and where it publishes CRLs and OCSP responses."""

    builder: CaseBuilder
    publisher: Publisher

    @classmethod
    def new(cls, now: datetime, publisher: Publisher) -> "LabCA":
        """A CA with a new root."""
        return cls(new_root(now), publisher)

    @property
    def root(self) -> x509.Certificate:
        """The trust anchor of the lab's clients."""
        return self.builder.root

    def builder_for(self, case_id: str, locations: tuple[x509.ExtensionType, ...] = ()) -> CaseBuilder:
        """A builder for the certificates of a case, with the names of this case."""
        return replace(self.builder, alternative_names=local_names(case_id), locations=locations)

    @cached_property
    def good(self) -> Pem:
        """A valid certificate, for cases that are not about the server's certificate."""
        served = CATALOGUE[GOOD].mint(self.builder).served
        return served.chain_pem, served.key_pem

    @cached_property
    def good_rsa(self) -> Pem:
        """A valid certificate with an RSA key, which old cipher suites need."""
        served = self.builder.serve(leaf_key=self.builder.rsa_key(2048))
        return served.chain_pem, served.key_pem

    @cached_property
    def good_credential(self) -> Credential:
        """The same as `good`, for a server of our TLS 1.3."""
        return _parsed(self.good)

    @cached_property
    def good_rsa_credential(self) -> Credential:
        """The same as `good_rsa`, for a server of our TLS 1.3."""
        return _parsed(self.good_rsa)

    @cached_property
    def clients(self) -> ClientCredentials:
        """The test certificates for clients."""
        return ClientCredentials(self.builder)

    def good_context(self) -> ssl.SSLContext:
        """A new context with the valid certificate."""
        return lab_context(self.good)


def _parsed(pem: Pem) -> Credential:
    chain, key = pem
    leaf, *issuers = x509.load_pem_x509_certificates(chain)
    return Credential(keys.from_pem(key), leaf, tuple(issuers))


def new_root(now: datetime) -> CaseBuilder:
    """A builder for the certificates of a lab, with a new root."""
    return case_builder(local_names("lab"), now, NAME)


def local_names(case_id: str) -> tuple[x509.GeneralName, ...]:
    """The names of a valid certificate for this case."""
    return tuple(map(names.parse, (HOME, f"{case_id}.{HOME}", *ADDRESSES)))
