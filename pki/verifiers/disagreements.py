"""Why another verifier reaches a different verdict, where the reason is known and true for this certificate.

A known habit of a verifier is a reason only where it applies: "it compares a wildcard as text" needs a wildcard. So
each row has a premise, which is tested against the certificates. The first row with a true premise is the reason. The
habits were observed with the catalogue of test certificates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import names
from pki.asn1 import der
from pki.malformed import Malformed, read_field
from pki.objects.distinguished_names import comparable
from pki.path import steps, strength
from pki.path.request import CertificateFields, Request
from pki.path.walk import ALGORITHM, LIMIT_REACHED
from pki.verdict import Purpose, Verdict
from pki.verifiers.opinions import Opinion


@dataclass(frozen=True)
class _Case:
    """The input of a premise."""

    request: Request
    verdict: Verdict
    words: str
    """The other verifier's error; empty if it accepts."""

    @cached_property
    def leaf(self) -> CertificateFields:
        return CertificateFields(self.request.leaf)

    @cached_property
    def authorities(self) -> Sequence[CertificateFields]:
        """The CA certificates of the path; without a path, all candidates."""
        chain = self.verdict.chain[1:] or (*self.request.intermediates, *self.request.trust_anchors)
        return tuple(map(CertificateFields, chain))

    @property
    def all(self) -> Sequence[CertificateFields]:
        return (self.leaf, *self.authorities)

    @cached_property
    def hosts(self) -> Sequence[str]:
        """The dNSNames of the leaf."""
        return [each.value.lower() for each in self.leaf.names if isinstance(each, x509.DNSName)]

    @cached_property
    def wanted(self) -> str:
        """The reference identifier if it is a host name, in lower case; else empty."""
        return self.request.name.value.lower() if isinstance(self.request.name, x509.DNSName) else ""


Premise = Callable[[_Case], bool]
Row = tuple[Premise, str]


def reason(opinion: Opinion, verdict: Verdict, request: Request) -> str | None:
    """Why the opinion differs from the verdict; None if it does not differ, or if no reason is known."""
    if not opinion.disagrees_with(verdict):
        return None
    case = _Case(request, verdict, opinion.words)
    rows: Sequence[Row] = REFUSES.get(opinion.engine, ())
    if verdict.failure is not None:
        rows = (*ACCEPTS_ANY, *ACCEPTS.get((opinion.engine, verdict.failure.name), ()))
    return next((text for premise, text in rows if _is_true(premise, case)), None)


def _is_true(premise: Premise, case: _Case) -> bool:
    try:
        return read_field(lambda: premise(case))
    except Malformed:
        return False


# Premises -----------------------------------------------------------------------------------------------------------


def _always(case: _Case) -> bool:
    """For rows of a check: that it failed is premise enough."""
    return True


def _passes(
    check: Callable[[CertificateFields, Request], None], certificate: CertificateFields, request: Request
) -> bool:
    try:
        check(certificate, request)
    except steps.Failure:
        return False
    return True


def _only_the_leafs_key_is_weak(case: _Case) -> bool:
    def is_strong(each: CertificateFields) -> bool:
        return _passes(strength.check_key, each, case.request)

    return not is_strong(case.leaf) and all(map(is_strong, case.authorities))


def _a_key_is_short(case: _Case) -> bool:
    return any(_is_short(each) for each in case.all)


def _is_short(certificate: CertificateFields) -> bool:
    key = certificate.key.public
    least = strength.LEAST_EC if isinstance(key, ec.EllipticCurvePublicKey) else strength.LEAST_RSA
    return bool(getattr(key, "key_size", least) < least)


def _an_alternative_name_is_ill_formed(case: _Case) -> bool:
    return any(not steps.is_well_formed(each) for each in case.leaf.names)


def _is_a_client_with_a_name(case: _Case) -> bool:
    return case.request.purpose is Purpose.CLIENT and case.request.name is not None


def _a_wildcard_is_directly_below_a_top_level_name(case: _Case) -> bool:
    first, _, rest = case.wanted.partition(".")
    return bool(first) and "." not in rest and f"*.{rest}" in case.hosts


