"""The catalogue of test certificates: each breaks one rule, or is valid and tests what a client must accept.

case               how a test certificate is declared: one function with a docstring; its control, the expected result
lookup             finds a case by id or alias
minting            mints a case with the default clock, keys and serial numbers; EDGE
builder            builds a valid chain with one change
tbs_certificate    a certificate before it is signed, with arbitrary field values
demo_keys          fixed private keys, published here

valid              must be accepted
validity           expired, not yet valid, malformed times
chain              no path to a trust anchor
signature          invalid or weak signatures
ca_certificates    issuers that must not issue
host_names         another host, or a name in the wrong field
wildcards          names with a wildcard
usage              key usage and extended key usage
constraints        name constraints
extensions         malformed, unknown or missing extensions, serial numbers
strength           weak or published keys, revocation

`CATALOGUE` has all cases by id; `find` also knows their aliases, and `mint` mints one of them. Path validation is in
`pki.path`; the servers that present the cases are in `tlsdemo.lab`.
"""

from pki.cases import (
    ca_certificates,
    chain,
    constraints,
    extensions,
    host_names,
    lookup,
    signature,
    strength,
    usage,
    valid,
    validity,
    wildcards,
)
from pki.cases.builder import CaseBuilder
from pki.cases.case import CertificateCase, Ingredients, Minted, Mode, Must, Served, Severity, collect, theme_of
from pki.cases.minting import MintedCase, mint

_THEMES = (
    valid, validity, chain, signature, ca_certificates, host_names, wildcards, usage, constraints, extensions, strength
)  # fmt: skip

CATALOGUE: dict[str, CertificateCase[CaseBuilder]] = collect(*_THEMES)
THEMES = {theme_of(theme.__name__): (theme.__doc__ or "").splitlines()[0] for theme in _THEMES}
"""The title of each theme."""


def find(text: str) -> CertificateCase[CaseBuilder]:
    """The case with this id or alias. Raises Problem, with similar names as hint, if there is none."""
    return lookup.find(text, CATALOGUE.values(), kind="test certificate", listing="pki rogue list")


__all__ = [
    "CATALOGUE", "THEMES", "CaseBuilder", "CertificateCase", "Ingredients", "Minted", "MintedCase", "Mode", "Must",
    "Served", "Severity", "find", "mint",
]  # fmt: skip
