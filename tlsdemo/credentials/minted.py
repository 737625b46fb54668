"""A small PKI in memory, each part minted when it is first used: the Source of the attacks in `tlsdemo.attack`.

    root -> issuing CA -> server, client, and the certificates that the attacker obtained from it
    attacker's root -> ...

Pure: clock, keys and serial numbers are arguments. The attacker uses one key for everything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cryptography import x509

from pki import Credential
from pki.authority import Authority, authority_name
from pki.keys import PrivateKey
from pki.profiles import CLIENT, INTERMEDIATE, SERVER
from tlsdemo.credentials import kinds
from tlsdemo.credentials.kinds import DAY, REVOKED, Kind

HOST = "localhost"
NAMES = (HOST, "127.0.0.1", "::1")


@dataclass(frozen=True)
class Mint:
    """The CAs and certificates of a World; a `kinds.Source`."""

    now: datetime
    new_key: Callable[[], PrivateKey]
    new_serial: Callable[[], int]
    names: tuple[str, ...] = NAMES
    _credentials: dict[Kind, Credential] = field(default_factory=dict, init=False, repr=False, compare=False)

    def credential(self, kind: Kind) -> Credential:
        """The one credential of that kind in this PKI."""
        if kind not in self._credentials:
            self._credentials[kind] = kind.mint(self)
        return self._credentials[kind]

    @cached_property
    def root(self) -> Authority:
        """The CA that the client trusts."""
        return kinds.root_ca(self, "tlsdemo", self.new_key())

    @property
    def root_certificate(self) -> x509.Certificate:
        """The client's trust anchor."""
        return self.root.certificate

    @cached_property
    def issuing_ca(self) -> Authority:
        """An intermediate CA below the root."""
        subject, key = authority_name("tlsdemo", "intermediate"), self.new_key()
        return self.root.subordinate(
            INTERMEDIATE, subject=subject, key=key, validity=kinds.validity(self), serial=self.new_serial()
        )

    @cached_property
    def server(self) -> Credential:
        """The server's certificate and key."""
        return kinds.issued(self, SERVER, self.names, self.new_key())

    @property
    def server_chain(self) -> tuple[x509.Certificate, ...]:
        """The chain that the server presents."""
        return self.server.chain

    @cached_property
    def client(self) -> Credential:
        """The client's certificate and key."""
        return kinds.issued(self, CLIENT, ("client.example",), self.new_key())

    @cached_property
    def crls(self) -> tuple[x509.CertificateRevocationList, ...]:
        """The CRLs of the root and of the issuing CA, which lists the credential of kind REVOKED."""
        revoked = [self.credential(REVOKED).certificate.serial_number]
        return self._crl(self.root, []), self._crl(self.issuing_ca, revoked)

    @cached_property
    def _attacker_key(self) -> PrivateKey:
        return self.new_key()

    def attacker_key(self) -> PrivateKey:
        """The one key of the attacker."""
        return self._attacker_key

    def attacker_key_like(self, certificate: x509.Certificate) -> PrivateKey:
        """The attacker's one key: all keys here have one type."""
        return self._attacker_key

    @cached_property
    def attacker_root(self) -> Authority:
        """The root CA of the attacker."""
        return kinds.attacker_root(self)

    @cached_property
    def attacker_crls(self) -> tuple[x509.CertificateRevocationList, ...]:
        """The CRL of the attacker's root CA: a client that checks revocation needs one from each CA that it trusts."""
        return (self._crl(self.attacker_root, []),)

    def _crl(self, authority: Authority, revoked: list[int]) -> x509.CertificateRevocationList:
        return authority.crl(number=1, this_update=self.now - DAY, next_update=self.now + 30 * DAY, revoked=revoked)
