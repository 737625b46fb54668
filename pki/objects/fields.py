"""A certificate or CRL as the checks see it: each field is read once, and Malformed says why one cannot be read.

A candidate that cannot be read is useless for a path, and no more: it never decides about the other candidates.
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
    """What a signed object says. A property raises Malformed if its field cannot be read, the second time as well."""

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
        """The whole of it."""
        return self._once("der", lambda: signatures.encoded(self._signed))

    @property
    def issuer(self) -> Name:
        """Its issuer, ready for comparing."""
        return self._once("issuer", lambda: comparable(self._signed.issuer))

    @property
    def extensions(self) -> x509.Extensions:
        """All of them; refuses two of a kind (§4.2)."""
        found: x509.Extensions = self._once("extensions", lambda: self._signed.extensions)
        return found

    def find(self, kind: type[E]) -> x509.Extension[E] | None:
        """The extension of that kind."""
        by_kind: dict[type, Any] = self._once("by kind", lambda: {type(each.value): each for each in self.extensions})
        return by_kind.get(kind)

    def value(self, kind: type[E]) -> E | None:
        """What is in it."""
        found = self.find(kind)
        return found.value if found else None


class CertificateFields(Fields):
    """One certificate."""

    def __init__(self, certificate: x509.Certificate) -> None:
        super().__init__(certificate)
        self.certificate = certificate

    @property
    def subject(self) -> Name:
        """Its subject, ready for comparing."""
        return self._once("subject", lambda: comparable(self.certificate.subject))

    @property
    def key(self) -> signatures.Key:
        """Its public key."""
        return self._once("key", lambda: signatures.Key(self.spki, read_field(self.certificate.public_key)))

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo as it is encoded."""
        return self._once("spki", lambda: signatures.subject_public_key_info(self.der))

    @property
    def identity(self) -> tuple[Name, bytes]:
        """Subject and public key: for a path, certificates that share both are the same CA (RFC 4158 §2.4.2)."""
        return self._once("identity", lambda: (self.subject, self.spki))

    @property
    def not_before(self) -> datetime:
        """Its first second."""
        return self._once("not_before", lambda: self.certificate.not_valid_before_utc)

    @property
    def not_after(self) -> datetime:
        """Its last second, which still counts."""
        return self._once("not_after", lambda: self.certificate.not_valid_after_utc)

    def value_der(self, oid: x509.ObjectIdentifier) -> bytes | None:
        """The value of an extension as the certificate encodes it: the library leaves parts of some out."""
        if not any(each.oid == oid for each in self.extensions):
            return None
        return self._once("extensions in DER", lambda: _extensions(self.der)).get(oid.dotted_string)

    @property
    def is_self_issued(self) -> bool:
        """The same name twice: a change of keys, which does not count as a step (§6.1)."""
        return self._once("self-issued", lambda: self.subject == self.issuer)

    @property
    def is_authority(self) -> bool:
        """Whether it is a CA certificate: cA in basic constraints (§4.2.1.9)."""
        constraints = self.value(x509.BasicConstraints)
        return constraints is not None and constraints.ca

    @property
    def names(self) -> tuple[x509.GeneralName, ...]:
        """The subject alternative names (§4.2.1.6)."""
        return self._once("names", lambda: tuple(self.value(x509.SubjectAlternativeName) or ()))


EXTENSIONS = der.CONTEXT | der.CONSTRUCTED | 3


def _extensions(certificate_der: bytes) -> dict[str, bytes]:
    """Each extension's value by its number (§4.1.2.9)."""
    tbs = next(der.children(certificate_der, der.read(certificate_der)))
    found: dict[str, bytes] = {}
    for block in (each for each in der.children(certificate_der, tbs) if each.tag == EXTENSIONS):
        for each in der.children(certificate_der, next(der.children(certificate_der, block))):
            oid, *_, value = der.children(certificate_der, each)
            found[der.dotted(certificate_der[oid.content])] = certificate_der[value.content]
    return found
