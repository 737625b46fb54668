"""Extensions: unknown, missing or malformed extensions, and unusual serial numbers (RFC 5280 §4)."""

from cryptography import x509

from pki.cases.builder import EMPTY_NAME, NEUTRAL, CaseBuilder, Change, but, called, having
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused
from pki.cases.host_names import SAN
from pki.cases.tbs_certificate import Draft
from pki.cases.valid import UNKNOWN

MYSTERY = having(x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00"), critical=True)


@certificate_case("RFC 5280 §6.1.5 (f)", refused(34), deviates=("leaf 1.3.6.1.4.1.32473.1",))
def unknown_critical_ext(given: CaseBuilder) -> Minted:
    """The leaf has a critical extension that no client knows.

    The extension may restrict the certificate, for example to another purpose. A client that does not know it must
    refuse the certificate.
    """
    return given.mint(leaf=MYSTERY)


@certificate_case("RFC 5280 §6.1.4 (o)", refused(34), deviates=("intermediate 1.3.6.1.4.1.32473.1",))
def unknown_critical_ext_ca(given: CaseBuilder) -> Minted:
    """The certificate of the intermediate CA has a critical extension that no client knows.

    The extension may restrict what the CA may issue. A client that does not know it must refuse the path.
    """
    return given.mint(intermediates=(MYSTERY,))


@certificate_case("RFC 6962 §3.1", refused(34), deviates=("leaf ctPoison",), severity=Severity.WEAK)
def ct_poison(given: CaseBuilder) -> Minted:
    """A precertificate, which is meant for Certificate Transparency logs only.

    Its critical poison extension makes clients refuse it.
    """
    return given.mint(leaf=having(x509.PrecertPoison(), critical=True))


@certificate_case("RFC 5280 §4.2", refused(20), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def duplicate_extension(given: CaseBuilder) -> Minted:
    """The certificate has two subjectAltName extensions, for different hosts.

    One client reads the first and another the last, so they see different hosts. RFC 5280 allows each extension once.
    """
    other = x509.SubjectAlternativeName([x509.DNSName(f"other.{given.host}")]).public_bytes()

    def twice(leaf: Draft) -> Draft:
        names = next(each for each in leaf.extensions if each.oid == SAN)
        return leaf.but(extensions=(*leaf.extensions, type(names)(SAN, names.critical, other)))

    return given.mint(leaf=twice)


@certificate_case(
    "CA/B Forum BR §7.1.1", accepted(), deviates=("leaf version", "leaf extensions"), severity=Severity.WEAK
)
def leaf_v1(given: CaseBuilder) -> Minted:
    """The leaf is version 1, which has no extensions: no subjectAltName, no key usage, no constraints.

    The host is in the common name. The CA/Browser Forum requires version 3.
    """
    return given.mint(subject=called(given.host.encode()), leaf=but(version=1, extensions=()))


@certificate_case("RFC 5280 §4.1.2.1", accepted(strict=93), deviates=("leaf version",), severity=Severity.WEAK)
def leaf_v1_with_extensions(given: CaseBuilder) -> Minted:
    """The version field says 1, but the certificate has extensions, which exist only in version 3.

    A client that trusts the version field ignores the extensions and their restrictions.
    """
    return given.mint(leaf=but(version=1))


@certificate_case("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_zero(given: CaseBuilder) -> Minted:
    """The serial number is 0.

    RFC 5280 requires CAs to use a positive number, and asks clients to accept this one.
    """
    return given.mint(leaf=but(serial=0))


@certificate_case("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_negative(given: CaseBuilder) -> Minted:
    """The serial number is negative.

    RFC 5280 requires CAs to use a positive number, and asks clients to accept this one. Often a CA has forgotten the
    leading zero byte.
    """
    return given.mint(leaf=but(serial=-given.new_serial()))


@certificate_case("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_too_long(given: CaseBuilder) -> Minted:
    """The serial number has 21 octets; RFC 5280 allows 20.

    The rule is for CAs; most clients accept longer numbers.
    """
    return given.mint(leaf=but(serial=given.new_serial() | 1 << 160))


@certificate_case("RFC 5280 §4.1.2.6", accepted(strict=88), must=Must.ACCEPT, disputed=True, deviates=("leaf subject",))
def empty_subject_noncritical_san(given: CaseBuilder) -> Minted:
    """The subject is empty, but the subjectAltName is not critical.

    RFC 5280 requires a critical subjectAltName here: a client that does not know the extension would see no name at
    all.
    """
    alternatives = x509.SubjectAlternativeName(given.wanted())
    return given.mint(subject=NEUTRAL, leaf=lambda leaf: leaf.but(subject=EMPTY_NAME).having(alternatives))


@certificate_case("RFC 7633 §4.2.3.1", accepted(), disputed=True, deviates=("leaf TLSFeature",))
def must_staple_no_staple(given: CaseBuilder) -> Minted:
    """The certificate demands a stapled OCSP response (must-staple), and the server does not send one.

    A missing response can mean that an attacker uses a stolen key. Few clients check it.
    """
    return given.mint(leaf=having(x509.TLSFeature([x509.TLSFeatureType.status_request])))


@certificate_case("RFC 6962", accepted(), must=Must.ACCEPT, disputed=True, aliases=("no-sct",))
def no_sct(given: CaseBuilder) -> Minted:
    """The certificate is in no Certificate Transparency log.

    Browsers require this of public CAs, but not of private ones.
    """
    return given.mint()


@certificate_case(
    "RFC 5280 §6.1.5 (g)", accepted(), deviates=("intermediate policyConstraints",), severity=Severity.WEAK
)
def policy_require_explicit(given: CaseBuilder) -> Minted:
    """The intermediate CA requires an explicit policy, and the leaf has no policy.

    OpenSSL checks policies only with X509_V_FLAG_POLICY_CHECK.
    """
    return given.mint(intermediates=(_demands_policy(),))


def _demands_policy() -> Change:
    return having(x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), critical=True)
