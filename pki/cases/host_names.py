"""Host names: the certificate is for another host, or the name is in the wrong field (RFC 9525).

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
    """Set the subjectAltName to one dNSName with these bytes."""
    value = der.sequence(der.element(DNS_NAME, dns_name))
    return lambda draft: draft.having_raw(SAN, value, critical=draft.subject == EMPTY_NAME)


def unrelated(given: CaseBuilder) -> str:
    """A host of the attacker. It does not contain the victim's host, nor the other way round."""
    return "evil.example" if not given.host.endswith("example") else "attacker.test"


def presenting(given: CaseBuilder, *wanted: str | IPv4Address, name: str | IPv4Address | None = None) -> Minted:
    """A certificate for these names; the client asks for `name` (default: the host)."""
    return given.mint(subject=NEUTRAL, leaf=named(*wanted), name=given.host if name is None else name)


@certificate_case("RFC 9525 §6.1", refused(62), aliases=("wrong.host",), deviates=ONLY_SAN)
def wrong_host(given: CaseBuilder) -> Minted:
    """A valid certificate for another host, such as the attacker's own.

    This is the check that programs omit most often: it is not part of path validation, and each program must ask for
    it.
    """
    return presenting(given, unrelated(given))


@certificate_case("RFC 9525 §2", accepted(), deviates=ONLY_SAN, severity=Severity.WEAK)
def no_san_cn_only(given: CaseBuilder) -> Minted:
    """The host is only in the common name; the certificate has no subjectAltName.

    RFC 9525 allows no host name in the common name, and RFC 6125 (2011) had already discouraged it. Browsers have
    ignored the common name since 2017.
    """
    return given.mint(subject=called(given.host.encode()), leaf=without(SAN))


@certificate_case("RFC 9525 §2", refused(62), deviates=ONLY_SAN)
def san_mismatch_cn_match(given: CaseBuilder) -> Minted:
    """The subjectAltName contains another host, and the common name contains the right one.

    A client must compare the subjectAltName alone.
    """
    return given.mint(subject=called(given.host.encode()), leaf=named(unrelated(given)))


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_as_prefix(given: CaseBuilder) -> Minted:
    """The name begins with the host and goes on, as `localhost.evil.example` does.

    That name belongs to the owner of evil.example. A client that compares only as many characters as the host has, or
    that searches for the host in the name, accepts it.
    """
    return presenting(given, f"{given.host}.{unrelated(given)}")


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_as_suffix(given: CaseBuilder) -> Minted:
    """The name ends with the host, but not at a dot, as `evillocalhost` does.

    It is another name, which an attacker can register. A client that compares only the end of the name, or that
    searches for the host in the name, accepts it.
    """
    return presenting(given, f"evil{given.host}")


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_inside(given: CaseBuilder) -> Minted:
    """The host is in the middle of the name, as in `evil-localhost.evil.example`.

    That name belongs to the owner of evil.example. A client that searches for the host in the name accepts it.
    """
    return presenting(given, f"evil-{given.host}.{unrelated(given)}")


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def subdomain(given: CaseBuilder) -> Minted:
    """A valid certificate for a name below the host, such as `other.localhost`.

    The owner of a subdomain, such as a customer, is not the owner of the host.
    """
    return presenting(given, f"other.{given.host}")


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_beginning(given: CaseBuilder) -> Minted:
    """The name is the host without its last character, such as `localhos`.

    A client that compares only up to the end of the shorter name accepts it.
    """
    return presenting(given, given.host[:-1])


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def host_ending(given: CaseBuilder) -> Minted:
    """The name is the host without its first character, such as `ocalhost`.

    A client that compares only the ends of the two names accepts it.
    """
    return presenting(given, given.host[1:])


@certificate_case("RFC 9525 §6.3", refused(62), deviates=ONLY_SAN)
def parent_domain(given: CaseBuilder) -> Minted:
    """The name is the domain above the host: example.com where the client asks for shop.example.com.

    Without a wildcard a certificate is valid for the name itself and for no name below it.
    """
    return presenting(given, given.domain, name=given.long_host)


@certificate_case("RFC 5280 §4.2.1.6", refused(62), deviates=ONLY_SAN, severity=Severity.WEAK)
def trailing_dot_san(given: CaseBuilder) -> Minted:
    """The name in the subjectAltName ends with a dot, as an absolute name in the DNS.

    RFC 5280 does not allow this form in a certificate.
    """
    return presenting(given, f"{given.host}.")


@certificate_case("RFC 9525 §6.4", refused(64), deviates=ONLY_SAN, severity=Severity.WEAK)
def ip_in_dnsname(given: CaseBuilder) -> Minted:
    """The client connects to an IP address, and the certificate contains this address as text in a dNSName.

    An IP address matches only an iPAddress, which is compared as bytes.
    """
    return presenting(given, str(given.address), name=given.address)


