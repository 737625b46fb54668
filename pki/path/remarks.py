"""Fields that a CA certificate must have although path validation does not check them; which programs reject it.

    §4.2.1.1 authority key identifier    §4.2.1.2 subject key identifier
    §4.2.1.3 key usage                   §4.2.1.9 basic constraints

§6.1.4 accepts a CA without them. Other programs reject it; a test compares this table with those programs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509

from pki.objects.distinguished_names import subject
from pki.path.request import CertificateFields, Path, Request
from pki.verdict import Remark

STRICT = "Python 3.13's default TLS client, `openssl verify -x509_strict`"
LIBRARY = "cryptography's verifier"


@dataclass(frozen=True)
class Lack:
    """A missing field, its section, and the programs that reject a CA certificate without it."""

    what: str
    section: str
    refused_by: tuple[str, ...]


NO_KEY_USAGE = Lack("it has no key usage", "§4.2.1.3", (STRICT, LIBRARY))
NO_BASIC_CONSTRAINTS = Lack("it has no basic constraints", "§4.2.1.9", (STRICT, LIBRARY))
NOT_CRITICAL = Lack("its basic constraints are not critical", "§4.2.1.9", (STRICT, LIBRARY))
NO_SUBJECT_KEY = Lack("it has no subject key identifier", "§4.2.1.2", (STRICT,))
NO_AUTHORITY_KEY = Lack("it has no authority key identifier", "§4.2.1.1", (STRICT,))
NO_AUTHORITY_KEY_AT_THE_TOP = Lack("it has no authority key identifier", "§4.2.1.1", ())
"""For a trust anchor that another CA issued."""


def remarks(path: Path, request: Request) -> Iterator[Remark]:
    """One for each CA certificate of the path, trust anchor included, that lacks a field."""
    for each in path.authorities:
        lacks = tuple(lacking(each, is_anchor=each is path.anchor))
        if not lacks:
            continue
        programs = list(dict.fromkeys(program for lack in lacks for program in lack.refused_by))
        refused = f"; rejected by {', '.join(programs)}" if programs else ""
        yield Remark(
            "CA",
            "RFC 5280 " + ", ".join(dict.fromkeys(lack.section for lack in lacks)),
            f"the CA certificate {subject(each.certificate)} lacks what RFC 5280 requires: "
            f"{', '.join(lack.what for lack in lacks)}{refused}",
            "reissue the CA certificate with these fields, as `pki init` does",
        )


def lacking(certificate: CertificateFields, *, is_anchor: bool) -> Iterator[Lack]:
    """What the certificate lacks, in the order of RFC 5280."""
    if certificate.value(x509.AuthorityKeyIdentifier) is None and not certificate.is_self_issued:
        yield NO_AUTHORITY_KEY_AT_THE_TOP if is_anchor else NO_AUTHORITY_KEY
    if certificate.value(x509.SubjectKeyIdentifier) is None:
        yield NO_SUBJECT_KEY
    if certificate.value(x509.KeyUsage) is None:
        yield NO_KEY_USAGE
    constraints = certificate.find(x509.BasicConstraints)
    if constraints is None:
        yield NO_BASIC_CONSTRAINTS
    elif not constraints.critical:
        yield NOT_CRITICAL
