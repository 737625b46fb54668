"""A judgement of a certificate as data: checks with their results, and the verdict that they add up to."""

from dataclasses import dataclass
from enum import Enum

from cryptography import x509


class Purpose(Enum):
    """What the certificate is about to be used for."""

    SERVER = "server"
    CLIENT = "client"
    ANY = "any"


class PathProfile(Enum):
    """How strict to be beyond RFC 5280."""

    RFC5280 = "rfc5280"
    """Path validation, and the name if one is asked for."""
    TLS = "tls"
    """And the purpose, and keys and hashes that prove something."""
    WEBPKI = "webpki"
    """And what the CA/Browser Forum has agreed on."""


NOT_REACHED = "not reached"


class Result(Enum):
    """How a check came out."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MADE = "not made"


@dataclass(frozen=True)
class Check:
    """One question put to the chain, and its answer."""

    name: str
    section: str
    result: Result
    detail: str
    hint: str | None = None


@dataclass(frozen=True)
class Remark:
    """What a chain lacks without being refused for it here: the certificate, the sections, and who refuses it."""

    name: str
    section: str
    detail: str
    hint: str | None = None


@dataclass(frozen=True)
class Verdict:
    """All checks in the order in which they were made, and the chain that was found, leaf first; empty if none.

    A known revocation comes before everything else but the chain: nothing that the user does corrects it.
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
        """Why it was refused, in a sentence; None when it was accepted."""
        return self.failure.detail if self.failure else None
