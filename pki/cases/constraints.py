"""Rogues of the fence: an authority that may vouch for some names, and vouches for others (RFC 5280 §4.2.1.10)."""

from ipaddress import IPv4Network
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki.cases.builder import CaseBuilder, Change, as_is, called, having, named, without
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused

PERMITTED, EXCLUDED = "RFC 5280 §6.1.3 (b)", "RFC 5280 §6.1.3 (c)"
CONSTRAINTS = "RFC 5280 §4.2.1.10"


def permits(*names: x509.GeneralName, critical: bool = True) -> Change:
    """Only names below these."""
    return having(x509.NameConstraints(permitted_subtrees=names, excluded_subtrees=None), critical=critical)


def excludes(*names: x509.GeneralName) -> Change:
    """No names below these."""
    return having(x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=names), critical=True)


def elsewhere(given: CaseBuilder) -> x509.DNSName:
    """A domain in which the host is not."""
    return x509.DNSName(f"corp.{given.host}")


@certificate_case(PERMITTED, refused(47), deviates=("intermediate nameConstraints",))
def nc_permitted_violation(given: CaseBuilder) -> Minted:
    """The authority of a company may vouch for the company's hosts alone, and vouches for ours."""
    return given.mint(
        intermediates=(permits(elsewhere(given)),),
        leaf=named(given.host),
        control=lambda: given.serve(intermediates=(permits(x509.DNSName(given.host)),), leaf=named(given.host)),
    )


@certificate_case(EXCLUDED, refused(48), deviates=("intermediate nameConstraints",))
def nc_excluded_violation(given: CaseBuilder) -> Minted:
    """The authority may vouch for anybody but us."""
    fence = excludes(x509.DNSName(given.host))
    return given.mint(
        intermediates=(fence,),
        leaf=named(given.host),
        # For the host alone: a wildcard among the other names could cover what the control excludes.
        control=lambda: given.serve(intermediates=(excludes(elsewhere(given)),), leaf=named(given.host)),
    )


@certificate_case(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints",))
def nc_ip_violation(given: CaseBuilder) -> Minted:
    """The authority may vouch for one network, and the address is in another."""
    leaf, name = named(given.address), given.address
    return given.mint(
        intermediates=(permits(_network(given, 1)),),
        leaf=leaf,
        name=name,
        control=lambda: given.serve(intermediates=(permits(_network(given, 0)),), leaf=leaf, name=name),
    )


def _network(given: CaseBuilder, further: int) -> x509.IPAddress:
    """The 256 addresses around ours, or some further on."""
    return x509.IPAddress(IPv4Network(((int(given.address) + 256 * further) % 2**32, 24), strict=False))


@certificate_case(CONSTRAINTS, accepted(), must=Must.ACCEPT, deviates=("intermediate nameConstraints",))
def nc_ip_only_dns_free(given: CaseBuilder) -> Minted:
    """Only addresses are fenced in, so that hosts are free: a fence holds for the kind of name that it speaks of.

    Many an authority was meant to be harmless, and forgot to exclude 0.0.0.0/0, or all hosts.
    """
    leaf = named(given.host)
    return given.mint(
        intermediates=(permits(_network(given, 1)),),
        leaf=leaf,
        control=lambda: given.serve(intermediates=(as_is,), leaf=leaf),
    )


@certificate_case(
    CONSTRAINTS, accepted(), cve=("CVE-2025-61727",), deviates=("intermediate nameConstraints",), severity=Severity.WEAK
)
def nc_excluded_vs_wildcard(given: CaseBuilder) -> Minted:
    """The host is excluded, and the certificate's wildcard covers it: `*.example.com` without `a.example.com`.

    The wildcard as text is not below what is excluded. Go overlooked it until 2025; OpenSSL 3.0 does.
    """
    wildcard = named(f"*.{given.domain}")
    fence = excludes(x509.DNSName(given.long_host))
    return given.mint(
        intermediates=(fence,),
        leaf=wildcard,
        name=given.long_host,
        control=lambda: given.serve(
            intermediates=(excludes(x509.DNSName(f"corp.{given.domain}.test")),), leaf=wildcard, name=given.long_host
        ),
    )


@certificate_case(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints", "leaf subjectAltName"))
def nc_bypass_by_cn(given: CaseBuilder) -> Minted:
    """A fenced authority puts the host into the common name, of which the fence does not speak; a client that looks
    there for the host is through it.
    """
    asked: dict[str, Any] = {"name": given.long_host, "subject": called(given.long_host.encode())}
    return given.mint(
        intermediates=(permits(x509.DNSName(f"corp.{given.long_host}")),),
        leaf=without(ExtensionOID.SUBJECT_ALTERNATIVE_NAME),
        control=lambda: given.serve(
            intermediates=(permits(x509.DNSName(given.long_host)),), leaf=named(given.long_host), **asked
        ),
        **asked,
    )


@certificate_case("RFC 5280 §6.1.1", refused(47), disputed=True, deviates=("trust anchor nameConstraints",))
def nc_on_root(given: CaseBuilder) -> Minted:
    """The trusted root fences itself in: an anchor is a name and a key, and whether its extensions count is open."""
    return given.mint(
        root=permits(elsewhere(given)),
        leaf=named(given.host),
        control=lambda: given.serve(root=permits(x509.DNSName(given.host)), leaf=named(given.host)),
    )


@certificate_case(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints",))
def nc_noncritical(given: CaseBuilder) -> Minted:
    """The fence is not marked critical, as it must be; it holds all the same for whoever understands it."""
    fence = permits(elsewhere(given), critical=False)
    return given.mint(
        intermediates=(fence,),
        leaf=named(given.host),
        control=lambda: given.serve(intermediates=(permits(x509.DNSName(given.host)),), leaf=named(given.host)),
    )


@certificate_case(CONSTRAINTS, accepted(), disputed=True, deviates=("leaf nameConstraints",))
def nc_in_leaf(given: CaseBuilder) -> Minted:
    """A fence around a certificate that can vouch for nobody: it must stand in an authority's alone."""
    return given.mint(leaf=permits(elsewhere(given)))
