"""Rogues of the fence: an authority that may vouch for some names, and vouches for others (RFC 5280 §4.2.1.10)."""

from ipaddress import IPv4Network
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki.cases.builder import Change, Workshop, as_is, called, having, named, without
from pki.cases.case import Must, Severity, Specimen, accepted, refused, rogue

PERMITTED, EXCLUDED = "RFC 5280 §6.1.3 (b)", "RFC 5280 §6.1.3 (c)"
CONSTRAINTS = "RFC 5280 §4.2.1.10"


def permits(*names: x509.GeneralName, critical: bool = True) -> Change:
    """Only names below these."""
    return having(x509.NameConstraints(permitted_subtrees=names, excluded_subtrees=None), critical=critical)


def excludes(*names: x509.GeneralName) -> Change:
    """No names below these."""
    return having(x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=names), critical=True)


def elsewhere(given: Workshop) -> x509.DNSName:
    """A domain in which the host is not."""
    return x509.DNSName(f"corp.{given.host}")


@rogue(PERMITTED, refused(47), deviates=("intermediate nameConstraints",))
def nc_permitted_violation(given: Workshop) -> Specimen:
    """The authority of a company may vouch for the company's hosts alone, and vouches for ours."""
    control = given.serve(intermediates=(permits(x509.DNSName(given.host)),), leaf=named(given.host))
    return given.specimen(intermediates=(permits(elsewhere(given)),), leaf=named(given.host), control=control)


@rogue(EXCLUDED, refused(48), deviates=("intermediate nameConstraints",))
def nc_excluded_violation(given: Workshop) -> Specimen:
    """The authority may vouch for anybody but us."""
    # For the host alone: a wildcard among the other names could cover what the control excludes.
    control = given.serve(intermediates=(excludes(elsewhere(given)),), leaf=named(given.host))
    fence = excludes(x509.DNSName(given.host))
    return given.specimen(intermediates=(fence,), leaf=named(given.host), control=control)


@rogue(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints",))
def nc_ip_violation(given: Workshop) -> Specimen:
    """The authority may vouch for one network, and the address is in another."""
    leaf, name = named(given.address), given.address
    control = given.serve(intermediates=(permits(_network(given, 0)),), leaf=leaf, name=name)
    return given.specimen(intermediates=(permits(_network(given, 1)),), leaf=leaf, name=name, control=control)


def _network(given: Workshop, further: int) -> x509.IPAddress:
    """The 256 addresses around ours, or some further on."""
    return x509.IPAddress(IPv4Network(((int(given.address) + 256 * further) % 2**32, 24), strict=False))


@rogue(CONSTRAINTS, accepted(), must=Must.ACCEPT, deviates=("intermediate nameConstraints",))
def nc_ip_only_dns_free(given: Workshop) -> Specimen:
    """Only addresses are fenced in, so that hosts are free: a fence holds for the kind of name that it speaks of.

    Many an authority was meant to be harmless, and forgot to exclude 0.0.0.0/0, or all hosts.
    """
    leaf = named(given.host)
    control = given.serve(intermediates=(as_is,), leaf=leaf)
    return given.specimen(intermediates=(permits(_network(given, 1)),), leaf=leaf, control=control)


@rogue(
    CONSTRAINTS, accepted(), cve=("CVE-2025-61727",), deviates=("intermediate nameConstraints",), severity=Severity.WEAK
)
def nc_excluded_vs_wildcard(given: Workshop) -> Specimen:
    """The host is excluded, and the certificate's wildcard covers it: `*.example.com` without `a.example.com`.

    The wildcard as text is not below what is excluded. Go overlooked it until 2025; OpenSSL 3.0 does.
    """
    wildcard = named(f"*.{given.domain}")
    control = given.serve(
        intermediates=(excludes(x509.DNSName(f"corp.{given.domain}.test")),), leaf=wildcard, name=given.long_host
    )
    fence = excludes(x509.DNSName(given.long_host))
    return given.specimen(intermediates=(fence,), leaf=wildcard, name=given.long_host, control=control)


@rogue(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints", "leaf subjectAltName"))
def nc_bypass_by_cn(given: Workshop) -> Specimen:
    """A fenced authority puts the host into the common name, of which the fence does not speak; a client that looks
    there for the host is through it.
    """
    asked: dict[str, Any] = {"name": given.long_host, "subject": called(given.long_host.encode())}
    control = given.serve(intermediates=(permits(x509.DNSName(given.long_host)),), leaf=named(given.long_host), **asked)
    return given.specimen(
        intermediates=(permits(x509.DNSName(f"corp.{given.long_host}")),),
        leaf=without(ExtensionOID.SUBJECT_ALTERNATIVE_NAME),
        control=control,
        **asked,
    )


@rogue("RFC 5280 §6.1.1", refused(47), disputed=True, deviates=("trust anchor nameConstraints",))
def nc_on_root(given: Workshop) -> Specimen:
    """The trusted root fences itself in: an anchor is a name and a key, and whether its extensions count is open."""
    control = given.serve(root=permits(x509.DNSName(given.host)), leaf=named(given.host))
    return given.specimen(root=permits(elsewhere(given)), leaf=named(given.host), control=control)


@rogue(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints",))
def nc_noncritical(given: Workshop) -> Specimen:
    """The fence is not marked critical, as it must be; it holds all the same for whoever understands it."""
    control = given.serve(intermediates=(permits(x509.DNSName(given.host)),), leaf=named(given.host))
    fence = permits(elsewhere(given), critical=False)
    return given.specimen(intermediates=(fence,), leaf=named(given.host), control=control)


@rogue(CONSTRAINTS, accepted(), disputed=True, deviates=("leaf nameConstraints",))
def nc_in_leaf(given: Workshop) -> Specimen:
    """A fence around a certificate that can vouch for nobody: it must stand in an authority's alone."""
    return given.specimen(leaf=permits(elsewhere(given)))
