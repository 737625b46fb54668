"""A request to validate a certificate, and a path as the checks see it."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cryptography import x509

from pki.budget import Budget
from pki.objects.fields import CertificateFields
from pki.verdict import PathProfile, Purpose

__all__ = ["CertificateFields", "Path", "Request"]


@dataclass(frozen=True)
class Request:
    """A certificate to validate, and the inputs of path validation (RFC 5280 §6.1.1)."""

    leaf: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    trust_anchors: tuple[x509.Certificate, ...]
    name: x509.GeneralName | None
    purpose: Purpose
    at: datetime
    crls: tuple[x509.CertificateRevocationList, ...]
    profile: PathProfile
    max_depth: int


@dataclass(frozen=True)
class Path:
    """A certificate path: each certificate is signed by the next; leaf first, trust anchor last."""

    certificates: tuple[CertificateFields, ...]
    budget: Budget = field(default_factory=Budget, compare=False)
    """The work that is left for validating it."""

    @property
    def leaf(self) -> CertificateFields:
        """The certificate to validate."""
        return self.certificates[0]

    @property
    def authorities(self) -> tuple[CertificateFields, ...]:
        """The CA certificates: all but the leaf, trust anchor included."""
        return self.certificates[1:]

    @property
    def anchor(self) -> CertificateFields:
        """The trust anchor."""
        return self.certificates[-1]

    @cached_property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The path as x509 certificates."""
        return tuple(each.certificate for each in self.certificates)
