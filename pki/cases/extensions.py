"""Rogues of form: extensions that nobody understands, or that must not be there, and odd numbers (RFC 5280 §4)."""

from cryptography import x509

from pki.cases.builder import NEUTRAL, NOBODY, Change, Workshop, but, called, having
from pki.cases.case import Must, Severity, Specimen, accepted, refused, rogue
from pki.cases.host_names import SAN
from pki.cases.tbs_certificate import Draft
from pki.cases.valid import UNKNOWN

MYSTERY = having(x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00"), critical=True)


@rogue("RFC 5280 §6.1.5 (f)", refused(34), deviates=("leaf 1.3.6.1.4.1.32473.1",))
def unknown_critical_ext(given: Workshop) -> Specimen:
    """A critical extension that nobody knows: perhaps it says "not for servers". Who cannot read it must refuse."""
    return given.specimen(leaf=MYSTERY)


@rogue("RFC 5280 §6.1.4 (o)", refused(34), deviates=("intermediate 1.3.6.1.4.1.32473.1",))
def unknown_critical_ext_ca(given: Workshop) -> Specimen:
    """The same in the authority: perhaps it says for whom it may not vouch."""
    return given.specimen(intermediates=(MYSTERY,))


@rogue("RFC 6962 §3.1", refused(34), deviates=("leaf ctPoison",), severity=Severity.WEAK)
def ct_poison(given: Workshop) -> Specimen:
    """A precertificate, meant for the public logs alone: poisoned, so that nobody takes it for a certificate."""
    return given.specimen(leaf=having(x509.PrecertPoison(), critical=True))


@rogue("RFC 5280 §4.2", refused(20), deviates=("leaf subjectAltName",), severity=Severity.WEAK)
def duplicate_extension(given: Workshop) -> Specimen:
    """The alternative names are there twice: who reads the first sees one host, who reads the last another."""
    other = x509.SubjectAlternativeName([x509.DNSName(f"other.{given.host}")]).public_bytes()

    def twice(leaf: Draft) -> Draft:
        names = next(each for each in leaf.extensions if each.oid == SAN)
        return leaf.but(extensions=(*leaf.extensions, type(names)(SAN, names.critical, other)))

    return given.specimen(leaf=twice)


@rogue("CA/B Forum BR §7.1.1", accepted(), deviates=("leaf version", "leaf extensions"), severity=Severity.WEAK)
def leaf_v1(given: Workshop) -> Specimen:
    """Of version 1, which has no extensions: no alternative names, no purpose, no limits; the common name is right."""
    return given.specimen(subject=called(given.host.encode()), leaf=but(version=1, extensions=()))


@rogue("RFC 5280 §4.1.2.1", accepted(strict=93), deviates=("leaf version",), severity=Severity.WEAK)
def leaf_v1_with_extensions(given: Workshop) -> Specimen:
    """It says that it is of version 1, and has extensions, which came with version 3: some then miss them."""
    return given.specimen(leaf=but(version=1))


@rogue("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_zero(given: Workshop) -> Specimen:
    """The serial number is 0: authorities must write a positive one, readers should cope."""
    return given.specimen(leaf=but(serial=0))


@rogue("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_negative(given: Workshop) -> Specimen:
    """The serial number is negative: often an authority that forgot the leading zero."""
    return given.specimen(leaf=but(serial=-given.new_serial()))


@rogue("RFC 5280 §4.1.2.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf serialNumber",))
def serial_too_long(given: Workshop) -> Specimen:
    """The serial number has 21 octets, one more than allowed."""
    return given.specimen(leaf=but(serial=given.new_serial() | 1 << 160))


@rogue("RFC 5280 §4.1.2.6", accepted(strict=88), must=Must.ACCEPT, disputed=True, deviates=("leaf subject",))
def empty_subject_noncritical_san(given: Workshop) -> Specimen:
    """The subject is empty, and the alternative names are not critical: who cannot read them knows nobody's name."""
    alternatives = x509.SubjectAlternativeName(given.wanted())
    return given.specimen(subject=NEUTRAL, leaf=lambda leaf: leaf.but(subject=NOBODY).having(alternatives))


@rogue("RFC 7633 §4.2.3.1", accepted(), disputed=True, deviates=("leaf TLSFeature",))
def must_staple_no_staple(given: Workshop) -> Specimen:
    """It demands that its server shows fresh proof of not being revoked, and the server does not. Few ask."""
    return given.specimen(leaf=having(x509.TLSFeature([x509.TLSFeatureType.status_request])))


@rogue("RFC 6962", accepted(), must=Must.ACCEPT, disputed=True, aliases=("no-sct",))
def no_sct(given: Workshop) -> Specimen:
    """It was in no public log: browsers demand that of the web's authorities, and of nobody's private one."""
    return given.specimen()


@rogue("RFC 5280 §6.1.5 (g)", accepted(), deviates=("intermediate policyConstraints",), severity=Severity.WEAK)
def policy_require_explicit(given: Workshop) -> Specimen:
    """The authority demands a policy for whatever is below it, and the leaf has none.

    OpenSSL looks at policies only where it is told to (X509_V_FLAG_POLICY_CHECK).
    """
    return given.specimen(intermediates=(_demands_policy(),))


def _demands_policy() -> Change:
    return having(x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), critical=True)
