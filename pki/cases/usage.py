"""Key usage: the certificate was issued for another purpose (RFC 5280 §4.2.1.3, §4.2.1.12)."""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import ExtensionOID

from pki.cases.builder import CaseBuilder, Change, having, usage, without
from pki.cases.case import Minted, Must, Severity, accepted, certificate_case, refused

EXTENDED = "RFC 5280 §4.2.1.12"


def for_purposes(*purposes: x509.ObjectIdentifier, critical: bool = False) -> Change:
    """Set the extended key usage."""
    return having(x509.ExtendedKeyUsage(purposes), critical=critical)


@certificate_case(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_client_only(given: CaseBuilder) -> Minted:
    """The extended key usage allows only TLS clients, but a server presents the certificate.

    If clients accepted this, each employee with a client certificate could act as a server of the company.
    """
    return given.mint(leaf=for_purposes(Purpose.CLIENT_AUTH))


@certificate_case(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_codesigning(given: CaseBuilder) -> Minted:
    """The extended key usage allows only code signing, but a server presents the certificate.

    The CA issued it for programs, not for servers.
    """
    return given.mint(leaf=for_purposes(Purpose.CODE_SIGNING))


@certificate_case(EXTENDED, refused(26), deviates=("leaf extendedKeyUsage",))
def eku_codesigning_critical(given: CaseBuilder) -> Minted:
    """The same as `eku-codesigning`, and the extended key usage is critical.

    A client that does not know the extension must refuse the certificate, too.
    """
    return given.mint(leaf=for_purposes(Purpose.CODE_SIGNING, critical=True))


@certificate_case("CA/B Forum BR §7.1.2.7.10", refused(26), disputed=True, deviates=("leaf extendedKeyUsage",))
def eku_any(given: CaseBuilder) -> Minted:
    """The extended key usage is anyExtendedKeyUsage.

    RFC 5280 lets the client decide whether this includes servers. The CA/Browser Forum forbids it.
    """
    return given.mint(leaf=for_purposes(Purpose.ANY_EXTENDED_KEY_USAGE))


@certificate_case(
    "CA/B Forum BR §7.1.2.7.10", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf extendedKeyUsage",)
)
def eku_absent(given: CaseBuilder) -> Minted:
    """The certificate has no extended key usage.

    By RFC 5280 it may then be used for every purpose. The CA/Browser Forum requires the extension.
    """
    return given.mint(leaf=without(ExtensionOID.EXTENDED_KEY_USAGE))


@certificate_case(
    "CA/B Forum BR §7.1.2.7.10", accepted(), must=Must.ACCEPT, disputed=True, deviates=("leaf extendedKeyUsage",)
)
def eku_mixed_ocspsigning(given: CaseBuilder) -> Minted:
    """The extended key usage contains both serverAuth and OCSPSigning.

    If a client accepts OCSP responses signed with this key, the server can declare its own certificate good. The
    CA/Browser Forum forbids the combination.
    """
    return given.mint(leaf=for_purposes(Purpose.SERVER_AUTH, Purpose.OCSP_SIGNING))


@certificate_case(
    "CA/B Forum BR §7.1.2.10.6", refused(26), deviates=("intermediate extendedKeyUsage",), severity=Severity.WEAK
)
def intermediate_eku_email(given: CaseBuilder) -> Minted:
    """The extended key usage of the intermediate CA allows only email, but it issued a server certificate.

    RFC 5280 does not say that the extended key usage of a CA limits what it may issue; the verifiers of browsers
    enforce it.
    """
    return given.mint(intermediates=(for_purposes(Purpose.EMAIL_PROTECTION),))


@certificate_case("RFC 8446 §4.4.2.2", accepted(), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_no_digitalsignature(given: CaseBuilder) -> Minted:
    """The key usage allows key agreement, but not digital signatures.

    In TLS 1.3 a server uses its key only to sign.
    """
    return given.mint(leaf=usage("key_agreement"))


@certificate_case("RFC 8446 §4.4.2.2", accepted(), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_rsa_encipher_only(given: CaseBuilder) -> Minted:
    """The key usage of the RSA key allows only key encipherment, as in TLS 1.2 without forward secrecy.

    In TLS 1.3 a server uses its key only to sign.
    """
    key = given.rsa_key(2048)
    return given.mint(leaf=usage("key_encipherment"), leaf_key=key, control=lambda: given.serve(leaf_key=key))


@certificate_case("RFC 5280 §4.2.1.3", refused(26, strict=82), deviates=("leaf keyUsage",), severity=Severity.WEAK)
def ku_certsign_only(given: CaseBuilder) -> Minted:
    """The key usage of the leaf allows only keyCertSign, and the leaf is not a CA.

    Therefore the key may not be used for anything.
    """
    return given.mint(leaf=usage("key_cert_sign"))
