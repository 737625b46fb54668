"""Rogues of time: too late, too early, or dates that nobody may write (RFC 5280 §4.1.2.5)."""

from datetime import UTC, datetime

from pki.asn1 import der
from pki.cases.builder import CaseBuilder, but, dated
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused


@certificate_case("RFC 5280 §6.1.3 (a)(2)", refused(10), deviates=("leaf validity",))
def expired(given: CaseBuilder) -> Minted:
    """It was good, until yesterday.

    After that nobody keeps track of it: it leaves the revocation lists, and its key may have been thrown on a heap.
    """
    return given.mint(leaf=dated(given.day(-91), given.day(-1)))


@certificate_case("RFC 5280 §4.1.2.5.1", refused(10), deviates=("leaf validity",), severity=Severity.WEAK)
def expired_1963(given: CaseBuilder) -> Minted:
    """It ended in 1963, and the year is written with two digits: who reads 63 as 2063 believes it for decades."""
    return given.mint(leaf=dated(datetime(1962, 1, 1, tzinfo=UTC), datetime(1963, 1, 1, tzinfo=UTC)))


@certificate_case("RFC 5280 §6.1.3 (a)(2)", refused(9), deviates=("leaf validity",))
def not_yet_valid(given: CaseBuilder) -> Minted:
    """It begins tomorrow: minted ahead of time, or the client's clock is slow."""
    return given.mint(leaf=dated(given.day(1), given.day(91)))


@certificate_case("RFC 5280 §6.1.3 (a)(2)", refused(10), deviates=("intermediate validity",))
def expired_intermediate(given: CaseBuilder) -> Minted:
    """The leaf is fresh, but the authority that signed it ended yesterday: every link has its dates."""
    return given.mint(intermediates=(dated(given.day(-200), given.day(-1)),))


@certificate_case("RFC 5280 §6.1.1 (d)", refused(10), disputed=True, deviates=("trust anchor validity",))
def expired_root(given: CaseBuilder) -> Minted:
    """The trusted root itself is out of date: path validation takes a name and a key from it, and no dates.

    Most refuse it all the same; rustls keeps no dates of a root. When AddTrust ended in May 2020, and DST
    Root X3 in September 2021, programs with an old OpenSSL lost much of the web.
    """
    return given.mint(root=dated(given.day(-400), given.day(-1)))


@certificate_case("RFC 5280 §6.1", accepted(), must=Must.ACCEPT, deviates=("intermediate validity", "leaf validity"))
def outlives_issuer(given: CaseBuilder) -> Minted:
    """The leaf ends a year after its issuer: today both are valid, and nothing demands that dates nest."""
    return given.mint(intermediates=(dated(given.day(-200), given.day(30)),), leaf=dated(given.day(-1), given.day(395)))


@certificate_case("CA/B Forum BR §6.3.2", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf validity",))
def validity_10_years(given: CaseBuilder) -> Minted:
    """Ten years: the web allows 200 days since March 2026, 100 from 2027, 47 from 2029; a private authority is free."""
    return given.mint(leaf=dated(given.day(-1), given.day(3650)))


@certificate_case("RFC 5280 §4.1.2.5", refused(9), deviates=("leaf validity",), severity=Severity.WEAK)
def validity_inverted(given: CaseBuilder) -> Minted:
    """It begins tomorrow and ended yesterday: there is no moment at which it is valid."""
    return given.mint(leaf=dated(given.day(1), given.day(-1)))


@certificate_case("RFC 5280 §4.1.2.5", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf validity",))
def time_generalized_before_2050(given: CaseBuilder) -> Minted:
    """A date before 2050 with a four-digit year: authorities must write two digits, and readers mostly do not mind."""
    return given.mint(leaf=but(not_after=der.generalized_time(given.validity.not_after)))


@certificate_case("RFC 5280 §4.1.2.5.2", refused(14), deviates=("leaf validity",), severity=Severity.WEAK)
def time_fractional(given: CaseBuilder) -> Minted:
    """The end is given to half a second, which certificates never have: this is no valid date."""
    end = der.generalized_time(given.validity.not_after, ".5")
    return given.mint(leaf=but(not_after=end))
