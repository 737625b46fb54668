"""Valid certificates: ordinary ones, and those that careless clients refuse (RFC 5280 §6.1)."""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.cases.builder import EMPTY_NAME, NEUTRAL, CaseBuilder, as_is, having, named
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused
from pki.cases.demo_keys import RSA_4096
from pki.keys import KeyType, generate

UNKNOWN = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")  # of the arc that is for examples (RFC 5612)


@certificate_case("RFC 5280 §6.1", accepted(), must=Must.ACCEPT, aliases=("sha256", "ecc256"))
def good(given: CaseBuilder) -> Minted:
    """A valid certificate, issued by the trusted root CA itself.

    Every test of a client begins with this case: a client that refuses every certificate also refuses every broken one,
    and that shows nothing about its checks.
    """
    return given.mint()


@certificate_case("RFC 5280 §6.1", accepted(), must=Must.ACCEPT)
def good_renewed(given: CaseBuilder) -> Minted:
    """The same as `good`, renewed: the same CA issued it for a new key, with a new serial number.

    A client that accepts `good` and refuses this case compares the certificate with one that it has seen before (trust
    on first use, or a pin) instead of validating it.
    """
    return given.mint()


@certificate_case("RFC 5280 §6.1", accepted(), must=Must.ACCEPT)
def good_intermediate(given: CaseBuilder) -> Minted:
    """The usual chain: the root CA certifies an intermediate CA, and the intermediate CA issues the server's
    certificate.

    The client must find the path through the intermediate certificate that the server sends.
    """
    return given.mint(intermediates=(as_is,))


@certificate_case(
    "RFC 9525 §6.3", accepted(), must=Must.ACCEPT, aliases=("wildcard",), deviates=("leaf subjectAltName",)
)
def good_wildcard(given: CaseBuilder) -> Minted:
    """The certificate has a wildcard name that matches the host.

    The wildcard is the complete left-most label, and it matches exactly one label.
    """
    return given.mint(subject=NEUTRAL, leaf=named(f"*.{given.domain}"), name=given.long_host)


@certificate_case("RFC 9525 §6.4", accepted(), must=Must.ACCEPT)
def good_ip(given: CaseBuilder) -> Minted:
    """The client connects to an IP address, and the subjectAltName contains this address as an iPAddress.

    An IP address is compared as bytes (four for IPv4), not as text.
    """
    return given.mint(subject=NEUTRAL, name=given.address)


@certificate_case("RFC 5280 §7.2", accepted(), must=Must.ACCEPT, deviates=("leaf subjectAltName",))
def good_san_case(given: CaseBuilder) -> Minted:
    """The host name in the subjectAltName is in capital letters.

    Host names are compared without regard to case (RFC 4343).
    """
    return given.mint(subject=NEUTRAL, leaf=named(given.host.upper()))


@certificate_case(
    "RFC 5280 §4.1.2.6",
    accepted(),
    must=Must.ACCEPT,
    aliases=("no-common-name", "no-subject"),
    deviates=("leaf subject", "leaf subjectAltName"),
)
def good_no_cn(given: CaseBuilder) -> Minted:
    """The subject is empty, and the subjectAltName is critical, as RFC 5280 requires for an empty subject.

    A client compares the host with the subjectAltName, so it does not need a common name.
    """
    alternatives = x509.SubjectAlternativeName(given.wanted())
    return given.mint(
        subject=NEUTRAL, leaf=lambda leaf: leaf.but(subject=EMPTY_NAME).having(alternatives, critical=True)
    )


@certificate_case(
    "RFC 5280 §4.2.1.6", accepted(), must=Must.ACCEPT, aliases=("1000-sans",), deviates=("leaf subjectAltName",)
)
def good_1000_sans(given: CaseBuilder) -> Minted:
    """The subjectAltName contains 1,000 names, and the host is the last of them.

    The client must read all of them, about 30 kB.
    """
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
    """The subjectAltName contains 10,000 names (about 250 kB), and the host is the last of them.

    No rule forbids this, but many clients have a limit. OpenSSL reads chains of up to 100 kB (max_cert_list), and ends
    the handshake before it verifies anything.
    """
    return given.mint(subject=NEUTRAL, leaf=named(*_many(given, 9999), given.host))


