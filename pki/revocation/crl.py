"""A CRL as the checks see it (RFC 5280 §5). Each field is read once; reading a bad one raises Malformed."""

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509

from pki.budget import Budget, WorkKind
from pki.malformed import read_field
from pki.objects.fields import Fields

Crl = x509.CertificateRevocationList


class CrlReading(Fields):
    """The fields of one CRL."""

    def __init__(self, crl: Crl) -> None:
        super().__init__(crl)
        self.crl = crl

    @property
    def this_update(self) -> datetime:
        """The time of issue (§5.1.2.4)."""
        return self._once("this_update", lambda: self.crl.last_update_utc)

    @property
    def next_update(self) -> datetime | None:
        """The end of its validity (§5.1.2.5); None if it is absent."""
        return self._once("next_update", lambda: self.crl.next_update_utc)

    @property
    def number(self) -> int | None:
        """The CRL number (§5.2.3); None if it is absent."""
        stated = self.value(x509.CRLNumber)
        return stated.crl_number if stated else None

    @property
    def base(self) -> int | None:
        """The number of the complete CRL that this delta CRL updates (§5.2.4); None for a complete CRL."""
        stated = self.value(x509.DeltaCRLIndicator)
        return stated.crl_number if stated else None

    @property
    def scope(self) -> x509.IssuingDistributionPoint | None:
        """The issuing distribution point (§5.2.5)."""
        return self.value(x509.IssuingDistributionPoint)

    @property
    def has_critical_entries(self) -> bool:
        """Whether an entry may have a critical extension: TRUE occurs more often than the CRL's own extensions need."""
        own = sum(1 for each in self.extensions if each.critical)
        count: int = self._once("critical", lambda: self.der.count(TRUE))
        return count > own

    def entry(self, serial: int, budget: Budget) -> x509.RevokedCertificate | None:
        """The entry with that serial number."""
        budget.spend(WorkKind.HASHING, len(self.der) // 1024)
        return read_field(lambda: self.crl.get_revoked_certificate_by_serial_number(serial))

    def entries(self, budget: Budget) -> Iterator[x509.RevokedCertificate]:
        """Yield every entry. Raises Exhausted if there are too many."""
        for each in self.crl:
            budget.spend(WorkKind.ENTRY)
            yield each


TRUE = b"\x01\x01\xff"
"""BOOLEAN TRUE in DER (X.690 §11.1), which every critical extension contains."""
