"""Cases about revocation: the certificate names a CRL or an OCSP responder; the case decides what is published there.

    @revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
    def list_revoked(given: StatusSigner) -> StatusSources:
        '''The certificate is in the CRL. …'''
        return {Where.CRL: given.crl(revoked=True)}

A source that the function does not return is not named in the certificate. None: named, but nothing is published.
"""

from collections.abc import Callable

from pki.cases import Must, Severity
from pki.cases.tbs_certificate import Draft
from pki.revocation.responder import Status
from tlsdemo.lab.ca import LabCA
from tlsdemo.lab.case import Case, Declaration, Family, OpenedCase
from tlsdemo.lab.presented import present
from tlsdemo.lab.revocation_sources import StatusSigner, StatusSources, Where, locations, publish

Body = Callable[[StatusSigner], StatusSources]


def _open(body: Body, case: Case, ca: LabCA) -> OpenedCase:
    builder = ca.builder_for(case.id)
    signer = StatusSigner(builder, builder.new_serial())
    sources = body(signer)
    publish(ca.publisher, case.id, sources)
    extensions = locations(ca.publisher, case.id, sources)

    def pointing(draft: Draft) -> Draft:
        for each in extensions:
            draft = draft.having(each)
        return draft.but(serial=signer.serial)

    return present(case, builder.serve(leaf=pointing), ca)


revocation_case = Declaration[Body](Family.REVOCATION, "revocation", _open)


@revocation_case("RFC 5280 §6.3.3", Severity.MUST, must=Must.ACCEPT)
def list_good(given: StatusSigner) -> StatusSources:
    """The CA publishes a fresh CRL, and the certificate is not in it.

    A client that checks CRLs must accept the certificate.
    """
    return {Where.CRL: given.crl()}


@revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_revoked(given: StatusSigner) -> StatusSources:
    """The CA publishes a fresh CRL, and the certificate is in it: the CA has revoked it, for example after a theft of
    the key.

    Most clients do not fetch CRLs: they are large, they delay the connection, and the CA learns which hosts a client
    connects to.
    """
    return {Where.CRL: given.crl(revoked=True)}


@revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_stale(given: StatusSigner) -> StatusSources:
    """The CRL is weeks out of date (nextUpdate has passed).

    A certificate that was revoked since then is not in it.
    """
    return {Where.CRL: given.crl(days_ago=30)}


@revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_absent(given: StatusSigner) -> StatusSources:
    """The certificate names the address of a CRL, but no CRL is there.

    A man in the middle can withhold any CRL. A client that goes on without it (soft fail) is not protected.
    """
    return {Where.CRL: None}


@revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_forged(given: StatusSigner) -> StatusSources:
    """The CRL has the CA's name as issuer, but another key signed it.

    A CRL is fetched over plain HTTP, so an attacker can replace it. Only its signature protects it.
    """
    return {Where.CRL: given.crl(by=given.forger)}


@revocation_case("RFC 6960 §2.2", Severity.MUST, must=Must.ACCEPT)
def ocsp_good(given: StatusSigner) -> StatusSources:
    """The CA's OCSP responder answers `good`.

    A client that asks the responder must accept the certificate.
    """
    return {Where.OCSP: given.ocsp(Status.GOOD)}


@revocation_case("RFC 6960 §2.2", Severity.INFORMATIONAL)
def ocsp_revoked(given: StatusSigner) -> StatusSources:
    """The CA's OCSP responder answers `revoked`.

    Most clients do not ask the responder.
    """
    return {Where.OCSP: given.ocsp(Status.REVOKED)}


@revocation_case("RFC 6960 §2.2", Severity.INFORMATIONAL)
def ocsp_unknown(given: StatusSigner) -> StatusSources:
    """The CA's OCSP responder answers `unknown`.

    The CA has no record of the certificate: an attacker may have issued it with the CA's key, as with DigiNotar in
    2011.
    """
    return {Where.OCSP: given.ocsp(Status.UNKNOWN)}


@revocation_case("RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_stale(given: StatusSigner) -> StatusSources:
    """The OCSP response is `good`, but weeks out of date (nextUpdate has passed).

    The CA may have revoked the certificate since then. A man in the middle can replay an old response.
    """
    return {Where.OCSP: given.ocsp(Status.GOOD, days_ago=30)}


@revocation_case("RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_absent(given: StatusSigner) -> StatusSources:
    """The certificate names the address of an OCSP responder, which does not answer.

    A man in the middle can block any response. A client that goes on without it (soft fail) is not protected.
    """
    return {Where.OCSP: None}


@revocation_case("RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_forged(given: StatusSigner) -> StatusSources:
    """The OCSP response is `good`, but a CA with the same name and another key signed it.

    The response is fetched over plain HTTP, so an attacker can replace it. Only its signature protects it.
    """
    return {Where.OCSP: given.ocsp(Status.GOOD, by=given.forger)}
