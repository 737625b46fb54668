"""Attackers that impersonate the server to the client, or the client to the server (RFC 3552 §3.3.5)."""

from dataclasses import replace

from tlsdemo.attack.interceptor import Interceptor
from tlsdemo.attack.judge import AttackResult, Encounter
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

FORGED_ORDER = b"PAY 9999 to Mallory\n"
NOTHING = None
"""No certificate: some protocols require none. The attacks below try COPIED first, which is enough if the protocol
requires no proof of possession.
"""


def man_in_the_middle(protocol: Protocol, world: World) -> AttackResult:
    """The attacker runs one handshake with the client and another with the server. It has no stolen key.

    It tries no certificate, a copied, a self-signed and a rogue one, and one signed with a key that is not a CA's.
    """
    return _intercept_with(protocol, world, NOTHING, COPIED, SELF_SIGNED, ROGUE, LEAF_AS_CA)


def with_a_copy(protocol: Protocol, world: World) -> AttackResult:
    """The attacker presents a copy of the server's certificate, which is public, without its private key."""
    return _intercept_with(protocol, world, COPIED)


def with_another_name(protocol: Protocol, world: World) -> AttackResult:
    """The attacker presents a valid certificate that the CA issued for another host: the attacker's own."""
    return _intercept_with(protocol, world, COPIED, OTHER_HOST)


def with_an_expired_one(protocol: Protocol, world: World) -> AttackResult:
    """The attacker presents an expired certificate of the server, and has its private key."""
    return _intercept_with(protocol, world, COPIED, EXPIRED)


def with_a_revoked_one(protocol: Protocol, world: World) -> AttackResult:
    """The attacker presents a certificate of the server that was revoked because its private key was stolen."""
    return _intercept_with(protocol, world, COPIED, REVOKED)


def with_the_stolen_key(protocol: Protocol, world: World) -> AttackResult:
    """The attacker presents the server's certificate and has its private key. The theft was not noticed."""
    return _intercept_with(protocol, world, STOLEN)


def with_the_stolen_ca(protocol: Protocol, world: World) -> AttackResult:
    """The attacker has the CA's private key, and signs a certificate for the name that the client asks for."""
    return _intercept_with(protocol, world, STOLEN_CA)


def with_an_installed_root(protocol: Protocol, world: World) -> AttackResult:
    """The client trusts the attacker's root CA, which was installed with other software (Superfish, 2015)."""
    return _intercept_with(protocol, world, BY_INSTALLED_ROOT, client=world.client_with_installed_root())


def _intercept_with(protocol: Protocol, world: World, *kinds: Kind | None, client: Party | None = None) -> AttackResult:
    """Try each kind in a conversation of its own, until the attacker has read the client's data."""
    encounters, read, did = [], b"", "has no certificate to present"
    for kind in kinds:
        own = world.impostor(world.mint.credential(kind) if kind else None)
        try:
            facing = {Side.CLIENT: protocol.server(replace(own, name=None)), Side.SERVER: protocol.client(own)}
        except ValueError:  # this protocol cannot be spoken without a certificate
            continue
        interceptor = Interceptor(facing)
        ends = protocol.client(client or world.client), protocol.server(world.server)
        encounters.append(Encounter(world.converse(*ends, interceptor, world.lines)))
        read, did = bytes(interceptor.read[Side.CLIENT]), f"relays between client and server with {_named(kind)}"
        if read:
            break
    return AttackResult(tuple(encounters), read, did=did)


def _named(kind: Kind | None) -> str:
    return kind.attack if kind else "no certificate"


def impostor_client(protocol: Protocol, world: World) -> AttackResult:
    """The attacker connects to the server itself, and sends an order in the client's name."""
    encounters, did = [], ""
    for kind in (NOTHING, COPIED_CLIENT, SELF_SIGNED_CLIENT):
        own = world.impostor(world.mint.credential(kind) if kind else None)
        outcome = world.converse(
            protocol.client(own), protocol.server(world.server), lines=[(Side.CLIENT, FORGED_ORDER)]
        )
        encounters.append(Encounter(outcome, frozenset({Side.SERVER})))
        did = f"connects to the server with {_named(kind)}"
        if outcome.server.delivered:
            break
    return AttackResult(tuple(encounters), did=did)
