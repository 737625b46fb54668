"""The validation of a certificate as data: checks with their results, and the verdict."""

from dataclasses import dataclass
from enum import Enum

from cryptography import x509


class Purpose(Enum):
    """The role that the certificate is validated for."""

    SERVER = "server"
    CLIENT = "client"
    ANY = "any"


class PathProfile(Enum):
    """The rules to apply; each profile includes those before it."""

    RFC5280 = "rfc5280"
    """Path validation, and the name if one is given."""
    TLS = "tls"
    """Also the purpose, and strong keys and hashes that TLS 1.3 can use."""
    WEBPKI = "webpki"
    """Also rules of the CA/Browser Forum."""


NOT_REACHED = "not reached"


class Result(Enum):
    """The result of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MADE = "not made"


@dataclass(frozen=True)
class Check:
    """One check of a path: its name, RFC section, result, a sentence with the values, and a hint."""

    name: str
    section: str
    result: Result
    detail: str
    hint: str | None = None


@dataclass(frozen=True)
class Remark:
    """A deviation that pki accepts: the certificate, the sections, and the programs that reject it."""

    name: str
    section: str
    detail: str
    hint: str | None = None


@dataclass(frozen=True)
class Verdict:
    """All checks in their order, and the path, leaf first; empty if there is none.

    A failed revocation check comes directly after the chain, since no other change makes the certificate acceptable.
    """

    checks: tuple[Check, ...]
    chain: tuple[x509.Certificate, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether no check failed."""
        return self.failure is None

    @property
    def failure(self) -> Check | None:
        """The first check that failed."""
        return next((check for check in self.checks if check.result is Result.FAILED), None)

    @property
    def reason(self) -> str | None:
        """The detail of the first failed check; None if the certificate is accepted."""
        return self.failure.detail if self.failure else None
