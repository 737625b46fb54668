"""The page about the structure shows every package, each above what it imports. Caught: a picture of older code."""

import re

from tests import guides
from tests.test_architecture import IMPORTS

PAGE = "tlsdemo/README.md"


def heights() -> dict[str, int]:
    """The packages in the picture, and the number of their line."""
    (picture,) = guides.blocks(PAGE, "text")
    names = [re.split(r" {3,}", line)[0].split() for line in picture.body.splitlines()]
    return {name: number for number, line in enumerate(names) for name in line}


def test_the_picture_has_every_package() -> None:
    assert sorted(heights()) == sorted(IMPORTS)


def test_every_package_stands_above_those_that_it_imports() -> None:
    line = heights()
    wrong = [(room, below) for room, allowed in IMPORTS.items() for below in allowed if line[room] >= line[below]]
    assert wrong == []


def test_the_page_fits_on_a_screen() -> None:
    assert len(guides.text(PAGE).splitlines()) <= 60
