"""Rogues of the wildcard: it is the whole left-most label, and stands for exactly one (RFC 9525 §6.3)."""

from pki.cases.builder import NEUTRAL, CaseBuilder, named
from pki.cases.case import Minted, Severity, accepted, certificate_case, refused

WILDCARD = "RFC 9525 §6.3"


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",))
def wildcard_two_labels(given: CaseBuilder) -> Minted:
    """The host is two labels below the wildcard's domain: `*.example.com` is not `a.b.example.com`."""
    return given.mint(subject=NEUTRAL, leaf=named(f"*.{given.domain}"), name=f"a.b.{given.domain}")


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",))
def wildcard_apex(given: CaseBuilder) -> Minted:
    """The domain itself is asked for, and the wildcard is below it: `*.example.com` is not `example.com`."""
    return given.mint(subject=NEUTRAL, leaf=named(f"*.{given.domain}"), name=given.domain)


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_partial(given: CaseBuilder) -> Minted:
    """Only a part of the label is a wildcard: `g*.example.com`. RFC 6125 allowed it until 2023."""
    return given.mint(subject=NEUTRAL, leaf=named(f"{given.long_host[0]}*.{given.domain}"), name=given.long_host)


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_middle(given: CaseBuilder) -> Minted:
    """The wildcard is the second label: `shop.*.com` would be the shop of everybody."""
    first, _, *rest = given.long_host.split(".")
    return given.mint(subject=NEUTRAL, leaf=named(".".join([first, "*", *rest])), name=given.long_host)


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_double(given: CaseBuilder) -> Minted:
    """Two wildcards, one for each label: `*.*.com`."""
    _, _, *rest = given.long_host.split(".")
    return given.mint(subject=NEUTRAL, leaf=named(".".join(["*", "*", *rest])), name=given.long_host)


@certificate_case("RFC 9525 §7.1", refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_tld(given: CaseBuilder) -> Minted:
    """A wildcard directly below a top-level domain: `*.com` would be every company."""
    last_two = given.long_host.split(".")[-2:]
    return given.mint(subject=NEUTRAL, leaf=named(f"*.{last_two[1]}"), name=".".join(last_two))


@certificate_case(WILDCARD, refused(62), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def wildcard_bare(given: CaseBuilder) -> Minted:
    """Nothing but a wildcard: every host of one label, or whatever a client makes of it."""
    return given.mint(subject=NEUTRAL, leaf=named("*"), name="localhost")


@certificate_case("CA/B Forum BR §3.2.2.6", accepted(), disputed=True, deviates=("leaf subjectAltName",))
def wildcard_public_suffix(given: CaseBuilder) -> Minted:
    """A wildcard below a public suffix: `*.co.uk` belongs to thousands of owners.

    It is the authority's duty not to sign it; few clients know the list of suffixes.
    """
    return given.mint(subject=NEUTRAL, leaf=named("*.co.uk"), name="good.co.uk")
