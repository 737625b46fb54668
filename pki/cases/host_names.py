"""Cases about the name: a certificate for another host, or a name where no client may look (RFC 9525).

The common name is neutral, except where a case is about the common name.
"""

from ipaddress import IPv4Address

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki.asn1 import der
from pki.cases.builder import EMPTY_NAME, NEUTRAL, CaseBuilder, Change, called, having, named, without
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused

SAN = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
DNS_NAME = 0x82  # dNSName [2], RFC 5280 §4.2.1.6
ONLY_SAN = ("leaf subjectAltName",)


def named_raw(dns_name: bytes) -> Change:
    """With one dNSName, whatever its bytes are."""
    value = der.sequence(der.element(DNS_NAME, dns_name))
    return lambda draft: draft.having_raw(SAN, value, critical=draft.subject == EMPTY_NAME)


def unrelated(given: CaseBuilder) -> str:
    """A host that the attacker owns; no comparison of parts of names finds the victim in it, or the other way round."""
    return "evil.example" if not given.host.endswith("example") else "attacker.test"


def presenting(given: CaseBuilder, *wanted: str | IPv4Address, name: str | IPv4Address | None = None) -> Minted:
    """A certificate for these names; the client asks for `name`, or else for the host."""
    return given.mint(subject=NEUTRAL, leaf=named(*wanted), name=given.host if name is None else name)


@certificate_case("RFC 9525 §6.1", refused(62), aliases=("wrong.host",), deviates=ONLY_SAN)
def wrong_host(given: CaseBuilder) -> Minted:
    """A valid certificate for another host, such as the attacker's own.

    The check that is left out most often: it is not part of path validation, and each program has to ask for it.
    """
    return presenting(given, unrelated(given))


@certificate_case("RFC 9525 §2", accepted(), deviates=ONLY_SAN, severity=Severity.WEAK)
def no_san_cn_only(given: CaseBuilder) -> Minted:
    """The host stands in the common name alone: no place for hosts since 2011, not looked at by browsers since 2017."""
    return given.mint(subject=called(given.host.encode()), leaf=without(SAN))


@certificate_case("RFC 9525 §2", refused(62), deviates=ONLY_SAN)
def san_mismatch_cn_match(given: CaseBuilder) -> Minted:
    """The alternative names are of another host, the common name is right: what is in the alternative names decides."""
    return given.mint(subject=called(given.host.encode()), leaf=named(unrelated(given)))


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_as_prefix(given: CaseBuilder) -> Minted:
    """The name begins with the host and goes on: `localhost.evil.example` belongs to the owner of evil.example.

    A comparison of as many characters as the host has, or a search for the host in the name, accepts it.
    """
    return presenting(given, f"{given.host}.{unrelated(given)}")


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_as_suffix(given: CaseBuilder) -> Minted:
    """The name ends with the host, and not at a dot: `evillocalhost` is another name, which an attacker can register.

    A comparison of the ends, or a search for the host in the name, accepts it.
    """
    return presenting(given, f"evil{given.host}")


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_inside(given: CaseBuilder) -> Minted:
    """The host is in the middle of the name: `evil-localhost.evil.example`. A search for the host accepts it."""
    return presenting(given, f"evil-{given.host}.{unrelated(given)}")


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def subdomain(given: CaseBuilder) -> Minted:
    """A valid certificate for a name below the host: a customer's subdomain is not the host itself."""
    return presenting(given, f"other.{given.host}")


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_beginning(given: CaseBuilder) -> Minted:
    """The name is the host without its last character: a comparison that ends with the shorter text accepts it."""
    return presenting(given, given.host[:-1])


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_ending(given: CaseBuilder) -> Minted:
    """The name is the host without its first character: a comparison of the ends accepts it."""
    return presenting(given, given.host[1:])


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def parent_domain(given: CaseBuilder) -> Minted:
    """Of the domain above the host: who owns example.com is not thereby shop.example.com."""
    return presenting(given, given.domain, name=given.long_host)


@certificate_case("RFC 5280 §4.2.1.6", refused(62), deviates=ONLY_SAN, severity=Severity.WEAK)
def trailing_dot_san(given: CaseBuilder) -> Minted:
    """The name ends with a dot, as absolute names do in DNS; in a certificate it never does."""
    return presenting(given, f"{given.host}.")