def _many(given: CaseBuilder, count: int) -> list[str]:
    return [f"host-{number}.{given.host}" for number in range(count)]


@certificate_case("RFC 5280 §4.2", accepted(), must=Must.ACCEPT, deviates=("leaf 1.3.6.1.4.1.32473.1",))
def good_unknown_noncritical(given: CaseBuilder) -> Minted:
    """The certificate has an unknown extension that is not critical.

    A client must ignore a non-critical extension that it does not know.
    """
    return given.mint(leaf=having(x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00")))


@certificate_case("RFC 5280 §4.2.1.12", accepted(), must=Must.ACCEPT, deviates=("leaf extendedKeyUsage",))
def good_critical_eku(given: CaseBuilder) -> Minted:
    """The extended key usage is critical, and contains serverAuth.

    A client that knows the extension must process it, critical or not.
    """
    return given.mint(leaf=having(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=True))


@certificate_case("RFC 8446 §4.4.2", accepted(), must=Must.ACCEPT, deviates=("certificates sent",))
def chain_out_of_order(given: CaseBuilder) -> Minted:
    """The server sends the right certificates in the wrong order: the root before the intermediate.

    TLS 1.2 requires the order (RFC 5246 §7.4.2). TLS 1.3 asks clients to accept any order after the first certificate.
    """
    return given.mint(intermediates=(as_is,), sent=lambda chain: (chain[0], given.trusted.certificate, *chain[1:]))


@certificate_case("RFC 8446 §4.4.2", accepted(), must=Must.ACCEPT, deviates=("certificates sent",))
def chain_extra_unrelated(given: CaseBuilder) -> Minted:
    """The server also sends a CA certificate that does not belong to the chain.

    TLS 1.3 asks clients to accept extra certificates. This one is not on the path, so it changes nothing.
    """
    return given.mint(intermediates=(as_is,), sent=lambda chain: (*chain, given.untrusted_ca.certificate))


@certificate_case("RFC 8446 §4.4.2", accepted(), must=Must.ACCEPT, deviates=("certificates sent",))
def chain_with_root(given: CaseBuilder) -> Minted:
    """The server also sends the root certificate.

    A server may leave it out: a client that trusts the root already has it. Sending it must not change the result.
    """
    return given.mint(intermediates=(as_is,), sent=lambda chain: (*chain, given.trusted.certificate))


@certificate_case("RFC 8410", accepted(), must=Must.ACCEPT, deviates=("leaf public key",))
def good_ed25519(given: CaseBuilder) -> Minted:
    """The server's key is an Ed25519 key.

    X.509 certificates have supported Ed25519 since 2018 (RFC 8410). The CA/Browser Forum does not allow it yet.
    """
    return given.mint(leaf_key=generate(KeyType.ED25519))


@certificate_case("RFC 3279 §2.3.1", accepted(), must=Must.ACCEPT, aliases=("rsa4096",), deviates=("leaf public key",))
def good_rsa4096(given: CaseBuilder) -> Minted:
    """The server's key is an RSA key of 4096 bits.

    Signing with a long key costs the server more time; for the client it is a key like any other.
    """
    return given.mint(leaf_key=RSA_4096, control=lambda: given.serve(leaf_key=given.rsa_key(2048)))


@certificate_case("RFC 5280 §4.2.1.4", accepted(), must=Must.ACCEPT, deviates=("leaf certificatePolicies",))
def critical_policy_unknown(given: CaseBuilder) -> Minted:
    """The certificatePolicies extension is critical, and contains only an unknown policy.

    The client knows the extension, and it did not ask for a policy, so path validation succeeds.
    """
    policy = x509.PolicyInformation(UNKNOWN, None)
    return given.mint(leaf=having(x509.CertificatePolicies([policy]), critical=True))
