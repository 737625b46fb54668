"""Does this certificate lead to an authority that I trust, today, for this name? (RFC 5280 §6, RFC 9525)

    leaf  <- signed by -  intermediates ...  <- signed by -  trust anchor
     |                                                            |
     the name asked for, the dates,                  known beforehand: it never
     what it may be used for, not revoked            comes over the line it protects

Chain, dates and name are judged by `cryptography.x509.verification` (a web profile, without revocation and without
Ed25519); the revocation lists by a short check of our own. The judgement is data: a Verdict, never an exception.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import keys, names, revocation
from pki.malformed import MALFORMED
from pki.signed import signed_by, subject
from pki.verdict import Check, PathProfile, Purpose, Result, Verdict

MAX_DEPTH = 8  # authorities between leaf and anchor; the library's own default
SIGNATURE, DATES = "RFC 5280 §6.1.3 (a)(1)", "RFC 5280 §6.1.3 (a)(2)"
NAME, ADDRESS = "RFC 9525 §6.3", "RFC 9525 §6.4"
PURPOSE, CHAIN = "RFC 5280 §4.2.1.12", "RFC 5280 §6.1"
LIMIT = "a limit of the library behind this command, not of RFC 5280"


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
    profile: PathProfile = PathProfile.WEB,
    max_depth: int = MAX_DEPTH,
) -> Verdict:
    """Judge `leaf` at the moment `at`; ValueError if that has no time zone.

    Without a `name` the name is not checked, without `crls` revocation is not; the verdict says so. `profile` is how
    strict to be beyond RFC 5280, and there is one so far.
    """
    if at.tzinfo is None:
        raise ValueError("`at` needs a time zone")
    request = _Request(leaf, tuple(intermediates), tuple(trust_anchors), purpose, at, max_depth)
    try:
        return _judge(request, name, tuple(crls))
    except MALFORMED as error:
        return Verdict((Check("form", "RFC 5280 §4.1", Result.FAILED, f"the certificate cannot be read: {error}"),))


def _judge(
    request: _Request, name: x509.GeneralName | None, crls: tuple[x509.CertificateRevocationList, ...]
) -> Verdict:
    purpose = _purpose(request.leaf, request.purpose)
    if purpose.result is Result.FAILED:
        return Verdict((purpose, *_not_reached("chain", "dates", "name", "revocation")))
    chain, fault = _find_chain(request)
    if not chain:
        return Verdict((purpose, _chain_failure(request, fault), *_not_reached("dates", "name", "revocation")))
    anchor = subject(chain[-1])
    found = Check("chain", CHAIN, Result.PASSED, f"{len(chain)} certificates, up to the trusted {anchor}")
    checks = (
        purpose,
        found,
        _dates(chain, request.at),
        _name(request.leaf, name),
        revocation.check(chain, crls, request.at),
    )
    return Verdict(checks, chain)


def _not_reached(*names_of_checks: str) -> Iterator[Check]:
    sections = {"chain": CHAIN, "dates": DATES, "name": NAME, "revocation": revocation.REVOCATION}
    for name in names_of_checks:
        yield Check(name, sections[name], Result.NOT_MADE, "not reached")


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
    # RFC 5280 leaves open whether names and purposes are critical (trustme's are); the library's web profile does not.
    # The purpose has been judged before, by `_purpose`.
    agnostic = verification.Criticality.AGNOSTIC
    leaf_policy = (
        verification.ExtensionPolicy.webpki_defaults_ee()
        .require_present(x509.SubjectAlternativeName, agnostic, None)
        .may_be_present(x509.ExtendedKeyUsage, agnostic, None)
    )
    builder = (
        verification.PolicyBuilder()
        .extension_policies(ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=leaf_policy)
        .store(verification.Store(list(request.trust_anchors)))
        .time(moment)
        .max_chain_depth(request.max_depth)
    )
    if request.purpose is Purpose.CLIENT:
        client = builder.build_client_verifier().verify(request.leaf, list(request.intermediates))
        return tuple(client.chain)
    own_name = _a_name_of(request.leaf)
    if own_name is None:
        raise verification.VerificationError(_why_nameless(request.leaf))
    return tuple(builder.build_server_verifier(own_name).verify(request.leaf, list(request.intermediates)))


def _why_nameless(leaf: x509.Certificate) -> str:
    constraints = [each.value for each in leaf.extensions if isinstance(each.value, x509.BasicConstraints)]
    if any(each.ca for each in constraints):
        return f"{subject(leaf)} is an authority, which vouches for others: no server's or client's certificate"
    return f"{subject(leaf)} has no subject alternative name that a server could have"


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

    def failed(detail: str, hint: str | None = None, section: str = CHAIN) -> Check:
        return Check("chain", section, Result.FAILED, detail, hint)

    pool = (*request.trust_anchors, *request.intermediates)
    current, walked = request.leaf, [request.leaf]
    for _ in range(request.max_depth + 1):
        if not isinstance(current.public_key(), ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            return failed(
                f"this verifier takes no {keys.describe(current.public_key())} key, and {subject(current)} has one",
                "TLS takes it: ask `openssl verify -x509_strict`, or see it accepted by `tlsdemo connect`",
                LIMIT,
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
                "the name is right, the signature is not",
                "an imitation: `pki diff` shows two certificates side by side",
                SIGNATURE,
            )
        walked.append(signer)
        if signer in request.trust_anchors:
            break
        current = signer
    if (dates := _dates(walked, request.at)).result is Result.FAILED:  # when no moment suits all of them
        return dates
    return failed(_own_words(fault))


def _own_words(fault: str) -> str:
    """The library's words without its marks: "validation failed: …", "(encountered processing <Certificate …>)"."""
    return (
        re.sub(r"\s*\(encountered processing <.*", "", fault.removeprefix("validation failed: "))
        or "no chain was found"
    )


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
    section = ADDRESS if isinstance(wanted, x509.IPAddress) else NAME
    presented = names.of_certificate(leaf)
    if any(names.matches(name, wanted) for name in presented):
        return Check("name", section, Result.PASSED, f"it is valid for {names.plain(wanted)}")
    return Check(
        "name",
        section,
        Result.FAILED,
        f"it is not valid for {names.plain(wanted)!r}; presented: {', '.join(map(names.show, presented)) or 'no name'}",
        f"issue one with `pki issue {names.plain(wanted)}`",
    )
