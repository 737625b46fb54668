"""CA certificates: the issuer is not allowed to issue certificates (RFC 5280 §4.2.1.3, §4.2.1.9, §6.1.4)."""

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
    """The issuer is not a CA: the owner of an ordinary server certificate signed this one with its key.

    The chain leads to the trusted root without a gap, and the owner of any certificate could impersonate any host.
    Internet Explorer (2002) and iOS (2011) did not check whether the issuer was a CA.
    """

    def owned(authority: Draft) -> Draft:
        return authority.having(x509.SubjectAlternativeName([x509.DNSName(f"attacker.{given.domain}")]))

    def ordinary(authority: Draft) -> Draft:
        not_a_ca = owned(authority).having(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return not_a_ca.having(SERVER.key_usage(given.root_key.public_key()), critical=True)

    return given.mint(intermediates=(ordinary,), control=lambda: given.serve(intermediates=(owned,)))


@certificate_case("RFC 5280 §6.1.4 (k)", refused(79), deviates=("intermediate basicConstraints",))
def intermediate_no_bc(given: CaseBuilder) -> Minted:
    """The issuer's key usage allows keyCertSign, but its certificate has no basicConstraints.

    Without basicConstraints (cA TRUE) a version 3 certificate is not a CA certificate.
    """
    return given.mint(intermediates=(without(CONSTRAINTS),))


@certificate_case(
    "RFC 5280 §6.1.4 (k)", refused(79), deviates=("intermediate basicConstraints", "intermediate keyUsage")
)
def intermediate_no_bc_no_ku(given: CaseBuilder) -> Minted:
    """The issuer's certificate has neither basicConstraints nor key usage.

    A certificate must state that it is a CA certificate. A client must not assume it.
    """
    return given.mint(intermediates=(without(CONSTRAINTS, KEY_USAGE),))


@certificate_case("RFC 5280 §6.1.4 (n)", refused(79), deviates=("intermediate keyUsage",))
def intermediate_no_keycertsign(given: CaseBuilder) -> Minted:
    """The issuer is a CA, but its key usage allows only cRLSign, not keyCertSign.

    Its key may sign CRLs, and must not sign certificates.
    """
    return given.mint(intermediates=(usage("crl_sign"),))


@certificate_case(
    "RFC 5280 §6.1.4 (l)", refused(25), deviates=("intermediate basicConstraints",), severity=Severity.WEAK
)
def pathlen_exceeded(given: CaseBuilder) -> Minted:
    """A CA with path length 0 issued a certificate for another CA.

    Path length 0 allows this CA to issue certificates for servers, but not to create further CAs.
    """
    none_below = having(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return given.mint(intermediates=(none_below, as_is))


@certificate_case("RFC 5280 §6.1.4 (k)", refused(79), deviates=("intermediate version", "intermediate extensions"))
def intermediate_v1(given: CaseBuilder) -> Minted:
    """The issuer's certificate is version 1, which has no extensions.

    Version 1 (before 1996) cannot state that a certificate belongs to a CA. Otherwise every old server certificate
    could issue.
    """
    return given.mint(intermediates=(but(version=1, extensions=()),))


@certificate_case(
    "CA/B Forum BR §7.1.2.7.8", accepted(), disputed=True, deviates=("leaf basicConstraints", "leaf keyUsage")
)
def ca_as_leaf(given: CaseBuilder) -> Minted:
    """The server uses a CA certificate as its own certificate.

    An attacker who breaks into the server gets a key that can issue certificates for any host. RFC 5280 allows this;
    the CA/Browser Forum forbids it.
    """

    def authority(leaf: Draft) -> Draft:
        may_sign = usage("digital_signature", *INTERMEDIATE.usages)(leaf)
        return may_sign.having(x509.BasicConstraints(ca=True, path_length=0), critical=True)

    return given.mint(subject=NEUTRAL, leaf=authority)
