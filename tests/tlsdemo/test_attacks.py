"""Who read what: in every cell, what the protections predict is what is measured."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes, token_hex

import pytest

from pki import names
from pki.files import read_certificates, read_credential, read_crls
from tlsdemo import bench
from tlsdemo.attack.catalogue import ATTACKS, Attack, won
from tlsdemo.attack.world import World
from tlsdemo.credentials import self_signed, stranger
from tlsdemo.edu.rungs import RUNGS, edu
from tlsdemo.protocol import Party, Protection, Protocol, Side
from tlsdemo.tls.protocol import CHAIN, CLAIMS, EXTRA, tls

NOT_CHECKING = replace(tls(CLAIMS - CHAIN), name="tls that checks nothing")
PROTOCOLS = [
    *(edu(claims) for claims in RUNGS.values()),
    tls(),
    NOT_CHECKING,
    replace(tls(CLAIMS | EXTRA), name="mtls"),
]


@pytest.fixture
def world(certs: Path) -> World:
    root, crls = read_certificates(certs / "root.pem"), read_crls(certs / "crl.pem")
    wanted = ["localhost", "127.0.0.1"]

    def party(name: str) -> Party:
        credential = read_credential(certs / f"{name}.pem", certs / f"{name}.key")
        asked = names.reference("localhost") if name == "client" else None
        return Party(lambda: datetime.now(UTC), token_bytes, credential, root, crls, asked)

    impostors = {
        "rogue": read_credential(certs / "rogue/server.pem", certs / "rogue/server.key"),
        "self-signed": self_signed(root[0], wanted),
        "stranger": stranger(wanted)[0],
        "stolen": read_credential(certs / "server.pem", certs / "server.key"),
    }
    return World(party("client"), party("server"), impostors, token_hex(8).encode())


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_an_attack_is_held_exactly_when_the_protections_say_so(
    world: World, protocol: Protocol, attack: Attack
) -> None:
    loot = attack.run(protocol, world)
    assert won(loot, world) is not attack.is_held(protocol.claims)


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.stopped_by], ids=lambda attack: attack.id)
def test_every_attack_that_can_be_stopped_wins_somewhere_and_loses_somewhere(world: World, attack: Attack) -> None:
    results = {won(attack.run(protocol, world), world) for protocol in PROTOCOLS}
    assert results == {True, False}


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if "mitm" in attack.id], ids=lambda attack: attack.id)
@pytest.mark.parametrize("rung", ["ca", "mutual"])
def test_who_is_refused_has_nothing_to_pass_on(world: World, attack: Attack, rung: str) -> None:
    outcome = attack.run(edu(RUNGS[rung]), world).outcome
    if attack.stopped_by:
        assert outcome.client.error
        assert not outcome.client.accepted
    assert outcome.server.delivered == (world.lines[0][1] if attack.id == "mitm-stolen" and rung == "ca" else b"")


def test_an_impostor_may_read_the_client_and_yet_not_be_let_in_by_the_server(world: World) -> None:
    stolen = next(attack for attack in ATTACKS if attack.id == "mitm-stolen")
    loot = stolen.run(edu(RUNGS["mutual"]), world)
    assert won(loot, world)
    assert loot.outcome.server.error
    assert loot.outcome.server.delivered == b""


def test_a_claim_that_rests_on_nothing_does_not_hold_an_attack() -> None:
    floating = frozenset({Protection.CHAIN, Protection.NAME})
    assert not any(attack.is_held(floating) for attack in ATTACKS)


def test_the_price_of_a_handshake_that_fails_is_an_error(world: World) -> None:
    protocol = edu(RUNGS["ca"])
    rogue = replace(world.server, credential=world.impostors["rogue"])
    setup = bench.Setup("rogue", lambda: protocol.client(world.client), lambda: protocol.server(rogue))
    with pytest.raises(ValueError, match="rogue: the handshake failed"):
        bench.handshakes([setup], rounds=1)


def test_the_price_counts_what_passes_the_line(world: World) -> None:
    protocol = edu(RUNGS["plain"])
    setup = bench.Setup("plain", lambda: protocol.client(world.client), lambda: protocol.server(world.server))
    (price,) = bench.handshakes([setup], rounds=2)
    hello = b'{"type": "client_hello", "rung": "plain", "server_name": "localhost"}\n'
    answer = b'{"type": "server_hello", "rung": "plain"}\n'
    finished = b'{"type": "finished"}\n'
    assert price.flights == 3
    assert price.sent == {Side.CLIENT: len(hello + finished), Side.SERVER: len(answer + finished)}
    assert min(price.seconds.values()) > 0
