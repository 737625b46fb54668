"""The closing tables, measured in this run: what each check costs, and which attacker read what."""

from collections.abc import Sequence
from dataclasses import replace

from tlsdemo.attack.catalogue import ATTACKS, BY_ID
from tlsdemo.attack.matrix import CellResult, measure
from tlsdemo.attack.real_world import world
from tlsdemo.compare import benchmark
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.protocol import Protection, Protocol, Side
from tlsdemo.tls.protocol import CHAIN, CLAIMS, NAME, tls
from tlsdemo.tour.stage import Stage, claim

REVOCATION = frozenset({Protection.REVOCATION})
WORDS = {CellResult.SUCCEEDS: "READ", CellResult.PREVENTED: "-", CellResult.NOT_APPLICABLE: "n/a"}


def what_checks_cost(stage: Stage) -> None:
    """Handshakes in memory, each with one more check."""
    screen = stage.screen
    screen.say("Are checks left out because they are expensive? One TLS handshake, each time with one more check:")
    mutual = CLAIMS | REVOCATION | {Protection.CLIENT_IDENTITY}
    setups = [
        _setup("no checks", stage, tls(CLAIMS - CHAIN)),
        _setup("+ chain and validity", stage, tls(CLAIMS - NAME)),
        _setup("+ name", stage, tls(CLAIMS)),
        _setup("+ CRLs", stage, tls(CLAIMS | REVOCATION)),
        _setup("+ client certificate", stage, tls(mutual)),
    ]
    prices = benchmark.handshakes(setups)
    table: list[tuple[str, ...]] = [("", "client", "server", "both, relative")]
    for price in prices:
        table.append((price.title, *_times(price), f"{price.total / prices[0].total:.2f}"))
    screen.rows(table)
    spent = prices[1].seconds[Side.CLIENT] - prices[0].seconds[Side.CLIENT]
    noise = max(prices[0].noise, prices[1].noise)
    cost = f"{spent * 1e6:.0f} µs" if spent > noise else f"less than the measurement noise ({noise * 1e6:.0f} µs)"
    screen.good(f"In this run, the check that stops the rogue certificate cost {cost}. It is made once per connection.")


SHOWN = ("eavesdropper", "computed-secret", "man-in-the-middle", "stolen-key")


def who_read_what(stage: Stage) -> None:
    """Every rung and TLS against four attackers; each conversation is run now."""
    screen = stage.screen
    protocols = _protocols()
    attacks = [BY_ID[name] for name in SHOWN]
    matrix = measure(protocols, world, attacks)
    screen.say(
        f"""{len(protocols) * len(attacks)} conversations were run just now. One attacker listens. One computes the
        secret from what was sent. One is in the middle, with any certificate that it can create. One has stolen the
        server's key:"""
    )
    table: list[tuple[str, ...]] = [("", "listens", "computes", "in the middle", "stolen key")]
    for trial in matrix.surprises:
        claim(False, f"{trial.attack.id} against {trial.protocol} did not end as the protections predict")
    for protocol in protocols:
        table.append((protocol.name, *(WORDS[matrix[attack, protocol].measured] for attack in attacks)))
    screen.rows(table)
    screen.good(
        "From `ca` on, the attacker needs the server's key. A stolen key works until it is revoked and clients know."
    )
    screen.say(
        f"""`tlsdemo compare` runs all {len(ATTACKS)} attacks, removes each protection in turn, and measures what each
        rung costs."""
    )


def _protocols() -> Sequence[Protocol]:
    return [*(edu(claims) for claims in RUNGS.values()), tls()]


def _setup(title: str, stage: Stage, protocol: Protocol) -> benchmark.Setup:
    shows = Protection.CLIENT_IDENTITY in protocol.claims
    client = stage.asking if shows else replace(stage.asking, credential=None)
    return benchmark.Setup(title, lambda: protocol.client(client), lambda: protocol.server(stage.answering))


def _times(price: benchmark.Price) -> tuple[str, str]:
    return f"{price.seconds[Side.CLIENT] * 1e6:.0f} µs", f"{price.seconds[Side.SERVER] * 1e6:.0f} µs"
