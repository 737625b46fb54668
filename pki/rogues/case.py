"""What a rogue is: one function whose name is the id, whose docstring is the documentation, whose body is the fault.

    @rogue(clause="RFC 5280 §6.1.3 (a)(1)", verify_codes={...})
    def rogue_same_name_forged_aki(given: Ingredients) -> Specimen:
        '''The attacker's authority bears the root's name …'''

Everything that the body does not mention is correct. Every refused specimen names its control: the anchors under
which the very same chain must be accepted, so that it is refused for its one fault and for no other reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from inspect import cleandoc
from types import ModuleType

from cryptography import x509

from pki.authority import Credential, Validity
from pki.keys import PrivateKey


class Must(Enum):
    """What a strict client does with the certificate."""

    ACCEPT = "accept"
    REJECT = "reject"


class Mode(Enum):
    """The way in which OpenSSL verifies: Python 3.13 turned on its strict flags, so codes may differ."""

    PYTHON_3_11 = "python_3_11"
    PYTHON_3_13 = "python_3_13"


@dataclass(frozen=True)
class Ingredients:
    """What the attacker has: public knowledge about the victim, and keys and serials of his own."""

    root: x509.Certificate
    """The victim's trust anchor: public, so he may copy whatever stands in it."""
    alternative_names: tuple[x509.GeneralName, ...]
    validity: Validity
    """The dates of the server certificate that he imitates."""
    new_key: Callable[[], PrivateKey]
    new_serial: Callable[[], int]


@dataclass(frozen=True)
class Specimen:
    """A minted rogue: what to serve, and the anchors under which it must be accepted (its control)."""

    credential: Credential
    control: tuple[x509.Certificate, ...]


@dataclass(frozen=True)
class Rogue:
    """One entry of the catalogue."""

    id: str
    story: str
    clause: str
    must: Must
    disputed: bool
    verify_codes: Mapping[Mode, frozenset[int]]
    """X509_V_ERR_* with which OpenSSL refuses it, a set for each mode; empty where it accepts."""
    mint: Callable[[Ingredients], Specimen]


def rogue(
    *, clause: str, verify_codes: Mapping[Mode, frozenset[int]], must: Must = Must.REJECT, disputed: bool = False
) -> Callable[[Callable[[Ingredients], Specimen]], Rogue]:
    """Declare a function as a catalogue entry; its name, with hyphens, is the id."""

    def declare(mint: Callable[[Ingredients], Specimen]) -> Rogue:
        if not mint.__doc__:
            raise ValueError(f"{mint.__name__} has no docstring: a rogue without a story teaches nothing")
        case_id = mint.__name__.replace("_", "-")
        return Rogue(case_id, cleandoc(mint.__doc__), clause, must, disputed, dict(verify_codes), mint)

    return declare


def collect(*themes: ModuleType) -> dict[str, Rogue]:
    """All rogues of the theme modules by id, in the order of declaration; a repeated id is an error."""
    catalogue: dict[str, Rogue] = {}
    for theme in themes:
        for value in vars(theme).values():
            if isinstance(value, Rogue):
                if value.id in catalogue:
                    raise ValueError(f"two rogues are called {value.id}")
                catalogue[value.id] = value
    return catalogue
