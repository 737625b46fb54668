"""Rogues of authority: signed by somebody who may not sign (RFC 5280 §4.2.1.3, §4.2.1.9, §6.1.4)."""

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki.cases.builder import NEUTRAL, CaseBuilder, as_is, but, having, usage, without
from pki.cases.case import Minted, Severity, accepted, certificate_case, refused
from pki.cases.tbs_certificate import Draft
from pki.profiles import INTERMEDIATE, SERVER

CONSTRAINTS, KEY_USAGE = ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE


@certificate_case(
    "RFC 5280 §6.1.4 (k)",
    refused(79),
    cve=("CVE-2002-0862", "CVE-2011-0228"),
    deviates=("intermediate basicConstraints", "intermediate keyUsage"),
)
def leaf_signs_leaf(given: CaseBuilder) -> Minted:
    """The owner of an ordinary certificate signs another one with it, for whatever host he likes.

    The chain leads to the trusted root without a gap. Internet Explorer (2002) and iOS (2011) did not look whether
    the one in between may vouch for anybody.
    """

    def owned(authority: Draft) -> Draft:
        return authority.having(x509.SubjectAlternativeName([x509.DNSName(f"attacker.{given.domain}")]))

    def ordinary(authority: Draft) -> Draft:
        not_a_ca = owned(authority).having(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return not_a_ca.having(SERVER.key_usage(given.root_key.public_key()), critical=True)

    return given.mint(intermediates=(ordinary,), control=lambda: given.serve(intermediates=(owned,)))


@certificate_case("RFC 5280 §6.1.4 (k)", refused(79), deviates=("intermediate basicConstraints",))
def intermediate_no_bc(given: CaseBuilder) -> Minted:
    """The authority's key may sign certificates, but nowhere does it say that it is an authority."""
    return given.mint(intermediates=(without(CONSTRAINTS),))


@certificate_case(
    "RFC 5280 §6.1.4 (k)", refused(79), deviates=("intermediate basicConstraints", "intermediate keyUsage")
)
def intermediate_no_bc_no_ku(given: CaseBuilder) -> Minted:
    """The authority says nothing at all of what it may do; what is not said is not allowed."""
    return given.mint(intermediates=(without(CONSTRAINTS, KEY_USAGE),))


@certificate_case("RFC 5280 §6.1.4 (n)", refused(79), deviates=("intermediate keyUsage",))
def intermediate_no_keycertsign(given: CaseBuilder) -> Minted:
    """It says that it is an authority, and that its key may not sign certificates, only revocation lists."""
    return given.mint(intermediates=(usage("crl_sign"),))


@certificate_case(
    "RFC 5280 §6.1.4 (l)", refused(25), deviates=("intermediate basicConstraints",), severity=Severity.WEAK
)
def pathlen_exceeded(given: CaseBuilder) -> Minted:
    """An authority that may have no authority below itself has made one."""
    none_below = having(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return given.mint(intermediates=(none_below, as_is))


@certificate_case("RFC 5280 §6.1.4 (k)", refused(79), deviates=("intermediate version", "intermediate extensions"))
def intermediate_v1(given: CaseBuilder) -> Minted:
    """An authority of version 1, from before 1996: it has no extensions, so it cannot say that it may sign."""
    return given.mint(intermediates=(but(version=1, extensions=()),))


@certificate_case(
    "CA/B Forum BR §7.1.2.7.8", accepted(), disputed=True, deviates=("leaf basicConstraints", "leaf keyUsage")
)
def ca_as_leaf(given: CaseBuilder) -> Minted:
    """A server shows the certificate of an authority: whoever breaks into the server can vouch for everybody.

    RFC 5280 does not forbid it, the web's rules do.
    """

    def authority(leaf: Draft) -> Draft:
        may_sign = usage("digital_signature", *INTERMEDIATE.usages)(leaf)
        return may_sign.having(x509.BasicConstraints(ca=True, path_length=0), critical=True)

    return given.mint(subject=NEUTRAL, leaf=authority)
