"""The rungs: sets of protections, and the protocol that is built from a set.

Each rung adds one mechanism to the one before it, and with it the protections that it is good for. There is no second
list: what is claimed decides which parts are strong, and which are replaced by those of `edu.weak`.
"""

from collections.abc import Mapping
from dataclasses import replace

from tlsdemo.edu import overheard
from tlsdemo.edu.agreement import X25519, Group
from tlsdemo.edu.channel import Channel
from tlsdemo.edu.handshake import CLIENT, SERVER, Client, Server, prove
from tlsdemo.edu.machine import Parts, Watch, nobody_watches
from tlsdemo.edu.schedule import verify_data
from tlsdemo.edu.trust import CHECKS, judge
from tlsdemo.edu.weak import WEAK
from tlsdemo.edu.weak.clear import MADE_OF_A_KEY
from tlsdemo.protocol import Party, Protection, Protocol, Side

PLAIN: frozenset[Protection] = frozenset()
MULTIPLY = PLAIN | MADE_OF_A_KEY  # secrecy, integrity, order, closure, key separation, transcript, freshness
DH = MULTIPLY | {Protection.STRONG_GROUP, Protection.FORWARD_SECRECY}
SIGNED = DH | {Protection.POSSESSION}
CA = SIGNED | {Protection.CHAIN, Protection.NAME, Protection.VALIDITY, Protection.REVOCATION}
MUTUAL = CA | {Protection.CLIENT_IDENTITY}

RUNGS: Mapping[str, frozenset[Protection]] = {
    "plain": PLAIN,
    "multiply": MULTIPLY,
    "dh": DH,
    "signed": SIGNED,
    "ca": CA,
    "mutual": MUTUAL,
}

STRONG = Parts(
    group=X25519(),
    client=CLIENT,
    server=SERVER,
    prove=dict.fromkeys(Side, prove),
    judge=judge,
    checks=frozenset(CHECKS),
    verify_data=verify_data,
    channel=Channel,
    omitted=frozenset(),
)


def edu(claims: frozenset[Protection], *, group: Group | None = None, watch: Watch = nobody_watches) -> Protocol:
    """The educational handshake with these protections; ValueError for a set that cannot be built.

    `group` is what both reckon in; one that is not strong does not go with a claim of STRONG_GROUP.
    """
    parts = assemble(claims, group)
    rung = next(name for name, full in RUNGS.items() if claims <= full)

    def client(party: Party) -> Client:
        return Client(rung, parts, party, watch)

    def server(party: Party) -> Server:
        return Server(rung, parts, party, watch)

    missing = [each for each in Protection if each in RUNGS[rung] - claims]
    without = f" without {', '.join(each.readable for each in missing)}" if missing else ""
    return Protocol(rung + without, claims, client, server, overheard.read)


def assemble(claims: frozenset[Protection], group: Group | None) -> Parts:
    """The strong parts, with a weak one in place of each that the claims do without."""
    missing = set(Protection) - claims
    parts = STRONG
    for together, weaken in WEAK.items():
        if together <= missing:
            parts = weaken(parts)
            missing -= together
    if group is not None:
        if Protection.SECRECY not in claims:
            raise ValueError("a rung that agrees on nothing takes no group")
        if not group.strong and Protection.STRONG_GROUP in claims:
            raise ValueError(f"{group.name} is not strong, and STRONG_GROUP is claimed")
        parts = replace(parts, group=group)
        missing -= {Protection.STRONG_GROUP}
    if missing:
        raise ValueError(f"cannot be left out by itself: {', '.join(sorted(each.name for each in missing))}")
    return parts
