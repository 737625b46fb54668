"""Rogues of strength: keys that can be computed, that are published, or that have been taken back."""

from dataclasses import replace
from functools import reduce

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pki.cases import demo_keys
from pki.cases.builder import CaseBuilder, Change, ServerKey, as_is
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused

KEY_SIZES = "CA/B Forum BR §6.1.5"


def _rsa(given: CaseBuilder, key: ServerKey) -> Minted:
    """A server with that RSA key; its control has an RSA key of 2,048 bits, so that they differ in the key alone."""
    return given.mint(leaf_key=key, control=lambda: given.serve(leaf_key=given.rsa_key(2048)))


@certificate_case(
    KEY_SIZES,
    refused(66, accepted_up_to_level=1),
    aliases=("rsa1024",),
    deviates=("leaf public key",),
    severity=Severity.WEAK,
)
def rsa1024(given: CaseBuilder) -> Minted:
    """RSA with 1024 bits: not yet factored in public, within reach of states, not allowed since 2013."""
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
    """RSA with 512 bits, once the most that could be exported from the USA: factored for 75 dollars (FREAK, 2015).

    In TLS 1.3 it cannot even sign: the signature does not fit into it.
    """
    return _rsa(given, demo_keys.RSA_512)


@certificate_case(KEY_SIZES, refused(66, accepted_up_to_level=0), deviates=("leaf public key",), severity=Severity.WEAK)
def rsa768(given: CaseBuilder) -> Minted:
    """RSA with 768 bits: factored in public in 2009."""
    return _rsa(given, demo_keys.RSA_768)


@certificate_case(
    KEY_SIZES, refused(67, accepted_up_to_level=1), deviates=("intermediate public key",), severity=Severity.WEAK
)
def rsa1024_intermediate(given: CaseBuilder) -> Minted:
    """The leaf's key is strong, its issuer's is not: who computes that one vouches for everybody."""
    return given.mint(
        intermediates=(as_is,),
        authority_key=given.rsa_key(1024),
        control=lambda: given.serve(intermediates=(as_is,), authority_key=given.rsa_key(2048)),
    )


@certificate_case("CA/B Forum BR §6.1.6", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf public key",))
def rsa_e3(given: CaseBuilder) -> Minted:
    """The public exponent is 3: correct, and what made sloppy verifiers forgeable (Bleichenbacher, 2006)."""
    return _rsa(given, demo_keys.RSA_E3)


@certificate_case(KEY_SIZES, accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf public key",))
def rsa_2050_bits(given: CaseBuilder) -> Minted:
    """2050 bits, which is no multiple of 8: strong enough, and against the web's rules."""
    return _rsa(given, demo_keys.RSA_2050)


@certificate_case(KEY_SIZES, refused(), deviates=("leaf public key",), severity=Severity.WEAK)
def ec_p192(given: CaseBuilder) -> Minted:
    """The curve P-192: 96 bits of security, and no signature scheme of TLS 1.3 has it."""
    return given.mint(leaf_key=ec.generate_private_key(ec.SECP192R1()))


@certificate_case("RFC 8446 §4.2.3", refused(), deviates=("leaf public key",), severity=Severity.WEAK)
def ec_secp256k1(given: CaseBuilder) -> Minted:
    """Bitcoin's curve: strong, and in no signature scheme of TLS 1.3."""
    return given.mint(leaf_key=ec.generate_private_key(ec.SECP256K1()))


@certificate_case(
    "RFC 5480 §2.1.1",
    refused(94),
    cve=("CVE-2020-0601", "CVE-2022-0778"),
    deviates=("leaf public key",),
    severity=Severity.WEAK,
)
def ec_explicit_params(given: CaseBuilder) -> Minted:
    """The curve is spelt out instead of named, so that anybody can bring a curve of their own.

    Windows compared the public key and not the curve (CurveBall, 2020); OpenSSL looped for ever over a bad one.
    """
    return given.mint(leaf_key=demo_keys.EXPLICIT_P256)


@certificate_case("RFC 9155", refused(), deviates=("leaf public key",), severity=Severity.WEAK)
def dsa_leaf(given: CaseBuilder) -> Minted:
    """A DSA key: not in TLS 1.3, nor allowed on the web; the standard itself was withdrawn in 2023 (FIPS 186-5)."""
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
    """A correct certificate for a key that everybody has: it stands in the source of this program.

    So it was with Superfish (2015), with webpack's development server, and with every key that Debian made from 2006
    to 2008. Only a list of such keys helps.
    """
    return given.mint(leaf_key=demo_keys.PUBLISHED)


@certificate_case("RFC 5280 §6.3", accepted(), disputed=True, aliases=("revoked",), deviates=("revocation list",))
def revoked(given: CaseBuilder) -> Minted:
    """Its authority has taken it back, and says so in its revocation list.

    Most clients never look: the list is elsewhere, and whoever is in between can hold it back.
    """
    served = given.serve(leaf=published(given))
    return Minted(
        replace(served, crls=(_list(given, served.credential.certificate.serial_number),)),
        lambda: replace(served, crls=(_list(given),)),
    )


def published(given: CaseBuilder) -> Change:
    """Saying where its revocation is published, if it is."""
    return lambda draft: reduce(lambda so_far, each: so_far.having(each), given.locations, draft)


def _list(given: CaseBuilder, *serials: int) -> x509.CertificateRevocationList:
    return given.trusted.authority.crl(number=1, this_update=given.day(-1), next_update=given.day(30), revoked=serials)
