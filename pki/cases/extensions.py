"""Rogues of form: extensions that nobody understands, or that must not be there, and odd numbers (RFC 5280 §4)."""

from cryptography import x509

from pki.cases.builder import EMPTY_NAME, NEUTRAL, CaseBuilder, Change, but, called, having
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused
from pki.cases.host_names import SAN
from pki.cases.tbs_certificate import Draft
from pki.cases.valid import UNKNOWN

MYSTERY = having(x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00"), critical=True)


@certificate_case("RFC 5280 §6.1.5 (f)", refused(34), deviates=("leaf 1.3.6.1.4.1.32473.1",))
def unknown_critical_ext(given: CaseBuilder) -> Minted:
    """A critical extension that nobody knows: perhaps it says "not for servers". Who cannot read it must refuse."""
    return given.mint(leaf=MYSTERY)


@certificate_case("RFC 5280 §6.1.4 (o)", refused(34), deviates=("intermediate 1.3.6.1.4.1.32473.1",))
def unknown_critical_ext_ca(given: CaseBuilder) -> Minted:
    """The same in the authority: perhaps it says for whom it may not vouch."""
    return given.mint(intermediates=(MYSTERY,))


@certificate_case("RFC 6962 §3.1", refused(34), deviates=("leaf ctPoison",), severity=Severity.WEAK)
def ct_poison(given: CaseBuilder) -> Minted:
    """A precertificate, meant for the public logs alone: poisoned, so that nobody takes it for a certificate."""
    return given.mint(leaf=having(x509.PrecertPoison(), critical=True))


@certificate_case("RFC 5280 §4.2", refused(20), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def duplicate_extension(given: CaseBuilder) -> Minted:
    """The alternative names are there twice: who reads the first sees one host, who reads the last another."""
    other = x509.SubjectAlternativeName([x509.DNSName(f"other.{given.host}")]).public_bytes()

    def twice(leaf: Draft) -> Draft:
        names = next(each for each in leaf.extensions if each.oid == SAN)
        return leaf.but(extensions=(*leaf.extensions, type(names)(SAN, names.critical, other)))

    return given.mint(leaf=twice)


@certificate_case(
    "CA/B Forum BR §7.1.1", accepted(), deviates=("leaf version", "leaf extensions"), severity=Severity.WEAK
)
def leaf_v1(given: CaseBuilder) -> Minted:
    """Of version 1, which has no extensions: no alternative names, no purpose, no limits; the common name is right."""
    return given.mint(subject=called(given.host.encode()), leaf=but(version=1, extensions=()))


@certificate_case("RFC 5280 §4.1.2.1", accepted(strict=93), deviates=("leaf version",), severity=Severity.WEAK)
def leaf_v1_with_extensions(given: CaseBuilder) -> Minted:
    """It says that it is of version 1, and has extensions, which came with version 3: some then miss them."""
    return given.mint(leaf=but(version=1))


@certificate_case("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_zero(given: CaseBuilder) -> Minted:
    """The serial number is 0: authorities must write a positive one, readers should cope."""
    return given.mint(leaf=but(serial=0))


@certificate_case("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_negative(given: CaseBuilder) -> Minted:
    """The serial number is negative: often an authority that forgot the leading zero."""
    return given.mint(leaf=but(serial=-given.new_serial()))


@certificate_case("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_too_long(given: CaseBuilder) -> Minted:
    """The serial number has 21 octets, one more than allowed."""
    return given.mint(leaf=but(serial=given.new_serial() | 1 << 160))


@certificate_case("RFC 5280 §4.1.2.6", accepted(strict=88), must=Must.ACCEPT, disputed=True, deviates=("leaf subject",))
def empty_subject_noncritical_san(given: CaseBuilder) -> Minted:
    """The subject is empty, and the alternative names are not critical: who cannot read them knows nobody's name."""
    alternatives = x509.SubjectAlternativeName(given.wanted())
    return given.mint(subject=NEUTRAL, leaf=lambda leaf: leaf.but(subject=EMPTY_NAME).having(alternatives))


@certificate_case("RFC 7633 §4.2.3.1", accepted(), disputed=True, deviates=("leaf TLSFeature",))
def must_staple_no_staple(given: CaseBuilder) -> Minted:
    """It demands that its server shows fresh proof of not being revoked, and the server does not. Few ask."""
    return given.mint(leaf=having(x509.TLSFeature([x509.TLSFeatureType.status_request])))


@certificate_case("RFC 6962", accepted(), must=Must.ACCEPT, disputed=True, aliases=("no-sct",))
def no_sct(given: CaseBuilder) -> Minted:
    """It was in no public log: browsers demand that of the web's authorities, and of nobody's private one."""
    return given.mint()


@certificate_case(
    "RFC 5280 §6.1.5 (g)", accepted(), deviates=("intermediate policyConstraints",), severity=Severity.WEAK
)
def policy_require_explicit(given: CaseBuilder) -> Minted:
    """The authority demands a policy for whatever is below it, and the leaf has none.

    OpenSSL looks at policies only where it is told to (X509_V_FLAG_POLICY_CHECK).
    """
    return given.mint(intermediates=(_demands_policy(),))


def _demands_policy() -> Change:
    return having(x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), critical=True)
