"""Rogues of the chain: nobody whom the client knows vouches for them (RFC 5280 §6.1)."""

from cryptography import x509

from pki import keys
from pki.authority import Credential, subject_for, to_be_signed
from pki.profiles import SERVER
from pki.rogues.case import Ingredients, Mode, Specimen, rogue

SELF_SIGNED = frozenset({18})  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT


@rogue(clause="RFC 5280 §6.1", verify_codes={Mode.PYTHON_3_11: SELF_SIGNED, Mode.PYTHON_3_13: SELF_SIGNED})
def self_signed(given: Ingredients) -> Specimen:
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
    return Specimen(Credential(key, certificate), control=(certificate,))
