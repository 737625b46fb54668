"""The CRL and the OCSP responder of a test certificate, and their URLs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.authority import Authority, Validity, key_identifier
from pki.cases import CaseBuilder, Served
from pki.cases.builder import DAY
from pki.profiles import ROOT
from pki.publish.server import Published, Publisher, Source, responder
from pki.revocation.responder import Responder, Status


class Where(Enum):
    """A source of revocation status; the value is the suffix of its URL."""

    CRL = "crl"
    OCSP = "ocsp"


StatusSources = Mapping[Where, Source | None]
"""The sources that the certificate names. None: nothing is published at the URL."""


@dataclass(frozen=True)
class StatusSigner:
    """Signs CRLs and OCSP responses about one certificate, with the lab's root or with a rogue CA."""

    builder: CaseBuilder
    serial: int
    """The serial number of the certificate."""

    def crl(self, *, revoked: bool = False, days_ago: float = 1, by: Authority | None = None) -> Source:
        """A CRL that was issued `days_ago` and is valid for a week."""
        then = self.builder.day(-days_ago)
        listed = (by or self.builder.trusted.authority).crl(
            number=1, this_update=then, next_update=then + 7 * DAY, revoked=(self.serial,) if revoked else ()
        )
        return Published.crl(listed.public_bytes(Encoding.DER))

    def ocsp(self, status: Status, *, days_ago: float = 1, by: Authority | None = None) -> Source:
        """A responder whose responses were signed `days_ago` and are valid for a week."""
        then = self.builder.day(-days_ago)
        signer = (by or self.builder.trusted.authority).credential
        found = Responder(self.builder.root, signer, self._known(status), then, then + 7 * DAY)
        return responder(found.answer)

    @cached_property
    def forger(self) -> Authority:
        """A rogue CA with the root's name and key identifier: only the signatures differ."""
        return Authority.self_signed(
            ROOT,
            subject=self.builder.root.subject,
            key=self.builder.new_key(),
            validity=Validity.of(self.builder.root),
            serial=self.builder.new_serial(),
            claimed_key_identifier=key_identifier(self.builder.root),
        )

    def _known(self, status: Status) -> Callable[[int], Status]:
        return lambda serial: status if serial == self.serial else Status.UNKNOWN


def locations(publisher: Publisher, case_id: str, where: Mapping[Where, object]) -> tuple[x509.ExtensionType, ...]:
    """The extensions that name these sources (RFC 5280 §4.2.1.13, §4.2.2.1)."""
    found: list[x509.ExtensionType] = []
    if Where.CRL in where:
        url = x509.UniformResourceIdentifier(publisher.url(path(case_id, Where.CRL)))
        found.append(x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)]))
    if Where.OCSP in where:
        url = x509.UniformResourceIdentifier(publisher.url(path(case_id, Where.OCSP)))
        description = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)
        found.append(x509.AuthorityInformationAccess([description]))
    return tuple(found)


def path(case_id: str, where: Where) -> str:
    """The path of the source's URL."""
    return f"/{case_id}.{where.value}"


def publish(publisher: Publisher, case_id: str, sources: StatusSources) -> None:
    """Publish the sources that are not None."""
    for where, source in sources.items():
        if source is not None:
            publisher.publish(path(case_id, where), source)


def publish_revoked(served: Served, case_id: str, builder: CaseBuilder, publisher: Publisher) -> None:
    """Publish the CRL of a test certificate, and an OCSP responder that also answers `revoked`."""
    signer = StatusSigner(builder, served.credential.certificate.serial_number)
    crl = Published.crl(served.crls[0].public_bytes(Encoding.DER))
    publish(publisher, case_id, {Where.CRL: crl, Where.OCSP: signer.ocsp(Status.REVOKED)})
