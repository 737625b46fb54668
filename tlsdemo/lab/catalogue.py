"""All cases of the lab in order, and the lookup by id or alias. Nothing is minted here."""

from collections.abc import Sequence

from pki.cases.lookup import find as find_in
from tlsdemo.lab import certificate_cases, client_certificate_cases, misbehaving_cases, protocol_cases, revocation_cases
from tlsdemo.lab.case import Case, declared_in

CASES: dict[str, Case] = {
    each.id: each
    for family in (
        certificate_cases.cases(),
        declared_in(revocation_cases),
        declared_in(protocol_cases),
        declared_in(misbehaving_cases),
        declared_in(client_certificate_cases),
    )
    for each in family
}
"""All cases by id."""


def find(text: str) -> Case:
    """The case with this id or alias. Raises Problem, with similar names as hint, if there is none."""
    return find_in(text, CASES.values(), kind="case", listing="tlsdemo lab --list")


def chosen(names: Sequence[str]) -> list[Case]:
    """The cases with these ids or aliases, in the order of the catalogue; all cases if `names` is empty."""
    wanted = {find(each).id for each in names}
    return [each for each in CASES.values() if each.id in wanted or not names]
