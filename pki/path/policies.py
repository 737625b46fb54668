"""Certificate policies: under which rules all of them were issued (RFC 5280 §4.2.1.4, §4.2.1.11, §6.1.3 (d) to (f)).

Nobody who asks for a server asks for a policy; but an authority may demand that there is one that holds from top to
bottom (requireExplicitPolicy). Sets instead of the RFC's tree: what is asked here is only whether anything is left.
"""

from cryptography import x509

from pki.path.reading import Path, Reading

ANY = "2.5.29.32.0"


def is_explicit_but_empty(path: Path) -> bool:
    """Whether a policy is demanded, and none holds for the whole path. The anchor's own are not looked at."""
    valid: set[str] | None = None  # None: any
    explicit = inhibit = len(path.certificates) + 1
    for certificate in reversed(path.certificates[:-1]):
        is_leaf = certificate is path.leaf
        valid = _narrowed(valid, certificate, inhibit > 0 or (certificate.is_self_issued and not is_leaf))
        if explicit <= 0 and valid == set():
            return True
        if not certificate.is_self_issued:
            explicit, inhibit = explicit - 1, inhibit - 1
        if (
            constraints := certificate.value(x509.PolicyConstraints)
        ) and constraints.require_explicit_policy is not None:
            explicit = min(explicit, constraints.require_explicit_policy)
        if (limit := certificate.value(x509.InhibitAnyPolicy)) is not None:
            inhibit = min(inhibit, limit.skip_certs)
    return explicit <= 0 and valid == set()


def _narrowed(valid: set[str] | None, certificate: Reading, takes_any: bool) -> set[str] | None:
    stated = certificate.value(x509.CertificatePolicies)
    if stated is None:
        return set()
    own = {each.policy_identifier.dotted_string for each in stated}
    if ANY in own and takes_any:
        return valid
    own.discard(ANY)
    return own if valid is None else valid & own
