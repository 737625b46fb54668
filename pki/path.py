"""Does this certificate lead to an authority that I trust, today, for this name? (RFC 5280 §6, RFC 9525)

    leaf  <- signed by -  intermediates ...  <- signed by -  trust anchor
     |                                                            |
     the name asked for, the dates,                  known beforehand: it never
     what it may be used for, not revoked            comes over the line it protects

Chain, dates and name are judged by `cryptography.x509.verification` (a web profile, without revocation and without
Ed25519); the revocation lists by a short check of our own. The judgement is data: a Verdict, never an exception.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import keys, names

MAX_DEPTH = 8  # authorities between leaf and anchor; the library's own default
SIGNATURE, DATES, NAME = "RFC 5280 §6.1.3 (a)(1)", "RFC 5280 §6.1.3 (a)(2)", "RFC 9525 §6.3"
PURPOSE, REVOCATION = "RFC 5280 §4.2.1.12", "RFC 5280 §6.3"


class Purpose(Enum):
    """What the certificate is about to be used for."""

    SERVER = "server"
    CLIENT = "client"


class Profile(Enum):
    """How strict to be beyond RFC 5280."""

    WEB = "web"
    """What browsers expect of a certificate, as `cryptography.x509.verification` has it."""


class Result(Enum):
    """How a check came out."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MADE = "not made"


@dataclass(frozen=True)
class Check:
    """One question put to the chain, and its answer."""

    name: str
    section: str
    result: Result
    detail: str
    hint: str | None = None


