"""Distinguished names of subject and issuer: as safe text, and compared (RFC 5280 §7.1)."""

import unicodedata

from cryptography import x509

from pki.errors import printable
from pki.malformed import Malformed, read_field
from pki.objects import summary


def subject(certificate: x509.Certificate) -> str:
    """A short name for a certificate: its common name, else its subject, else its first SAN.

    Safe text, also for a name that the library cannot read. Never raises.
    """
    try:
        common_names = read_field(lambda: certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME))
    except Malformed:
        common_names = []
    for attribute in common_names:
        if isinstance(attribute.value, str):
            return summary.common_name(attribute.value)
    return summary.of_certificate(certificate).subject


def issuer(of: x509.Certificate | x509.CertificateRevocationList) -> str:
    """The whole issuer name as safe text, also if the library cannot read it. Never raises."""
    if isinstance(of, x509.Certificate):
        return summary.of_certificate(of).issuer
    try:
        return printable(read_field(of.issuer.rfc4514_string)) or "(empty issuer)"
    except Malformed:
        return "(unreadable issuer)"


# Comparing ----------------------------------------------------------------------------------------------------------

Name = tuple[frozenset[tuple[str, str]], ...]
MAX_NORMALISED = 256
"""Characters. `unicodedata.normalize` takes quadratic time; RFC 5280 appendix A.1 allows a common name of 64."""


def comparable(name: x509.Name) -> Name:
    """The name in a form that ignores case and repeated spaces (RFC 5280 §7.1, RFC 4518).

    Values of more than MAX_NORMALISED characters are compared without Unicode normalisation.
    """
    return tuple(map(_comparable, name.rdns))


def _comparable(part: x509.RelativeDistinguishedName) -> frozenset[tuple[str, str]]:
    return frozenset((each.oid.dotted_string, _folded(each.value)) for each in part)


def _folded(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return f"\0{value.hex()}"  # equal to no text
    if not value.isascii() and len(value) <= MAX_NORMALISED:
        value = unicodedata.normalize("NFKC", value)
    return " ".join(value.casefold().split())


def same_name(one: x509.Name, other: x509.Name) -> bool:
    """Whether the two names are equal (RFC 5280 §7.1). Parts with equal bytes are not normalised."""
    if len(one.rdns) != len(other.rdns):
        return False
    parts = zip(one.rdns, other.rdns, strict=True)
    return all(mine == theirs or _comparable(mine) == _comparable(theirs) for mine, theirs in parts)
