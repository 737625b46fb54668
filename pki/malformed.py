"""What the library raises for a malformed certificate: late, at whichever field is read, and not all of one kind.

except MALFORMED       around code that reads one field
read_field(lambda: ...)   where any failure counts: it raises Malformed, also for a panic of the library's Rust code
"""

import re
from collections.abc import Callable
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

T = TypeVar("T")

MALFORMED: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    LookupError,  # KeyError: a TLSFeature with a number that the library does not know
    ArithmeticError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class Malformed(ValueError):
    """A field cannot be read; the message says why, in a line."""


PASSING: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, Malformed)
"""What is not the fault of a field, or is a Malformed already."""


def read_field(read: Callable[[], T], *passing: type[Exception]) -> T:
    """What `read` returns. Raises Malformed for every failure of it but those that are `passing`, and a Ctrl-C.

    A panic of Rust code is `pyo3_runtime.PanicException`, which is a BaseException and has no name to import.
    """
    try:
        return read()
    except BaseException as error:
        if isinstance(error, (*PASSING, *passing)):
            raise
        raise Malformed(why(error)) from error


def guarded(read: Callable[[], T]) -> T | None:
    """What `read` returns; None where it fails."""
    try:
        return read_field(read)
    except Malformed:
        return None


def why(error: BaseException) -> str:
    """What is wrong, in a line: `invalid value in validity, not_after`, where the library says it as Rust does."""
    if isinstance(error, KeyError):
        return f"it has a value that is not known: {error}"
    text = (str(error).splitlines() or [type(error).__name__])[0]
    kind = re.search(r"ParseError \{ kind: (\w+)", text)
    if kind is None:
        return re.sub(r"See https://\S+ for more details\. ", "", text)[:200]
    places = re.findall(r'"(?:\w+::)?(\w+)"', text)
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind[1]).lower()
    return f"{words} in {', '.join(places)}" if places else words
