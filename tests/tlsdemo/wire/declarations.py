"""Every declared structure of `tlsdemo.wire`, and values of it made from its own declaration."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import is_dataclass, make_dataclass
from functools import cache
from typing import Annotated, Any, get_type_hints

from hypothesis import strategies as st

import tlsdemo.wire
from tlsdemo.wire.fields import Framed, Opaque, Optional, Rest, Shape, Struct, Uint, Vector, declared


def _found() -> Iterator[type]:
    for each in pkgutil.iter_modules(tlsdemo.wire.__path__):
        module = importlib.import_module(f"tlsdemo.wire.{each.name}")
        for value in vars(module).values():
            if isinstance(value, type) and is_dataclass(value) and value.__module__ == module.__name__:
                hints = get_type_hints(value, include_extras=True).values()
                if all(isinstance(getattr(hint, "__metadata__", (None,))[0], Shape) for hint in hints):
                    yield value


DECLARED = sorted(_found(), key=lambda cls: cls.__name__)
"""Sorted by name."""


@cache
def values(cls: type) -> st.SearchStrategy[Any]:
    """Values of a structure."""
    return st.builds(cls, *(_values(shape) for shape, _ in declared(cls).values()))


def _values(shape: Shape) -> st.SearchStrategy[Any]:
    match shape:
        case Uint(length):
            return st.integers(0, 256**length - 1)
        case Opaque(length):
            return st.binary(min_size=length, max_size=length)
        case Rest():
            return st.binary(max_size=40)
        case Vector(minimum, maximum, None):
            return st.binary(min_size=minimum, max_size=min(maximum, minimum + 40))
        case Vector(minimum, maximum, Shape() as of):
            items = st.lists(_values(of), min_size=min(minimum, 1), max_size=3).map(tuple)
            return items.filter(lambda found: minimum <= sum(len(of.write(each)) for each in found) <= maximum)
        case Framed(of):
            return _values(of)
        case Optional(of):
            return st.none() | _values(of)
        case Struct(cls):
            return values(cls)
    raise AssertionError(f"{shape} is new here")


def ends_itself(shape: Shape) -> bool:
    """Whether the bytes of the shape tell where it ends."""
    match shape:
        case Rest() | Optional():
            return False
        case Struct(cls):
            return all(ends_itself(each) for each, _ in declared(cls).values())
    return True


@cache
def framing(cls: type) -> type:
    """A structure that has another one behind a length, as a message or an extension does."""
    return make_dataclass("Framing", [("body", Annotated[cls, Framed(Struct(cls), 2**24 - 1), "What is framed (§4)."])])
