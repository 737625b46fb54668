"""Signature: all that an attacker can copy is right, but a signature is invalid or weak (RFC 5280 §6.1.3 (a)(1))."""

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
    """A certificate from a rogue CA with the name, validity and key identifier of the trusted root, but another key.

    The two root certificates look the same. A client that looks for the issuer by name and key identifier finds its own
    trusted root. Only the signature check fails: the root's key did not sign this certificate.
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
    """A certificate from a rogue CA with the name of the trusted root and its own key identifier.

    The name of a CA proves nothing: an attacker can choose any name. The server also sends the rogue root certificate.
    """
    return given.mint_under(given.same_name_ca, sent=lambda chain: (*chain, given.same_name_ca.certificate))


@certificate_case(SIGNATURE, refused(7, strict=85), deviates=("leaf authorityKeyIdentifier", "trust anchor"))
def rogue_same_name_noaki(given: CaseBuilder) -> Minted:
    """A certificate from a rogue CA with the name of the trusted root, without an authority key identifier.

    By name the trusted root is the issuer. Only the signature check fails.
    """
    found = given.mint_under(given.same_name_ca, leaf=without(ExtensionOID.AUTHORITY_KEY_IDENTIFIER))
    return Minted(found.served, lambda: given.mint_under(given.same_name_ca).control)


@certificate_case(SIGNATURE, refused(7), deviates=("leaf signature",))
def bad_signature(given: CaseBuilder) -> Minted:
    """A valid certificate with one flipped bit in its signature.

    The signature is the only proof that the CA issued the certificate.
    """
    return given.mint(leaf=but(afterwards=_one_bit_flipped))


def _one_bit_flipped(signed: Signed) -> Signed:
    return replace(signed, signature=signed.signature[:-1] + bytes([signed.signature[-1] ^ 1]))


@certificate_case(SIGNATURE, refused(7), deviates=("leaf signature",))
def replaced_key(given: CaseBuilder) -> Minted:
    """The victim's certificate with the attacker's public key in it; the CA's signature is unchanged.

    All other fields are authentic, and only the signature check detects the new key. Several apps accepted such
    certificates (certmitm, 2023).
    """

    def swapped(leaf: Draft) -> Draft:
        victims = leaf.but(public_key=keys.spki_der(given.new_key().public_key()))
        signature = victims.signed(given.root_key).signature
        return leaf.but(afterwards=lambda signed: replace(signed, signature=signature))

    return given.mint(leaf=swapped)


@certificate_case(SIGNATURE, refused(7), deviates=("intermediate signature",))
def intermediate_bad_signature(given: CaseBuilder) -> Minted:
    """The leaf's signature is valid, but the signature of the intermediate certificate is not.

    Every signature of the path must be verified. Otherwise an attacker can create an intermediate CA.
    """
    return given.mint(intermediates=(but(afterwards=_one_bit_flipped),))


@certificate_case(
    "RFC 5280 §4.1.1.2", refused(7, strict=78), deviates=("leaf signatureAlgorithm",), severity=Severity.WEAK
)
def sigalg_mismatch(given: CaseBuilder) -> Minted:
    """The signature algorithm inside the signed part differs from the one outside.

    RFC 5280 requires both fields to be equal. No signature protects the outer field.
    """
    return given.mint(leaf=but(algorithm_inside=algorithm_identifier(given.root_key, hashes.SHA384())))


@certificate_case(
    "CA/B Forum BR §7.1.3.2",
    refused(68, accepted_up_to_level=0),
    deviates=("leaf signatureAlgorithm",),
    severity=Severity.WEAK,
)
def sha1_leaf(given: CaseBuilder) -> Minted:
    """The certificate is signed with SHA-1.

    In 2020, a chosen-prefix collision (two documents with the same SHA-1 hash) cost about 45,000 dollars. With it an
    attacker can use a CA's signature for a certificate that the CA has never seen.
    """
    return given.mint(leaf=but(digest=hashes.SHA1()))


@certificate_case(
    "CA/B Forum BR §7.1.3.2",
    refused(68, accepted_up_to_level=0),
    aliases=("sha1-intermediate",),
    deviates=("intermediate signatureAlgorithm",),
    severity=Severity.WEAK,
)
def sha1_intermediate(given: CaseBuilder) -> Minted:
    """The leaf is signed with SHA-256, but the certificate of its intermediate CA with SHA-1.

    One weak signature is enough: an attacker who forges the intermediate certificate can issue for any host.
    """
    return given.mint(intermediates=(but(digest=hashes.SHA1()),))


@certificate_case(
    "RFC 6151",
    refused(68, accepted_up_to_level=0),
    cve=("CVE-2004-2761",),
    deviates=("leaf signatureAlgorithm",),
    severity=Severity.WEAK,
)
def md5_leaf(given: CaseBuilder) -> Minted:
    """The certificate is signed with MD5.

    In 2008 researchers used an MD5 collision to obtain a CA certificate with the valid signature of a public CA.
    """
    return given.mint(
        intermediates=(as_is,),
        authority_key=given.rsa_key(2048),
        leaf=but(digest=hashes.MD5()),
        control=lambda: given.serve(intermediates=(as_is,), authority_key=given.rsa_key(2048)),
    )
