"""The other direction: ports that ask for the client's certificate, one that checks it well, and others that do not.

With the clients' certificates beside them, one good and each of the others wrong in one way, whoever tests servers can
see that his tester tells them apart.
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
from pki.cases import CaseBuilder, Must, Severity
from pki.cases.builder import DAY
from pki.profiles import CLIENT, SERVER, Profile
from tlsdemo.findings import Case
from tlsdemo.lab.case import case
from tlsdemo.lab.conversation import Show, facts, over_tls
from tlsdemo.tls.context import ClientCheck, lab_context
from tlsdemo.tls.server_name import listen_for_names

THEME = "clients"
CLAUSE = "RFC 8446 §4.4.2.4"
NAME = "client.localhost"
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Cloakroom:
    """What these cases are made from: a good certificate of the server's, and who is trusted to vouch for clients."""

    room: CaseBuilder
    shown: tuple[bytes, bytes]
    case: Case
    papers: "Papers"

    def asking(self, check: ClientCheck, *also: Authority, lists: bool = True) -> Show:
        """A conversation with somebody who is asked who he is. `also` are trusted besides the lab's authority."""
        trust = (self.room.root, *(each.certificate for each in also))
        crls = (self.papers.crl, *(self.papers.crl_of(each) for each in also)) if lists else ()
        context = lab_context(self.shown, clients=check, client_trust=trust, crls=crls)
        listen_for_names(context)
        return over_tls(context, lambda visit: facts(self.case, visit))


@dataclass(frozen=True)
class Papers:
    """The clients' certificates."""

    room: CaseBuilder

    @cached_property
    def credentials(self) -> Mapping[str, Credential]:
        """By what is wrong with them."""
        return {
            "good": self._issue(self.room.trusted.authority),
            "expired": self._issue(self.room.trusted.authority, until=-1),
            "stranger": self._issue(self.room.untrusted_ca.authority),
            "server-only": self._issue(self.room.trusted.authority, SERVER),
            "revoked": self._issue(self.room.trusted.authority),
        }

    @cached_property
    def crl(self) -> x509.CertificateRevocationList:
        """Has one of them."""
        return self.crl_of(self.room.trusted.authority, self.credentials["revoked"].certificate.serial_number)

    def crl_of(self, authority: Authority, *revoked: int) -> x509.CertificateRevocationList:
        """A list of any authority, with these serials."""
        now = self.room.now
        return authority.crl(number=1, this_update=now - DAY, next_update=now + SOON, revoked=revoked)

    def write(self, folder: Path) -> None:
        """`client-good.pem`, `client-good.key` and so on; an OSError where that cannot be."""
        folder.mkdir(exist_ok=True)
        for name, credential in self.credentials.items():
            (folder / f"client-{name}.pem").write_bytes(credential.chain_pem)
            with open(folder / f"client-{name}.key", "wb", opener=_private) as file:
                file.write(credential.key_pem)

    def _issue(self, authority: Authority, profile: Profile = CLIENT, until: float = 30) -> Credential:
        return authority.issue(
            profile,
            alternative_names=(names.parse(NAME),),
            key=self.room.new_key(),
            validity=Validity(self.room.day(-60), self.room.day(until)),
            serial=self.room.new_serial(),
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@case(THEME, CLAUSE, Severity.INFORMATIONAL, must=Must.ACCEPT, aliases=("client",))
def client_cert_required(given: Cloakroom) -> Show:
    """It asks for the client's certificate, and checks all of it: chain, dates, purpose, revocation."""
    return given.asking(ClientCheck.WELL)


@case(THEME, CLAUSE, Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_optional(given: Cloakroom) -> Show:
    """It asks for the client's certificate, and lets in who shows none: then it depends on what the program does."""
    return given.asking(ClientCheck.IF_THEY_LIKE_FOR_THE_LAB)


@case(THEME, "RFC 5280 §6.1.3 (a)(2)", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_any_time(given: Cloakroom) -> Show:
    """It checks the client's certificate, but not the dates: who has left the company is still let in."""
    return given.asking(ClientCheck.ANY_TIME_FOR_THE_LAB)


@case(THEME, "RFC 5280 §6.1.1 (d)", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_any_authority(given: Cloakroom) -> Show:
    """It trusts another authority for clients, too, as servers do that trust all the web's authorities: anybody's."""
    return given.asking(ClientCheck.WELL, given.room.untrusted_ca.authority)


@case(THEME, "RFC 5280 §6.3", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_not_revoked(given: Cloakroom) -> Show:
    """It has no revocation list: who was thrown out walks in again."""
    return given.asking(ClientCheck.WELL, lists=False)
