"""Rules for public CAs beyond RFC 5280 (CA/Browser Forum Baseline Requirements, cited by section)."""

from functools import cache

import idna
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from publicsuffixlist import PublicSuffixList

from pki import keys
from pki.names import show
from pki.objects.distinguished_names import subject
from pki.path.request import CertificateFields, Path, Request
from pki.path.steps import Failure
from pki.path.strength import CURVES
from pki.verdict import Purpose


def leaf_profile(path: Path, request: Request) -> str:
    """§7.1.2.7: a leaf is not a CA, states its purposes, and has SANs."""
    leaf, who = path.leaf, subject(path.leaf.certificate)
    if leaf.is_authority:
        raise Failure(f"{who} is a CA certificate, not a server or client certificate")
    stated = leaf.value(x509.ExtendedKeyUsage)
    if stated is None:
        raise Failure(f"{who} has no extended key usage (§7.1.2.7.6)")
    if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in stated:
        raise Failure(f"the extended key usage of {who} has anyExtendedKeyUsage, which is forbidden (§7.1.2.7.10)")
    if request.purpose is Purpose.SERVER and leaf.find(x509.SubjectAlternativeName) is None:
        raise Failure(f"{who} has no SANs (§7.1.2.7.12)")
    return "a subscriber certificate with the required fields"


def common_name(path: Path, request: Request) -> str:
    """§7.1.4.3: a common name is one of the SANs, character by character."""
    if request.purpose is not Purpose.SERVER:
        return "checked for servers only"
    presented = {_text(each) for each in path.leaf.names}
    for attribute in path.leaf.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
        if attribute.value not in presented:
            raise Failure(f"the common name {attribute.value!r} is not among the SANs")
    return "the common name is among the SANs, or absent"


def _text(name: x509.GeneralName) -> str:
    return str(name.value)


def wildcards(path: Path, request: Request) -> str:
    """§3.2.2.6: no wildcard directly below a public suffix; labels with xn-- are valid A-labels (§7.1.4.2)."""
    for name in path.leaf.names:
        if not isinstance(name, x509.DNSName):
            continue
        parent = name.value.removeprefix("*.")
        if name.value.startswith("*") and (parent == "*" or _suffixes().is_public(parent.lower())):
            raise Failure(f"{show(name)} covers the domains of many owners")
        for label in parent.split("."):
            if label.startswith("xn--"):
                try:
                    idna.decode(label)
                except UnicodeError as error:
                    raise Failure(f"{show(name)} is not a valid internationalised name: {error}") from None
    return "no wildcard covers a public suffix"


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def key_parameters(path: Path, request: Request) -> str:
    """§6.1.5, §7.1.3.1: RSA of at least 2048 bits in whole bytes, or one of three named curves."""
    for each in path.certificates:
        key = each.certificate.public_key()
        who = subject(each.certificate)
        match key:
            case rsa.RSAPublicKey() if key.key_size < 2048 or key.key_size % 8:
                raise Failure(
                    f"the key of {who} is {keys.describe(key)}; at least 2048 bits and a multiple of 8 are required"
                )
            case ec.EllipticCurvePublicKey() if key.curve.name not in CURVES:
                raise Failure(f"the key of {who} is {keys.describe(key)}; only P-256, P-384 and P-521 are allowed")
            case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey():
                pass
            case _:
                raise Failure(f"the key of {who} is {keys.describe(key)}; only RSA and EC are allowed")
    return "every key has an allowed type and size"


def authority_profile(path: Path, request: Request) -> str:
    """§7.1.2.1, §7.1.2.5: fields that a root and an intermediate must not have."""
    anchor = path.anchor
    if anchor is not path.leaf and anchor.is_self_issued:
        who = subject(anchor.certificate)
        if anchor.value(x509.ExtendedKeyUsage) is not None:
            raise Failure(f"the root {who} has an extended key usage (§7.1.2.1.2)")
        _check_identifier(anchor, who)
    for each in path.authorities:
        found = each.value(x509.NameConstraints)
        if found is not None and not found.permitted_subtrees and not found.excluded_subtrees:
            raise Failure(f"the name constraints of {subject(each.certificate)} are empty (§7.1.2.5.2)")
    return "the CA certificates have no forbidden fields"


def _check_identifier(root: CertificateFields, who: str) -> None:
    """§7.1.2.1.3."""
    own, stated = root.value(x509.SubjectKeyIdentifier), root.value(x509.AuthorityKeyIdentifier)
    if stated is None:
        return
    if stated.authority_cert_issuer is not None or stated.authority_cert_serial_number is not None:
        raise Failure(f"the authority key identifier of the root {who} names an issuer and a serial number")
    if stated.key_identifier is None or own is None or stated.key_identifier != own.digest:
        raise Failure(f"the authority key identifier of the root {who} is not its own subject key identifier")
