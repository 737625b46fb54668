"""Rogues of the signature: what can be copied is right, only the arithmetic is not (RFC 5280 §6.1.3 (a)(1))."""

from pki.authority import Authority, Validity, key_identifier
from pki.profiles import ROOT, SERVER
from pki.rogues.case import Ingredients, Mode, Specimen, rogue

SIGNATURE_FAILURE = frozenset({7})  # X509_V_ERR_CERT_SIGNATURE_FAILURE


@rogue(
    clause="RFC 5280 §6.1.3 (a)(1)",
    verify_codes={Mode.PYTHON_3_11: SIGNATURE_FAILURE, Mode.PYTHON_3_13: SIGNATURE_FAILURE},
)
def rogue_same_name_forged_aki(given: Ingredients) -> Specimen:
    """The attacker's authority bears the root's name, dates and key identifier; only its key is another.

    To the eye the two are the same. A client looks for the issuer by name and key identifier, finds its own trusted
    root, and only the signature check tells: the root's key did not sign this.
    """
    attacker = Authority.self_signed(
        ROOT,
        subject=given.root.subject,
        key=given.new_key(),
        validity=Validity.of(given.root),
        serial=given.new_serial(),
        claimed_key_identifier=key_identifier(given.root),
    )
    credential = attacker.issue(
        SERVER,
        alternative_names=given.alternative_names,
        key=given.new_key(),
        validity=given.validity,
        serial=given.new_serial(),
    )
    return Specimen(credential, control=(attacker.certificate,))
