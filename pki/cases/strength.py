"""Strength: keys that are short, unusual or published, and a revoked certificate."""

from dataclasses import replace
from functools import reduce

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pki.cases import demo_keys
from pki.cases.builder import CaseBuilder, Change, ServerKey, as_is
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused

KEY_SIZES = "CA/B Forum BR §6.1.5"


def _rsa(given: CaseBuilder, key: ServerKey) -> Minted:
    """A case with this RSA key. Its control has an RSA key of 2,048 bits, so they differ in the key alone."""
    return given.mint(leaf_key=key, control=lambda: given.serve(leaf_key=given.rsa_key(2048)))


@certificate_case(
    KEY_SIZES,
    refused(66, accepted_up_to_level=1),
    aliases=("rsa1024",),
    deviates=("leaf public key",),
    severity=Severity.WEAK,
)
def rsa1024(given: CaseBuilder) -> Minted:
    """The server's key is an RSA key of 1024 bits.

    No factorization has been published, but states may be able to compute one. The CA/Browser Forum has not allowed the
    size since 2013.
    """
    return _rsa(given, given.rsa_key(1024))


@certificate_case(
    KEY_SIZES,
    refused(),
    aliases=("rsa512",),
    cve=("CVE-2015-0204",),
    deviates=("leaf public key",),
    severity=Severity.WEAK,
)
def rsa512(given: CaseBuilder) -> Minted:
    """The server's key is an RSA key of 512 bits.

    This was once the largest key that could be exported from the USA. Researchers factored such keys for 75 dollars
    each (FREAK, 2015). In TLS 1.3 the key cannot sign at all: it is too short for the signature.
    """
    return _rsa(given, demo_keys.RSA_512)


@certificate_case(KEY_SIZES, refused(66, accepted_up_to_level=0), deviates=("leaf public key",), severity=Severity.WEAK)
def rsa768(given: CaseBuilder) -> Minted:
    """The server's key is an RSA key of 768 bits.

    Researchers factored a key of this size in 2009.
    """
    return _rsa(given, demo_keys.RSA_768)


@certificate_case(
    KEY_SIZES, refused(67, accepted_up_to_level=1), deviates=("intermediate public key",), severity=Severity.WEAK
)
def rsa1024_intermediate(given: CaseBuilder) -> Minted:
    """The leaf has a strong key, but the key of its intermediate CA is an RSA key of 1024 bits.

    An attacker who factors the CA's key can issue certificates for any host.
    """
    return given.mint(
        intermediates=(as_is,),
        authority_key=given.rsa_key(1024),
        control=lambda: given.serve(intermediates=(as_is,), authority_key=given.rsa_key(2048)),
    )


@certificate_case("CA/B Forum BR §6.1.6", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf public key",))
def rsa_e3(given: CaseBuilder) -> Minted:
    """The server's RSA key has the public exponent 3.

    The key is correct. Verifiers that did not check the padding completely could be deceived with it (Bleichenbacher,
    2006).
    """
    return _rsa(given, demo_keys.RSA_E3)


@certificate_case(KEY_SIZES, accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf public key",))
def rsa_2050_bits(given: CaseBuilder) -> Minted:
    """The server's RSA key has 2050 bits, which is not a multiple of 8.

    The key is strong enough. The CA/Browser Forum forbids the size.
    """
    return _rsa(given, demo_keys.RSA_2050)


@certificate_case(KEY_SIZES, refused(), deviates=("leaf public key",), severity=Severity.WEAK)
def ec_p192(given: CaseBuilder) -> Minted:
    """The server's key is on the curve P-192.

    It gives 96 bits of security, and no signature scheme of TLS 1.3 allows it.
    """
    return given.mint(leaf_key=ec.generate_private_key(ec.SECP192R1()))


@certificate_case("RFC 8446 §4.2.3", refused(), deviates=("leaf public key",), severity=Severity.WEAK)
def ec_secp256k1(given: CaseBuilder) -> Minted:
    """The server's key is on the curve secp256k1, which Bitcoin uses.

    The curve is strong, but no signature scheme of TLS 1.3 allows it.
    """
    return given.mint(leaf_key=ec.generate_private_key(ec.SECP256K1()))


@certificate_case(
    "RFC 5480 §2.1.1",
    refused(94),
    cve=("CVE-2020-0601", "CVE-2022-0778"),
    deviates=("leaf public key",),
    severity=Severity.WEAK,
)
def ec_explicit_params(given: CaseBuilder) -> Minted:
    """The server's key contains the parameters of its curve instead of the curve's name.

    So an attacker can define a curve. Windows compared the public key, but not the curve (CurveBall, CVE-2020-0601);
    OpenSSL looped forever on malformed parameters (CVE-2022-0778).
    """
    return given.mint(leaf_key=demo_keys.EXPLICIT_P256)


@certificate_case("RFC 9155", refused(), deviates=("leaf public key",), severity=Severity.WEAK)
def dsa_leaf(given: CaseBuilder) -> Minted:
    """The server's key is a DSA key.

    TLS 1.3 and the CA/Browser Forum do not allow DSA. NIST withdrew it in 2023 (FIPS 186-5).
    """
    return given.mint(leaf_key=demo_keys.DSA_2048)


@certificate_case(
    "CA/B Forum BR §4.9.1.1",
    accepted(),
    disputed=True,
    aliases=("superfish", "edellroot", "webpack-dev-server"),
    cve=("CVE-2008-0166", "CVE-2015-2077"),
    deviates=("leaf public key",),
)
def known_private_key(given: CaseBuilder) -> Minted:
    """A valid certificate for a key pair whose private key is public: it is in the source of this program.

    Everyone can impersonate its owner. This happened with Superfish (2015), with webpack's development server, and with
    all keys that Debian generated from 2006 to 2008. Only a list of such keys detects it.
    """
    return given.mint(leaf_key=demo_keys.PUBLISHED)


@certificate_case("RFC 5280 §6.3", accepted(), disputed=True, aliases=("revoked",), deviates=("revocation list",))
def revoked(given: CaseBuilder) -> Minted:
    """The CA has revoked the certificate, and published this in its CRL.

    Most clients do not fetch the CRL, and a man in the middle can withhold it.
    """
    served = given.serve(leaf=published(given))
    return Minted(
        replace(served, crls=(_list(given, served.credential.certificate.serial_number),)),
        lambda: replace(served, crls=(_list(given),)),
    )


def published(given: CaseBuilder) -> Change:
    """Add the extensions that name the CRL and the OCSP responder, if there are any."""
    return lambda draft: reduce(lambda so_far, each: so_far.having(each), given.locations, draft)


def _list(given: CaseBuilder, *serials: int) -> x509.CertificateRevocationList:
    return given.trusted.authority.crl(number=1, this_update=given.day(-1), next_update=given.day(30), revoked=serials)
