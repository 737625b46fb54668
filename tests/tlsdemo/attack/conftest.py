"""One world, and one matrix, for all tests of a process."""

import pytest

from pki.keys import KeyType
from tlsdemo.attack.matrix import Matrix, measure
from tlsdemo.attack.real_world import world as world_of
from tlsdemo.attack.world import World
from tlsdemo.compare.protocols import all_protocols


@pytest.fixture(scope="session")
def world() -> World:
    return world_of(KeyType.EC_P256)


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    return measure(all_protocols(), world_of)
