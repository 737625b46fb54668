"""Name constraints: a CA issued a certificate for a name that it must not issue for (RFC 5280 §4.2.1.10)."""

from ipaddress import IPv4Network
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki.cases.builder import CaseBuilder, Change, as_is, called, having, named, without
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused

PERMITTED, EXCLUDED = "RFC 5280 §6.1.3 (b)", "RFC 5280 §6.1.3 (c)"
CONSTRAINTS = "RFC 5280 §4.2.1.10"


def permits(*names: x509.GeneralName, critical: bool = True) -> Change:
    """Add name constraints that permit only names below these."""
    return having(x509.NameConstraints(permitted_subtrees=names, excluded_subtrees=None), critical=critical)


def excludes(*names: x509.GeneralName) -> Change:
    """Add name constraints that exclude names below these."""
    return having(x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=names), critical=True)


def elsewhere(given: CaseBuilder) -> x509.DNSName:
    """A domain that does not contain the host."""
    return x509.DNSName(f"corp.{given.host}")


@certificate_case(PERMITTED, refused(47), deviates=("intermediate nameConstraints",))
def nc_permitted_violation(given: CaseBuilder) -> Minted:
    """The intermediate CA may issue for one domain only, and it issued for a host outside that domain.

    Name constraints let a company run a CA for its own hosts. A client that ignores them lets this CA issue for all
    hosts.
    """
    return given.mint(
        intermediates=(permits(elsewhere(given)),),
        leaf=named(given.host),
        control=lambda: given.serve(intermediates=(permits(x509.DNSName(given.host)),), leaf=named(given.host)),
    )


@certificate_case(EXCLUDED, refused(48), deviates=("intermediate nameConstraints",))
def nc_excluded_violation(given: CaseBuilder) -> Minted:
    """The name constraints of the intermediate CA exclude the host, and it issued for the host anyway.

    A client that ignores the constraint lets the CA impersonate this host.
    """
    constraints = excludes(x509.DNSName(given.host))
    return given.mint(
        intermediates=(constraints,),
        leaf=named(given.host),
        # For the host alone: a wildcard among the other names could cover what the control excludes.
        control=lambda: given.serve(intermediates=(excludes(elsewhere(given)),), leaf=named(given.host)),
    )


@certificate_case(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints",))
def nc_ip_violation(given: CaseBuilder) -> Minted:
    """The intermediate CA may issue for one IP network only, and it issued for an address in another.

    Constraints of iPAddress names must be checked as well as those of host names.
    """
    leaf, name = named(given.address), given.address
    return given.mint(
        intermediates=(permits(_network(given, 1)),),
        leaf=leaf,
        name=name,
        control=lambda: given.serve(intermediates=(permits(_network(given, 0)),), leaf=leaf, name=name),
    )


def _network(given: CaseBuilder, further: int) -> x509.IPAddress:
    """The IPv4 network of 256 addresses that contains the server's address, or one further on."""
    return x509.IPAddress(IPv4Network(((int(given.address) + 256 * further) % 2**32, 24), strict=False))


@certificate_case(CONSTRAINTS, accepted(), must=Must.ACCEPT, deviates=("intermediate nameConstraints",))
def nc_ip_only_dns_free(given: CaseBuilder) -> Minted:
    """The name constraints of the intermediate CA limit IP addresses only, so it may issue for every host name.

    A constraint limits only names of its own kind. Some CAs were meant to be limited, but their constraints omit a kind
    of name.
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
    """The CA's name constraints exclude the host, and the certificate has a wildcard that matches the host.

    `*.example.com` is not below `a.example.com`, but it matches that host. Go did not check this until 2025
    (CVE-2025-61727); OpenSSL 3.0 does not.
    """
    wildcard = named(f"*.{given.domain}")
    constraints = excludes(x509.DNSName(given.long_host))
    return given.mint(
        intermediates=(constraints,),
        leaf=wildcard,
        name=given.long_host,
        control=lambda: given.serve(
            intermediates=(excludes(x509.DNSName(f"corp.{given.domain}.test")),), leaf=wildcard, name=given.long_host
        ),
    )


@certificate_case(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints", "leaf subjectAltName"))
def nc_bypass_by_cn(given: CaseBuilder) -> Minted:
    """The CA may not issue for the host, which is only in the common name; the certificate has no SAN.

    Name constraints of host names limit the subjectAltName. A client that takes the host from the common name
    accepts the certificate.
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
    """The trusted root certificate has name constraints, and the host is outside of them.

    RFC 5280 takes only a name and a public key from a trust anchor. Clients differ in how they treat its extensions.
    """
    return given.mint(
        root=permits(elsewhere(given)),
        leaf=named(given.host),
        control=lambda: given.serve(root=permits(x509.DNSName(given.host)), leaf=named(given.host)),
    )


@certificate_case(CONSTRAINTS, refused(47), deviates=("intermediate nameConstraints",))
def nc_noncritical(given: CaseBuilder) -> Minted:
    """The intermediate CA may issue for one domain only, but the name constraints are not critical, as they must be.

    A client that knows name constraints must apply them, critical or not.
    """
    constraints = permits(elsewhere(given), critical=False)
    return given.mint(
        intermediates=(constraints,),
        leaf=named(given.host),
        control=lambda: given.serve(intermediates=(permits(x509.DNSName(given.host)),), leaf=named(given.host)),
    )


@certificate_case(CONSTRAINTS, accepted(), disputed=True, deviates=("leaf nameConstraints",))
def nc_in_leaf(given: CaseBuilder) -> Minted:
    """The leaf has name constraints, which are allowed in CA certificates only.

    A leaf issues nothing, so the constraints have no effect. Some clients refuse the certificate.
    """
    return given.mint(leaf=permits(elsewhere(given)))
