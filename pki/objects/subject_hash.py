"""The hash of a name by which OpenSSL finds certificates and CRLs in a folder (`-CApath`, Python's `capath`).

    Name -> canonical encoding -> SHA-1 -> first four bytes, least significant first -> `9d66eef0`

    9d66eef0.0    a certificate whose subject has this hash       9d66eef0.1   another one
    9d66eef0.r0   a CRL whose issuer has this hash

This is `X509_NAME_hash_ex` of OpenSSL 1.0.0 and later (crypto/x509/x_name.c). In the canonical encoding, text is
UTF-8, ASCII letters are lower case, and white space is collapsed. The SEQUENCE around the RDNs has no header. The hash
is an index, not a protection: several names can share one, so readers compare the whole name.
"""

import hashlib
import re

from cryptography import x509

from pki.asn1 import der
from pki.objects.signatures import VERSION, encoded

ENCODINGS = {  # VisibleString is missing: OpenSSL does not load a certificate with one in a name
    der.UTF8_STRING: "utf-8",
    0x13: "latin-1",  # PrintableString
    0x14: "latin-1",  # TeletexString: OpenSSL reads it as Latin-1
    0x16: "latin-1",  # IA5String
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
"""Types whose values are normalised. OpenSSL keeps others, such as NumericString, as they are."""
SPACE = re.compile(rb"[ \t\n\v\f\r]+")


def of_subject(certificate: x509.Certificate) -> str:
    """The hash of the subject, eight hexadecimal digits. Raises ValueError if the name is not DER."""
    data = encoded(certificate)
    fields = [each for each in der.children(data, _signed_part(data)) if each.tag != VERSION]
    return name_hash(_whole(data, fields[4]))  # after serial number, signature, issuer and validity


def of_issuer(crl: x509.CertificateRevocationList) -> str:
    """The hash of the issuer of a CRL. Raises ValueError if the name is not DER."""
    data = encoded(crl)
    fields = [each for each in der.children(data, _signed_part(data)) if each.tag != der.INTEGER]
    return name_hash(_whole(data, fields[1]))  # after the optional version, and the signature


def _signed_part(data: bytes) -> der.Element:
    return next(der.children(data, der.read(data)))


def _whole(data: bytes, element: der.Element) -> bytes:
    return data[element.start : element.end]


def name_hash(name: bytes) -> str:
    """The hash of a Name in DER (RFC 5280 §4.1.2.4)."""
    digest = hashlib.sha1(canonical(name), usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def canonical(name: bytes) -> bytes:
    """The canonical encoding of a Name in DER: its RDNs one after the other, empty for an empty name."""
    found = b""
    for rdn in der.children(name, der.read(name)):
        attributes = sorted(_canonical_attribute(name, each) for each in der.children(name, rdn))
        if attributes:
            found += der.element(der.SET, *attributes)
    return found


def _canonical_attribute(name: bytes, attribute: der.Element) -> bytes:
    kind, value = der.children(name, attribute)
    if value.tag not in ENCODINGS:
        return der.sequence(_whole(name, kind), _whole(name, value))
    text = name[value.content].decode(ENCODINGS[value.tag]).encode()
    folded = SPACE.sub(b" ", text.strip(b" \t\n\v\f\r")).lower()  # bytes.lower changes ASCII letters alone
    return der.sequence(_whole(name, kind), der.element(der.UTF8_STRING, folded))
