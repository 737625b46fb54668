"""Test certificates for clients: one is valid, each of the others breaks one rule. EDGE: writes files.

A tester of servers can check with them whether it distinguishes a server that checks from one that does not.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509

from pki import names
from pki.authority import Authority, Credential, Validity
from pki.cases import CaseBuilder
from pki.cases.builder import DAY
from pki.profiles import CLIENT, SERVER, Profile

NAME = "client.localhost"
SOON = timedelta(days=30)


@dataclass(frozen=True)
class ClientCredentials:
    """Minted when they are first asked for."""

    builder: CaseBuilder

    @cached_property
    def credentials(self) -> Mapping[str, Credential]:
        """The credentials by their deviation."""
        return {
            "good": self._issue(self.builder.trusted.authority),
            "expired": self._issue(self.builder.trusted.authority, until=-1),
            "untrusted-ca": self._issue(self.builder.untrusted_ca.authority),
            "server-only": self._issue(self.builder.trusted.authority, SERVER),
            "revoked": self._issue(self.builder.trusted.authority),
        }

    @cached_property
    def crl(self) -> x509.CertificateRevocationList:
        """The CRL of the lab's root, with the revoked certificate."""
        return self.crl_of(self.builder.trusted.authority, self.credentials["revoked"].certificate.serial_number)

    def crl_of(self, authority: Authority, *revoked: int) -> x509.CertificateRevocationList:
        """A CRL of any CA with these serial numbers."""
        now = self.builder.now
        return authority.crl(number=1, this_update=now - DAY, next_update=now + SOON, revoked=revoked)

    def write(self, folder: Path) -> None:
        """Write `client-good.pem`, `client-good.key` and so on. Raises OSError if a file cannot be written."""
        folder.mkdir(exist_ok=True)
        for name, credential in self.credentials.items():
            (folder / f"client-{name}.pem").write_bytes(credential.chain_pem)
            with open(folder / f"client-{name}.key", "wb", opener=_private) as file:
                file.write(credential.key_pem)

    def _issue(self, authority: Authority, profile: Profile = CLIENT, until: float = 30) -> Credential:
        return authority.issue(
            profile,
            alternative_names=(names.parse(NAME),),
            key=self.builder.new_key(),
            validity=Validity(self.builder.day(-60), self.builder.day(until)),
            serial=self.builder.new_serial(),
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
