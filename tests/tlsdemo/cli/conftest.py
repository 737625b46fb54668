"""Fixtures of the tests of the commands: the matrix of the attacks."""

from tests.tlsdemo.attack.conftest import matrix

__all__ = ["matrix"]
