"""Cases about the client's certificate: one server checks it completely, each of the others omits one check.

The test certificates for clients (`client_credentials`) show whether a tester of servers tells these servers apart.
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
    """A server with a valid certificate that asks for the client's certificate."""

    ca: LabCA
    case: Case

    def asking(self, check: ClientCheck, *also: Authority, crls: bool = True) -> Handler:
        """Check clients in this way. `also` are CAs that the server trusts for clients besides the lab's CA."""
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
    only_named="it asks for a client certificate; select it with --case, and give the client one",
)


@client_certificate_case(CLAUSE, Severity.INFORMATIONAL, must=Must.ACCEPT, aliases=("client",))
def client_cert_required(given: VerifyingServer) -> Handler:
    """The server requires a client certificate, and checks its chain, validity, purpose and revocation.

    This is the reference: a test of servers should find no fault in it.
    """
    return given.asking(ClientCheck.WELL)


@client_certificate_case(CLAUSE, Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_optional(given: VerifyingServer) -> Handler:
    """The server asks for a client certificate, and accepts clients without one.

    The application must then check for each request whether the client is authenticated.
    """
    return given.asking(ClientCheck.IF_THEY_LIKE)


@client_certificate_case("RFC 5280 §6.1.3 (a)(2)", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_any_time(given: VerifyingServer) -> Handler:
    """The server checks the client's certificate, but not its validity.

    A former employee whose certificate has expired can still connect.
    """
    return given.asking(ClientCheck.ANY_TIME)


@client_certificate_case("RFC 5280 §6.1.1 (d)", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_any_authority(given: VerifyingServer) -> Handler:
    """The server trusts a second CA for clients, as servers do that trust all public CAs.

    Anyone who obtains a certificate from that CA can connect.
    """
    return given.asking(ClientCheck.WELL, given.ca.builder.untrusted_ca.authority)


@client_certificate_case("RFC 5280 §6.3", Severity.INFORMATIONAL, must=Must.ACCEPT)
def client_cert_not_revoked(given: VerifyingServer) -> Handler:
    """The server has no CRL, so it accepts revoked client certificates.

    A client whose certificate was revoked can still connect.
    """
    return given.asking(ClientCheck.WELL, crls=False)
