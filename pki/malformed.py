"""What the library raises for a malformed certificate: late, at whichever field is read, and not all of one kind."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

MALFORMED: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
