"""Path validation (RFC 5280 §6.1), one function for each check; each one examines a whole path.

A step returns the sentence of a passed Check, or raises Failure. The table `profiles` has the steps and their order.
`build` verifies signatures and matches issuer names before a path is judged.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from pki import names
from pki.asn1 import der
from pki.objects import extensions
from pki.objects.distinguished_names import subject
from pki.objects.signatures import signature_holds
from pki.path import constraints, policies
from pki.path.request import CertificateFields, Path, Request
from pki.verdict import PathProfile, Purpose

SIGNATURE, DATES = "RFC 5280 §6.1.3 (a)(1)", "RFC 5280 §6.1.3 (a)(2)"
NAME, ADDRESS = "RFC 9525 §6.3", "RFC 9525 §6.4"
PURPOSE, CHAIN = "RFC 5280 §4.2.1.12", "RFC 5280 §6.1"
SERIAL_OCTETS = 20
SHOWN = 10  # names of a certificate in a sentence; `presented` in the JSON has all of them


class Failure(Exception):
    """A check failed: the fact with its values, and a hint."""

    def __init__(self, detail: str, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


@dataclass(frozen=True)
class Clause:
    """A check: its name, its section, and its function."""

    name: str
    section: str
    follow: Callable[[Path, Request], str]


# Fields of each certificate -----------------------------------------------------------------------------------------


def version(path: Path, request: Request) -> str:
    """Every certificate but the anchor has version 3 (§4.1.2.1), which has extensions."""
    for each in path.certificates:
        if each.certificate.version is not x509.Version.v3 and (each is not path.anchor or each is path.leaf):
            raise Failure(f"{who(each)} has version {each.certificate.version.name[1:]}; extensions need version 3")
    return "every certificate below the trust anchor has version 3"


def serial(path: Path, request: Request) -> str:
    """Serial numbers are positive and have at most 20 octets (§4.1.2.2); the anchor is exempt."""
    for each in path.certificates:
        if each is path.anchor and each is not path.leaf:
            continue  # some old roots have 0; an anchor is not revoked by its serial number
        number = each.certificate.serial_number
        if number <= 0:
            raise Failure(f"{who(each)} has the serial number {number}; it must be positive")
        if number.bit_length() > 8 * SERIAL_OCTETS - 1 and (number.bit_length() + 8) // 8 > SERIAL_OCTETS:
            raise Failure(
                f"the serial number of {who(each)} has {(number.bit_length() + 8) // 8} octets; 20 are allowed"
            )
    return "every serial number below the trust anchor is positive and has at most 20 octets"


def algorithms(path: Path, request: Request) -> str:
    """The signed algorithm equals the one beside the signature, which is not signed (§4.1.1.2)."""
    for each in path.certificates:
        inside, outside = _algorithms(each.der)
        if inside != outside:
            named = [_called(inside), _called(outside)]
            one, other = named if named[0] != named[1] else (inside.hex(), outside.hex())
            raise Failure(
                f"the signature algorithm of {who(each)} is {one} in tbsCertificate and {other} in signatureAlgorithm"
            )
    return "tbsCertificate and signatureAlgorithm name the same algorithm"


def _algorithms(data: bytes) -> tuple[bytes, bytes]:
    """The two AlgorithmIdentifiers in DER: in tbsCertificate, after version and serial number, and beside it."""
    tbs, outside = islice(der.children(data, der.read(data)), 2)
    inside = [each for each in islice(der.children(data, tbs), 3) if each.tag != VERSION][1]
    return data[inside.start : inside.end], data[outside.start : outside.end]


VERSION = der.CONTEXT | der.CONSTRUCTED


def _called(algorithm: bytes) -> str:
    oid = x509.ObjectIdentifier(der.dotted(algorithm[next(der.children(algorithm, der.read(algorithm))).content]))
    return oid.dotted_string if oid._name == "Unknown OID" else oid._name


UNDERSTOOD = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.NameConstraints,
    x509.SubjectAlternativeName,
    x509.CertificatePolicies,
    x509.PolicyConstraints,
    x509.InhibitAnyPolicy,
    x509.AuthorityKeyIdentifier,
    x509.SubjectKeyIdentifier,
    x509.AuthorityInformationAccess,
    x509.CRLDistributionPoints,
    x509.FreshestCRL,
    x509.IssuerAlternativeName,
)
NEVER_CRITICAL = (
    x509.AuthorityKeyIdentifier,
    x509.SubjectKeyIdentifier,
    x509.AuthorityInformationAccess,
    x509.SubjectInformationAccess,
    x509.FreshestCRL,
)
POLICY_MAPPINGS = ExtensionOID.POLICY_MAPPINGS
ALWAYS_CRITICAL = (x509.NameConstraints, x509.PolicyConstraints, x509.InhibitAnyPolicy)


def critical_extensions(path: Path, request: Request) -> str:
    """A client must reject a certificate with a critical extension that it does not process (§4.2)."""
    for each in path.certificates:
        check_critical(each, request)
    return "every critical extension is processed"


def check_critical(certificate: CertificateFields, request: Request) -> None:
    """Raises Failure if a critical extension is not processed, or if an extension has the wrong criticality."""
    for extension in certificate.extensions:
        known = type(extension.value) in UNDERSTOOD or extension.oid == POLICY_MAPPINGS
        if extension.critical and not known:
            raise Failure(
                f"{who(certificate)} has a critical extension that this program does not process: {_kind(extension)}"
            )
        if extension.critical and type(extension.value) in NEVER_CRITICAL:
            raise Failure(f"{_kind(extension)} is critical in {who(certificate)}; it must not be")
        if not extension.critical and type(extension.value) in ALWAYS_CRITICAL:
            raise Failure(f"{_kind(extension)} is not critical in {who(certificate)}; it must be")


def _kind(extension: x509.Extension[x509.ExtensionType]) -> str:
    known = extension.oid._name
    return extension.oid.dotted_string if known == "Unknown OID" else known


def key_identifiers(path: Path, request: Request) -> str:
    """Each certificate has an authority key identifier, each CA a subject key identifier (§4.2.1.1, §4.2.1.2)."""
    for each in path.certificates[:-1]:  # not of the anchor: its issuer is not looked up
        if each.value(x509.AuthorityKeyIdentifier) is None and not _is_self_signed(each):
            raise Failure(f"{who(each)} has no authority key identifier")
    for each in path.authorities:
        if each.value(x509.SubjectKeyIdentifier) is None and each.certificate.version is x509.Version.v3:
            raise Failure(f"the CA {who(each)} has no subject key identifier")
    return "the required key identifiers are present"


def _is_self_signed(certificate: CertificateFields) -> bool:
    return certificate.is_self_issued and signature_holds(certificate.certificate, certificate.certificate)


def subject_names(path: Path, request: Request) -> str:
    """SANs are well-formed (§4.2.1.6), and CAs have a subject (§4.1.2.6)."""
    for each in path.authorities:
        if not list(each.certificate.subject):
            raise Failure(f"a CA in the path of {who(path.leaf)} has an empty subject")
    found = path.leaf.find(x509.SubjectAlternativeName)
    if found is None:
        return "the leaf has no SANs"
    if not path.leaf.names:
        raise Failure(f"the SAN extension of {who(path.leaf)} is empty")
    if not list(path.leaf.certificate.subject) and not found.critical:
        raise Failure(f"{who(path.leaf)} has an empty subject, so its SAN extension must be critical; it is not")
    for name in path.leaf.names:
        _check_form(name)
    return "the SANs of the leaf are well-formed"


HOST = re.compile(r"(\*\.)?((?!-)[A-Za-z0-9-]{1,63}(?<!-)\.)*(?!-)[A-Za-z0-9-]{1,63}(?<!-)|\*")


def is_well_formed(name: x509.GeneralName) -> bool:
    """Whether a SAN is well-formed for its type."""
    try:
        _check_form(name)
    except Failure:
        return False
    return True


def _check_form(name: x509.GeneralName) -> None:
    match name:
        case x509.DNSName(value=host):
            if not HOST.fullmatch(host) or len(host) > names.MAX_HOST:
                raise Failure(f"{names.show(name)} is not a valid host name (RFC 1123 §2.1)")
            if host.rpartition(".")[2].isdigit():
                raise Failure(f"{names.show(name)} is an IP address in a dNSName")
        case x509.IPAddress(value=ipaddress.IPv4Network() | ipaddress.IPv6Network() as network):
            raise Failure(f"{network} is a network; iPAddress must be one address")


# Validity -----------------------------------------------------------------------------------------------------------


def dates(path: Path, request: Request) -> str:
    """The time of the request lies within every validity, both ends included (§4.1.2.5), in whole seconds."""
    for each in path.certificates:
        check_dates(each, request)
    last = min(each.not_after for each in path.certificates)
    return f"every certificate is valid at {request.at:%Y-%m-%d %H:%M}Z; the first expires on {last:%Y-%m-%d}"


def check_dates(certificate: CertificateFields, request: Request) -> None:
    """Raises Failure if the certificate is not valid yet, or has expired."""
    at, before, after = request.at, certificate.not_before, certificate.not_after
    if not before <= at.replace(microsecond=0) <= after:
        word = "is not valid before" if at < before else "expired on"
        moment = before if at < before else after
        raise Failure(
            f"{who(certificate)} {word} {moment:%Y-%m-%d %H:%M:%S}Z; the time is {at:%Y-%m-%d %H:%M:%S}Z",
            "check the clock of this machine" if at < before else "replace it with a new certificate: `pki issue`",
        )


# CA certificates ----------------------------------------------------------------------------------------------------


def authorities(path: Path, request: Request) -> str:
    """Every issuer has a CA certificate whose key may sign certificates (§6.1.4 (k), (n))."""
    for each in path.authorities:
        check_authority(each, request)
    return "every issuer is a CA"


def check_authority(certificate: CertificateFields, request: Request) -> None:
    """Raises Failure unless it is a CA certificate whose key may sign certificates."""
    found = certificate.find(x509.BasicConstraints)
    if found is None:
        raise Failure(f"{who(certificate)} issued a certificate, but is not a CA: it has no basic constraints")
    if not found.value.ca:
        raise Failure(
            f"{who(certificate)} issued a certificate, but is not a CA: its basic constraints have cA FALSE",
            "the key of a leaf certificate signed it; have it issued by a CA",
        )
    if not found.critical and request.profile is not PathProfile.RFC5280:
        raise Failure(f"basic constraints are not critical in the CA {who(certificate)}; they must be (§4.2.1.9)")
    usage = certificate.value(x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise Failure(
            f"the key of the CA {who(certificate)} may not sign certificates: its key usage has no keyCertSign"
        )


def path_length(path: Path, request: Request) -> str:
    """No CA has more CAs below it than pathLenConstraint allows (§6.1.4 (l), (m)); self-issued ones do not count."""
    below = 0
    for each in path.authorities:
        limits = each.value(x509.BasicConstraints)
        if limits is not None and limits.path_length is not None and below > limits.path_length:
            plural = "CA" if limits.path_length == 1 else "CAs"
            raise Failure(f"{who(each)} allows {limits.path_length} {plural} below it; the path has {below}")
        below += not each.is_self_issued
    return "every pathLenConstraint is respected"


def leaf_usage(path: Path, request: Request) -> str:
    """Only a CA has keyCertSign (§4.2.1.9) or name constraints (§4.2.1.10)."""
    usage = path.leaf.value(x509.KeyUsage)
    if usage is not None and usage.key_cert_sign and not path.leaf.is_authority:
        raise Failure(f"the key usage of {who(path.leaf)} has keyCertSign, but it is not a CA")
    if path.leaf.value(x509.NameConstraints) is not None and not path.leaf.is_authority:
        raise Failure(f"{who(path.leaf)} has name constraints, but it is not a CA")
    return "the leaf is a CA" if path.leaf.is_authority else "the leaf has neither keyCertSign nor name constraints"


def name_constraints(path: Path, request: Request) -> str:
    """Every name is permitted by the name constraints of the CAs above it."""
    try:
        constraining = constraints.follow(path)
    except constraints.NotPermitted as refused:
        raise Failure(str(refused)) from None
    if not constraining:
        return "no CA has name constraints"
    return f"every name is permitted; CAs with name constraints: {constraining}"


def policy(path: Path, request: Request) -> str:
    """If a CA requires a policy for the whole path, one holds."""
    try:
        is_missing = policies.is_explicit_but_empty(path)
    except policies.PolicyError as refused:
        raise Failure(str(refused)) from None
    if is_missing:
        raise Failure("a CA requires a certificate policy, but no policy holds for the whole path")
    return "no policy is required, or one holds for the path"


# Purpose ------------------------------------------------------------------------------------------------------------

WANTED = {Purpose.SERVER: ExtendedKeyUsageOID.SERVER_AUTH, Purpose.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH}


def purpose(path: Path, request: Request) -> str:
    """The extended key usage of the leaf, and of each CA (nested, as TLS clients do), allows the purpose."""
    if request.purpose not in WANTED:
        return "any purpose was requested"
    for each in path.authorities:
        check_issues_for(each, request)
    stated, wanted = path.leaf.value(x509.ExtendedKeyUsage), request.purpose.value
    if stated is None:
        return "any purpose: the leaf has no extended key usage"
    if not _is_for(stated, request.purpose):
        other = Purpose.CLIENT if request.purpose is Purpose.SERVER else Purpose.SERVER
        raise Failure(
            f"{who(path.leaf)} is not valid for a {wanted}: its extended key usage is {_purposes(stated)}",
            f"if it is a {other.value} certificate, use --purpose {other.value}",
        )
    return f"the extended key usage allows a {wanted}"


def check_issues_for(certificate: CertificateFields, request: Request) -> None:
    """Raises Failure if the CA has an extended key usage without the requested purpose."""
    stated = certificate.value(x509.ExtendedKeyUsage)
    if request.purpose in WANTED and stated is not None and not _is_for(stated, request.purpose):
        raise Failure(
            f"the CA {who(certificate)} may not issue a {request.purpose.value} certificate: its extended key usage is "
            f"{_purposes(stated)}",
            "have it issued by a CA without extended key usage, or with that purpose",
        )


def _purposes(stated: x509.ExtendedKeyUsage) -> str:
    return ", ".join(extensions.PURPOSE_NAMES.get(oid, oid.dotted_string) for oid in stated) or "empty"


def _is_for(stated: x509.ExtendedKeyUsage, purpose: Purpose) -> bool:
    return WANTED[purpose] in stated or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in stated


def name(path: Path, request: Request) -> str:
    """A presented identifier matches the reference identifier."""
    wanted = request.name
    assert wanted is not None
    if any(names.matches(each, wanted) for each in path.leaf.names):
        return f"the certificate is valid for {names.plain(wanted)}"
    found = path.leaf.names
    presented = ", ".join(map(names.show, found[:SHOWN])) or "no name"
    presented += f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    option = "--client " if request.purpose is Purpose.CLIENT or isinstance(wanted, x509.RFC822Name) else ""
    raise Failure(
        f"the certificate is not valid for {names.plain(wanted)!r}; presented: {presented}",
        f"issue one with `pki issue {option}{names.plain(wanted)}`",
    )


def who(certificate: CertificateFields) -> str:
    """The subject of a certificate, for a sentence."""
    return subject(certificate.certificate)
