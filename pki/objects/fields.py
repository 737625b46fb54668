"""A certificate or CRL as the checks see it. Each field is read once; reading a bad one raises Malformed.

A candidate that cannot be read cannot be part of a path, but does not affect the other candidates.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from cryptography import x509

from pki.asn1 import der
from pki.malformed import Malformed, read_field
from pki.objects import signatures
from pki.objects.distinguished_names import Name, comparable

E = TypeVar("E", bound=x509.ExtensionType)
T = TypeVar("T")


class Fields:
    """The fields of a signed object. A property raises Malformed, each time, if its field cannot be read."""

    def __init__(self, signed: Any) -> None:
        self._signed = signed
        self._read: dict[str, Any] = {}

    def _once(self, what: str, read: Callable[[], T]) -> T:
        """What `read` returns, or the Malformed that it raises, remembered."""
        if what not in self._read:
            try:
                self._read[what] = read_field(read)
            except Malformed as error:
                self._read[what] = error
        found = self._read[what]
        if isinstance(found, Malformed):
            raise Malformed(str(found))
        return found  # type: ignore[no-any-return]  # as `read` has it

    @property
    def der(self) -> bytes:
        """The object in DER."""
        return self._once("der", lambda: signatures.encoded(self._signed))

    @property
    def issuer(self) -> Name:
        """The issuer in comparable form."""
        return self._once("issuer", lambda: comparable(self._signed.issuer))

    @property
    def extensions(self) -> x509.Extensions:
        """All extensions. Raises Malformed for a duplicate (§4.2)."""
        found: x509.Extensions = self._once("extensions", lambda: self._signed.extensions)
        return found

    def find(self, kind: type[E]) -> x509.Extension[E] | None:
        """The extension of that type; None if it is absent."""
        by_kind: dict[type, Any] = self._once("by kind", lambda: {type(each.value): each for each in self.extensions})
        return by_kind.get(kind)

    def value(self, kind: type[E]) -> E | None:
        """The value of the extension of that type; None if it is absent."""
        found = self.find(kind)
        return found.value if found else None


class CertificateFields(Fields):
    """The fields of one certificate."""

    def __init__(self, certificate: x509.Certificate) -> None:
        super().__init__(certificate)
        self.certificate = certificate

    @property
    def subject(self) -> Name:
        """The subject in comparable form."""
        return self._once("subject", lambda: comparable(self.certificate.subject))

    @property
    def key(self) -> signatures.Key:
        """The public key."""
        return self._once("key", lambda: signatures.Key(self.spki, read_field(self.certificate.public_key)))

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo in DER, as encoded."""
        return self._once("spki", lambda: signatures.subject_public_key_info(self.der))

    @property
    def identity(self) -> tuple[Name, bytes]:
        """Subject and public key: for a path, certificates that share both are the same CA (RFC 4158 §2.4.2)."""
        return self._once("identity", lambda: (self.subject, self.spki))

    @property
    def not_before(self) -> datetime:
        """notBefore: the first second of the validity."""
        return self._once("not_before", lambda: self.certificate.not_valid_before_utc)

    @property
    def not_after(self) -> datetime:
        """notAfter: the last second of the validity, included."""
        return self._once("not_after", lambda: self.certificate.not_valid_after_utc)

    def value_der(self, oid: x509.ObjectIdentifier) -> bytes | None:
        """The value of an extension in DER, as encoded; None if it is absent. The library drops parts of some."""
        if not any(each.oid == oid for each in self.extensions):
            return None
        return self._once("extensions in DER", lambda: _extensions(self.der)).get(oid.dotted_string)

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are equal, as in a key rollover (§6.1); such a CA does not count as a step."""
        return self._once("self-issued", lambda: self.subject == self.issuer)

    @property
    def is_authority(self) -> bool:
        """Whether it is a CA certificate: cA in basic constraints (§4.2.1.9)."""
        constraints = self.value(x509.BasicConstraints)
        return constraints is not None and constraints.ca

    @property
    def names(self) -> tuple[x509.GeneralName, ...]:
        """The SANs (§4.2.1.6)."""
        return self._once("names", lambda: tuple(self.value(x509.SubjectAlternativeName) or ()))


EXTENSIONS = der.CONTEXT | der.CONSTRUCTED | 3


def _extensions(certificate_der: bytes) -> dict[str, bytes]:
    """The values of the extensions in DER, by object identifier (§4.1.2.9)."""
    tbs = next(der.children(certificate_der, der.read(certificate_der)))
    found: dict[str, bytes] = {}
    for block in (each for each in der.children(certificate_der, tbs) if each.tag == EXTENSIONS):
        for each in der.children(certificate_der, next(der.children(certificate_der, block))):
            oid, *_, value = der.children(certificate_der, each)
            found[der.dotted(certificate_der[oid.content])] = certificate_der[value.content]
    return found
