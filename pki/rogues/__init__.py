"""The catalogue of deliberately broken certificates: each one fault, declared once, used by everything.

One module per RFC 5280 theme holds the cases as functions (`case.rogue` says how to read one); `CATALOGUE` is all of
them by id. Not here: any judgement - that is `pki.path` - nor the serving of them.
"""

from pki.rogues import chain, signature
from pki.rogues.case import Ingredients, Mode, Must, Rogue, Specimen, collect

CATALOGUE: dict[str, Rogue] = collect(chain, signature)

__all__ = ["CATALOGUE", "Ingredients", "Mode", "Must", "Rogue", "Specimen"]