def _the_common_name_is_asked_for(case: _Case) -> bool:
    found = case.leaf.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    common = [str(each.value).lower() for each in found]
    return not case.hosts and any(_matches(each, case.wanted) for each in common)


def _matches(pattern: str, host: str) -> bool:
    return bool(host) and (pattern == host or names.matches(x509.DNSName(pattern), x509.DNSName(host)))


def _a_part_of_a_label_is_a_wildcard(case: _Case) -> bool:
    first, _, rest = case.wanted.partition(".")
    for each in case.hosts:
        label, _, parent = each.partition(".")
        before, star, after = label.partition("*")
        if star and (before or after) and parent == rest and first.startswith(before) and first.endswith(after):
            return True
    return False


def _constrained_hosts(case: _Case) -> Sequence[str]:
    found: list[str] = []
    for each in case.authorities:
        if constraints := each.value(x509.NameConstraints):
            subtrees = (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ()))
            found += [name.value.lower() for name in subtrees if isinstance(name, x509.DNSName)]
    return found


def _a_wildcard_could_be_excluded(case: _Case) -> bool:
    """The leaf has a wildcard that covers a constrained host."""
    stands_for = {each[1:] for each in case.hosts if each.startswith("*.")}
    return any(f".{base.partition('.')[2]}" in stands_for for base in _constrained_hosts(case))


def _a_constrained_host_begins_with_a_dot(case: _Case) -> bool:
    return any(base.startswith(".") for base in _constrained_hosts(case))


def _an_old_version_has_extensions(case: _Case) -> bool:
    return any(each.certificate.version is not x509.Version.v3 and list(each.extensions) for each in case.all)


def _basic_constraints_are_not_critical(case: _Case) -> bool:
    found = [each.find(x509.BasicConstraints) for each in case.authorities]
    return any(each is not None and not each.critical for each in found)


def _any_purpose_alone(case: _Case) -> bool:
    wanted = steps.WANTED.get(case.request.purpose)
    stated = [each.value(x509.ExtendedKeyUsage) for each in case.all]
    return any(
        each is not None and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in each and wanted not in each
        for each in stated
    )


def _the_leaf_is_for_no_handshake(case: _Case) -> bool:
    usage = case.leaf.value(x509.KeyUsage)
    return usage is not None and not (usage.digital_signature or usage.key_encipherment or usage.key_agreement)


def _the_leaf_is_for_no_server(case: _Case) -> bool:
    stated = case.leaf.value(x509.ExtendedKeyUsage)
    return (
        case.request.purpose is Purpose.ANY
        and stated is not None
        and ExtendedKeyUsageOID.SERVER_AUTH not in stated
        and "EKU" in case.words
    )


def _nothing_was_asked_and_the_leaf_has_no_name(case: _Case) -> bool:
    return "there is none" in case.words and case.request.name is None and not case.hosts


def _the_leaf_is_a_ca(case: _Case) -> bool:
    return "cA must not be asserted" in case.words and case.leaf.is_authority


def _a_ca_has_no_key_usage(case: _Case) -> bool:
    lacking = [each for each in case.authorities if each.value(x509.KeyUsage) is None]
    return "2.5.29.15" in case.words and "missing" in case.words and bool(lacking)


NOT_CRITICAL_ON_THE_WEB = (x509.ExtendedKeyUsage, x509.SubjectAlternativeName, x509.CertificatePolicies)


def _an_extension_is_critical_against_the_webs_rules(case: _Case) -> bool:
    found = [each.find(kind) for each in case.all for kind in NOT_CRITICAL_ON_THE_WEB]
    return "incorrect criticality" in case.words and any(each is not None and each.critical for each in found)


def _it_names_a_critical_extension(case: _Case) -> bool:
    critical = [each.oid.dotted_string for reading in case.all for each in reading.extensions if each.critical]
    return "unaccounted-for critical" in case.words and any(oid in case.words for oid in critical)


def _a_near_date_is_a_generalized_time(case: _Case) -> bool:
    return "UtcTime" in case.words and any(map(_has_a_near_generalized_time, case.all))


def _has_a_near_generalized_time(certificate: CertificateFields) -> bool:
    data = certificate.der
    tbs = next(der.children(data, der.read(data)))
    fields = [each for each in der.children(data, tbs) if each.tag != steps.VERSION]
    return any(
        each.tag == der.GENERALIZED_TIME and data[each.content][:4] < b"2050" for each in der.children(data, fields[3])
    )


