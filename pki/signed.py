"""Who signed what: the arithmetic behind every chain (RFC 5280 §6.1.3 (a)(1)), and a short name for each party."""

import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import SignatureAlgorithmOID as Algorithm

from pki import names
from pki.malformed import MALFORMED


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key made the signature on the certificate, and the names agree."""
    try:
        return same_name(certificate.issuer, authority.subject) and signature_holds(certificate, authority)
    except MALFORMED:  # a name that cannot be read is nobody's
        return False


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


def key_signed_list(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    """Whether the authority's key made the signature on the list."""
    return _list_holds(_Fetched(crl.fingerprint(hashes.SHA256()), crl), authority)


@dataclass(frozen=True)
class _Fetched:
    """A list is fetched once, and looked at in many handshakes: what was found out about it is remembered."""

    fingerprint: bytes
    crl: x509.CertificateRevocationList = field(compare=False)


@lru_cache(maxsize=64)
def _list_holds(fetched: _Fetched, authority: x509.Certificate) -> bool:
    crl = fetched.crl
    try:
        key = authority.public_key()
        if isinstance(key, dsa.DSAPublicKey):
            key.verify(crl.signature, crl.tbs_certlist_bytes, crl.signature_hash_algorithm or hashes.SHA256())
            return True
        return crl.is_signature_valid(key)  # type: ignore[arg-type]  # caught below
    except DOES_NOT_HOLD:
        return False


def signature_holds(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key made the signature on the certificate, whatever the names are (§6.1.3 (a)(1))."""
    try:
        key = authority.public_key()
        signature, signed = certificate.signature, certificate.tbs_certificate_bytes
        match key:
            case rsa.RSAPublicKey():
                how, digest = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
                if how is None and certificate.signature_algorithm_oid in OLD_RSA:
                    how = padding.PKCS1v15()
                if isinstance(how, ec.ECDSA) or how is None or digest is None:
                    return False
                key.verify(signature, signed, how, digest)
            case ec.EllipticCurvePublicKey():
                digest = certificate.signature_hash_algorithm
                if digest is None or certificate.signature_algorithm_oid not in ECDSA:
                    return False
                key.verify(signature, signed, ec.ECDSA(digest))
            case dsa.DSAPublicKey():
                if certificate.signature_hash_algorithm is None:
                    return False
                key.verify(signature, signed, certificate.signature_hash_algorithm)
            case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
                if certificate.signature_algorithm_oid not in EDWARDS:
                    return False
                key.verify(signature, signed)
            case _:
                return False
    except DOES_NOT_HOLD:
        return False
    return True


DOES_NOT_HOLD: tuple[type[Exception], ...] = (InvalidSignature, *MALFORMED)
EDWARDS = (Algorithm.ED25519, Algorithm.ED448)
ECDSA = (
    Algorithm.ECDSA_WITH_SHA1,
    Algorithm.ECDSA_WITH_SHA224,
    Algorithm.ECDSA_WITH_SHA256,
    Algorithm.ECDSA_WITH_SHA384,
    Algorithm.ECDSA_WITH_SHA512,
)
OLD_RSA = (Algorithm.RSA_WITH_MD5, Algorithm.RSA_WITH_SHA1)
"""Of broken hashes the library does not say how they sign; whether to believe them is another question (`strength`)."""


# Names --------------------------------------------------------------------------------------------------------------

Name = tuple[frozenset[tuple[str, str]], ...]


def comparable(name: x509.Name) -> Name:
    """Names are the same without regard to case, and to how many blanks there are (RFC 5280 §7.1, RFC 4518)."""
    return tuple(map(_comparable, name.rdns))


def _comparable(part: x509.RelativeDistinguishedName) -> frozenset[tuple[str, str]]:
    return frozenset((each.oid.dotted_string, _folded(each.value)) for each in part)


def _folded(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return " ".join((value if value.isascii() else unicodedata.normalize("NFKC", value)).casefold().split())


def same_name(one: x509.Name, other: x509.Name) -> bool:
    """Whether they name the same; part by part, since equal parts are found equal at once."""
    if len(one.rdns) != len(other.rdns):
        return False
    parts = zip(one.rdns, other.rdns, strict=True)
    return all(mine == theirs or _comparable(mine) == _comparable(theirs) for mine, theirs in parts)
