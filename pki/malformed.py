"""Exceptions of the library for malformed certificates, which it raises late and in many types.

except MALFORMED       around code that reads one field
read_field(lambda: ...)   raises Malformed for any failure, also for a panic of the library's Rust code
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
    """A field cannot be read; the message is the reason, on one line."""


PASSING: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, Malformed)
"""Exceptions that `read_field` passes on: they are not faults of a field, or are Malformed already."""


def read_field(read: Callable[[], T], *passing: type[Exception]) -> T:
    """What `read` returns. Raises Malformed for every failure except those of type `passing`, and Ctrl-C.

    A panic of Rust code is `pyo3_runtime.PanicException`, which is a BaseException and has no name to import.
    """
    try:
        return read()
    except BaseException as error:
        if isinstance(error, (*PASSING, *passing)):
            raise
        raise Malformed(why(error)) from error


def guarded(read: Callable[[], T]) -> T | None:
    """What `read` returns; None if it fails."""
    try:
        return read_field(read)
    except Malformed:
        return None


def why(error: BaseException) -> str:
    """The reason on one line, such as `invalid value in validity, not_after` for an error of the Rust code."""
    if isinstance(error, KeyError):
        return f"it has an unknown value: {error}"
    text = (str(error).splitlines() or [type(error).__name__])[0]
    kind = re.search(r"ParseError \{ kind: (\w+)", text)
    if kind is None:
        return re.sub(r"See https://\S+ for more details\. ", "", text)[:200]
    places = re.findall(r'"(?:\w+::)?(\w+)"', text)
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind[1]).lower()
    return f"{words} in {', '.join(places)}" if places else words
