"""Revocation in a box: certificates that say where their list and their OCSP responder are, and what is found there.

    @case(THEME, "RFC 5280 §6.3.3", Severity.INFORMATIONAL)
    def list_revoked(given: Office) -> Announced:
        '''The list has it. …'''
        return {Where.LIST: given.crl(revoked=True)}

What a case does not mention does not stand in its certificate; None stands there, and nobody answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.authority import Authority, Validity, key_identifier
from pki.cases import CaseBuilder, Must, Served, Severity
from pki.cases.builder import DAY
from pki.cases.tbs_certificate import Draft
from pki.profiles import ROOT
from pki.publish.server import Published, Publisher, Source, responder
from pki.revocation.responder import Responder, Status
from tlsdemo.lab.case import case

THEME = "revocation"


class Where(Enum):
    """Where revocation is told, by the ending of its path."""

    LIST = "crl"
    RESPONDER = "ocsp"


Announced = Mapping[Where, Source | None]


@dataclass(frozen=True)
class Office:
    """What a case is made from: the authority, and the number of the certificate that is about to be minted."""

    room: CaseBuilder
    serial: int

    def crl(self, *, revoked: bool = False, days_ago: float = 1, by: Authority | None = None) -> Source:
        """A list that holds for a week."""
        then = self.room.day(-days_ago)
        listed = (by or self.room.trusted.authority).crl(
            number=1, this_update=then, next_update=then + 7 * DAY, revoked=(self.serial,) if revoked else ()
        )
        return Published.crl(listed.public_bytes(Encoding.DER))

    def ocsp(self, status: Status, *, days_ago: float = 1, by: Authority | None = None) -> Source:
        """A responder whose answers hold for a week."""
        then = self.room.day(-days_ago)
        signer = (by or self.room.trusted.authority).credential
        found = Responder(self.room.root, signer, self._known(status), then, then + 7 * DAY)
        return responder(found.answer)

    @cached_property
    def forger(self) -> Authority:
        """It has the root's name and key identifier, and a key of its own: only the signature tells."""
        return Authority.self_signed(
            ROOT,
            subject=self.room.root.subject,
            key=self.room.new_key(),
            validity=Validity.of(self.room.root),
            serial=self.room.new_serial(),
            claimed_key_identifier=key_identifier(self.room.root),
        )

    def _known(self, status: Status) -> Callable[[int], Status]:
        return lambda serial: status if serial == self.serial else Status.UNKNOWN


def locations(publisher: Publisher, case_id: str, where: Mapping[Where, object]) -> tuple[x509.ExtensionType, ...]:
    """The extensions that say so (RFC 5280 §4.2.1.13, §4.2.2.1)."""
    found: list[x509.ExtensionType] = []
    if Where.LIST in where:
        url = x509.UniformResourceIdentifier(publisher.url(path(case_id, Where.LIST)))
        found.append(x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)]))
    if Where.RESPONDER in where:
        url = x509.UniformResourceIdentifier(publisher.url(path(case_id, Where.RESPONDER)))
        description = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)
        found.append(x509.AuthorityInformationAccess([description]))
    return tuple(found)


def path(case_id: str, where: Where) -> str:
    """Where it is published."""
    return f"/{case_id}.{where.value}"


def announce(publisher: Publisher, case_id: str, announced: Announced) -> None:
    """Publish it."""
    for where, source in announced.items():
        if source is not None:
            publisher.publish(path(case_id, where), source)


def mint(case_id: str, make: Callable[[Office], Announced], room: CaseBuilder, publisher: Publisher) -> Served:
    """The certificate, with what is said of it published."""
    office = Office(room, room.new_serial())
    announced = make(office)
    announce(publisher, case_id, announced)
    extensions = locations(publisher, case_id, announced)

    def numbered(draft: Draft) -> Draft:
        for each in extensions:
            draft = draft.having(each)
        return draft.but(serial=office.serial)

    return room.serve(leaf=numbered)


def also_revoked(served: Served, case_id: str, room: CaseBuilder, publisher: Publisher) -> None:
    """What the catalogue's certificate with a list of its own says, published; its responder says the same."""
    office = Office(room, served.credential.certificate.serial_number)
    announce(
        publisher,
        case_id,
        {
            Where.LIST: Published.crl(served.crls[0].public_bytes(Encoding.DER)),
            Where.RESPONDER: office.ocsp(Status.REVOKED),
        },
    )


# The cases -----------------------------------------------------------------------------------------------------------


@case(THEME, "RFC 5280 §6.3.3", Severity.MUST, must=Must.ACCEPT)
def list_good(given: Office) -> Announced:
    """Its authority publishes a fresh list, and the certificate is not on it."""
    return {Where.LIST: given.crl()}


@case(THEME, "RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_revoked(given: Office) -> Announced:
    """Its authority publishes a fresh list, and the certificate is on it: its key may be in other hands by now.

    Most clients never ask for the list: it is large, it is slow, and it tells the authority who visits whom.
    """
    return {Where.LIST: given.crl(revoked=True)}


@case(THEME, "RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_stale(given: Office) -> Announced:
    """The list should have been renewed weeks ago: whoever was put on it since then, is not there."""
    return {Where.LIST: given.crl(days_ago=30)}


@case(THEME, "RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_absent(given: Office) -> Announced:
    """There is no list where the certificate says: an attacker on the line can bring that about for any list.

    Who goes on all the same (soft fail) has a seat belt that opens in an accident.
    """
    return {Where.LIST: None}


@case(THEME, "RFC 5280 §6.3.3", Severity.INFORMATIONAL)
def list_forged(given: Office) -> Announced:
    """The list bears the authority's name, not its signature: it comes over plain HTTP, so everybody can send one."""
    return {Where.LIST: given.crl(by=given.forger)}


@case(THEME, "RFC 6960 §2.2", Severity.MUST, must=Must.ACCEPT)
def ocsp_good(given: Office) -> Announced:
    """Its authority's responder says that it is good."""
    return {Where.RESPONDER: given.ocsp(Status.GOOD)}


@case(THEME, "RFC 6960 §2.2", Severity.INFORMATIONAL)
def ocsp_revoked(given: Office) -> Announced:
    """Its authority's responder says that it is revoked. Most clients never ask."""
    return {Where.RESPONDER: given.ocsp(Status.REVOKED)}


@case(THEME, "RFC 6960 §2.2", Severity.INFORMATIONAL)
def ocsp_unknown(given: Office) -> Announced:
    """The responder has never heard of it: perhaps it was minted past the books, as at DigiNotar in 2011."""
    return {Where.RESPONDER: given.ocsp(Status.UNKNOWN)}


@case(THEME, "RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_stale(given: Office) -> Announced:
    """The responder's answer is weeks old: good, as long ago."""
    return {Where.RESPONDER: given.ocsp(Status.GOOD, days_ago=30)}


@case(THEME, "RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_absent(given: Office) -> Announced:
    """Nobody answers where the responder should be: an attacker on the line can bring that about."""
    return {Where.RESPONDER: None}


@case(THEME, "RFC 6960 §3.2", Severity.INFORMATIONAL)
def ocsp_forged(given: Office) -> Announced:
    """The answer is signed by somebody who only bears the authority's name."""
    return {Where.RESPONDER: given.ocsp(Status.GOOD, by=given.forger)}