def _a_key_is_of_a_kind_that_the_web_forbids(case: _Case) -> bool:
    def is_allowed(each: CertificateFields) -> bool:
        key = each.key.public
        curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else None
        return curve in strength.CURVES or (isinstance(key, rsa.RSAPublicKey) and key.key_size >= strength.LEAST_RSA)

    return "orbidden public key algorithm" in case.words and not all(map(is_allowed, case.all))


def _an_anchor_is_not_a_ca(case: _Case) -> bool:
    anchors = [CertificateFields(each) for each in case.request.trust_anchors]
    return "issuer is not a CA" in case.words and not all(each.is_authority for each in anchors)


def _is_the_last_second(case: _Case) -> bool:
    """The request is for the last second of a certificate or CRL."""
    request = case.request
    ends = [each.not_valid_after_utc for each in (request.leaf, *request.intermediates, *request.trust_anchors)]
    expired = case.words.startswith(("verify code 10", "verify code 12"))
    return expired and request.at.replace(microsecond=0) in (*ends, *(each.next_update_utc for each in request.crls))


def _a_key_identifier_is_another(case: _Case) -> bool:
    """A certificate's authority key identifier differs from its issuer's subject key identifier."""
    request = case.request
    authorities = [CertificateFields(each) for each in (*request.intermediates, *request.trust_anchors)]
    for each in (case.leaf, *authorities):
        stated = each.value(x509.AuthorityKeyIdentifier)
        for issuer in authorities:
            own = issuer.value(x509.SubjectKeyIdentifier)
            named = comparable(each.certificate.issuer) == comparable(issuer.certificate.subject)
            if stated and own and named and stated.key_identifier not in (None, own.digest):
                return True
    return False


def _with(words: str, premise: Premise) -> Premise:
    """A premise: the other verifier's error contains these words, and `premise` is true."""
    return lambda case: words in case.words and premise(case)


# It accepts, pki refuses -------------------------------------------------------------------------------------------

PATHS_ONLY = (_always, "it validates paths only, not whether TLS can use the key")
NO_FORM = (_always, "it does not check the syntax of that field")
COMMON_NAME = (
    _the_common_name_is_asked_for,
    "it falls back to the common name if no SAN is a host name, as was usual until RFC 6125 (2011)",
)
WILDCARD_AS_TEXT = (
    _a_wildcard_could_be_excluded,
    "it compares a wildcard as text, and as text it is not below the excluded name",
)
LEADING_DOT = (
    _a_constrained_host_begins_with_a_dot,
    "it takes a leading dot for every host below, which RFC 5280 §4.2.1.10 defines only for URIs and mail",
)
NO_LEAF = (_always, "it does not check this in a leaf")
STRICT_ONLY = "it checks this only with -x509_strict"

