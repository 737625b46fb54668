"""Rogues of the purpose: a good certificate, for something else (RFC 5280 §4.2.1.3, §4.2.1.12)."""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import ExtensionOID

from pki.cases.builder import Change, Workshop, having, usage, without
from pki.cases.case import Must, Severity, Specimen, accepted, refused, rogue

EXTENDED = "RFC 5280 §4.2.1.12"


def for_purposes(*purposes: x509.ObjectIdentifier, critical: bool = False) -> Change:
    """With that extended key usage."""
    return having(x509.ExtendedKeyUsage(purposes), critical=critical)


@rogue(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_client_only(given: Workshop) -> Specimen:
    """A client's certificate, shown by a server: every employee with one could be the company's server."""
    return given.specimen(leaf=for_purposes(Purpose.CLIENT_AUTH))


@rogue(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_codesigning(given: Workshop) -> Specimen:
    """A certificate for signing programs, shown by a server."""
    return given.specimen(leaf=for_purposes(Purpose.CODE_SIGNING))


@rogue(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_codesigning_critical(given: Workshop) -> Specimen:
    """The same, and critical: whoever cannot read it must refuse as well."""
    return given.specimen(leaf=for_purposes(Purpose.CODE_SIGNING, critical=True))


@rogue("CA/B Forum BR §7.1.2.7.10", refused(26), disputed=True, deviates=("leaf extendedKeyUsage",))
def eku_any(given: Workshop) -> Specimen:
    """For any purpose, and thereby for servers, too: RFC 5280 leaves it to the client, the web forbids it."""
    return given.specimen(leaf=for_purposes(Purpose.ANY_EXTENDED_KEY_USAGE))


@rogue("CA/B Forum BR §7.1.2.7.10", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf extendedKeyUsage",))
def eku_absent(given: Workshop) -> Specimen:
    """It does not say what it is for: by RFC 5280 for anything, by the web's rules for nothing."""
    return given.specimen(leaf=without(ExtensionOID.EXTENDED_KEY_USAGE))


@rogue("CA/B Forum BR §7.1.2.7.10", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf extendedKeyUsage",))
def eku_mixed_ocspsigning(given: Workshop) -> Specimen:
    """For servers, and for saying what is revoked: a server that could absolve itself, were it believed."""
    return given.specimen(leaf=for_purposes(Purpose.SERVER_AUTH, Purpose.OCSP_SIGNING))


@rogue("CA/B Forum BR §7.1.2.10.6", refused(26), deviates=("intermediate extendedKeyUsage",), severity=Severity.WEAK)
def intermediate_eku_email(given: Workshop) -> Specimen:
    """The authority may vouch for mail alone, and vouches for a server.

    RFC 5280 does not say that purposes nest; every verifier of the web takes them so.
    """
    return given.specimen(intermediates=(for_purposes(Purpose.EMAIL_PROTECTION),))


@rogue("RFC 8446 §4.4.2.2", accepted(), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_no_digitalsignature(given: Workshop) -> Specimen:
    """The key may agree on keys, not sign; in TLS 1.3 a server does nothing but sign with it."""
    return given.specimen(leaf=usage("key_agreement"))


@rogue("RFC 8446 §4.4.2.2", accepted(), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_rsa_encipher_only(given: Workshop) -> Specimen:
    """An RSA key for key transport alone, as in TLS 1.2 without forward secrecy; in TLS 1.3 it signs."""
    key = given.rsa_key(2048)
    return given.specimen(leaf=usage("key_encipherment"), leaf_key=key, control=given.serve(leaf_key=key))


@rogue("RFC 5280 §4.2.1.3", refused(26, strict=82), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_certsign_only(given: Workshop) -> Specimen:
    """The leaf's key may only sign certificates, and the leaf is no authority: it may do nothing at all."""
    return given.specimen(leaf=usage("key_cert_sign"))
