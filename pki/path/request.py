"""Who asked for what, and a path of certificates as the checks see it."""

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
    """What is to be judged, and how."""

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
    """A chain that holds together: the leaf first, the anchor last."""

    certificates: tuple[CertificateFields, ...]
    budget: Budget = field(default_factory=Budget, compare=False)
    """What is left for judging it."""

    @property
    def leaf(self) -> CertificateFields:
        """The one that is judged."""
        return self.certificates[0]

    @property
    def authorities(self) -> tuple[CertificateFields, ...]:
        """All that issued another, up to the anchor."""
        return self.certificates[1:]

    @property
    def anchor(self) -> CertificateFields:
        """The one that was known beforehand."""
        return self.certificates[-1]

    @cached_property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """As certificates."""
        return tuple(each.certificate for each in self.certificates)
