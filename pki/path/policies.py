"""Certificate policies: which ones hold for the whole path (RFC 5280 §4.2.1.4, §4.2.1.5, §4.2.1.11, §6.1).

The client requires no policy (the initial policy set is anyPolicy), but a CA may require that some policy holds for the
whole path (requireExplicitPolicy). It is enough to know whether any policy is left, so a set of expected policies
replaces the tree of RFC 5280, which can grow exponentially with policy mappings (RFC 9618).
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki.asn1 import der
from pki.budget import WorkKind
from pki.path.request import CertificateFields, Path

ANY = "2.5.29.32.0"


class PolicyError(Exception):
    """A policy extension is invalid; the message says how."""


@dataclass
class _State:
    """The variables of §6.1.2. The counters are the certificates left before the rule applies."""

    explicit: int
    inhibit_any: int
    mapping: int
    expected: frozenset[str] = frozenset({ANY})
    """Policies that the next certificate may state; ANY allows every policy. Empty: no policy is valid any more."""


def is_explicit_but_empty(path: Path) -> bool:
    """Whether a policy is required, and none holds for the whole path. Raises PolicyError for an invalid extension.

    The extensions of the trust anchor are ignored (§6.1.1 (d)).
    """
    length = len(path.certificates)
    state = _State(length, length, length)
    for certificate in reversed(path.certificates[:-1]):
        is_leaf = certificate is path.leaf
        mappings = _mappings(certificate)
        stated = _stated(certificate)
        path.budget.spend(WorkKind.POLICY, len(stated) + sum(map(len, mappings.values())))
        takes_any = state.inhibit_any > 0 or (certificate.is_self_issued and not is_leaf)
        state.expected = _narrowed(state.expected, stated, takes_any=takes_any)
        if state.explicit <= 0 and not state.expected:
            return True  # §6.1.3 (f)
        if not is_leaf:
            state.expected = _mapped(state.expected, mappings, is_allowed=state.mapping > 0)
        if is_leaf or not certificate.is_self_issued:  # §6.1.4 (h), §6.1.5 (a)
            state.explicit, state.inhibit_any, state.mapping = (
                max(0, each - 1) for each in (state.explicit, state.inhibit_any, state.mapping)
            )
        _limit(state, certificate)
    return state.explicit <= 0 and not state.expected


def _limit(state: _State, certificate: CertificateFields) -> None:
    """Update the counters from the certificate (§6.1.4 (i), (j), §6.1.5 (b))."""
    limits = certificate.value(x509.PolicyConstraints)
    if limits is not None and limits.require_explicit_policy is not None:
        state.explicit = min(state.explicit, limits.require_explicit_policy)
    if limits is not None and limits.inhibit_policy_mapping is not None:
        state.mapping = min(state.mapping, limits.inhibit_policy_mapping)
    if (inhibit_any := certificate.value(x509.InhibitAnyPolicy)) is not None:
        state.inhibit_any = min(state.inhibit_any, inhibit_any.skip_certs)


def _stated(certificate: CertificateFields) -> frozenset[str]:
    """The certificate's policies. Raises PolicyError for a duplicate (§4.2.1.4)."""
    found: set[str] = set()
    for each in certificate.value(x509.CertificatePolicies) or ():
        if (policy := each.policy_identifier.dotted_string) in found:
            raise PolicyError(f"the certificate policy {policy} is listed twice (§4.2.1.4)")
        found.add(policy)
    return frozenset(found)


def _narrowed(expected: frozenset[str], stated: frozenset[str], *, takes_any: bool) -> frozenset[str]:
    """The expected policies after a certificate that states `stated` (§6.1.3 (d), (e))."""
    if ANY in stated and takes_any:
        return expected
    stated -= {ANY}
    return stated if ANY in expected else stated & expected


def _mapped(expected: frozenset[str], mappings: dict[str, set[str]], *, is_allowed: bool) -> frozenset[str]:
    """The expected policies after a CA's mappings (§6.1.4 (b)); inhibited mappings remove the mapped policies."""
    left = expected - mappings.keys()
    if not is_allowed:
        return left
    return left.union(*(to for policy, to in mappings.items() if policy in expected or ANY in expected))


def _mappings(certificate: CertificateFields) -> dict[str, set[str]]:
    """Issuer policy -> subject policies (§4.2.1.5). Raises PolicyError for anyPolicy (§6.1.4 (a))."""
    data = certificate.value_der(ExtensionOID.POLICY_MAPPINGS)
    found: dict[str, set[str]] = {}
    if data is None:
        return found
    for pair in der.children(data, der.read(data)):
        one, other = (der.dotted(data[each.content]) for each in der.children(data, pair))
        if ANY in (one, other):
            raise PolicyError(f"a policy is mapped {'from' if one == ANY else 'to'} anyPolicy (§4.2.1.5)")
        found.setdefault(one, set()).add(other)
    if not found:
        raise PolicyError("the policyMappings extension is empty (§4.2.1.5)")
    return found
