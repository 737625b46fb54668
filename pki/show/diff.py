"""Two certificates compared field by field."""

from collections import Counter
from dataclasses import dataclass

from cryptography import x509

from pki.show import describe
from pki.show.describe import Row


@dataclass(frozen=True)
class Difference:
    """One field of two certificates; `None` if a certificate lacks it."""

    label: str
    one: str | None
    other: str | None

    @property
    def same(self) -> bool:
        """Whether the two values are equal."""
        return self.one == self.other


ARITHMETIC = frozenset({"serial number", "public key", "signature"})
"""The fields that differ in an imitation of a CA: its own key gives another public key and signature."""


def difference(one: x509.Certificate | bytes, other: x509.Certificate | bytes) -> tuple[Difference, ...]:
    """The fields of both certificates, loaded or in DER, in the order of `describe.certificate`."""
    left, right = _by_label(one), _by_label(other)
    return tuple(_compare(label, left.get(label), right.get(label)) for label in dict.fromkeys([*left, *right]))


def _by_label(certificate: x509.Certificate | bytes) -> dict[str, Row]:
    """The rows by label; a repeated label gets a number."""
    found: dict[str, Row] = {}
    count = Counter[str]()
    for row in describe.certificate(certificate).rows:
        if row.label == describe.FINGERPRINT:  # it differs if any field does
            continue
        count[row.label] += 1
        found[row.label if count[row.label] == 1 else f"{row.label} {count[row.label]}"] = row
    return found


def _compare(label: str, one: Row | None, other: Row | None) -> Difference:
    if one is None or other is None:
        return Difference(label, one.value if one else None, other.value if other else None)
    same = (one.value, one.exact) == (other.value, other.exact)
    more = " (differs further on)" if not same and one.value == other.value else ""
    return Difference(label, one.value, other.value + more)
