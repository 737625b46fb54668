"""Which steps belong to which profile, in the order in which they are made."""

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
"""Of a chain in the wrong order the first certificate is a CA's: that it has another name says more than this."""

BY_ITSELF = (steps.check_critical, steps.check_dates, steps.check_authority)
BY_ITSELF_IN_TLS = (*BY_ITSELF, steps.check_issues_for, strength.check_key)
OF_AN_ISSUER: Mapping[PathProfile, tuple[Callable[[CertificateFields, Request], None], ...]] = {
    PathProfile.RFC5280: BY_ITSELF,
    PathProfile.TLS: BY_ITSELF_IN_TLS,
    PathProfile.WEBPKI: BY_ITSELF_IN_TLS,
}
"""What an issuer shows without the rest of the path. The search tries those first that pass all of it."""

FORM = (
    Clause("version", "RFC 5280 §4.1.2.1", steps.version),
    Clause("serial", "RFC 5280 §4.1.2.2", steps.serial),
    Clause("algorithms", "RFC 5280 §4.1.1.2", steps.algorithms),
    Clause("identifiers", "RFC 5280 §4.2.1.1", steps.key_identifiers),
    Clause("name form", "RFC 5280 §4.2.1.6", steps.subject_names),
)
"""For every profile, and after all others: what is ill formed is refused, but rarely the first thing to know."""

SIGNER: Mapping[PathProfile, tuple[Clause, ...]] = {
    PathProfile.RFC5280: (*RFC5280, *FORM),
    PathProfile.TLS: (*RFC5280, STRENGTH, *FORM),
    PathProfile.WEBPKI: (*RFC5280, STRENGTH, *FORM),
}
"""For the path of a CRL signer: all but what is asked of a server's or client's certificate."""

MENDS: Mapping[str, str] = {
    "extensions": "have it issued again without that extension, or marked as RFC 5280 has it",
    "authorities": "a CA certificate has cA in critical basic constraints, and keyCertSign in its key usage",
    "path length": "issue from a higher authority, or renew that one with a longer path",
    "key usage": "issue it again, as a leaf: `pki issue`",
    "constraints": "have it issued by a CA whose name constraints are well-formed and allow that name",
    "policy": "issue the leaf under a policy that all its authorities have",
    "strength": "a new key, and a signature over SHA-256: `pki issue` makes both",
    "schemes": "a key on P-256, by name: `pki issue` makes one",
    "leaf": "issue it again, as a leaf: `pki issue`",
    "common name": "put it into the alternative names as well, or leave it out",
    "wildcards": "one label more: *.example.com instead of *.com",
    "key kind": "P-256, or RSA with 2048 bits: `pki issue` makes them",
    "ca profile": "it matters to the web's authorities alone: --profile tls does not ask",
    "version": "issue it again, as version 3: `pki issue`",
    "serial": "issue it again: `pki issue` draws random numbers of 20 octets",
    "algorithms": "it was changed after it was signed, or its authority's program is broken",
    "identifiers": "issue it again, with the key identifiers of RFC 5280: `pki issue`",
    "name form": "issue it again, with names that are well formed: `pki issue`",
}
"""What mends a failure that does not say so itself."""
