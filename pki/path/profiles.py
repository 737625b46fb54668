"""Which checks belong to which profile, in their order."""

from collections.abc import Callable, Mapping

from pki.path import steps, strength, webpki
from pki.path.request import CertificateFields, Request
from pki.path.steps import Clause
from pki.verdict import PathProfile

RFC5280 = (
    Clause("dates", steps.DATES, steps.dates),
    Clause("extensions", "RFC 5280 §4.2", steps.critical_extensions),
    Clause("authorities", "RFC 5280 §6.1.4 (k), (n)", steps.authorities),
    Clause("path length", "RFC 5280 §6.1.4 (l), (m)", steps.path_length),
    Clause("key usage", "RFC 5280 §4.2.1.9", steps.leaf_usage),
    Clause("constraints", "RFC 5280 §6.1.3 (b), (c)", steps.name_constraints),
    Clause("policy", "RFC 5280 §6.1.3 (f)", steps.policy),
)
STRENGTH = Clause("strength", "RFC 9325 §4.5", strength.strength)
TLS = (
    Clause("purpose", steps.PURPOSE, steps.purpose),
    STRENGTH,
    Clause("schemes", "RFC 8446 §4.2.3", strength.schemes),
)
WEB = (
    Clause("leaf", "CA/B Forum BR §7.1.2.7", webpki.leaf_profile),
    Clause("common name", "CA/B Forum BR §7.1.4.3", webpki.common_name),
    Clause("wildcards", "CA/B Forum BR §3.2.2.6", webpki.wildcards),
    Clause("key kind", "CA/B Forum BR §6.1.5", webpki.key_parameters),
    Clause("ca profile", "CA/B Forum BR §7.1.2.1", webpki.authority_profile),
)

STEPS: Mapping[PathProfile, tuple[Clause, ...]] = {
    PathProfile.RFC5280: RFC5280,
    PathProfile.TLS: RFC5280 + TLS,
    PathProfile.WEBPKI: RFC5280 + TLS + WEB,
}

SIGNING = (Clause("signing", "RFC 8446 §4.4.2.2", strength.signing),)
AFTER_THE_NAME: Mapping[PathProfile, tuple[Clause, ...]] = {
    PathProfile.RFC5280: (),
    PathProfile.TLS: SIGNING,
    PathProfile.WEBPKI: SIGNING,
}
"""After the name check: if the chain is in the wrong order, the wrong name is the better explanation."""

BY_ITSELF = (steps.check_critical, steps.check_dates, steps.check_authority)
BY_ITSELF_IN_TLS = (*BY_ITSELF, steps.check_issues_for, strength.check_key)
OF_AN_ISSUER: Mapping[PathProfile, tuple[Callable[[CertificateFields, Request], None], ...]] = {
    PathProfile.RFC5280: BY_ITSELF,
    PathProfile.TLS: BY_ITSELF_IN_TLS,
    PathProfile.WEBPKI: BY_ITSELF_IN_TLS,
}
"""Checks of an issuer that need no path. The search tries issuers first that pass all of them."""

FORM = (
    Clause("version", "RFC 5280 §4.1.2.1", steps.version),
    Clause("serial", "RFC 5280 §4.1.2.2", steps.serial),
    Clause("algorithms", "RFC 5280 §4.1.1.2", steps.algorithms),
    Clause("identifiers", "RFC 5280 §4.2.1.1", steps.key_identifiers),
    Clause("name form", "RFC 5280 §4.2.1.6", steps.subject_names),
)
"""For every profile, after all other checks: a malformed field is rarely the most useful reason."""

SIGNER: Mapping[PathProfile, tuple[Clause, ...]] = {
    PathProfile.RFC5280: (*RFC5280, *FORM),
    PathProfile.TLS: (*RFC5280, STRENGTH, *FORM),
    PathProfile.WEBPKI: (*RFC5280, STRENGTH, *FORM),
}
"""For the path of a CRL signer: without the checks of a server or client certificate."""

MENDS: Mapping[str, str] = {
    "extensions": "reissue it without that extension, or with the criticality that RFC 5280 requires",
    "authorities": "a CA certificate needs critical basic constraints with cA TRUE, and keyCertSign in its key usage",
    "path length": "issue from a CA higher up, or reissue that CA certificate with a larger pathLenConstraint",
    "key usage": "reissue it as a leaf with `pki issue`",
    "constraints": "have it issued by a CA whose name constraints are well-formed and permit the name",
    "policy": "issue the leaf under a policy that all its CAs have",
    "strength": "reissue it with a new key and SHA-256: `pki issue` does both",
    "schemes": "use a key on the named curve P-256, as `pki issue` does",
    "leaf": "reissue it as a leaf with `pki issue`",
    "common name": "add it to the SANs as well, or remove the common name",
    "wildcards": "use one more label: *.example.com instead of *.com",
    "key kind": "use P-256 or RSA with 2048 bits, as `pki issue` does",
    "ca profile": "only public CAs must follow this rule; --profile tls does not check it",
    "version": "reissue it as version 3 with `pki issue`",
    "serial": "reissue it: `pki issue` uses random serial numbers of 20 octets",
    "algorithms": "the certificate was changed after it was signed, or its CA software is faulty",
    "identifiers": "reissue it with key identifiers: `pki issue`",
    "name form": "reissue it with well-formed names: `pki issue`",
}
"""Hints, by check, for failures without a hint of their own."""
