"""What the library raises for a malformed certificate: late, at whichever field is read, and not all of one kind."""

import re

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


def why(error: Exception) -> str:
    """What is wrong, in a line: `invalid value in validity, not_after`, where the library says it as Rust does."""
    text = (str(error).splitlines() or [type(error).__name__])[0]
    kind = re.search(r"ParseError \{ kind: (\w+)", text)
    if kind is None:
        return re.sub(r"See https://\S+ for more details\. ", "", text)[:200]
    places = re.findall(r'"(?:\w+::)?(\w+)"', text)
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind[1]).lower()
    return f"{words} in {', '.join(places)}" if places else words
