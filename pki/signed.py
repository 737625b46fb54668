"""Who signed what: the arithmetic behind every chain (RFC 5280 §6.1.3 (a)(1)), and a short name for each party."""

from cryptography import x509

from pki import names
from pki.malformed import MALFORMED


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
    alternatives = names.readable(certificate)
    return certificate.subject.rfc4514_string() or (names.show(alternatives[0]) if alternatives else "an unnamed one")


def issuer(certificate: x509.Certificate) -> str:
    """The whole name of its issuer, as far as it can be read."""
    try:
        return certificate.issuer.rfc4514_string() or "nobody by name"
    except MALFORMED:
        return "somebody whose name cannot be read"


def signed_list(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """Whether the issuer's key made the signature on the list, and the names agree."""
    try:
        key = issuer.public_key()
        return crl.issuer == issuer.subject and crl.is_signature_valid(key)  # type: ignore[arg-type]  # caught below
    except MALFORMED:
        return False
