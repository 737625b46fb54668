"""The closing tables, all of it measured now: what each check costs, who read what, and what each rung costs."""

from collections.abc import Sequence
from dataclasses import replace

from tlsdemo import bench
from tlsdemo.attack.catalogue import ATTACKS, won
from tlsdemo.edu.rungs import RUNGS, edu
from tlsdemo.protocol import Protection, Protocol, Side
from tlsdemo.scenes.stage import Stage, claim
from tlsdemo.tls.protocol import CHAIN, CLAIMS, NAME, tls

REVOCATION = frozenset({Protection.REVOCATION})
ROUNDS = 12


def what_checks_cost(stage: Stage) -> None:
    """Handshakes in memory, with one check more each time."""
    screen = stage.screen
    screen.say("Is it left out because it is expensive? One TLS handshake, with one check more each time:")
    mutual = CLAIMS | REVOCATION | {Protection.CLIENT_IDENTITY}
    setups = [
        _setup("nothing is checked", stage, tls(CLAIMS - CHAIN)),
        _setup("+ the chain, the dates", stage, tls(CLAIMS - NAME)),
        _setup("+ the name", stage, tls(CLAIMS)),
        _setup("+ the revocation lists", stage, tls(CLAIMS | REVOCATION)),
        _setup("+ the client proves itself", stage, tls(mutual)),
    ]
    prices = bench.handshakes(setups)
    table: list[tuple[str, ...]] = [("", "client", "server", "both, relative")]
    for price in prices:
        table.append((price.title, *_times(price), f"{price.total / prices[0].total:.2f}"))
    screen.rows(table)
    spent = (prices[1].seconds[Side.CLIENT] - prices[0].seconds[Side.CLIENT]) * 1e6
    if spent > 0:  # on a busy machine the noise may be larger
        screen.good(f"The check that stops the rogue cost {spent:.0f} µs in this run, once for each connection.")


def who_read_what(stage: Stage) -> None:
    """Every protocol by every attacker, each conversation held now."""
    screen = stage.screen
    protocols = _protocols()
    screen.say(
        f"""Every protocol by every attacker: {len(protocols) * len(ATTACKS)} conversations, held just now. One attacker
        listens; the man in the middle shows a certificate that vouches for itself, a stranger's, the rogue's, and the
        server's own with its stolen key. Who read the message?"""
    )
    table: list[tuple[str, ...]] = [("", "listens", "self-signed", "stranger", "rogue", "stolen key")]
    for protocol in protocols:
        results = [won(attack.run(protocol, stage.world), stage.world) for attack in ATTACKS]
        for attack, read in zip(ATTACKS, results, strict=True):
            surprise = f"{attack.id} against {protocol.name} came out otherwise than the protections say"
            claim(read is not attack.is_held(protocol.claims), surprise)
        table.append((protocol.name, *("READ" if read else "-" for read in results)))
    screen.rows(table)
    screen.good(
        "From `ca` on he needs the key itself. Against a stolen key nothing helps, until it is revoked and the client "
        "looks at the list."
    )
    screen.say("And what it costs: one handshake in memory, in this run.")
    prices = bench.handshakes([_setup(protocol.name, stage, protocol) for protocol in protocols], ROUNDS)
    rows: list[tuple[str, ...]] = [("", "flights", "bytes: client", "server", "time: client", "server")]
    for price in prices:
        sent = (str(price.sent[side]) for side in Side)
        rows.append((price.title, str(price.flights), *sent, *_times(price)))
    screen.rows(rows)
    screen.say("(tls: with the two session tickets that its server sends afterwards.)")


def _protocols() -> Sequence[Protocol]:
    return [*(edu(claims) for claims in RUNGS.values()), tls()]


def _setup(title: str, stage: Stage, protocol: Protocol) -> bench.Setup:
    world = stage.world
    shows = Protection.CLIENT_IDENTITY in protocol.claims
    client = world.client if shows else replace(world.client, credential=None)
    return bench.Setup(title, lambda: protocol.client(client), lambda: protocol.server(world.server))


def _times(price: bench.Price) -> tuple[str, str]:
    return f"{price.seconds[Side.CLIENT] * 1e6:.0f} µs", f"{price.seconds[Side.SERVER] * 1e6:.0f} µs"
