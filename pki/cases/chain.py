"""Rogues of the chain: nobody whom the client knows vouches for them, or nobody can tell who does (RFC 5280 §6.1)."""

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki import keys
from pki.authority import Credential, subject_for, to_be_signed
from pki.cases.builder import CaseBuilder, as_is, but, having, without
from pki.cases.case import Ingredients, Minted, Must, Served, Severity, accepted, certificate_case, refused
from pki.profiles import SERVER


@certificate_case("RFC 5280 §6.1", refused(18), aliases=("self-signed",), deviates=("trust anchor",))
def self_signed(given: Ingredients) -> Minted:
    """The certificate vouches for itself: all names are right, and nobody else says so.

    It takes one command to make, it stands at the beginning of many tutorials, and a client that accepts it accepts
    anybody's. Only who has it beforehand, as a trust anchor, may believe it.
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
    """A whole and correct chain, up to an authority that the client has never heard of.

    Anybody can found one. What a client believes is decided by whom it trusts beforehand, not by the looks of a chain.
    """
    return given.mint_under(given.untrusted_ca)


@certificate_case("RFC 5280 §6.1", refused(19), aliases=("untrusted-root",), deviates=("trust anchor",))
def untrusted_root_sent(given: CaseBuilder) -> Minted:
    """The same, and the unknown root is sent along, as if that made it known."""
    return given.mint_under(given.untrusted_ca, sent=lambda chain: (*chain, given.untrusted_ca.certificate))


@certificate_case("RFC 8446 §4.4.2", refused(20), aliases=("incomplete-chain",), deviates=("certificates sent",))
def incomplete_chain(given: CaseBuilder) -> Minted:
    """The server forgot its intermediate: the client knows the root, and not the one in between.

    The commonest mistake of all. Browsers hide it: they remember intermediates, or fetch them by the address in the
    certificate; programs do not.
    """
    return given.mint(intermediates=(as_is,), sent=lambda chain: chain[:1])


@certificate_case("RFC 5280 §4.2.1.1", refused(20), disputed=True, deviates=("leaf authorityKeyIdentifier",))
def aki_mismatch(given: CaseBuilder) -> Minted:
    """The authority key identifier is that of nobody: a hint for finding the issuer, and it leads astray.

    By RFC 5280 it only helps to find the way; OpenSSL takes an issuer whom it does not fit for the wrong one.
    """
    nobody = x509.SubjectKeyIdentifier(bytes(range(20)))
    return given.mint(leaf=having(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(nobody)))


@certificate_case(
    "RFC 5280 §4.2.1.1", accepted(strict=85), must=Must.ACCEPT, disputed=True, deviates=("leaf authorityKeyIdentifier",)
)
def aki_missing(given: CaseBuilder) -> Minted:
    """No authority key identifier: authorities must write one, clients find their way without. Python 3.13 minds."""
    return given.mint(leaf=without(ExtensionOID.AUTHORITY_KEY_IDENTIFIER))


@certificate_case("RFC 5280 §4.1.2.4", refused(20), deviates=("leaf issuer",), severity=Severity.WEAK)
def empty_issuer(given: CaseBuilder) -> Minted:
    """The issuer has no name, and what has no name cannot be looked for."""
    return given.mint(leaf=but(issuer=x509.Name([]).public_bytes()))
