"""Path validation (RFC 5280 §6.1), one function for each clause: each looks at a whole path, and says what it found.

A step gives a sentence for a Check that has passed, or raises Failure. Which steps are made, and in which order, is a
table (`profiles`). Signatures and the chaining of names are the work of `build`: without them there is no path.
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
SHOWN = 10  # names of a certificate in an answer; JSON has all of them elsewhere


class Failure(Exception):
    """What is wrong, the two values that disagree in it; and what mends it."""

    def __init__(self, detail: str, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


@dataclass(frozen=True)
class Clause:
    """A clause, and the function that follows it."""

    name: str
    section: str
    follow: Callable[[Path, Request], str]


# The form of each certificate ---------------------------------------------------------------------------------------


def version(path: Path, request: Request) -> str:
    """Extensions need version 3, and everything here needs extensions."""
    for each in path.certificates:
        if each.certificate.version is not x509.Version.v3 and (each is not path.anchor or each is path.leaf):
            raise Failure(f"{who(each)} is of version {each.certificate.version.name[1:]}, which has no extensions")
    return "all that were sent are of version 3"


def serial(path: Path, request: Request) -> str:
    """Positive, and at most 20 octets."""
    for each in path.certificates:
        if each is path.anchor and each is not path.leaf:
            continue  # old roots have 0, and nobody will ever revoke them by it
        number = each.certificate.serial_number
        if number <= 0:
            raise Failure(f"{who(each)} has the serial number {number}, and it must be positive")
        if number.bit_length() > 8 * SERIAL_OCTETS - 1 and (number.bit_length() + 8) // 8 > SERIAL_OCTETS:
            raise Failure(f"the serial number of {who(each)} has {(number.bit_length() + 8) // 8} octets, 20 at most")
    return "all are positive, and short enough"


def algorithms(path: Path, request: Request) -> str:
    """The algorithm named inside is the one outside, where anybody could change it."""
    for each in path.certificates:
        inside, outside = _algorithms(each.der)
        if inside != outside:
            named = [_called(inside), _called(outside)]
            one, other = named if named[0] != named[1] else (inside.hex(), outside.hex())
            raise Failure(f"the signature algorithm of {who(each)} is {one} inside, and {other} outside")
    return "inside and outside agree"


def _algorithms(data: bytes) -> tuple[bytes, bytes]:
    """The two AlgorithmIdentifiers in DER: the inner one stands after version and serial number."""
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
    """Whoever does not understand a critical extension must refuse (§4.2)."""
    for each in path.certificates:
        check_critical(each, request)
    return "every critical one is understood"


def check_critical(certificate: CertificateFields, request: Request) -> None:
    """Failure if a critical extension is not understood, or one is critical or not against its section."""
    for extension in certificate.extensions:
        known = type(extension.value) in UNDERSTOOD or extension.oid == POLICY_MAPPINGS
        if extension.critical and not known:
            raise Failure(f"{who(certificate)} has a critical extension that is unknown here: {_kind(extension)}")
        if extension.critical and type(extension.value) in NEVER_CRITICAL:
            raise Failure(f"{_kind(extension)} is critical in {who(certificate)}, and must not be")
        if not extension.critical and type(extension.value) in ALWAYS_CRITICAL:
            raise Failure(f"{_kind(extension)} is not critical in {who(certificate)}, and must be")


def _kind(extension: x509.Extension[x509.ExtensionType]) -> str:
    known = extension.oid._name
    return extension.oid.dotted_string if known == "Unknown OID" else known


def key_identifiers(path: Path, request: Request) -> str:
    """Each says whose key signed it, and each authority which is its key (§4.2.1.1, §4.2.1.2)."""
    for each in path.certificates[:-1]:  # above the anchor nobody looks
        if each.value(x509.AuthorityKeyIdentifier) is None and not _is_self_signed(each):
            raise Failure(f"{who(each)} does not say whose key signed it: it has no authority key identifier")
    for each in path.authorities:
        if each.value(x509.SubjectKeyIdentifier) is None and each.certificate.version is x509.Version.v3:
            raise Failure(f"the authority {who(each)} has no subject key identifier")
    return "each says whose key signed it"


def _is_self_signed(certificate: CertificateFields) -> bool:
    return certificate.is_self_issued and signature_holds(certificate.certificate, certificate.certificate)


def subject_names(path: Path, request: Request) -> str:
    """Hosts are hosts, addresses are addresses (§4.2.1.6); and authorities have a name (§4.1.2.6)."""
    for each in path.authorities:
        if not list(each.certificate.subject):
            raise Failure(f"the authority that issued {who(path.leaf)} has no name")
    found = path.leaf.find(x509.SubjectAlternativeName)
    if found is None:
        return "it has no alternative names"
    if not path.leaf.names:
        raise Failure(f"{who(path.leaf)} has alternative names, and there are none in it")
    if not list(path.leaf.certificate.subject) and not found.critical:
        raise Failure(f"{who(path.leaf)} has no subject, and its alternative names are not critical")
    for name in path.leaf.names:
        _check_form(name)
    return "they are well formed"


HOST = re.compile(r"(\*\.)?((?!-)[A-Za-z0-9-]{1,63}(?<!-)\.)*(?!-)[A-Za-z0-9-]{1,63}(?<!-)|\*")


def is_well_formed(name: x509.GeneralName) -> bool:
    """Whether an alternative name has the form of its kind."""
    try:
        _check_form(name)
    except Failure:
        return False
    return True


def _check_form(name: x509.GeneralName) -> None:
    match name:
        case x509.DNSName(value=host):
            if not HOST.fullmatch(host) or len(host) > names.MAX_HOST:
                raise Failure(f"{names.show(name)} is no host name (RFC 1123 §2.1)")
            if host.rpartition(".")[2].isdigit():
                raise Failure(f"{names.show(name)} is an address, and stands where hosts stand")
        case x509.IPAddress(value=ipaddress.IPv4Network() | ipaddress.IPv6Network() as network):
            raise Failure(f"{network} is a network, and stands where addresses stand")


# Dates --------------------------------------------------------------------------------------------------------------


def dates(path: Path, request: Request) -> str:
    """From the first second to the last, both included (§4.1.2.5): part of a second does not count."""
    for each in path.certificates:
        check_dates(each, request)
    last = min(each.not_after for each in path.certificates)
    return f"all are valid at {request.at:%Y-%m-%d %H:%M}Z, until {last:%Y-%m-%d}"


def check_dates(certificate: CertificateFields, request: Request) -> None:
    """Failure if it is not valid yet, or not any more."""
    at, before, after = request.at, certificate.not_before, certificate.not_after
    if not before <= at.replace(microsecond=0) <= after:
        word = "is not valid before" if at < before else "expired on"
        moment = before if at < before else after
        raise Failure(
            f"{who(certificate)} {word} {moment:%Y-%m-%d %H:%M:%S}Z, and it is {at:%Y-%m-%d %H:%M:%S}Z",
            "compare your clock" if at < before else "its owner needs a new certificate: `pki issue` makes one",
        )


# Who may vouch ------------------------------------------------------------------------------------------------------


def authorities(path: Path, request: Request) -> str:
    """Only a CA may issue certificates, and it must say that it is one (§6.1.4 (k), (n))."""
    for each in path.authorities:
        check_authority(each, request)
    return "each may issue certificates"


def check_authority(certificate: CertificateFields, request: Request) -> None:
    """Failure unless it is a CA certificate whose key may sign certificates."""
    found = certificate.find(x509.BasicConstraints)
    if found is None:
        raise Failure(f"{who(certificate)} issued a certificate, and is not a CA: it has no basic constraints")
    if not found.value.ca:
        raise Failure(
            f"{who(certificate)} issued a certificate, and is not a CA: basic constraints say cA FALSE",
            "the key of a server's or client's certificate was used to sign it",
        )
    if not found.critical and request.profile is not PathProfile.RFC5280:
        raise Failure(f"basic constraints are not critical in the CA {who(certificate)}, and must be (§4.2.1.9)")
    usage = certificate.value(x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise Failure(f"the key of the CA {who(certificate)} may not sign certificates: key usage has no keyCertSign")


def path_length(path: Path, request: Request) -> str:
    """How many authorities may come below (§6.1.4 (l), (m)); a change of keys does not count, nor does the leaf."""
    below = 0
    for each in path.authorities:
        limits = each.value(x509.BasicConstraints)
        if limits is not None and limits.path_length is not None and below > limits.path_length:
            raise Failure(f"{who(each)} allows {limits.path_length} CAs below itself: it has {below}")
        below += not each.is_self_issued
    return "no CA is deeper than allowed"


def leaf_usage(path: Path, request: Request) -> str:
    """A key that signs certificates belongs to an authority (§4.2.1.9); and only an authority constrains names."""
    usage = path.leaf.value(x509.KeyUsage)
    if usage is not None and usage.key_cert_sign and not path.leaf.is_authority:
        raise Failure(f"the key of {who(path.leaf)} may sign certificates, and it is no authority")
    if path.leaf.value(x509.NameConstraints) is not None and not path.leaf.is_authority:
        raise Failure(f"{who(path.leaf)} constrains the names of others, and it is no authority")
    return "the leaf's key is used as a leaf's"


def name_constraints(path: Path, request: Request) -> str:
    """Each authority vouches only for names that it may vouch for."""
    try:
        constraining = constraints.follow(path)
    except constraints.NotPermitted as refused:
        raise Failure(str(refused)) from None
    return f"{constraining} of the authorities limit them, and all are within" if constraining else "nobody limits them"


def policy(path: Path, request: Request) -> str:
    """Where a CA requires a policy that holds for the whole path, there is one."""
    try:
        is_missing = policies.is_explicit_but_empty(path)
    except policies.PolicyError as refused:
        raise Failure(str(refused)) from None
    if is_missing:
        raise Failure("a CA requires a certificate policy, and no policy holds for the whole path")
    return "none is required, or one holds"


# What it is for -----------------------------------------------------------------------------------------------------

WANTED = {Purpose.SERVER: ExtendedKeyUsageOID.SERVER_AUTH, Purpose.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH}


def purpose(path: Path, request: Request) -> str:
    """What the leaf may be used for, if it says so; and what each authority may issue for (nested, as all do it)."""
    if request.purpose not in WANTED:
        return "not asked for"
    for each in path.authorities:
        check_issues_for(each, request)
    stated, wanted = path.leaf.value(x509.ExtendedKeyUsage), request.purpose.value
    if stated is None:
        return "not limited: it has no extended key usage"
    if not _is_for(stated, request.purpose):
        other = Purpose.CLIENT if request.purpose is Purpose.SERVER else Purpose.SERVER
        raise Failure(
            f"{who(path.leaf)} may not be used by a {wanted}: by its extended key usage it is for "
            f"{extensions.text(stated) or 'nothing'}",
            f"if it is a {other.value}'s certificate, ask with --purpose {other.value}",
        )
    return f"may be used by a {wanted}"


def check_issues_for(certificate: CertificateFields, request: Request) -> None:
    """Failure if that CA states purposes, and the one that is asked for is not among them."""
    stated = certificate.value(x509.ExtendedKeyUsage)
    if request.purpose in WANTED and stated is not None and not _is_for(stated, request.purpose):
        raise Failure(
            f"the CA {who(certificate)} may not issue a {request.purpose.value}'s certificate: it is for "
            f"{extensions.text(stated) or 'nothing'}",
            "have it issued by a CA without extended key usage, or with the right one",
        )


def _is_for(stated: x509.ExtendedKeyUsage, purpose: Purpose) -> bool:
    return WANTED[purpose] in stated or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in stated


def name(path: Path, request: Request) -> str:
    """The one who was asked for is among those whom it names."""
    wanted = request.name
    assert wanted is not None
    if any(names.matches(each, wanted) for each in path.leaf.names):
        return f"it is valid for {names.plain(wanted)}"
    found = path.leaf.names
    presented = ", ".join(map(names.show, found[:SHOWN])) or "no name"
    presented += f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    raise Failure(
        f"it is not valid for {names.plain(wanted)!r}; presented: {presented}",
        f"issue one with `pki issue {names.plain(wanted)}`",
    )


def who(certificate: CertificateFields) -> str:
    """What a certificate is called."""
    return subject(certificate.certificate)
