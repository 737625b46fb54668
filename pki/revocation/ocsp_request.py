"""OCSP requests (RFC 6960 §4.1, appendix A.1; nonces: RFC 9654). They are parsed here, not written.

    OCSPRequest   TBSRequest   requestorName?   CertID …   nonce?      signature?

Strict DER. Several CertIDs are allowed, unlike in the library. A signature and the requestor's name are skipped.
"""

import base64
import re
from collections import deque
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pki.asn1 import der

EXPLICIT_0, EXPLICIT_1, EXPLICIT_2 = (der.CONTEXT | der.CONSTRUCTED | number for number in range(3))
NONCE = der.object_identifier("1.3.6.1.5.5.7.48.1.2")  # id-pkix-ocsp-nonce, §4.4.1
LONGEST_NONCE = 128  # RFC 9654 §2.1; RFC 8954 had 32


@dataclass(frozen=True)
class CertId:
    """Identifies a certificate: serial number, and hashes of the issuer's name and key (§4.1.1)."""

    cert_id_der: bytes
    hash_name: str | None
    """The name in hashlib; None for an unknown hash."""
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int


@dataclass(frozen=True)
class OcspRequest:
    """The parts of an OCSPRequest that a responder uses."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None
    critical: frozenset[bytes]
    """The critical extensions, as object identifiers in DER."""


def request_from_path(path: str) -> bytes:
    """The DER request in the path of a GET (appendix A.1): percent-encoded base64. Raises ValueError if it is invalid.

    `path` is what follows the responder's own path. Unescaped `/`, `+` and `=` are accepted, as other responders do.
    """
    # The base64 of a SEQUENCE (0x30) begins with M, so a leading slash belongs to the responder's path.
    request_der = base64.b64decode(unquote_to_bytes(path.lstrip("/")), validate=True)
    if not request_der:
        raise ValueError("the path contains no request")
    return request_der


def parse_request(request_der: bytes) -> OcspRequest:
    """Parse an OCSPRequest in DER. Raises ValueError for anything else."""
    whole = der.read(request_der)
    if whole.tag != der.SEQUENCE or whole.end != len(request_der):
        raise ValueError("it is not one SEQUENCE from the first byte to the last")
    for each in der.elements(request_der):
        if der.element(each.tag, request_der[each.content]) != request_der[each.start : each.end]:
            raise ValueError(f"the length at byte {each.start + 1} takes more bytes than it needs")
    request = _Inside(request_der, whole)
    tbs_request = request.enter(der.SEQUENCE)
    if signature := request.enter_if(EXPLICIT_0):
        signature.enter(der.SEQUENCE)
        signature.end()
    request.end()
    return _tbs_request(tbs_request)


def _tbs_request(tbs_request: "_Inside") -> OcspRequest:
    # The only version is the default, which DER omits (X.690 §11.5), so [0] must be absent.
    if requestor := tbs_request.enter_if(EXPLICIT_1):
        requestor.take()
        requestor.end()
    requests = tbs_request.enter(der.SEQUENCE)
    nonce, critical = _extensions(tbs_request.enter_if(EXPLICIT_2))
    tbs_request.end()
    cert_ids = []
    while requests.left:
        one = requests.enter(der.SEQUENCE)
        cert_ids.append(_cert_id(one))
        critical |= _extensions(one.enter_if(EXPLICIT_0))[1]
        one.end()
    if not cert_ids:
        raise ValueError("the request names no certificate")
    return OcspRequest(tuple(cert_ids), nonce, critical)


def _cert_id(request: "_Inside") -> CertId:
    element = request.take(der.SEQUENCE)
    inside = _Inside(request.source, element)
    algorithm = inside.enter(der.SEQUENCE)
    hash_name = HASHES.get(algorithm.oid())
    if hash_name:  # these have NULL or no parameters (RFC 5754); an unknown algorithm may have any
        if algorithm.left and algorithm.value(der.NULL):
            raise ValueError("a NULL is not empty")
        algorithm.end()
    name_hash, key_hash = inside.value(der.OCTET_STRING), inside.value(der.OCTET_STRING)
    serial_number = inside.value(der.INTEGER)
    inside.end()
    number = int.from_bytes(serial_number, signed=True)
    if der.integer(number) != der.element(der.INTEGER, serial_number):
        raise ValueError("an INTEGER is not in its shortest form")
    return CertId(request.source[element.start : element.end], hash_name, name_hash, key_hash, number)


def _extensions(explicit: "_Inside | None") -> tuple[bytes | None, frozenset[bytes]]:
    """The nonce, and the identifiers of the critical extensions."""
    if explicit is None:
        return None, frozenset()
    found: dict[bytes, bytes] = {}
    critical, extensions = set(), explicit.enter(der.SEQUENCE)
    explicit.end()
    while extensions.left:
        extension = extensions.enter(der.SEQUENCE)
        oid = extension.oid()
        if extension.left and extension.left[0].tag == der.BOOLEAN:
            if extension.value(der.BOOLEAN) != b"\xff":
                raise ValueError("a criticality is not TRUE (0xff); DER omits the default FALSE")
            critical.add(oid)
        if oid in found:
            raise ValueError("an extension occurs twice")
        found[oid] = extension.value(der.OCTET_STRING)
        extension.end()
    return _nonce(found[NONCE]) if NONCE in found else None, frozenset(critical)


def _nonce(value: bytes) -> bytes:
    nonce = value[der.read(value).content]
    if value != der.octet_string(nonce) or not 1 <= len(nonce) <= LONGEST_NONCE:
        raise ValueError(f"a nonce is an OCTET STRING of 1 to {LONGEST_NONCE} bytes")
    return nonce


HASHES = {der.object_identifier("1.3.14.3.2.26"): "sha1"} | {
    der.object_identifier(f"2.16.840.1.101.3.4.2.{number}"): name
    for number, name in ((1, "sha256"), (2, "sha384"), (3, "sha512"), (4, "sha224"))
}
"""Hashes of a CertID. SHA-1, which OpenSSL and Java use, only distinguishes issuers here."""


# Elements -----------------------------------------------------------------------------------------------------------


class _Inside:
    """Reads the elements inside one element in order. Raises ValueError for an unexpected one."""

    def __init__(self, source: bytes, parent: der.Element) -> None:
        self.source = source
        self.left = deque(der.children(source, parent))

    def take(self, tag: int | None = None) -> der.Element:
        """The next element."""
        if not self.left or tag not in (None, self.left[0].tag):
            raise ValueError(f"expected tag {tag}, found {self.left[0].type if self.left else 'the end'}")
        return self.left.popleft()

    def value(self, tag: int) -> bytes:
        """The content of the next element."""
        return self.source[self.take(tag).content]

    def oid(self) -> bytes:
        """The next element, an OBJECT IDENTIFIER, in DER."""
        if not OID.fullmatch(content := self.value(der.OBJECT_IDENTIFIER)):
            raise ValueError("invalid object identifier")
        return der.element(der.OBJECT_IDENTIFIER, content)

    def enter(self, tag: int) -> "_Inside":
        """A reader for the elements inside the next one."""
        return _Inside(self.source, self.take(tag))

    def enter_if(self, tag: int) -> "_Inside | None":
        """The same for an optional element; None if it is absent."""
        return self.enter(tag) if self.left and self.left[0].tag == tag else None

    def end(self) -> None:
        """Raises ValueError if an element is left."""
        if self.left:
            raise ValueError(f"unexpected {self.left[0].type} at the end")


OID = re.compile(rb"(?:(?:[\x81-\xff][\x80-\xff]*)?[\x00-\x7f])+")  # X.690 §8.19.2
