"""What the web's authorities have agreed on beyond RFC 5280 (CA/Browser Forum Baseline Requirements, by section)."""

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
    """§7.1.2.7: a leaf is no authority, says what it is for, and names itself in the alternative names."""
    leaf, who = path.leaf, subject(path.leaf.certificate)
    if leaf.is_authority:
        raise Failure(f"{who} is an authority, which vouches for others: no server's or client's certificate")
    stated = leaf.value(x509.ExtendedKeyUsage)
    if stated is None:
        raise Failure(f"{who} does not say what it is for: it has no extended key usage (§7.1.2.7.6)")
    if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in stated:
        raise Failure(f"{who} is for any purpose, and must say which (§7.1.2.7.10)")
    if request.purpose is Purpose.SERVER and leaf.find(x509.SubjectAlternativeName) is None:
        raise Failure(f"{who} has no subject alternative names (§7.1.2.7.12)")
    return "a subscriber's certificate, as it should be"


def common_name(path: Path, request: Request) -> str:
    """§7.1.4.3: a common name is one of the alternative names, character by character."""
    if request.purpose is not Purpose.SERVER:
        return "asked of servers alone"
    presented = {_text(each) for each in path.leaf.names}
    for attribute in path.leaf.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
        if attribute.value not in presented:
            raise Failure(f"the common name {attribute.value!r} is none of the alternative names")
    return "it is one of the alternative names, or there is none"


def _text(name: x509.GeneralName) -> str:
    return str(name.value)


def wildcards(path: Path, request: Request) -> str:
    """§3.2.2.6: no wildcard directly below a public suffix, nor inside of a label; names are A-labels (§7.1.4.2)."""
    for name in path.leaf.names:
        if not isinstance(name, x509.DNSName):
            continue
        parent = name.value.removeprefix("*.")
        if name.value.startswith("*") and (parent == "*" or _suffixes().is_public(parent.lower())):
            raise Failure(f"{show(name)} covers hosts of many owners")
        for label in parent.split("."):
            if label.startswith("xn--"):
                try:
                    idna.decode(label)
                except UnicodeError as error:
                    raise Failure(f"{show(name)} is no internationalised name: {error}") from None
    return "none covers a public suffix"


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def key_parameters(path: Path, request: Request) -> str:
    """§6.1.5, §7.1.3.1: RSA with whole bytes, and the three curves, by name."""
    for each in path.certificates:
        key = each.certificate.public_key()
        who = subject(each.certificate)
        match key:
            case rsa.RSAPublicKey() if key.key_size < 2048 or key.key_size % 8:
                raise Failure(f"{who} has {keys.describe(key)}: at least 2048 bits, and a multiple of 8")
            case ec.EllipticCurvePublicKey() if key.curve.name not in CURVES:
                raise Failure(f"{who} has {keys.describe(key)}: P-256, P-384 and P-521 are allowed")
            case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey():
                pass
            case _:
                raise Failure(f"{who} has {keys.describe(key)}, which is not allowed")
    return "of a kind that is allowed"


def authority_profile(path: Path, request: Request) -> str:
    """§7.1.2.1, §7.1.2.5: what a root and an authority below it must not have."""
    anchor = path.anchor
    if anchor is not path.leaf and anchor.is_self_issued:
        who = subject(anchor.certificate)
        if anchor.value(x509.ExtendedKeyUsage) is not None:
            raise Failure(f"the root {who} has an extended key usage (§7.1.2.1.2)")
        _check_identifier(anchor, who)
    for each in path.authorities:
        found = each.value(x509.NameConstraints)
        if found is not None and not found.permitted_subtrees and not found.excluded_subtrees:
            raise Failure(f"{subject(each.certificate)} constrains names, and says not which (§7.1.2.5.2)")
    return "as they should be"


def _check_identifier(root: CertificateFields, who: str) -> None:
    """§7.1.2.1.3."""
    own, stated = root.value(x509.SubjectKeyIdentifier), root.value(x509.AuthorityKeyIdentifier)
    if stated is None:
        return
    if stated.authority_cert_issuer is not None or stated.authority_cert_serial_number is not None:
        raise Failure(f"the authority key identifier of the root {who} names an issuer and a serial number")
    if stated.key_identifier is None or own is None or stated.key_identifier != own.digest:
        raise Failure(f"the authority key identifier of the root {who} is not its own subject key identifier")
