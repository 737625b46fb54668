"""Why another verifier says otherwise, where the reason is known: a table of habits, each seen in the gallery.

By who it is and by which of our checks failed; or, where we accept, by the words in which it refuses.
"""

from cryptography import x509

from pki import names
from pki.engines import Opinion
from pki.malformed import MALFORMED
from pki.path.reading import Reading, Request
from pki.signed import same_name
from pki.verdict import Purpose, Verdict

PATHS_ONLY = "it judges paths, and not what TLS can do with the key"
NO_FORM = "it does not look at the form of that field"
COMMON_NAME = "where no alternative name is a host, it looks into the common name, as was usual until 2011"
WILDCARD_AS_TEXT = "to it a wildcard is text, and that text is not below what is excluded"
NO_LEAF = "it does not look at that in a leaf"

ACCEPTS = {
    ("cryptography", "strength"): "it asks for strong keys in authorities alone",
    ("cryptography", "signing"): PATHS_ONLY,
    ("cryptography", "schemes"): PATHS_ONLY,
    ("cryptography", "serial"): NO_FORM,
    ("cryptography", "name form"): "to it an ill-formed alternative name is one that nobody asks for",
    ("cryptography", "name"): "to it a wildcard may stand directly below a top-level name",
    ("cryptography", "revocation"): "it reads no revocation lists",
    ("openssl", "strength"): "`openssl verify` takes any key and hash, unless told an -auth_level",
    ("openssl", "signing"): PATHS_ONLY,
    ("openssl", "schemes"): PATHS_ONLY,
    ("openssl", "constraints"): WILDCARD_AS_TEXT,
    ("openssl", "key usage"): NO_LEAF,
    ("openssl", "policy"): "it looks at policies only with -policy_check",
    ("openssl", "serial"): NO_FORM,
    ("openssl", "identifiers"): "only -x509_strict makes it look at that",
    ("openssl", "version"): "only -x509_strict makes it look at that",
    ("openssl", "name form"): "it looks at few such forms, and only with -x509_strict",
    ("openssl", "name"): COMMON_NAME,
    ("certtool", "strength"): "of the length of keys it asks nothing by default",
    ("certtool", "signing"): PATHS_ONLY,
    ("certtool", "schemes"): PATHS_ONLY,
    ("certtool", "constraints"): WILDCARD_AS_TEXT,
    ("certtool", "key usage"): NO_LEAF,
    ("certtool", "serial"): NO_FORM,
    ("certtool", "identifiers"): NO_FORM,
    ("certtool", "name form"): NO_FORM,
    ("certtool", "name"): COMMON_NAME,
}
PARTIAL = "`openssl verify` takes a part of a label for a wildcard, as RFC 6125 allowed"

REFUSES = (
    ("cryptography", "incorrect criticality", "it follows the web's rules, by which that extension is not critical"),
    ("cryptography", "unaccounted-for critical", "it does not know that extension"),
    ("cryptography", "UtcTime", "it insists on two-digit years before 2050 (RFC 5280 §4.1.2.5)"),
    ("cryptography", "cA must not be asserted", "it follows the web's rules, as --profile webpki does"),
    ("cryptography", "required EKU not found", "to it 'any purpose' is none; RFC 5280 §4.2.1.12 leaves that open"),
    ("cryptography", "by name, and there is none", "it follows the web's rules: a server has a name"),
    ("cryptography", "orbidden public key algorithm", "it follows the web's rules, by which such keys are not allowed"),
    ("certtool", "issuer is not a CA", "to it nothing but an authority can be an anchor"),
    ("openssl", "verify code 26", "to it 'any purpose' is none; RFC 5280 §4.2.1.12 leaves that open"),
)
OTHER_KEY_IDENTIFIER = (
    "to it an issuer whose key identifier is another is no issuer; in RFC 5280 §4.2.1.1 it is but a hint"
)
LAST_SECOND = "to it the last second is over when it begins; by RFC 5280 §4.1.2.5 it still counts"


def reason(opinion: Opinion, verdict: Verdict, request: Request) -> str | None:
    """Why it says otherwise; None where it does not, or where nobody knows."""
    if not opinion.disagrees_with(verdict):
        return None
    if opinion.accepted:
        assert verdict.failure is not None
        if (opinion.engine, verdict.failure.name) == ("openssl", "name") and _has_wildcard(request.leaf):
            return PARTIAL
        return ACCEPTS.get((opinion.engine, verdict.failure.name))
    if opinion.engine == "cryptography" and request.purpose is Purpose.ANY:
        return "it judges nothing without a purpose, and was asked as for a server"
    if opinion.words.startswith(("verify code 10", "verify code 12")) and _is_the_last_second(request):
        return LAST_SECOND
    try:
        if opinion.engine != "cryptography" and _is_misled(request):
            return OTHER_KEY_IDENTIFIER
    except MALFORMED:
        return None
    return next((why for who, words, why in REFUSES if who == opinion.engine and words in opinion.words), None)


def _has_wildcard(leaf: x509.Certificate) -> bool:
    return any("*" in names.plain(each) for each in names.readable(leaf))


def _is_the_last_second(request: Request) -> bool:
    """Of a certificate, or of a list."""
    ends = [each.not_valid_after_utc for each in (request.leaf, *request.intermediates, *request.trust_anchors)]
    return request.at.replace(microsecond=0) in (*ends, *(each.next_update_utc for each in request.crls))


def _is_misled(request: Request) -> bool:
    """Whether a certificate states another key than its issuer's."""
    authorities = [Reading(each) for each in (*request.intermediates, *request.trust_anchors)]
    for each in (Reading(request.leaf), *authorities):
        stated = each.value(x509.AuthorityKeyIdentifier)
        for issuer in authorities:
            own = issuer.value(x509.SubjectKeyIdentifier)
            named = same_name(each.certificate.issuer, issuer.certificate.subject)
            if stated and own and named and stated.key_identifier not in (None, own.digest):
                return True
    return False
