"""Cases about revocation: certificates that say where their CRL and their OCSP responder are, and what is found there.

    @revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
    def list_revoked(given: StatusSigner) -> StatusSources:
        '''The list has it. …'''
        return {Where.CRL: given.crl(revoked=True)}

A place that a case does not mention is not in its certificate. None is in the certificate, and nothing is found there.
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
    """Its authority publishes a fresh list, and the certificate is not on it."""
    return {Where.CRL: given.crl()}


@revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_revoked(given: StatusSigner) -> StatusSources:
    """Its authority publishes a fresh list, and the certificate is on it: its key may be in other hands by now.

    Most clients never ask for the list: it is large, it is slow, and it tells the authority who visits whom.
    """
    return {Where.CRL: given.crl(revoked=True)}


@revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_stale(given: StatusSigner) -> StatusSources:
    """The list should have been renewed weeks ago: whoever was put on it since then, is not there."""
    return {Where.CRL: given.crl(days_ago=30)}


@revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_absent(given: StatusSigner) -> StatusSources:
    """There is no list where the certificate says: an attacker on the line can bring that about for any list.

    Who goes on all the same (soft fail) has a seat belt that opens in an accident.
    """
    return {Where.CRL: None}


@revocation_case("RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_forged(given: StatusSigner) -> StatusSources:
    """The list bears the authority's name, not its signature: it comes over plain HTTP, so everybody can send one."""
    return {Where.CRL: given.crl(by=given.forger)}


@revocation_case("RFC 6960 §2.2", Severity.MUST, must=Must.ACCEPT)
def ocsp_good(given: StatusSigner) -> StatusSources:
    """Its authority's responder says that it is good."""
    return {Where.OCSP: given.ocsp(Status.GOOD)}


@revocation_case("RFC 6960 §2.2", Severity.INFORMATIONAL)
def ocsp_revoked(given: StatusSigner) -> StatusSources:
    """Its authority's responder says that it is revoked. Most clients never ask."""
    return {Where.OCSP: given.ocsp(Status.REVOKED)}


@revocation_case("RFC 6960 §2.2", Severity.INFORMATIONAL)
def ocsp_unknown(given: StatusSigner) -> StatusSources:
    """The responder has never heard of it: perhaps it was minted past the books, as at DigiNotar in 2011."""
    return {Where.OCSP: given.ocsp(Status.UNKNOWN)}


@revocation_case("RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_stale(given: StatusSigner) -> StatusSources:
    """The responder's answer is weeks old: good, as long ago."""
    return {Where.OCSP: given.ocsp(Status.GOOD, days_ago=30)}


@revocation_case("RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_absent(given: StatusSigner) -> StatusSources:
    """Nobody answers where the responder should be: an attacker on the line can bring that about."""
    return {Where.OCSP: None}


@revocation_case("RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_forged(given: StatusSigner) -> StatusSources:
    """The answer is signed by somebody who only bears the authority's name."""
    return {Where.OCSP: given.ocsp(Status.GOOD, by=given.forger)}
