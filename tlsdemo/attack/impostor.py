"""Attackers who say that they are somebody else (RFC 3552 §3.3.5): to the client the server, to it the client."""

from dataclasses import replace

from tlsdemo.attack.interceptor import Interceptor
from tlsdemo.attack.judge import Encounter, Loot
from tlsdemo.attack.world import World
from tlsdemo.credentials.kinds import (
    BY_INSTALLED_ROOT,
    COPIED,
    COPIED_CLIENT,
    EXPIRED,
    LEAF_AS_CA,
    OTHER_HOST,
    REVOKED,
    ROGUE,
    SELF_SIGNED,
    SELF_SIGNED_CLIENT,
    STOLEN,
    STOLEN_CA,
    Kind,
)
from tlsdemo.protocol import Party, Protocol, Side

HIS_ORDER = b"PAY 9999 to Mallory\n"
NOTHING = None
"""No certificate: some protocols ask for none. In the attacks below, COPIED is tried first for those that ask for no
proof of possession.
"""


def man_in_the_middle(protocol: Protocol, world: World) -> Loot:
    """He stands between the two, with what anybody can have: none, a copied certificate, his own, a look-alike's."""
    return _intercept_with(protocol, world, NOTHING, COPIED, SELF_SIGNED, ROGUE, LEAF_AS_CA)


def with_a_copy(protocol: Protocol, world: World) -> Loot:
    """A certificate is public: he shows the server's own, and hopes that nobody asks for a proof that it is his."""
    return _intercept_with(protocol, world, COPIED)


def with_another_name(protocol: Protocol, world: World) -> Loot:
    """A good certificate, honestly bought - for his own host."""
    return _intercept_with(protocol, world, COPIED, OTHER_HOST)


def with_an_expired_one(protocol: Protocol, world: World) -> Loot:
    """The server's certificate of last year, whose key was lost since."""
    return _intercept_with(protocol, world, COPIED, EXPIRED)


def with_a_revoked_one(protocol: Protocol, world: World) -> Loot:
    """The server's certificate of last month, whose key was stolen; that was noticed, and it was revoked."""
    return _intercept_with(protocol, world, COPIED, REVOKED)


def with_the_stolen_key(protocol: Protocol, world: World) -> Loot:
    """The server's certificate and its key, and nobody knows yet."""
    return _intercept_with(protocol, world, STOLEN)


def with_the_stolen_authority(protocol: Protocol, world: World) -> Loot:
    """The CA's key: the attacker mints a certificate for the name that the client asks for."""
    return _intercept_with(protocol, world, STOLEN_CA)


def with_an_installed_root(protocol: Protocol, world: World) -> Loot:
    """The client has installed his software, and with it his root (Superfish, 2015; every inspecting proxy)."""
    return _intercept_with(protocol, world, BY_INSTALLED_ROOT, client=world.client_who_trusts_him())


def _intercept_with(protocol: Protocol, world: World, *kinds: Kind | None, client: Party | None = None) -> Loot:
    """Each kind in a conversation of its own, between client and server, until the client's data was read."""
    encounters, read, did = [], b"", "he has nothing to show"
    for kind in kinds:
        his = world.impostor(world.mint.credential(kind) if kind else None)
        try:
            facing = {Side.CLIENT: protocol.server(replace(his, name=None)), Side.SERVER: protocol.client(his)}
        except ValueError:  # this protocol cannot be spoken without a certificate
            continue
        interceptor = Interceptor(facing)
        ends = protocol.client(client or world.client), protocol.server(world.server)
        encounters.append(Encounter(world.converse(*ends, interceptor, world.lines)))
        read, did = bytes(interceptor.read[Side.CLIENT]), f"he stands between the two with {_named(kind)}"
        if read:
            break
    return Loot(tuple(encounters), read, did=did)


def _named(kind: Kind | None) -> str:
    return kind.attack if kind else "no certificate"


def impostor_client(protocol: Protocol, world: World) -> Loot:
    """Nobody is in between: he dials the server himself, and orders in the client's name."""
    encounters, did = [], ""
    for kind in (NOTHING, COPIED_CLIENT, SELF_SIGNED_CLIENT):
        his = world.impostor(world.mint.credential(kind) if kind else None)
        outcome = world.converse(protocol.client(his), protocol.server(world.server), lines=[(Side.CLIENT, HIS_ORDER)])
        encounters.append(Encounter(outcome, frozenset({Side.SERVER})))
        did = f"he dials the server himself, with {_named(kind)}"
        if outcome.server.delivered:
            break
    return Loot(tuple(encounters), did=did)
