"""The catalogue of test certificates: each is broken in one way, or valid where clients stumble. Declared once.

case               what a test certificate is: one function; its name, its story, its control, what to expect
lookup             a case by id or alias
builder            a valid chain, and the one change that breaks it
tbs_certificate    a certificate before it is signed; any field can say anything
demo_keys          fixed keys, published here

valid              must be accepted
validity           dates
chain              no path to a trust anchor
signature          signatures that do not verify
ca_certificates    issuers that may not issue
host_names         another host, or a name in the wrong place
wildcards          names with a wildcard
usage              key usage and extended key usage
constraints        name constraints
extensions         malformed, unknown or forbidden extensions
strength           keys that are weak or public

`CATALOGUE` is all of them by id; `find` also knows their aliases. Not here: path validation (`pki.path`), and the
servers that present them (`tlsdemo.lab`).
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

_THEMES = (
    valid, validity, chain, signature, ca_certificates, host_names, wildcards, usage, constraints, extensions, strength
)  # fmt: skip

CATALOGUE: dict[str, CertificateCase[CaseBuilder]] = collect(*_THEMES)
THEMES = {theme_of(theme.__name__): (theme.__doc__ or "").splitlines()[0] for theme in _THEMES}
"""What each theme is about."""


def find(text: str) -> CertificateCase[CaseBuilder]:
    """The case of the catalogue with this id or alias. Raises Problem with similar names where there is none."""
    return lookup.find(text, CATALOGUE.values(), kind="rogue", listing="pki rogue list")


__all__ = [
    "CATALOGUE", "THEMES", "CaseBuilder", "CertificateCase", "Ingredients", "Minted", "Mode", "Must", "Served",
    "Severity", "find",
]  # fmt: skip
