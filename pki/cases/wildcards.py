"""Wildcards: a wildcard must be the complete left-most label, and it matches one label (RFC 9525 §6.3)."""

from pki.cases.builder import NEUTRAL, CaseBuilder, named
from pki.cases.case import Minted, Severity, accepted, certificate_case, refused

WILDCARD = "RFC 9525 §6.3"


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",))
def wildcard_two_labels(given: CaseBuilder) -> Minted:
    """The host has two labels in place of the wildcard: `*.example.com` does not match `a.b.example.com`.

    A wildcard matches exactly one label.
    """
    return given.mint(subject=NEUTRAL, leaf=named(f"*.{given.domain}"), name=f"a.b.{given.domain}")


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",))
def wildcard_apex(given: CaseBuilder) -> Minted:
    """The client asks for the domain itself: `*.example.com` does not match `example.com`.

    A wildcard matches exactly one label, not zero.
    """
    return given.mint(subject=NEUTRAL, leaf=named(f"*.{given.domain}"), name=given.domain)


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_partial(given: CaseBuilder) -> Minted:
    """The wildcard is only a part of the label: `g*.example.com`.

    RFC 6125 allowed this until 2023; RFC 9525 does not.
    """
    return given.mint(subject=NEUTRAL, leaf=named(f"{given.long_host[0]}*.{given.domain}"), name=given.long_host)


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_middle(given: CaseBuilder) -> Minted:
    """The wildcard is the second label: `shop.*.com`.

    It would match `shop` in the domain of every company.
    """
    first, _, *rest = given.long_host.split(".")
    return given.mint(subject=NEUTRAL, leaf=named(".".join([first, "*", *rest])), name=given.long_host)


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_double(given: CaseBuilder) -> Minted:
    """The name has two wildcards: `*.*.com`.

    It would match hosts in the domain of every company.
    """
    _, _, *rest = given.long_host.split(".")
    return given.mint(subject=NEUTRAL, leaf=named(".".join(["*", "*", *rest])), name=given.long_host)


@certificate_case("RFC 9525 §7.1", refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_tld(given: CaseBuilder) -> Minted:
    """The wildcard is directly below a top-level domain: `*.com`.

    It would match the domain of every company.
    """
    last_two = given.long_host.split(".")[-2:]
    return given.mint(subject=NEUTRAL, leaf=named(f"*.{last_two[1]}"), name=".".join(last_two))


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_bare(given: CaseBuilder) -> Minted:
    """The name is only a wildcard: `*`.

    It would match every host name of one label, or every host, depending on the client.
    """
    return given.mint(subject=NEUTRAL, leaf=named("*"), name="localhost")


@certificate_case("CA/B Forum BR §3.2.2.6", accepted(), disputed=True, deviates=("leaf subjectAltName",))
def wildcard_public_suffix(given: CaseBuilder) -> Minted:
    """The wildcard is directly below a public suffix: `*.co.uk`.

    The names below co.uk belong to thousands of owners. CAs must not issue this certificate; few clients know the list
    of public suffixes.
    """
    return given.mint(subject=NEUTRAL, leaf=named("*.co.uk"), name="good.co.uk")