@dataclass(frozen=True)
class Verdict:
    """All checks in the order in which they were made, and the chain that was found, leaf first; empty if none."""

    checks: tuple[Check, ...]
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether no check failed."""
        return self.failure is None

    @property
    def failure(self) -> Check | None:
        """The first check that failed."""
        return next((check for check in self.checks if check.result is Result.FAILED), None)

    @property
    def reason(self) -> str | None:
        """Why it was refused, in a sentence; None when it was accepted."""
        return self.failure.detail if self.failure else None


class _Request(NamedTuple):
    leaf: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    trust_anchors: tuple[x509.Certificate, ...]
    purpose: Purpose
    at: datetime
    max_depth: int


def verify(
    leaf: x509.Certificate,
    *,
    intermediates: Sequence[x509.Certificate] = (),
    trust_anchors: Sequence[x509.Certificate],
    name: x509.GeneralName | None,
    purpose: Purpose = Purpose.SERVER,
    at: datetime,
    crls: Sequence[x509.CertificateRevocationList] = (),
    profile: Profile = Profile.WEB,
    max_depth: int = MAX_DEPTH,
) -> Verdict:
    """Judge `leaf` at the moment `at` (aware).

    Without a `name` the name is not checked, without `crls` revocation is not; the verdict says so.
    """
    if profile is not Profile.WEB:
        raise ValueError(f"no such profile: {profile}")
    request = _Request(leaf, tuple(intermediates), tuple(trust_anchors), purpose, at, max_depth)
    try:
        return _judge(request, name, tuple(crls))
    except (ValueError, TypeError) as error:  # an extension that cannot be read, met late: the library parses lazily
        return Verdict((Check("form", "RFC 5280 §4.1", Result.FAILED, f"the certificate cannot be read: {error}"),))


def _judge(
    request: _Request, name: x509.GeneralName | None, crls: tuple[x509.CertificateRevocationList, ...]
) -> Verdict:
    purpose = _purpose(request.leaf, request.purpose)
    if purpose.result is Result.FAILED:
        return Verdict((purpose,))
    chain, fault = _find_chain(request)
    if not chain:
        return Verdict((purpose, _chain_failure(request, fault)))
    anchor = subject(chain[-1])
    found = Check("chain", SIGNATURE, Result.PASSED, f"{len(chain)} certificates, up to the trusted {anchor}")
    checks = (
        purpose,
        found,
        _dates(chain, request.at),
        _name(request.leaf, name),
        _revocation(chain, crls, request.at),
    )
    return Verdict(checks, chain)


# The chain ----------------------------------------------------------------------------------------------------------


def _find_chain(request: _Request) -> tuple[tuple[x509.Certificate, ...], str]:
    """The chain, and what the verifier says when there is none.

    Asked at `at` first. If that fails, asked at a moment when all that was presented was valid: what passes then has a
    good chain, and the dates are judged by themselves.
    """
    fault = ""
    presented = (request.leaf, *request.intermediates)
    for moment in (request.at, max(certificate.not_valid_before_utc for certificate in presented)):
        try:
            return _library_chain(request, moment), ""
        except verification.VerificationError as error:
            fault = fault or str(error)
    return (), fault


def _library_chain(request: _Request, moment: datetime) -> tuple[x509.Certificate, ...]:
    if not request.trust_anchors:
        return ()
    builder = (
        verification.PolicyBuilder()
        .store(verification.Store(list(request.trust_anchors)))
        .time(moment)
        .max_chain_depth(request.max_depth)
    )
    if request.purpose is Purpose.CLIENT:
        client = builder.build_client_verifier().verify(request.leaf, list(request.intermediates))
        return tuple(client.chain)
    own_name = _a_name_of(request.leaf)
    if own_name is None:
        raise verification.VerificationError("it has no subject alternative name that a server could have")
    return tuple(builder.build_server_verifier(own_name).verify(request.leaf, list(request.intermediates)))


def _a_name_of(leaf: x509.Certificate) -> x509.DNSName | x509.IPAddress | None:
    """Some name that the leaf certainly covers: the library wants one, and names are judged by `_name`."""
    for name in names.of_certificate(leaf):
        if isinstance(name, x509.IPAddress):
            return name
        if isinstance(name, x509.DNSName):
            return x509.DNSName(name.value.replace("*", "x"))
    return None


def _chain_failure(request: _Request, fault: str) -> Check:
    """Walk from the leaf by issuer names to see where the chain breaks; failing that, the library's own words."""

    def failed(detail: str, hint: str | None = None) -> Check:
        return Check("chain", SIGNATURE, Result.FAILED, detail, hint)

    pool = (*request.trust_anchors, *request.intermediates)
    current = request.leaf
    for _ in range(request.max_depth + 1):
        if not isinstance(current.public_key(), ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            return failed(
                f"this verifier takes no {keys.describe(current.public_key())} key, and {subject(current)} has one",
                "TLS takes it: ask `openssl verify -x509_strict`, or see it accepted by `tlsdemo connect`",
            )
        issuer = current.issuer.rfc4514_string()
        candidates = [other for other in pool if other.subject == current.issuer]
        if not candidates and current.issuer == current.subject:
            return failed(f"{subject(current)} vouches for itself, and nobody here trusts it")
        if not candidates:
            return failed(
                f"{subject(current)} was issued by {issuer}, which is neither trusted nor sent",
                "trust that authority with --trust, or add the missing intermediate to the file",
            )
        signer = next((other for other in candidates if signed_by(current, other)), None)
        if signer is None:
            return failed(
                f"the key of {subject(candidates[0])} did not sign {subject(current)}: "
                "the name is right, the signature is not"
            )
        if signer in request.trust_anchors:
            break
        current = signer
    return failed(fault.removeprefix("validation failed: "))


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key made the signature on the certificate, and the names agree."""
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm: all mean "not by this one"
        return False
    return True


def subject(certificate: x509.Certificate) -> str:
    """A short way to name a certificate: its common name, else its subject, else its first alternative name."""
    for attribute in certificate.subject:
        if attribute.oid == x509.NameOID.COMMON_NAME:
            return f"CN={attribute.value!s}"
    alternatives = names.of_certificate(certificate)
    return certificate.subject.rfc4514_string() or (names.show(alternatives[0]) if alternatives else "an unnamed one")


# The other checks ---------------------------------------------------------------------------------------------------


def _purpose(leaf: x509.Certificate, purpose: Purpose) -> Check:
    wanted = {
        Purpose.SERVER: ExtendedKeyUsageOID.SERVER_AUTH,
        Purpose.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH,
    }[purpose]
    try:
        stated = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return Check("purpose", PURPOSE, Result.PASSED, "not limited: it has no extended key usage")
    if wanted in stated or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in stated:
        return Check("purpose", PURPOSE, Result.PASSED, f"may be used by a {purpose.value}")
    other = Purpose.CLIENT if purpose is Purpose.SERVER else Purpose.SERVER
    return Check(
        "purpose",
        PURPOSE,
        Result.FAILED,
        f"{subject(leaf)} may not be used by a {purpose.value}: its extended key usage does not say so",
        f"if it is a {other.value}'s certificate, ask with --purpose {other.value}",
    )


def _dates(chain: Iterable[x509.Certificate], at: datetime) -> Check:
    for certificate in chain:
        before, after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not before <= at <= after:
            word = "is not valid before" if at < before else "expired on"
            moment = before if at < before else after
            detail = f"{subject(certificate)} {word} {moment:%Y-%m-%d %H:%M:%S}Z, and it is {at:%Y-%m-%d %H:%M:%S}Z"
            hint = "compare your clock" if at < before else "issue it again: `pki issue`, or `pki init --force`"
            return Check("dates", DATES, Result.FAILED, detail, hint)
    last = min(certificate.not_valid_after_utc for certificate in chain)
    return Check("dates", DATES, Result.PASSED, f"all are valid at {at:%Y-%m-%d %H:%M}Z, until {last:%Y-%m-%d}")


def _name(leaf: x509.Certificate, wanted: x509.GeneralName | None) -> Check:
    if wanted is None:
        return Check("name", NAME, Result.NOT_MADE, "no name was asked for", "ask for one with --name")
    presented = names.of_certificate(leaf)
    if any(names.matches(name, wanted) for name in presented):
        return Check("name", NAME, Result.PASSED, f"it is valid for {names.plain(wanted)}")
    return Check(
        "name",
        NAME,
        Result.FAILED,
        f"it is not valid for {names.plain(wanted)!r}; presented: {', '.join(map(names.show, presented)) or 'no name'}",
        f"issue one with `pki issue {names.plain(wanted)}`",
    )


def _revocation(
    chain: tuple[x509.Certificate, ...], crls: tuple[x509.CertificateRevocationList, ...], at: datetime
) -> Check:
    """Every certificate but the anchor must be covered by a current, well-signed list that does not name it."""

    def failed(detail: str, hint: str | None = None) -> Check:
        return Check("revocation", REVOCATION, Result.FAILED, detail, hint)

    if not crls:
        return Check("revocation", REVOCATION, Result.NOT_MADE, "no revocation list was given")
    for certificate, issuer in pairwise(chain):
        named = [crl for crl in crls if crl.issuer == issuer.subject]
        if not named:
            return failed(f"none of the lists is by {subject(issuer)}, which issued {subject(certificate)}")
        signed = [crl for crl in named if _signed_crl(crl, issuer)]
        if not signed:
            return failed(f"the list in the name of {subject(issuer)} was not signed by its key")
        newest = max(signed, key=lambda crl: crl.last_update_utc)
        if newest.last_update_utc > at:
            return failed(f"the list of {subject(issuer)} begins only on {newest.last_update_utc:%Y-%m-%d %H:%M}Z")
        if newest.next_update_utc is None or newest.next_update_utc < at:
            end = (
                "has no next update"
                if newest.next_update_utc is None
                else f"ended on {newest.next_update_utc:%Y-%m-%d}"
            )
            return failed(f"the list of {subject(issuer)} is stale: it {end}", "`pki init --force` writes a new one")
        entry = newest.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is not None:
            return failed(f"{subject(certificate)} was revoked on {entry.revocation_date_utc:%Y-%m-%d %H:%M}Z")
    return Check("revocation", REVOCATION, Result.PASSED, "no certificate of the chain is on its issuer's list")


def _signed_crl(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    try:
        return crl.is_signature_valid(key)  # type: ignore[arg-type]  # any other key type is the TypeError below
    except (TypeError, ValueError):
        return False
