"""Which elements of an object may be printed: all of a certificate; of a private key only its public part.

This is decided for each element. An object that is not recognised as public may be a private key in an unknown form, so
only its object identifiers and the version number at its beginning are printed.
"""

from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import ocsp

from pki import keys
from pki.asn1 import der
from pki.asn1.ber import Node
from pki.asn1.der import Element

May = Callable[[Element | Node], bool]
"""Whether the value of an element may be printed."""


def everything(element: Element | Node) -> bool:
    """The May that allows every element."""
    return True


def of_object(data: bytes) -> May:
    """The elements of one DER object that may be printed. Never raises."""
    if _is_public(data):
        return everything
    public = _public_part(data)

    def may(element: Element | Node) -> bool:
        content = data[element.content]
        if element.tag & der.CONSTRUCTED or not content or content in public:
            return True
        if element.tag == der.OBJECT_IDENTIFIER:
            return _is_registered(content)
        is_version = element.depth == 1 and element.start == _beginning(data)
        return is_version and element.tag == der.INTEGER and content in VERSIONS

    return may


VERSIONS = (b"\x00", b"\x01", b"\x02", b"\x03")
PUBLIC: tuple[Callable[[bytes], object], ...] = (
    x509.load_der_x509_certificate,
    x509.load_der_x509_csr,
    x509.load_der_x509_crl,
    ocsp.load_der_ocsp_request,
    ocsp.load_der_ocsp_response,
)


def _is_public(data: bytes) -> bool:
    """Whether the library loads it as an object that contains no secret."""
    for load in (*PUBLIC, _load_public_key):
        try:
            load(data)
        except Exception:  # not this kind of object; try the next
            continue
        return True
    return False


def _load_public_key(data: bytes) -> None:
    """Raises ValueError unless it is a SubjectPublicKeyInfo: two integers may be an RSA key, or anything else."""
    if keys.spki_der(serialization.load_der_public_key(data)) != data:
        raise ValueError("not a SubjectPublicKeyInfo")


def _public_part(data: bytes) -> frozenset[bytes]:
    """The contents of all elements of the public key of a private key; empty if it is not a private key."""
    try:
        public = keys.spki_der(serialization.load_der_private_key(data, None).public_key())
        return frozenset(_contents(public))
    except Exception:  # not a private key, or encrypted
        return frozenset()


def _contents(data: bytes) -> Iterator[bytes]:
    for each in der.elements(data):
        content = data[each.content]
        yield content
        if each.tag == der.BIT_STRING:
            try:
                yield from _contents(content[1:])
            except ValueError:  # a point on a curve, or another encoding that is not DER
                continue


def _is_registered(content: bytes) -> bool:
    try:
        name: str = getattr(x509.ObjectIdentifier(der.dotted(content)), "_name", "Unknown OID")
    except ValueError:
        return False
    return name != "Unknown OID"


def _beginning(data: bytes) -> int:
    """The offset of the first element inside the outermost one; -1 if there is none."""
    try:
        return der.read(data).header
    except ValueError:
        return -1


def holds_a_private_key(data: bytes) -> bool:
    """Whether a file contains a private key, encrypted or not: PEM, DER, PKCS #12, Java key store, SSH, PGP."""
    text = data.replace(b"\0", b"")  # UTF-16, as PowerShell writes it
    if any(mark in text for mark in MARKS) or data.startswith(JAVA):
        return True
    try:
        if data[next(der.children(data, der.read(data))).content] == b"\x03":  # PKCS #12 (RFC 7292 §4)
            return True
        serialization.load_der_private_key(data, None)
    except TypeError:  # it is encrypted
        return True
    except Exception:  # whatever the library raises: not a private key
        return False
    return True


MARKS = (b"PRIVATE KEY-----", b"PRIVATE KEY BLOCK-----", b"PuTTY-User-Key-File-", b"AGE-SECRET-KEY-")
JAVA = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