ACCEPTS_ANY: Sequence[Row] = (
    (
        lambda case: case.verdict.failure is not None and case.verdict.failure.section == ALGORITHM
        and case.verdict.failure.name == "chain",
        "it supports this algorithm",
    ),
    (
        lambda case: case.verdict.reason is not None and case.verdict.reason.startswith(LIMIT_REACHED),
        "it searches in a different order and has a different limit",
    ),
)  # fmt: skip
ACCEPTS: Mapping[tuple[str, str], Sequence[Row]] = {
    ("cryptography", "strength"): ((_only_the_leafs_key_is_weak, "it requires strong keys only of CAs"),),
    ("cryptography", "signing"): (PATHS_ONLY,),
    ("cryptography", "schemes"): (PATHS_ONLY,),
    ("cryptography", "serial"): (NO_FORM,),
    ("cryptography", "name form"): (
        (_an_alternative_name_is_ill_formed, "it ignores a malformed SAN instead of rejecting the certificate"),
    ),
    ("cryptography", "name"): (
        (_is_a_client_with_a_name, "its verifier for client certificates takes no name"),
        (
            _a_wildcard_is_directly_below_a_top_level_name,
            "it allows a wildcard directly below a top-level domain",
        ),
    ),
    ("cryptography", "revocation"): ((_always, "it does not check CRLs"),),
    ("openssl", "strength"): ((_always, "`openssl verify` accepts any key and hash without -auth_level"),),
    ("openssl", "signing"): (PATHS_ONLY,),
    ("openssl", "schemes"): (PATHS_ONLY,),
    ("openssl", "authorities"): ((_basic_constraints_are_not_critical, STRICT_ONLY),),
    ("openssl", "constraints"): (LEADING_DOT, WILDCARD_AS_TEXT),
    ("openssl", "key usage"): (NO_LEAF,),
    ("openssl", "policy"): ((_always, "it checks policies only with -policy_check"),),
    ("openssl", "serial"): (NO_FORM,),
    ("openssl", "identifiers"): ((_always, STRICT_ONLY),),
    ("openssl", "version"): ((_an_old_version_has_extensions, STRICT_ONLY), NO_FORM),
    ("openssl", "name form"): ((_always, "it checks the syntax of few names, and only with -x509_strict"),),
    ("openssl", "name"): (
        (
            _a_part_of_a_label_is_a_wildcard,
            "`openssl verify` accepts a wildcard within a label, as RFC 6125 allowed",
        ),
        COMMON_NAME,
    ),
    ("certtool", "strength"): ((_a_key_is_short, "it has no minimum key length by default"),),
    ("certtool", "signing"): (PATHS_ONLY,),
    ("certtool", "schemes"): (PATHS_ONLY,),
    ("certtool", "authorities"): (
        (_basic_constraints_are_not_critical, "it does not require critical basic constraints"),
    ),
    ("certtool", "constraints"): (LEADING_DOT, WILDCARD_AS_TEXT),
    ("certtool", "key usage"): (NO_LEAF,),
    ("certtool", "serial"): (NO_FORM,),
    ("certtool", "identifiers"): (NO_FORM,),
    ("certtool", "name form"): (NO_FORM,),
    ("certtool", "name"): (COMMON_NAME,),
}

# It refuses, pki accepts -------------------------------------------------------------------------------------------

ANY_PURPOSE = "it does not take anyExtendedKeyUsage for this purpose; RFC 5280 §4.2.1.12 allows either"
LAST_SECOND = "it excludes the last second of a validity, which RFC 5280 §4.1.2.5 includes"
OTHER_KEY_IDENTIFIER = "it requires matching key identifiers, which are only a hint in RFC 5280 §4.2.1.1"

REFUSES: Mapping[str, Sequence[Row]] = {
    "cryptography": (
        (_the_leaf_is_for_no_server, "it always checks a purpose, here that of a server"),
        (
            _an_extension_is_critical_against_the_webs_rules,
            "it follows the CA/Browser Forum, where this extension is not critical",
        ),
        (_it_names_a_critical_extension, "it does not process this extension"),
        (_a_near_date_is_a_generalized_time, "it requires UTCTime for dates before 2050 (RFC 5280 §4.1.2.5)"),
        (_the_leaf_is_a_ca, "it follows the CA/Browser Forum, as --profile webpki does"),
        (_with("required EKU not found", _any_purpose_alone), ANY_PURPOSE),
        (
            _nothing_was_asked_and_the_leaf_has_no_name,
            "it follows the CA/Browser Forum: a server certificate has a SAN",
        ),
        (
            _a_key_is_of_a_kind_that_the_web_forbids,
            "it follows the CA/Browser Forum, which does not allow this key type",
        ),
        (_a_ca_has_no_key_usage, "it requires key usage in a CA certificate, as RFC 5280 §4.2.1.3 does"),
    ),
    "openssl": (
        (_is_the_last_second, LAST_SECOND),
        (_a_key_identifier_is_another, OTHER_KEY_IDENTIFIER),
        (_with("verify code 26", _any_purpose_alone), ANY_PURPOSE),
        (
            _with("verify code 26", _the_leaf_is_for_no_handshake),
            "it requires a key usage that TLS can use; this one is only for certificates or CRLs",
        ),
    ),
    "certtool": (
        (_a_key_identifier_is_another, OTHER_KEY_IDENTIFIER),
        (_an_anchor_is_not_a_ca, "it accepts only a CA as trust anchor"),
    ),
}
