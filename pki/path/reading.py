"""A certificate as the checks see it: what it says, read once; and who asked for what.

Whatever cannot be read is an error here, before any check begins: a verifier that guesses is wrong for somebody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from cryptography import x509

from pki.signed import same_name
from pki.verdict import PathProfile, Purpose

E = TypeVar("E", bound=x509.ExtensionType)


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


class Reading:
    """One certificate. Reading an extension raises one of MALFORMED where the certificate is."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self.certificate = certificate

    @cached_property
    def extensions(self) -> x509.Extensions:
        """All of them; refuses two of a kind (§4.2)."""
        return self.certificate.extensions

    def find(self, kind: type[E]) -> x509.Extension[E] | None:
        """The extension of that kind."""
        return self._by_kind.get(kind)

    @cached_property
    def _by_kind(self) -> dict[type[x509.ExtensionType], Any]:
        return {type(each.value): each for each in self.extensions}

    def value(self, kind: type[E]) -> E | None:
        """What is in it."""
        found = self.find(kind)
        return found.value if found else None

    @cached_property
    def is_self_issued(self) -> bool:
        """The same name twice: a change of keys, which does not count as a step (§6.1)."""
        return same_name(self.certificate.subject, self.certificate.issuer)

    @property
    def is_authority(self) -> bool:
        """Whether it says of itself that it vouches for others (§4.2.1.9)."""
        constraints = self.value(x509.BasicConstraints)
        return constraints is not None and constraints.ca

    @cached_property
    def names(self) -> tuple[x509.GeneralName, ...]:
        """The subject alternative names (§4.2.1.6)."""
        return tuple(self.value(x509.SubjectAlternativeName) or ())


@dataclass(frozen=True)
class Path:
    """A chain that holds together: the leaf first, the anchor last."""

    certificates: tuple[Reading, ...]

    @property
    def leaf(self) -> Reading:
        """The one that is judged."""
        return self.certificates[0]

    @property
    def authorities(self) -> tuple[Reading, ...]:
        """All that vouch for another, up to the anchor."""
        return self.certificates[1:]

    @property
    def anchor(self) -> Reading:
        """The one that was known beforehand."""
        return self.certificates[-1]

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """As certificates."""
        return tuple(each.certificate for each in self.certificates)


def read(certificates: Iterable[x509.Certificate]) -> Path:
    """A path of these."""
    return Path(tuple(map(Reading, certificates)))