@certificate_case("RFC 9525 §6.4", refused(64), deviates=ONLY_SAN, severity=Severity.WEAK)
def ip_in_cn(given: CaseBuilder) -> Minted:
    """The client connects to an IP address, and only the common name contains it; the certificate has no SAN.

    An IP address matches only an iPAddress in the subjectAltName.
    """
    common_name = called(str(given.address).encode())
    return given.mint(subject=common_name, leaf=without(SAN), name=given.address)


@certificate_case("RFC 9525 §6.4", refused(64), deviates=ONLY_SAN)
def ip_mismatch(given: CaseBuilder) -> Minted:
    """The certificate is for another IP address, the next one after the server's.

    A neighbouring address can belong to another customer of the same provider.
    """
    neighbour = IPv4Address((int(given.address) + 1) % 2**32)
    return presenting(given, neighbour, name=given.address)


@certificate_case("RFC 9525 §6.1", accepted(), deviates=ONLY_SAN, severity=Severity.WEAK)
def san_email_only(given: CaseBuilder) -> Minted:
    """The subjectAltName contains only an email address; the common name contains the host.

    The certificate names no host in the right field. A client that falls back to the common name accepts it.
    """
    address = x509.SubjectAlternativeName([x509.RFC822Name(f"postmaster@{given.host}")])
    return given.mint(subject=called(given.host.encode()), leaf=having(address))


@certificate_case("RFC 9525 §6.1", accepted(), deviates=ONLY_SAN, severity=Severity.WEAK)
def san_uri_only(given: CaseBuilder) -> Minted:
    """The subjectAltName contains only a URI; the common name contains the host.

    The certificate names no host in the right field. A client that falls back to the common name accepts it.
    """
    page = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"https://{given.host}/")])
    return given.mint(subject=called(given.host.encode()), leaf=having(page))


@certificate_case("CA/B Forum BR §7.1.2.7.12", accepted(), must=Must.ACCEPT, disputed=True)
def underscore_host(given: CaseBuilder) -> Minted:
    """The host name contains an underscore.

    RFC 1123 does not allow it in a host name, but such names are in use. The CA/Browser Forum does not let
    public CAs issue for them.
    """
    return given.mint(subject=NEUTRAL, name=f"a_b.{given.domain}")


@certificate_case("RFC 5280 §4.2.1.6", refused(62), cve=("CVE-2009-2408", "CVE-2013-4238"), deviates=ONLY_SAN)
def nul_in_san(given: CaseBuilder) -> Minted:
    """The name contains a NUL byte: the host, NUL, `.evil.example`.

    The owner of evil.example obtains it from a CA. A client that reads the name as a C string sees only the host;
    Python 3.3 did (CVE-2013-4238), and so did Firefox and others in 2009.
    """
    return given.mint(subject=NEUTRAL, leaf=named_raw(given.host.encode() + b"\0.evil.example"))


@certificate_case("RFC 9525 §2", refused(62), cve=("CVE-2009-2408",), deviates=("leaf subject", "leaf subjectAltName"))
def nul_in_cn(given: CaseBuilder) -> Minted:
    """The common name contains a NUL byte: the host, NUL, `.evil.example`; the certificate has no SAN.

    This is the original form of the attack in `nul-in-san` (2009).
    """
    return given.mint(leaf=lambda leaf: called(given.host.encode() + b"\0.evil.example")(leaf.without(SAN)))


@certificate_case("RFC 5280 §7.2", refused(62), deviates=ONLY_SAN, severity=Severity.WEAK)
def idn_ulabel_utf8(given: CaseBuilder) -> Minted:
    """The name in the subjectAltName is in UTF-8, and its first letter is a full-width letter.

    A client that maps such letters before it compares, as browsers do with typed names, finds the host. Certificates
    must contain internationalized names as A-labels (`xn--...`), in ASCII.
    """
    wide = chr(ord(given.host[0]) + FULL_WIDTH)
    return given.mint(subject=NEUTRAL, leaf=named_raw((wide + given.host[1:]).encode()))


FULL_WIDTH = 0xFF41 - ord("a")  # a becomes U+FF41, and 0 U+FF10


@certificate_case("RFC 5280 §4.2", refused(20), deviates=ONLY_SAN, severity=Severity.WEAK)
def san_malformed_der(given: CaseBuilder) -> Minted:
    """The DER length of the subjectAltName is too large: it points beyond the end of the extension.

    A client that guesses where the names end may read other names than the CA has validated.
    """

    def too_long(value: bytes) -> bytes:
        return value[:1] + bytes([value[1] + 5]) + value[2:]

    whole = der.sequence(der.element(DNS_NAME, given.host.encode()))
    return given.mint(subject=NEUTRAL, leaf=lambda leaf: without(SAN)(leaf).having_raw(SAN, too_long(whole)))
