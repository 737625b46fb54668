"""Cases about the client's certificate: one server checks it completely, each of the others omits one check.

The clients' certificates beside them (`client_credentials`) show whether a tester of servers tells the servers apart.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pki.authority import Authority
from pki.cases import Must, Severity
from tlsdemo.lab.ca import LabCA
from tlsdemo.lab.case import Case, Declaration, Family, OpenedCase, on_own_port
from tlsdemo.lab.context import ClientCheck, lab_context
from tlsdemo.lab.conversation import Handler, facts, over_tls
from tlsdemo.tls.server_name import listen_for_names

CLAUSE = "RFC 8446 §4.4.2.4"


@dataclass(frozen=True)
class VerifyingServer:
    """A server with a good certificate that asks for the client's certificate."""

    ca: LabCA
    case: Case

    def asking(self, check: ClientCheck, *also: Authority, crls: bool = True) -> Handler:
        """Checks clients in this way. `also` are CAs that it trusts for clients besides the lab's CA."""
        trust = (self.ca.root, *(each.certificate for each in also))
        known = (self.ca.clients.crl, *(self.ca.clients.crl_of(each) for each in also)) if crls else ()
        context = lab_context(self.ca.good, clients=check, client_trust=trust, crls=known)
        listen_for_names(context)
        return over_tls(context, lambda visit: facts(self.case, visit))


Body = Callable[[VerifyingServer], Handler]


def _open(body: Body, case: Case, ca: LabCA) -> OpenedCase:
    return on_own_port(case, lambda: body(VerifyingServer(ca, case)))


client_certificate_case = Declaration[Body](
    Family.CLIENT_CERTIFICATE,
    "clients",
    _open,
    only_named="it asks for a client's certificate: name it with --case, and give the client one",
)


@client_certificate_case(CLAUSE, Severity.INFORMATIONAL, must=Must.ACCEPT, aliases=("client",))
def client_cert_required(given: VerifyingServer) -> Handler:
    """It asks for the client's certificate, and checks all of it: chain, dates, purpose, revocation."""
    return given.asking(ClientCheck.WELL)


@client_certificate_case(CLAUSE, Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_optional(given: VerifyingServer) -> Handler:
    """It asks for the client's certificate, and lets in who shows none: then it depends on what the program does."""
    return given.asking(ClientCheck.IF_THEY_LIKE)


@client_certificate_case("RFC 5280 §6.1.3 (a)(2)", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_any_time(given: VerifyingServer) -> Handler:
    """It checks the client's certificate, but not the dates: who has left the company is still let in."""
    return given.asking(ClientCheck.ANY_TIME)


@client_certificate_case("RFC 5280 §6.1.1 (d)", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_any_authority(given: VerifyingServer) -> Handler:
    """It trusts another authority for clients, too, as servers do that trust all the web's authorities: anybody's."""
    return given.asking(ClientCheck.WELL, given.ca.builder.untrusted_ca.authority)


@client_certificate_case("RFC 5280 §6.3", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_not_revoked(given: VerifyingServer) -> Handler:
    """It has no revocation list: who was thrown out walks in again."""
    return given.asking(ClientCheck.WELL, crls=False)
