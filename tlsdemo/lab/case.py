"""How the lab declares what it shows besides the catalogue's certificates: one function is one case.

    @case("protocol", "RFC 8996 §2", Severity.MUST)
    def tls_1_0_only(given: Given) -> Show:
        '''It speaks TLS 1.0, and nothing newer. …'''
        return given.tls(Ciphers.TLS_1_0_FOR_THE_LAB)

Its name, with hyphens, is the id, and its docstring is the documentation, as in `pki.cases`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from types import ModuleType
from typing import Generic, TypeVar

from pki.cases import CaseBuilder, CertificateCase, Must, Severity
from pki.cases.case import Mode
from tlsdemo.findings import Case

Given = TypeVar("Given", contravariant=True)
Made = TypeVar("Made", covariant=True)


@dataclass(frozen=True, eq=False)  # one function, one case
class Declared(Generic[Given, Made]):
    """A case, and how it is made from what it is given. A Problem where this machine cannot."""

    case: Case
    make: Callable[[Given], Made]


def case(
    theme: str,
    clause: str,
    severity: Severity,
    *,
    must: Must = Must.REJECT,
    aliases: tuple[str, ...] = (),
    cve: tuple[str, ...] = (),
    verify_codes: tuple[int, ...] = (),
) -> Callable[[Callable[[Given], Made]], Declared[Given, Made]]:
    """Declare a function as a case of the lab."""

    def declare(make: Callable[[Given], Made]) -> Declared[Given, Made]:
        if not make.__doc__:
            raise ValueError(f"{make.__name__} has no docstring")
        story = cleandoc(make.__doc__)
        words = Case(
            make.__name__.replace("_", "-"), aliases, theme, summary(story), story, clause, must.value,
            severity.value, cve, verify_codes,
        )  # fmt: skip
        return Declared(words, make)

    return declare


def summary(story: str) -> str:
    """The first paragraph of a story."""
    return story.split("\n\n")[0].replace("\n", " ")


def of_rogue(rogue: CertificateCase[CaseBuilder], mode: Mode) -> Case:
    """The words of a certificate of the catalogue; the codes are those of that way to verify."""
    return Case(
        rogue.id, rogue.aliases, rogue.theme, rogue.summary, rogue.story, rogue.clause, rogue.must.value,
        rogue.severity.value, rogue.cve, tuple(sorted(code for code in rogue.openssl[mode] if code)),
    )  # fmt: skip


def declared(module: ModuleType) -> list[Declared[Given, Made]]:
    """All cases of a module, in their order."""
    return [each for each in vars(module).values() if isinstance(each, Declared)]
