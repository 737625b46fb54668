"""Two certificates side by side, field by field: what is the same, what differs, what an eye could have seen."""

from collections import Counter
from dataclasses import dataclass

from cryptography import x509

from pki.show import describe
from pki.show.describe import Row


@dataclass(frozen=True)
class Difference:
    """One field of two certificates side by side; `None` where one of them lacks it."""

    label: str
    one: str | None
    other: str | None

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return self.one == self.other


ARITHMETIC = frozenset({"serial number", "public key", "signature"})
"""What differs in an imitation: with another key it has another public key and signature, and a serial of its own."""


def difference(one: x509.Certificate | bytes, other: x509.Certificate | bytes) -> tuple[Difference, ...]:
    """Both certificates field by field, in the order of `describe.certificate`; loaded, or in DER."""
    left, right = _by_label(one), _by_label(other)
    return tuple(_compare(label, left.get(label), right.get(label)) for label in dict.fromkeys([*left, *right]))


def _by_label(certificate: x509.Certificate | bytes) -> dict[str, Row]:
    """The rows by label; the second row of a label has a number."""
    found: dict[str, Row] = {}
    count = Counter[str]()
    for row in describe.certificate(certificate).rows:
        count[row.label] += 1
        found[row.label if count[row.label] == 1 else f"{row.label} {count[row.label]}"] = row
    return found


def _compare(label: str, one: Row | None, other: Row | None) -> Difference:
    if one is None or other is None:
        return Difference(label, one.value if one else None, other.value if other else None)
    same = (one.value, one.exact) == (other.value, other.exact)
    more = ", and goes on differently" if not same and one.value == other.value else ""
    return Difference(label, one.value, other.value + more)
