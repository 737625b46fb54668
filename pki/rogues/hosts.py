"""Rogues of the name: a good certificate of somebody else, or a name where no client may look (RFC 9525)."""

from ipaddress import IPv4Address

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from pki import der
from pki.rogues.case import Must, Specimen, accepted, refused, rogue
from pki.rogues.workshop import NOBODY, Change, Workshop, named, without

SAN = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
DNS_NAME = 0x82  # dNSName [2], RFC 5280 §4.2.1.6


def called(common_name: bytes) -> Change:
    """With that common name, whatever its bytes are."""
    attribute = der.sequence(der.object_identifier(NameOID.COMMON_NAME.dotted_string), _utf8(common_name))
    return lambda draft: draft.but(subject=der.sequence(der.element(der.SET, attribute)))


def _utf8(text: bytes) -> bytes:
    return der.element(der.UTF8_STRING, text)


def named_raw(dns_name: bytes) -> Change:
    """With one dNSName, whatever its bytes are."""
    value = der.sequence(der.element(DNS_NAME, dns_name))
    return lambda draft: draft.having_raw(SAN, value, critical=draft.subject == NOBODY)


@rogue("RFC 9525 §6.1", refused(62), aliases=("wrong.host",))
def wrong_host(given: Workshop) -> Specimen:
    """A good certificate, of another host: whoever has any certificate could otherwise be everybody.

    The check that is left out most often: it is not part of path validation, and each program has to ask for it.
    """
    return given.specimen(leaf=named(f"other.{given.host}"))


@rogue("RFC 9525 §2", accepted())
def no_san_cn_only(given: Workshop) -> Specimen:
    """The host stands in the common name alone: no place for hosts since 2011, not looked at by browsers since 2017."""
    return given.specimen(leaf=lambda leaf: called(given.host.encode())(leaf.without(SAN)))


@rogue("RFC 9525 §2", refused(62))
def san_mismatch_cn_match(given: Workshop) -> Specimen:
    """The alternative names are of another host, the common name is right: what is in the alternative names decides."""
    return given.specimen(
        leaf=lambda leaf: called(given.host.encode())(named(f"other.{given.host}")(leaf)),
    )


@rogue("RFC 9525 §6.3", refused(62))
def parent_domain(given: Workshop) -> Specimen:
    """Of the domain above the host: who owns example.com is not thereby shop.example.com."""
    return given.specimen(leaf=named(given.domain), name=given.long_host)


@rogue("RFC 5280 §4.2.1.6", refused(62))
def trailing_dot_san(given: Workshop) -> Specimen:
    """The name ends with a dot, as absolute names do in DNS; in a certificate it never does."""
    return given.specimen(leaf=named(f"{given.host}."))


@rogue("RFC 9525 §6.4", refused(64))
def ip_in_dnsname(given: Workshop) -> Specimen:
    """The address is written as text where hosts stand: addresses are compared as numbers, with iPAddress alone."""
    return given.specimen(leaf=named(str(given.address)), name=given.address)


@rogue("RFC 9525 §6.4", refused(64))
def ip_in_cn(given: Workshop) -> Specimen:
    """The address stands in the common name alone, and in no alternative name."""
    return given.specimen(
        leaf=lambda leaf: called(str(given.address).encode())(named(given.host)(leaf)), name=given.address
    )


@rogue("RFC 9525 §6.4", refused(64))
def ip_mismatch(given: Workshop) -> Specimen:
    """Of another address: a neighbour's in the numbering, perhaps in the same rack."""
    neighbour = IPv4Address((int(given.address) + 1) % 2**32)
    return given.specimen(leaf=named(neighbour), name=given.address)


@rogue("RFC 9525 §6.1", accepted())
def san_email_only(given: Workshop) -> Specimen:
    """There are alternative names, but no host: only a mail address. The common name is right, and a trap."""
    address = x509.SubjectAlternativeName([x509.RFC822Name(f"postmaster@{given.host}")])
    return given.specimen(leaf=lambda leaf: called(given.host.encode())(leaf.having(address)))


@rogue("RFC 9525 §6.1", accepted())
def san_uri_only(given: Workshop) -> Specimen:
    """There are alternative names, but no host: only the address of a web page. The same trap."""
    page = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"https://{given.host}/")])
    return given.specimen(leaf=lambda leaf: called(given.host.encode())(leaf.having(page)))


@rogue("CA/B Forum BR §7.1.2.7.12", accepted(), must=Must.ACCEPT, disputed=True)
def underscore_host(given: Workshop) -> Specimen:
    """The host has an underscore: no host name by the letter, met in practice, forbidden to the web's authorities."""
    return given.good(name=f"a_b.{given.domain}")


@rogue("RFC 5280 §4.2.1.6", refused(62), cve=("CVE-2009-2408", "CVE-2013-4238"))
def nul_in_san(given: Workshop) -> Specimen:
    """The name goes on after a byte of zero: evil.example behind it paid, and who reads C strings sees only the front.

    Python 3.3 did (CVE-2013-4238), as did Firefox and others in 2009.
    """
    return given.specimen(leaf=named_raw(given.host.encode() + b"\0.evil.example"))


@rogue("RFC 9525 §2", refused(62), cve=("CVE-2009-2408",))
def nul_in_cn(given: Workshop) -> Specimen:
    """The same trick in the common name, where it was first played."""
    return given.specimen(leaf=lambda leaf: called(given.host.encode() + b"\0.evil.example")(leaf.without(SAN)))


@rogue("RFC 5280 §7.2", refused(62))
def idn_ulabel_utf8(given: Workshop) -> Specimen:
    """The host in UTF-8, its first letter a full-width one: whoever maps what they see, as browsers do, finds the host.

    International names stand in certificates as A-labels (`xn--...`), in ASCII.
    """
    wide = chr(ord(given.host[0]) + FULL_WIDTH)
    return given.specimen(leaf=named_raw((wide + given.host[1:]).encode()))


FULL_WIDTH = 0xFF41 - ord("a")  # a becomes U+FF41, and 0 U+FF10


@rogue("RFC 5280 §4.2", refused(20))
def san_malformed_der(given: Workshop) -> Specimen:
    """The alternative names say that they are longer than they are: who guesses where they end reads another's."""

    def too_long(value: bytes) -> bytes:
        return value[:1] + bytes([value[1] + 5]) + value[2:]

    whole = der.sequence(der.element(DNS_NAME, given.host.encode()))
    return given.specimen(leaf=lambda leaf: without(SAN)(leaf).having_raw(SAN, too_long(whole)))
