"""The CRLs and the OCSP responder of a CA's folder (`pki publish`). EDGE: reads the folder for each request.

    GET /root.crl, /intermediate.crl    the CRL of that CA in crl.pem, in DER (RFC 5280 §4.2.1.13)
    POST /ocsp, GET /ocsp/…             signed by the CA that issued the certificate (RFC 6960)

Files are read again when they change, so `pki revoke` is visible with the next request. The responder answers `revoked`
for entries of crl.pem, `good` for other certificates in the folder that the CA issued, and `unknown` for all others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import Authority, Credential, Revoked
from pki.errors import Problem
from pki.objects.distinguished_names import same_name
from pki.publish.http1 import HttpError
from pki.publish.server import Current, Published, Publisher, responder
from pki.revocation.ocsp_request import parse_request
from pki.revocation.responder import Refusal, Responder, Status
from pki.store import crls, lookup
from pki.store.ca import load_authority
from pki.store.files import read_crls

LIFETIME = timedelta(hours=1)  # of an OCSP response
PATIENT = timedelta(minutes=5)  # thisUpdate is that much earlier, since clocks differ

Log = Callable[[str], None]
Clock = Callable[[], datetime]
"""Returns the present time, aware."""


@dataclass(frozen=True)
class Service:
    """The published paths, as a client sees them."""

    crl_urls: tuple[str, ...]
    ocsp_url: str


def publish(directory: Path, publisher: Publisher, log: Log, clock: Clock) -> Service:
    """Publish CRLs and OCSP of a folder. Raises Problem if its CA or crl.pem cannot be read.

    `log` gets a line for each request. Without root.key the responder answers for the intermediate CA alone.
    """
    now = clock()
    signers = [load_authority(directory, now)]
    if (directory / "root.key").exists():
        signers.append(load_authority(directory, now, "root"))
    urls = []
    for stem in crls.AUTHORITIES:
        issuer = lookup.find(directory, stem).certificate
        assert issuer is not None
        _crl_of(directory, issuer)  # early, so that a damaged file is an error of the command
        urls.append(publisher.publish(f"/{stem}.crl", Current(_reader(directory, stem, issuer, log))))
    answers = _Answers(directory, tuple(signers), log, clock)
    return Service(tuple(urls), publisher.publish("/ocsp", responder(answers.answer)))


def _reader(directory: Path, stem: str, issuer: x509.Certificate, log: Log) -> Callable[[], Published]:
    def read() -> Published:
        try:
            found = _crl_of(directory, issuer)
        except Problem as problem:
            log(f"GET /{stem}.crl: {problem.fact}")
            raise HttpError(HTTPStatus.INTERNAL_SERVER_ERROR, "the CRL cannot be read") from problem
        log(f"GET /{stem}.crl: {len(found)} {'entry' if len(found) == 1 else 'entries'}")
        return Published.crl(found.public_bytes(Encoding.DER))

    return read


def _crl_of(directory: Path, issuer: x509.Certificate) -> x509.CertificateRevocationList:
    for each in read_crls(directory / crls.FILE, lambda _: None):
        if same_name(each.issuer, issuer.subject):
            return each
    raise Problem(
        f"{directory / crls.FILE} has no CRL of {issuer.subject.rfc4514_string()}", hint="`pki crl` writes new CRLs"
    )


class _Answers:
    """Answers OCSP requests from the present state of the folder."""

    def __init__(self, directory: Path, signers: tuple[Authority, ...], log: Log, clock: Clock) -> None:
        self._directory, self._signers, self._log, self._clock = directory, signers, log, clock
        self._seen: object = None
        self._known = frozenset[tuple[x509.Name, int]]()
        self._entries: dict[tuple[x509.Name, int], Revoked] = {}

    def answer(self, request_der: bytes) -> bytes:
        """The OCSPResponse in DER; `tryLater` if the folder cannot be read."""
        try:
            self._refresh()
        except Problem as problem:
            self._log(f"OCSP: {problem.fact}")
            return Refusal.TRY_LATER.response_der
        now = self._clock().replace(microsecond=0)
        given = b""
        for signer in self._signers:
            given = self._responder(signer.credential, now).answer(request_der)
            if given != Refusal.UNAUTHORIZED.response_der:
                break
        self._log(f"OCSP: {self._told(request_der, given)}")
        return given

    def _responder(self, signer: Credential, now: datetime) -> Responder:
        issuer = signer.certificate.subject

        def entry(serial: int) -> Revoked | None:
            return self._entries.get((issuer, serial))

        def status(serial: int) -> Status:
            if entry(serial):
                return Status.REVOKED
            return Status.GOOD if (issuer, serial) in self._known else Status.UNKNOWN

        return Responder(signer.certificate, signer, status, now - PATIENT, now + LIFETIME, now, entry)

    def _refresh(self) -> None:
        """Read the folder again if a file in it was added, removed or replaced."""
        try:
            state = self._directory.stat().st_mtime_ns, (self._directory / crls.FILE).stat().st_mtime_ns
        except OSError as error:
            raise Problem(f"{self._directory} cannot be read: {error.strerror}") from error
        if state != self._seen:
            signers = [signer.certificate for signer in self._signers]
            if lookup.find(self._directory, "intermediate").certificate not in signers:
                raise Problem(f"the CA in {self._directory} was replaced", hint="start `pki publish` again")
            self._entries = crls.entries(self._directory)
            self._known = lookup.issued_by(self._directory, signers)
            self._seen = state

    def _told(self, request_der: bytes, given: bytes) -> str:
        try:
            serials = [each.serial_number for each in parse_request(request_der).cert_ids]
        except ValueError:
            return "not a valid request"
        what = ", ".join(f"{serial:x}" for serial in serials[:3])
        for refusal in Refusal:
            if given == refusal.response_der:
                return f"{what}: {refusal.sentence}"
        words = []
        for serial in serials[:3]:
            revoked = any(number == serial for _, number in self._entries)
            known = any(number == serial for _, number in self._known)
            words.append(Status.REVOKED if revoked else Status.GOOD if known else Status.UNKNOWN)
        return f"{what}: {', '.join(each.name.lower() for each in words)}"
