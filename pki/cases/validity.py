"""Validity: certificates that are expired or not yet valid, and malformed times (RFC 5280 §4.1.2.5)."""

from datetime import UTC, datetime

from pki.asn1 import der
from pki.cases.builder import CaseBuilder, but, dated
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused


@certificate_case("RFC 5280 §6.1.3 (a)(2)", refused(10), deviates=("leaf validity",))
def expired(given: CaseBuilder) -> Minted:
    """The certificate expired yesterday.

    A CA may remove expired certificates from its CRLs. Then a client cannot find out whether the key was stolen.
    """
    return given.mint(leaf=dated(given.day(-91), given.day(-1)))


@certificate_case("RFC 5280 §4.1.2.5.1", refused(10), deviates=("leaf validity",), severity=Severity.WEAK)
def expired_1963(given: CaseBuilder) -> Minted:
    """The certificate expired in 1963; its UTCTime writes the year with two digits.

    RFC 5280 reads 50 to 99 as 1950 to 1999. A client that reads 63 as 2063 accepts the certificate for decades.
    """
    return given.mint(leaf=dated(datetime(1962, 1, 1, tzinfo=UTC), datetime(1963, 1, 1, tzinfo=UTC)))


@certificate_case("RFC 5280 §6.1.3 (a)(2)", refused(9), deviates=("leaf validity",))
def not_yet_valid(given: CaseBuilder) -> Minted:
    """The certificate becomes valid tomorrow.

    A certificate is not valid before notBefore. If it should already be valid, the client's clock may be slow.
    """
    return given.mint(leaf=dated(given.day(1), given.day(91)))


@certificate_case("RFC 5280 §6.1.3 (a)(2)", refused(10), deviates=("intermediate validity",))
def expired_intermediate(given: CaseBuilder) -> Minted:
    """The leaf is valid, but the certificate of its intermediate CA expired yesterday.

    Every certificate of the path has a validity period, and a client must check each of them.
    """
    return given.mint(intermediates=(dated(given.day(-200), given.day(-1)),))


@certificate_case("RFC 5280 §6.1.1 (d)", refused(10), disputed=True, deviates=("trust anchor validity",))
def expired_root(given: CaseBuilder) -> Minted:
    """The trusted root certificate has expired.

    RFC 5280 takes only a name and a public key from a trust anchor, so it does not require this check. Most clients
    refuse the chain anyway; rustls does not store the validity of a root. When AddTrust External CA Root expired in May
    2020, and DST Root CA X3 in September 2021, programs with an old OpenSSL could not connect to many hosts.
    """
    return given.mint(root=dated(given.day(-400), given.day(-1)))


@certificate_case("RFC 5280 §6.1", accepted(), must=Must.ACCEPT, deviates=("intermediate validity", "leaf validity"))
def outlives_issuer(given: CaseBuilder) -> Minted:
    """The leaf expires a year after its issuer; today both are valid.

    RFC 5280 does not require that the validity of a certificate lies within the validity of its issuer.
    """
    return given.mint(intermediates=(dated(given.day(-200), given.day(30)),), leaf=dated(given.day(-1), given.day(395)))


@certificate_case("CA/B Forum BR §6.3.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf validity",))
def validity_10_years(given: CaseBuilder) -> Minted:
    """The certificate is valid for ten years.

    The CA/Browser Forum allows public CAs 200 days since March 2026, 100 days from 2027 and 47 days from 2029. A
    private CA may choose any validity.
    """
    return given.mint(leaf=dated(given.day(-1), given.day(3650)))


@certificate_case("RFC 5280 §4.1.2.5", refused(9), deviates=("leaf validity",), severity=Severity.WEAK)
def validity_inverted(given: CaseBuilder) -> Minted:
    """The validity begins tomorrow and ended yesterday: notBefore is after notAfter.

    The certificate is not valid at any time: both checks fail.
    """
    return given.mint(leaf=dated(given.day(1), given.day(-1)))


@certificate_case("RFC 5280 §4.1.2.5", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf validity",))
def time_generalized_before_2050(given: CaseBuilder) -> Minted:
    """The end (notAfter) is before 2050, but encoded as GeneralizedTime, with a four-digit year.

    RFC 5280 requires UTCTime for years up to 2049. Most clients accept both.
    """
    return given.mint(leaf=but(not_after=der.generalized_time(given.validity.not_after)))


@certificate_case("RFC 5280 §4.1.2.5.2", refused(14), deviates=("leaf validity",), severity=Severity.WEAK)
def time_fractional(given: CaseBuilder) -> Minted:
    """The end (notAfter) contains a fraction of a second, which RFC 5280 forbids.

    The time is malformed. A client must refuse it and not guess a time.
    """
    end = der.generalized_time(given.validity.not_after, ".5")
    return given.mint(leaf=but(not_after=end))
