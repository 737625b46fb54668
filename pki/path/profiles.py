"""Which steps belong to which profile, in the order in which they are made."""

from collections.abc import Mapping

from pki.path import steps, strength, webpki
from pki.path.steps import Step
from pki.verdict import PathProfile

RFC5280 = (
    Step("dates", steps.DATES, steps.dates),
    Step("extensions", "RFC 5280 §4.2", steps.critical_extensions),
    Step("authorities", "RFC 5280 §6.1.4 (k), (n)", steps.authorities),
    Step("path length", "RFC 5280 §6.1.4 (l), (m)", steps.path_length),
    Step("key usage", "RFC 5280 §4.2.1.9", steps.leaf_usage),
    Step("constraints", "RFC 5280 §6.1.3 (b), (c)", steps.name_constraints),
    Step("policy", "RFC 5280 §6.1.3 (f)", steps.policy),
)
TLS = (
    Step("purpose", steps.PURPOSE, steps.purpose),
    Step("signing", "RFC 8446 §4.4.2.2", strength.signing),
    Step("strength", "RFC 9325 §4.5", strength.strength),
    Step("schemes", "RFC 8446 §4.2.3", strength.schemes),
)
WEB = (
    Step("leaf", "CA/B Forum BR §7.1.2.7", webpki.leaf_profile),
    Step("common name", "CA/B Forum BR §7.1.4.3", webpki.common_name),
    Step("wildcards", "CA/B Forum BR §3.2.2.6", webpki.wildcards),
    Step("key kind", "CA/B Forum BR §6.1.5", webpki.key_parameters),
    Step("ca profile", "CA/B Forum BR §7.1.2.1", webpki.authority_profile),
)

STEPS: Mapping[PathProfile, tuple[Step, ...]] = {
    PathProfile.RFC5280: RFC5280,
    PathProfile.TLS: RFC5280 + TLS,
    PathProfile.WEBPKI: RFC5280 + TLS + WEB,
}

FORM = (
    Step("version", "RFC 5280 §4.1.2.1", steps.version),
    Step("serial", "RFC 5280 §4.1.2.2", steps.serial),
    Step("algorithms", "RFC 5280 §4.1.1.2", steps.algorithms),
    Step("identifiers", "RFC 5280 §4.2.1.1", steps.key_identifiers),
    Step("name form", "RFC 5280 §4.2.1.6", steps.subject_names),
)
"""For every profile, and after all others: what is ill formed is refused, but rarely the first thing to know."""
