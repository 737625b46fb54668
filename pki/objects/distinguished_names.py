"""Who signed what: the arithmetic behind every chain (RFC 5280 §6.1.3 (a)(1)), and a short name for each party."""

import unicodedata

from cryptography import x509

from pki.errors import printable
from pki.malformed import Malformed, read_field
from pki.objects import signatures, summary


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the CA's key made the signature on the certificate, and the names agree; no if they cannot be read."""
    try:
        same = read_field(lambda: same_name(certificate.issuer, authority.subject))
    except Malformed:
        return False
    return same and signature_holds(certificate, authority)


def subject(certificate: x509.Certificate) -> str:
    """A short name for a certificate: its common name, else its subject, else its first alternative name.

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
    """The whole name of the issuer as safe text, also where the library cannot read it. Never raises."""
    if isinstance(of, x509.Certificate):
        return summary.of_certificate(of).issuer
    try:
        return printable(read_field(of.issuer.rfc4514_string)) or "an issuer without a name"
    except Malformed:
        return "an issuer whose name cannot be read"


def key_signed_list(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    """Whether the CA's key made the signature on the CRL, whatever the names are."""
    return _holds(crl, authority)


def signature_holds(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the CA's key made the signature on the certificate, whatever the names are (§6.1.3 (a)(1))."""
    return _holds(certificate, authority)


def _holds(signed: x509.Certificate | x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        answer = signatures.check(read_field(lambda: signatures.encoded(signed)), signatures.key_of(authority))
    except Malformed:
        return False
    return answer.outcome is signatures.Outcome.HOLDS


# Names --------------------------------------------------------------------------------------------------------------

Name = tuple[frozenset[tuple[str, str]], ...]
MAX_NORMALISED = 256
"""Characters; RFC 5280 appendix A.1 allows a common name 64. `unicodedata.normalize` takes quadratic time."""


def comparable(name: x509.Name) -> Name:
    """Names are the same without regard to case, and to how many blanks there are (RFC 5280 §7.1, RFC 4518).

    Values of more than MAX_NORMALISED characters are the same if their characters are, apart from case and blanks.
    """
    return tuple(map(_comparable, name.rdns))


def _comparable(part: x509.RelativeDistinguishedName) -> frozenset[tuple[str, str]]:
    return frozenset((each.oid.dotted_string, _folded(each.value)) for each in part)


def _folded(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return f"\0{value.hex()}"  # so that it is not the same as any text
    if not value.isascii() and len(value) <= MAX_NORMALISED:
        value = unicodedata.normalize("NFKC", value)
    return " ".join(value.casefold().split())


def same_name(one: x509.Name, other: x509.Name) -> bool:
    """Whether they name the same; part by part, since equal parts are found equal at once."""
    if len(one.rdns) != len(other.rdns):
        return False
    parts = zip(one.rdns, other.rdns, strict=True)
    return all(mine == theirs or _comparable(mine) == _comparable(theirs) for mine, theirs in parts)
