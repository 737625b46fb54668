"""The objects in a file, PEM or DER, each described: certificates, requests, lists, keys, PKCS #12 (RFC 7292).

Nothing that is in the bytes raises: what cannot be read is described as that.
"""

from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from pki import der
from pki.describe import (
    Description,
    Row,
    Secrets,
    certificate,
    private_key,
    public_key,
    request,
    revocation_list,
)
from pki.errors import printable

Load = Callable[[bytes], Description]


def everything(
    data: bytes, *, secrets: Secrets = Secrets.HIDDEN, passphrase: bytes | None = None
) -> Iterator[Description]:
    """Each object in the bytes, in order. Nothing at all if nothing is recognised.

    `passphrase` opens keys and PKCS #12 files that are encrypted.
    """
    blocks = list(pem_blocks(data))
    for label, block in blocks:
        yield _guarded(label, block, secrets, passphrase)
    if not blocks:
        yield from _of_der(data, secrets, passphrase)


def _of_der(data: bytes, secrets: Secrets, passphrase: bytes | None) -> Iterator[Description]:
    if _is_pkcs12(data):
        yield from _pkcs12(data, secrets, passphrase)
        return
    attempts: tuple[Callable[[], Description], ...] = (
        lambda: certificate(x509.load_der_x509_certificate(data)),
        lambda: request(x509.load_der_x509_csr(data)),
        lambda: revocation_list(x509.load_der_x509_crl(data)),
        lambda: private_key(serialization.load_der_private_key(data, passphrase), secrets),
        lambda: private_key(serialization.load_der_private_key(data, None), secrets),
        lambda: public_key(serialization.load_der_public_key(data)),
    )
    for load in attempts:
        try:
            found = load()
        except Exception:  # not this kind of object; try the next
            continue
        yield found
        return


def _is_pkcs12(data: bytes) -> bool:
    """A sequence that begins with the number 3 (RFC 7292 §4)."""
    try:
        first = next(der.children(data, der.read(data)))
    except (ValueError, StopIteration):
        return False
    return data[first.start : first.end] == der.integer(3)


def _pkcs12(data: bytes, secrets: Secrets, passphrase: bytes | None) -> Iterator[Description]:
    """No passphrase and an empty one are two things here; both are tried."""
    for attempt in (passphrase, None, b""):
        try:
            found = pkcs12.load_pkcs12(data, attempt)
        except Exception:  # another passphrase, or no PKCS #12 at all
            continue
        if found.key is not None:
            yield private_key(found.key, secrets)
        for each in (found.cert, *found.additional_certs):
            if each is not None:
                yield certificate(each.certificate)
        return
    hint = "the passphrase is another, or it is damaged; a file with the right one: PKI_PASSPHRASE_FILE"
    yield Description("PKCS #12, closed", (Row("because", hint, "a PKCS #12 file is encrypted as a whole"),))


# PEM (RFC 7468) -----------------------------------------------------------------------------------------------------

LABELS: dict[str, Load] = {
    "CERTIFICATE": lambda pem: certificate(x509.load_pem_x509_certificate(pem)),
    "CERTIFICATE REQUEST": lambda pem: request(x509.load_pem_x509_csr(pem)),
    "NEW CERTIFICATE REQUEST": lambda pem: request(x509.load_pem_x509_csr(pem)),
    "X509 CRL": lambda pem: revocation_list(x509.load_pem_x509_crl(pem)),
    "PUBLIC KEY": lambda pem: public_key(serialization.load_pem_public_key(pem)),
}
PRIVATE = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "DSA PRIVATE KEY")
ENCRYPTED = "ENCRYPTED PRIVATE KEY"


def _guarded(label: str, block: bytes, secrets: Secrets, passphrase: bytes | None) -> Description:
    try:
        if label in LABELS:
            return LABELS[label](block)
        if label in PRIVATE:
            return private_key(serialization.load_pem_private_key(block, None), secrets)
        if label == ENCRYPTED and passphrase is not None:
            return private_key(serialization.load_pem_private_key(block, passphrase), secrets)
    except Exception as error:  # a stranger's bytes: whatever the library raises, the other objects still stand
        return Description(
            f"{label.lower()}: unreadable", (Row("because", printable(str(error)), "as the library says"),)
        )
    if label == ENCRYPTED:
        return Description("private key, encrypted", ())
    return Description(f"{label.lower()}: not a kind that is explained here", ())


def pem_blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(label, block with its armour) for every complete block (RFC 7468); text around them is allowed."""
    rest = data
    while (start := rest.find(b"-----BEGIN ")) >= 0:
        rest = rest[start:]
        label, dashes, _ = rest[len(b"-----BEGIN ") :].partition(b"-----")
        footer = b"-----END " + label + b"-----"
        end = rest.find(footer)
        if not dashes or end < 0 or len(label) > 64:
            rest = rest[1:]
            continue
        yield printable(label.decode("ascii", "replace")), rest[: end + len(footer)] + b"\n"
        rest = rest[end + len(footer) :]