@certificate_case("RFC 9525 §6.4", refused(64), deviates=ONLY_SAN, severity=Severity.WEAK)
def ip_in_dnsname(given: CaseBuilder) -> Minted:
    """The address is written as text where hosts stand: addresses are compared as numbers, with iPAddress alone."""
    return presenting(given, str(given.address), name=given.address)


@certificate_case("RFC 9525 §6.4", refused(64), deviates=ONLY_SAN, severity=Severity.WEAK)
def ip_in_cn(given: CaseBuilder) -> Minted:
    """The address is in the common name; the certificate has no subjectAltName."""
    common_name = called(str(given.address).encode())
    return given.mint(subject=common_name, leaf=without(SAN), name=given.address)


@certificate_case("RFC 9525 §6.4", refused(64), deviates=ONLY_SAN)
def ip_mismatch(given: CaseBuilder) -> Minted:
    """Of another address: a neighbour's in the numbering, perhaps in the same rack."""
    neighbour = IPv4Address((int(given.address) + 1) % 2**32)
    return presenting(given, neighbour, name=given.address)


@certificate_case("RFC 9525 §6.1", accepted(), deviates=ONLY_SAN, severity=Severity.WEAK)
def san_email_only(given: CaseBuilder) -> Minted:
    """There are alternative names, but no host: only a mail address. The common name is right, and a trap."""
    address = x509.SubjectAlternativeName([x509.RFC822Name(f"postmaster@{given.host}")])
    return given.mint(subject=called(given.host.encode()), leaf=having(address))


@certificate_case("RFC 9525 §6.1", accepted(), deviates=ONLY_SAN, severity=Severity.WEAK)
def san_uri_only(given: CaseBuilder) -> Minted:
    """There are alternative names, but no host: only the address of a web page. The same trap."""
    page = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"https://{given.host}/")])
    return given.mint(subject=called(given.host.encode()), leaf=having(page))


@certificate_case("CA/B Forum BR §7.1.2.7.12", accepted(), must=Must.ACCEPT, disputed=True)
def underscore_host(given: CaseBuilder) -> Minted:
    """The host has an underscore: no host name by the letter, met in practice, forbidden to the web's authorities."""
    return given.mint(subject=NEUTRAL, name=f"a_b.{given.domain}")


@certificate_case("RFC 5280 §4.2.1.6", refused(62), cve=("CVE-2009-2408", "CVE-2013-4238"), deviates=ONLY_SAN)
def nul_in_san(given: CaseBuilder) -> Minted:
    """The name goes on after a byte of zero: evil.example behind it paid, and who reads C strings sees only the front.

    Python 3.3 did (CVE-2013-4238), as did Firefox and others in 2009.
    """
    return given.mint(subject=NEUTRAL, leaf=named_raw(given.host.encode() + b"\0.evil.example"))


@certificate_case("RFC 9525 §2", refused(62), cve=("CVE-2009-2408",), deviates=("leaf subject", "leaf subjectAltName"))
def nul_in_cn(given: CaseBuilder) -> Minted:
    """The same trick in the common name, where it was first played."""
    return given.mint(leaf=lambda leaf: called(given.host.encode() + b"\0.evil.example")(leaf.without(SAN)))


@certificate_case("RFC 5280 §7.2", refused(62), deviates=ONLY_SAN, severity=Severity.WEAK)
def idn_ulabel_utf8(given: CaseBuilder) -> Minted:
    """The host in UTF-8, its first letter a full-width one: whoever maps what they see, as browsers do, finds the host.

    International names stand in certificates as A-labels (`xn--...`), in ASCII.
    """
    wide = chr(ord(given.host[0]) + FULL_WIDTH)
    return given.mint(subject=NEUTRAL, leaf=named_raw((wide + given.host[1:]).encode()))


FULL_WIDTH = 0xFF41 - ord("a")  # a becomes U+FF41, and 0 U+FF10


@certificate_case("RFC 5280 §4.2", refused(20), deviates=ONLY_SAN, severity=Severity.WEAK)
def san_malformed_der(given: CaseBuilder) -> Minted:
    """The alternative names say that they are longer than they are: who guesses where they end reads another's."""

    def too_long(value: bytes) -> bytes:
        return value[:1] + bytes([value[1] + 5]) + value[2:]

    whole = der.sequence(der.element(DNS_NAME, given.host.encode()))
    return given.mint(subject=NEUTRAL, leaf=lambda leaf: without(SAN)(leaf).having_raw(SAN, too_long(whole)))
