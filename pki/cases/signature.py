"""Rogues of the signature: what can be copied is right, only the arithmetic is not (RFC 5280 §6.1.3 (a)(1))."""

from dataclasses import replace

from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID

from pki import keys
from pki.authority import Authority
from pki.cases.builder import CaseBuilder, as_is, but, without
from pki.cases.case import Ingredients, Minted, Served, Severity, certificate_case, refused
from pki.cases.tbs_certificate import Draft, Signed, algorithm_identifier
from pki.profiles import SERVER

SIGNATURE = "RFC 5280 §6.1.3 (a)(1)"


@certificate_case(SIGNATURE, refused(7), deviates=("trust anchor",))
def rogue_same_name_forged_aki(given: Ingredients) -> Minted:
    """The attacker's authority bears the root's name, dates and key identifier; only its key is another.

    To the eye the two are the same. A client looks for the issuer by name and key identifier, finds its own trusted
    root, and only the signature check tells: the root's key did not sign this.
    """
    attacker = Authority.imitation(given.root, key=given.new_key(), serial=given.new_serial())
    credential = attacker.issue(
        SERVER,
        alternative_names=given.alternative_names,
        key=given.new_key(),
        validity=given.validity,
        serial=given.new_serial(),
    )
    return Minted(
        Served.of(credential, given.name, given.root), lambda: Served.of(credential, given.name, attacker.certificate)
    )


@certificate_case(SIGNATURE, refused(19), deviates=("trust anchor",))
def rogue_same_name(given: CaseBuilder) -> Minted:
    """The attacker's authority bears the root's name, and honestly says that its key is another.

    Names are no proof: anybody may call an authority what they like.
    """
    return given.mint_under(given.same_name_ca, sent=lambda chain: (*chain, given.same_name_ca.certificate))


@certificate_case(SIGNATURE, refused(7, strict=85), deviates=("leaf authorityKeyIdentifier", "trust anchor"))
def rogue_same_name_noaki(given: CaseBuilder) -> Minted:
    """The same namesake, and his certificates do not say which key signed them: the trusted root is tried, in vain."""
    found = given.mint_under(given.same_name_ca, leaf=without(ExtensionOID.AUTHORITY_KEY_IDENTIFIER))
    return Minted(found.served, lambda: given.mint_under(given.same_name_ca).control)


@certificate_case(SIGNATURE, refused(7), deviates=("leaf signature",))
def bad_signature(given: CaseBuilder) -> Minted:
    """A good certificate with one bit of its signature flipped: one is as bad as all of them."""
    return given.mint(leaf=but(afterwards=_one_bit_flipped))


def _one_bit_flipped(signed: Signed) -> Signed:
    return replace(signed, signature=signed.signature[:-1] + bytes([signed.signature[-1] ^ 1]))


@certificate_case(SIGNATURE, refused(7), deviates=("leaf signature",))
def replaced_key(given: CaseBuilder) -> Minted:
    """The attacker put his own key into the victim's certificate, and left the signature of the real one in place.

    Everything is authentic but the one thing that counts. The clients of several apps accepted it (certmitm, 2023).
    """

    def swapped(leaf: Draft) -> Draft:
        victims = leaf.but(public_key=keys.spki_der(given.new_key().public_key()))
        signature = victims.signed(given.root_key).signature
        return leaf.but(afterwards=lambda signed: replace(signed, signature=signature))

    return given.mint(leaf=swapped)


@certificate_case(SIGNATURE, refused(7), deviates=("intermediate signature",))
def intermediate_bad_signature(given: CaseBuilder) -> Minted:
    """The leaf is well signed by its intermediate, which the root did not sign. Every link has to be checked."""
    return given.mint(intermediates=(but(afterwards=_one_bit_flipped),))


@certificate_case(
    "RFC 5280 §4.1.1.2", refused(7, strict=78), deviates=("leaf signatureAlgorithm",), severity=Severity.WEAK
)
def sigalg_mismatch(given: CaseBuilder) -> Minted:
    """Inside it says another signature algorithm than outside, where nothing protects what is written."""
    return given.mint(leaf=but(algorithm_inside=algorithm_identifier(given.root_key, hashes.SHA384())))


@certificate_case(
    "CA/B Forum BR §7.1.3.2",
    refused(68, accepted_up_to_level=0),
    deviates=("leaf signatureAlgorithm",),
    severity=Severity.WEAK,
)
def sha1_leaf(given: CaseBuilder) -> Minted:
    """Signed over SHA-1, for which a second document with the same hash costs some ten thousand dollars (2020)."""
    return given.mint(leaf=but(digest=hashes.SHA1()))


@certificate_case(
    "CA/B Forum BR §7.1.3.2",
    refused(68, accepted_up_to_level=0),
    aliases=("sha1-intermediate",),
    deviates=("intermediate signatureAlgorithm",),
    severity=Severity.WEAK,
)
def sha1_intermediate(given: CaseBuilder) -> Minted:
    """The leaf is signed over SHA-256, the authority above it over SHA-1: a chain is as weak as its weakest link."""
    return given.mint(intermediates=(but(digest=hashes.SHA1()),))


@certificate_case(
    "RFC 6151",
    refused(68, accepted_up_to_level=0),
    cve=("CVE-2004-2761",),
    deviates=("leaf signatureAlgorithm",),
    severity=Severity.WEAK,
)
def md5_leaf(given: CaseBuilder) -> Minted:
    """Signed over MD5: in 2008 a real authority was tricked into signing a forged authority that way."""
    return given.mint(
        intermediates=(as_is,),
        authority_key=given.rsa_key(2048),
        leaf=but(digest=hashes.MD5()),
        control=lambda: given.serve(intermediates=(as_is,), authority_key=given.rsa_key(2048)),
    )
