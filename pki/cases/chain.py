"""Chain: no path leads to a trust anchor, or the issuer cannot be identified (RFC 5280 §6.1)."""

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki import keys
from pki.authority import Credential, subject_for, to_be_signed
from pki.cases.builder import CaseBuilder, as_is, but, having, without
from pki.cases.case import Ingredients, Minted, Must, Served, Severity, accepted, certificate_case, refused
from pki.profiles import SERVER


@certificate_case("RFC 5280 §6.1", refused(18), aliases=("self-signed",), deviates=("trust anchor",))
def self_signed(given: Ingredients) -> Minted:
    """The certificate is self-signed, and not a trust anchor.

    Its names are right, but only its own key signed it. One command creates such a certificate, and many tutorials
    begin with it. A client that accepts it accepts the attacker's, too. Only a client that has this certificate as a
    trust anchor may accept it.
    """
    key = given.new_key()
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    subject = subject_for(given.alternative_names[0])
    certificate = to_be_signed(
        SERVER,
        subject=subject,
        issuer=subject,
        public_key=key.public_key(),
        alternative_names=given.alternative_names,
        validity=given.validity,
        serial=given.new_serial(),
        key_identifier=own,
        authority_key_identifier=own,
    ).sign(key, keys.signature_hash(key))
    credential = Credential(key, certificate)
    return Minted(Served.of(credential, given.name, given.root), lambda: Served.of(credential, given.name, certificate))


@certificate_case("RFC 5280 §6.1", refused(20), deviates=("trust anchor",))
def untrusted_root(given: CaseBuilder) -> Minted:
    """The chain is complete and correct, but its root CA is not a trust anchor of the client.

    An attacker can create a CA in a second. The client's trust anchors decide, not the form of the chain.
    """
    return given.mint_under(given.untrusted_ca)


@certificate_case("RFC 5280 §6.1", refused(19), aliases=("untrusted-root",), deviates=("trust anchor",))
def untrusted_root_sent(given: CaseBuilder) -> Minted:
    """The same as `untrusted-root`, and the server also sends the untrusted root certificate.

    A certificate that the server sends must never become a trust anchor.
    """
    return given.mint_under(given.untrusted_ca, sent=lambda chain: (*chain, given.untrusted_ca.certificate))


@certificate_case("RFC 8446 §4.4.2", refused(20), aliases=("incomplete-chain",), deviates=("certificates sent",))
def incomplete_chain(given: CaseBuilder) -> Minted:
    """The server does not send the intermediate certificate, so the client cannot build a path to the root.

    This is the most common configuration error. Browsers hide it: they remember intermediates, or fetch them from the
    URL in the certificate. Most other programs do not.
    """
    return given.mint(intermediates=(as_is,), sent=lambda chain: chain[:1])


@certificate_case("RFC 5280 §4.2.1.1", refused(20), disputed=True, deviates=("leaf authorityKeyIdentifier",))
def aki_mismatch(given: CaseBuilder) -> Minted:
    """The authority key identifier of the leaf matches no certificate of the chain.

    RFC 5280 uses the identifier only to find the issuer. OpenSSL does not accept an issuer with another key identifier.
    """
    other = x509.SubjectKeyIdentifier(bytes(range(20)))
    return given.mint(leaf=having(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(other)))


@certificate_case(
    "RFC 5280 §4.2.1.1", accepted(strict=85), must=Must.ACCEPT, disputed=True, deviates=("leaf authorityKeyIdentifier",)
)
def aki_missing(given: CaseBuilder) -> Minted:
    """The leaf has no authority key identifier.

    RFC 5280 requires CAs to include it, but a client can find the issuer by its name. Python 3.13 refuses the
    certificate (VERIFY_X509_STRICT).
    """
    return given.mint(leaf=without(ExtensionOID.AUTHORITY_KEY_IDENTIFIER))


@certificate_case("RFC 5280 §4.1.2.4", refused(20), deviates=("leaf issuer",), severity=Severity.WEAK)
def empty_issuer(given: CaseBuilder) -> Minted:
    """The issuer field of the leaf is an empty name.

    RFC 5280 requires a name there. Without it a client cannot find the issuer.
    """
    return given.mint(leaf=but(issuer=x509.Name([]).public_bytes()))
