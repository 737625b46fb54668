"""Rogues of the purpose: a good certificate, for something else (RFC 5280 §4.2.1.3, §4.2.1.12)."""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import ExtensionOID

from pki.cases.builder import CaseBuilder, Change, having, usage, without
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused

EXTENDED = "RFC 5280 §4.2.1.12"


def for_purposes(*purposes: x509.ObjectIdentifier, critical: bool = False) -> Change:
    """With that extended key usage."""
    return having(x509.ExtendedKeyUsage(purposes), critical=critical)


@certificate_case(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_client_only(given: CaseBuilder) -> Minted:
    """A client's certificate, shown by a server: every employee with one could be the company's server."""
    return given.mint(leaf=for_purposes(Purpose.CLIENT_AUTH))


@certificate_case(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_codesigning(given: CaseBuilder) -> Minted:
    """A certificate for signing programs, shown by a server."""
    return given.mint(leaf=for_purposes(Purpose.CODE_SIGNING))


@certificate_case(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_codesigning_critical(given: CaseBuilder) -> Minted:
    """The same, and critical: whoever cannot read it must refuse as well."""
    return given.mint(leaf=for_purposes(Purpose.CODE_SIGNING, critical=True))


@certificate_case("CA/B Forum BR §7.1.2.7.10", refused(26), disputed=True, deviates=("leaf extendedKeyUsage",))
def eku_any(given: CaseBuilder) -> Minted:
    """For any purpose, and thereby for servers, too: RFC 5280 leaves it to the client, the web forbids it."""
    return given.mint(leaf=for_purposes(Purpose.ANY_EXTENDED_KEY_USAGE))


@certificate_case(
    "CA/B Forum BR §7.1.2.7.10", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf extendedKeyUsage",)
)
def eku_absent(given: CaseBuilder) -> Minted:
    """It does not say what it is for: by RFC 5280 for anything, by the web's rules for nothing."""
    return given.mint(leaf=without(ExtensionOID.EXTENDED_KEY_USAGE))


@certificate_case(
    "CA/B Forum BR §7.1.2.7.10", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf extendedKeyUsage",)
)
def eku_mixed_ocspsigning(given: CaseBuilder) -> Minted:
    """For servers, and for saying what is revoked: a server that could absolve itself, were it believed."""
    return given.mint(leaf=for_purposes(Purpose.SERVER_AUTH, Purpose.OCSP_SIGNING))


@certificate_case(
    "CA/B Forum BR §7.1.2.10.6", refused(26), deviates=("intermediate extendedKeyUsage",), severity=Severity.WEAK
)
def intermediate_eku_email(given: CaseBuilder) -> Minted:
    """The authority may vouch for mail alone, and vouches for a server.

    RFC 5280 does not say that purposes nest; every verifier of the web takes them so.
    """
    return given.mint(intermediates=(for_purposes(Purpose.EMAIL_PROTECTION),))


@certificate_case("RFC 8446 §4.4.2.2", accepted(), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_no_digitalsignature(given: CaseBuilder) -> Minted:
    """The key may agree on keys, not sign; in TLS 1.3 a server does nothing but sign with it."""
    return given.mint(leaf=usage("key_agreement"))


@certificate_case("RFC 8446 §4.4.2.2", accepted(), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_rsa_encipher_only(given: CaseBuilder) -> Minted:
    """An RSA key for key transport alone, as in TLS 1.2 without forward secrecy; in TLS 1.3 it signs."""
    key = given.rsa_key(2048)
    return given.mint(leaf=usage("key_encipherment"), leaf_key=key, control=lambda: given.serve(leaf_key=key))


@certificate_case("RFC 5280 §4.2.1.3", refused(26, strict=82), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_certsign_only(given: CaseBuilder) -> Minted:
    """The leaf's key may only sign certificates, and the leaf is no authority: it may do nothing at all."""
    return given.mint(leaf=usage("key_cert_sign"))
