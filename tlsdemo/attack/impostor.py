"""Attackers who say that they are somebody else (RFC 3552 §3.3.5): to the client the server, to it the client."""

from collections.abc import Iterable
from dataclasses import replace

from pki import Credential
from tlsdemo.attack.interceptor import Interceptor
from tlsdemo.attack.judge import Encounter, Loot
from tlsdemo.attack.world import World
from tlsdemo.protocol import Party, Protocol, Side

HIS_ORDER = b"PAY 9999 to Mallory\n"


def man_in_the_middle(protocol: Protocol, world: World) -> Loot:
    """He stands between the two, with what anybody can have: none, a copied certificate, his own, a look-alike's."""
    mint = world.mint
    return _intercept_with(
        protocol,
        world,
        (
            ("no certificate", None),
            _copy(world),
            ("a certificate that vouches for itself", mint.self_signed),
            ("a certificate by an authority with the root's name", mint.rogue),
            ("a certificate that he signed with his own, which is no authority's", mint.leaf_as_authority),
        ),
    )


def with_a_copy(protocol: Protocol, world: World) -> Loot:
    """A certificate is public: he shows the server's own, and hopes that nobody asks for a proof that it is his."""
    return _intercept_with(protocol, world, [_copy(world)])


def with_another_name(protocol: Protocol, world: World) -> Loot:
    """A good certificate, honestly bought - for his own host."""
    return _intercept_with(
        protocol, world, [_copy(world), ("a good certificate for his own host", world.mint.other_host)]
    )


def with_an_expired_one(protocol: Protocol, world: World) -> Loot:
    """The server's certificate of last year, whose key was lost since."""
    return _intercept_with(
        protocol, world, [_copy(world), ("the server's old certificate, and its key", world.mint.expired)]
    )


def with_a_revoked_one(protocol: Protocol, world: World) -> Loot:
    """The server's certificate of last month, whose key was stolen; that was noticed, and it was revoked."""
    his = "a revoked certificate, and its key", world.mint.revoked
    return _intercept_with(protocol, world, [_copy(world), his])


def with_the_stolen_key(protocol: Protocol, world: World) -> Loot:
    """The server's certificate and its key, and nobody knows yet."""
    return _intercept_with(protocol, world, [("the server's certificate and its stolen key", world.mint.server)])


def with_the_stolen_authority(protocol: Protocol, world: World) -> Loot:
    """The CA's key: the attacker mints a certificate for the name that the client asks for."""
    credential = world.mint.minted_with_stolen_authority
    return _intercept_with(protocol, world, [("a certificate minted with the authority's stolen key", credential)])


def with_an_installed_root(protocol: Protocol, world: World) -> Loot:
    """The client has installed his software, and with it his root (Superfish, 2015; every inspecting proxy)."""
    attempts = [("a certificate by his root, which the client has installed", world.mint.by_his_root)]
    return _intercept_with(protocol, world, attempts, world.client_who_trusts_him())


def _copy(world: World) -> tuple[str, Credential]:
    """Where nobody asks for a proof, it is enough."""
    return "the server's own certificate, copied", world.mint.copied


def _intercept_with(
    protocol: Protocol,
    world: World,
    attempts: Iterable[tuple[str, Credential | None]],
    client: Party | None = None,
) -> Loot:
    """He stands between the two, each attempt in a conversation of its own, until the client talks to him."""
    encounters, read, did = [], b"", "he has nothing to show"
    for means, credential in attempts:
        his = world.impostor(credential)
        try:
            facing = {Side.CLIENT: protocol.server(replace(his, name=None)), Side.SERVER: protocol.client(his)}
        except ValueError:  # this protocol cannot be spoken without a certificate
            continue
        interceptor = Interceptor(facing)
        ends = protocol.client(client or world.client), protocol.server(world.server)
        encounters.append(Encounter(world.converse(*ends, interceptor, world.lines)))
        read, did = bytes(interceptor.read[Side.CLIENT]), f"he stands between the two with {means}"
        if read:
            break
    return Loot(tuple(encounters), read, did=did)


def impostor_client(protocol: Protocol, world: World) -> Loot:
    """Nobody is in between: he dials the server himself, and orders in the client's name."""
    attempts = (
        ("no certificate", None),
        ("the client's certificate, copied", world.mint.copied_client),
        ("a certificate in the client's name that vouches for itself", world.mint.self_signed_client),
    )
    encounters, did = [], ""
    for means, credential in attempts:
        ends = protocol.client(world.impostor(credential)), protocol.server(world.server)
        outcome = world.converse(*ends, lines=[(Side.CLIENT, HIS_ORDER)])
        encounters.append(Encounter(outcome, frozenset({Side.SERVER})))
        did = f"he dials the server himself, with {means}"
        if outcome.server.delivered:
            break
    return Loot(tuple(encounters), did=did)
