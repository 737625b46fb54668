"""The catalogue of deliberately broken certificates: each one fault, declared once, used by everything.

    case        what a rogue is                     workshop, draft   how one is made: a correct chain, and one change
    correct     must be accepted                    validity, chain, signature, authorities, hosts, wildcards, usage,
    demo_keys   fixed keys, known to all            constraints, extensions, strength: the rogues, by RFC 5280 theme

`CATALOGUE` is all of them by id. Not here: any judgement - that is `pki.path` - nor the serving of them.
"""

from pki.cases import (
    ca_certificates,
    chain,
    constraints,
    extensions,
    host_names,
    signature,
    strength,
    usage,
    valid,
    validity,
    wildcards,
)
from pki.cases.builder import Workshop
from pki.cases.case import Ingredients, Mode, Must, Rogue, Served, Severity, Specimen, collect

_THEMES = (
    valid, validity, chain, signature, ca_certificates, host_names, wildcards, usage, constraints, extensions, strength
)  # fmt: skip

CATALOGUE: dict[str, Rogue[Workshop]] = collect(*_THEMES)
THEMES = {theme.__name__.rpartition(".")[2]: (theme.__doc__ or "").splitlines()[0] for theme in _THEMES}
"""What each theme is about."""

__all__ = ["CATALOGUE", "THEMES", "Ingredients", "Mode", "Must", "Rogue", "Served", "Severity", "Specimen", "Workshop"]
