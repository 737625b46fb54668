"""What a handshake costs. Falsehood caught: a price of something that did not happen."""

from dataclasses import replace

import pytest

from pki.keys import KeyType
from tlsdemo.attack.real_world import world as world_of
from tlsdemo.compare import benchmark
from tlsdemo.credentials.kinds import ROGUE
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.protocol import Side
from tlsdemo.tls.protocol import configuration

WORLD = world_of(KeyType.EC_P256)


def test_the_price_of_a_handshake_that_fails_is_an_error() -> None:
    protocol = edu(RUNGS["ca"])
    rogue = replace(WORLD.server, credential=WORLD.mint.credential(ROGUE))
    setup = benchmark.Setup("rogue", lambda: protocol.client(WORLD.client), lambda: protocol.server(rogue))
    with pytest.raises(ValueError, match="rogue: the handshake failed"):
        benchmark.handshakes([setup], rounds=1)


def test_the_price_counts_what_passes_the_line() -> None:
    protocol = edu(RUNGS["plain"])
    setup = benchmark.Setup("plain", lambda: protocol.client(WORLD.client), lambda: protocol.server(WORLD.server))
    (price,) = benchmark.handshakes([setup], rounds=2)
    hello = b'{"type": "client_hello", "rung": "plain", "server_name": "localhost"}\n'
    answer = b'{"type": "server_hello", "rung": "plain"}\n'
    finished = b'{"type": "finished"}\n'
    assert price.flights == 3
    assert price.sent == {Side.CLIENT: len(hello + finished), Side.SERVER: len(answer + finished)}
    assert min(price.seconds.values()) > 0


@pytest.mark.parametrize(("name", "round_trips"), [("tls", 1), ("tls12", 2)])  # RFC 8446 §2, RFC 5246 §7.3
def test_tls_1_3_saves_a_round_trip(name: str, round_trips: int) -> None:
    protocol = configuration(name)
    setup = benchmark.Setup(name, lambda: protocol.client(WORLD.client), lambda: protocol.server(WORLD.server))
    assert benchmark.handshakes([setup], rounds=1)[0].round_trips == round_trips
