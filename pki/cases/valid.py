"""Certificates that must be accepted: ordinary ones, and those at which careless clients stumble (RFC 5280 §6.1)."""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.cases.builder import EMPTY_NAME, NEUTRAL, CaseBuilder, as_is, having, named
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused
from pki.cases.demo_keys import RSA_4096
from pki.keys import KeyType, generate

UNKNOWN = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")  # of the arc that is for examples (RFC 5612)


@certificate_case("RFC 5280 §6.1", accepted(), must=Must.ACCEPT, aliases=("sha256", "ecc256"))
def good(given: CaseBuilder) -> Minted:
    """Signed by the trusted root itself: whoever refuses this cannot tell good from bad.

    Every test of a client begins here, since a client that refuses everything holds every attack.
    """
    return given.mint()


@certificate_case("RFC 5280 §6.1", accepted(), must=Must.ACCEPT)
def good_renewed(given: CaseBuilder) -> Minted:
    """The same as `good`, renewed: another key and another serial number, issued by the same CA.

    A client that accepts `good` and refuses this one compares the certificate with one that it has seen before,
    instead of validating it. It trusts on first use.
    """
    return given.mint()


@certificate_case("RFC 5280 §6.1", accepted(), must=Must.ACCEPT)
def good_intermediate(given: CaseBuilder) -> Minted:
    """The usual chain: the root signed an intermediate authority, and that one the server's certificate."""
    return given.mint(intermediates=(as_is,))


@certificate_case(
    "RFC 9525 §6.3", accepted(), must=Must.ACCEPT, aliases=("wildcard",), deviates=("leaf subjectAltName",)
)
def good_wildcard(given: CaseBuilder) -> Minted:
    """A wildcard as the whole left-most label stands for exactly one label, and that is the host's."""
    return given.mint(subject=NEUTRAL, leaf=named(f"*.{given.domain}"), name=given.long_host)


@certificate_case("RFC 9525 §6.4", accepted(), must=Must.ACCEPT)
def good_ip(given: CaseBuilder) -> Minted:
    """The client asks for an IP address, and finds it where addresses stand: in iPAddress, as four bytes."""
    return given.mint(subject=NEUTRAL, name=given.address)


@certificate_case("RFC 5280 §7.2", accepted(), must=Must.ACCEPT, deviates=("leaf subjectAltName",))
def good_san_case(given: CaseBuilder) -> Minted:
    """The host is written in capitals, and names of hosts are compared without case (RFC 4343)."""
    return given.mint(subject=NEUTRAL, leaf=named(given.host.upper()))


@certificate_case(
    "RFC 5280 §4.1.2.6",
    accepted(),
    must=Must.ACCEPT,
    aliases=("no-common-name", "no-subject"),
    deviates=("leaf subject", "leaf subjectAltName"),
)
def good_no_cn(given: CaseBuilder) -> Minted:
    """The subject is empty, and the alternative names are critical: they are all there is, and all that counts."""
    alternatives = x509.SubjectAlternativeName(given.wanted())
    return given.mint(
        subject=NEUTRAL, leaf=lambda leaf: leaf.but(subject=EMPTY_NAME).having(alternatives, critical=True)
    )


@certificate_case(
    "RFC 5280 §4.2.1.6", accepted(), must=Must.ACCEPT, aliases=("1000-sans",), deviates=("leaf subjectAltName",)
)
def good_1000_sans(given: CaseBuilder) -> Minted:
    """A thousand names in one certificate, the right one among them: about 30 kB that have to be read."""
    return given.mint(subject=NEUTRAL, leaf=named(*_many(given, 999), given.host))


@certificate_case(
    "RFC 5280 §4.2.1.6",
    refused(),
    must=Must.ACCEPT,
    aliases=("10000-sans",),
    deviates=("leaf subjectAltName",),
    severity=Severity.INFORMATIONAL,
)
def good_10000_sans(given: CaseBuilder) -> Minted:
    """Ten thousand names, about 250 kB: nothing forbids it, and many a client has a limit.

    OpenSSL reads chains of up to 100 kB (max_cert_list), and ends the handshake before it judges anything.
    """
    return given.mint(subject=NEUTRAL, leaf=named(*_many(given, 9999), given.host))


def _many(given: CaseBuilder, count: int) -> list[str]:
    return [f"host-{number}.{given.host}" for number in range(count)]


@certificate_case("RFC 5280 §4.2", accepted(), must=Must.ACCEPT, deviates=("leaf 1.3.6.1.4.1.32473.1",))
def good_unknown_noncritical(given: CaseBuilder) -> Minted:
    """An extension that nobody knows, not critical: whoever does not understand it passes it over."""
    return given.mint(leaf=having(x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00")))


@certificate_case("RFC 5280 §4.2.1.12", accepted(), must=Must.ACCEPT, deviates=("leaf extendedKeyUsage",))
def good_critical_eku(given: CaseBuilder) -> Minted:
    """The extended key usage is critical, and says what it should: for servers."""
    return given.mint(leaf=having(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=True))


@certificate_case("RFC 8446 §4.4.2", accepted(), must=Must.ACCEPT, deviates=("certificates sent",))
def chain_out_of_order(given: CaseBuilder) -> Minted:
    """The right certificates in the wrong order: the root comes before the intermediate.

    TLS 1.2 demanded the order (RFC 5246 §7.4.2); TLS 1.3 asks clients to cope with another.
    """
    return given.mint(intermediates=(as_is,), sent=lambda chain: (chain[0], given.trusted.certificate, *chain[1:]))


@certificate_case("RFC 8446 §4.4.2", accepted(), must=Must.ACCEPT, deviates=("certificates sent",))
def chain_extra_unrelated(given: CaseBuilder) -> Minted:
    """Somebody else's authority was sent along: it leads nowhere, and harms nobody."""
    return given.mint(intermediates=(as_is,), sent=lambda chain: (*chain, given.untrusted_ca.certificate))


@certificate_case("RFC 8446 §4.4.2", accepted(), must=Must.ACCEPT, deviates=("certificates sent",))
def chain_with_root(given: CaseBuilder) -> Minted:
    """The root was sent, too: it need not be, since the client has it or does not trust it."""
    return given.mint(intermediates=(as_is,), sent=lambda chain: (*chain, given.trusted.certificate))


@certificate_case("RFC 8410", accepted(), must=Must.ACCEPT, deviates=("leaf public key",))
def good_ed25519(given: CaseBuilder) -> Minted:
    """The server's key is Ed25519: standard since 2018, and not yet allowed to the web's authorities."""
    return given.mint(leaf_key=generate(KeyType.ED25519))


@certificate_case("RFC 3279 §2.3.1", accepted(), must=Must.ACCEPT, aliases=("rsa4096",), deviates=("leaf public key",))
def good_rsa4096(given: CaseBuilder) -> Minted:
    """A long RSA key: heavier for the server, and no more trouble to a client than any other."""
    return given.mint(leaf_key=RSA_4096, control=lambda: given.serve(leaf_key=given.rsa_key(2048)))


@certificate_case("RFC 5280 §4.2.1.4", accepted(), must=Must.ACCEPT, deviates=("leaf certificatePolicies",))
def critical_policy_unknown(given: CaseBuilder) -> Minted:
    """A critical certificate policy that nobody has heard of: the extension is known, and no policy was asked for."""
    policy = x509.PolicyInformation(UNKNOWN, None)
    return given.mint(leaf=having(x509.CertificatePolicies([policy]), critical=True))
