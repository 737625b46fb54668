"""The rungs: sets of protections, and the protocol that is built from a set.

Each rung adds one mechanism to the one before it, and with it the protections that it is good for. There is no second
list: what is claimed decides which parts are strong, and which are replaced by those of `edu.weak`.
"""

from collections.abc import Mapping
from dataclasses import replace

from tlsdemo.edu import eavesdropping
from tlsdemo.edu.authentication import CHECKS, judge
from tlsdemo.edu.framing import Lines, downgrade, rename
from tlsdemo.edu.handshake import CLIENT, SERVER, Client, Server, draw_random, draw_secret, prove
from tlsdemo.edu.key_agreement import Group, Hybrid
from tlsdemo.edu.key_schedule import transcript_hash, verify_data
from tlsdemo.edu.machine import Parts, Watch, nobody_watches
from tlsdemo.edu.records import CIPHERS, RecordChannel, Rules
from tlsdemo.edu.weak import TOGETHER, WEAK
from tlsdemo.edu.weak.clear import MADE_OF_A_KEY
from tlsdemo.protocol import Hooks, Party, Protection, Protocol, Side

PLAIN: frozenset[Protection] = frozenset()
MULTIPLY = PLAIN | MADE_OF_A_KEY  # secrecy, integrity, order, closure, key separation, transcript, freshness, ...
DH = MULTIPLY | {Protection.STRONG_GROUP, Protection.FORWARD_SECRECY}
SIGNED = DH | {Protection.POSSESSION}
CA = SIGNED | {Protection.CHAIN, Protection.NAME, Protection.VALIDITY, Protection.REVOCATION}
MUTUAL = CA | {Protection.CLIENT_IDENTITY}
HYBRID = MUTUAL | {Protection.POST_QUANTUM}

RUNGS: Mapping[str, frozenset[Protection]] = {
    "plain": PLAIN,
    "multiply": MULTIPLY,
    "dh": DH,
    "signed": SIGNED,
    "ca": CA,
    "mutual": MUTUAL,
    "hybrid": HYBRID,
}

STRONG = Parts(
    group=Hybrid(),
    secret=dict.fromkeys(Side, draw_secret),
    random=dict.fromkeys(Side, draw_random),
    client=CLIENT,
    server=SERVER,
    prove=dict.fromkeys(Side, prove),
    judge=judge,
    checks=frozenset(CHECKS),
    transcript_hash=transcript_hash,
    verify_data=verify_data,
    ciphers=CIPHERS,
    channel=RecordChannel,
    rules=Rules(),
    omitted=frozenset(),
)


def edu(claims: frozenset[Protection], *, group: Group | None = None, watch: Watch = nobody_watches) -> Protocol:
    """The educational handshake with these protections; ValueError for a group that does not go with them.

    `group` is what both reckon in; one that is not strong does not go with a claim of STRONG_GROUP.
    """
    parts = assemble(claims, group)
    rung = rung_of(claims)  # what the hello names: what one side leaves unchecked is its own affair

    def client(party: Party) -> Client:
        return Client(rung, parts, party, watch)

    def server(party: Party) -> Server:
        return Server(rung, parts, party, watch)

    recording = eavesdropping.Recording(parts)
    hooks = Hooks(
        framing=Lines(parts.rules.pack, parts.rules.unpack),
        downgrades=(downgrade,) if len(parts.ciphers) > 1 else None,
        rename=rename,
        reckon=recording.reckon,
        confine=recording.confine,
        decipher=recording.decipher,
        solve=recording.solve,
    )
    return Protocol(name_of(claims), claims, client, server, hooks, "educational")


def rung_of(claims: frozenset[Protection]) -> str:
    """The first rung that has all of them."""
    return next(name for name, full in RUNGS.items() if claims <= full)


def name_of(claims: frozenset[Protection]) -> str:
    """The rung, and what it does without: `ca without order`."""
    rung = rung_of(claims)
    missing = [each.readable for each in Protection if each in RUNGS[rung] - claims]
    return rung + (f" without {', '.join(missing)}" if missing else "")


def assemble(claims: frozenset[Protection], group: Group | None) -> Parts:
    """The strong parts, with a weak one in place of each that the claims do without."""
    missing = frozenset(Protection) - claims
    parts = STRONG
    for protection, weaken in WEAK.items():
        if protection in missing:
            parts = weaken(parts)
    for together, weaken in TOGETHER.items():
        if together <= missing:
            parts = weaken(parts)
    if group is None:
        return parts
    if Protection.SECRECY not in claims:
        raise ValueError("a rung that agrees on nothing takes no group")
    if not group.strong and Protection.STRONG_GROUP in claims:
        raise ValueError(f"{group.name} is not strong, and STRONG_GROUP is claimed")
    return replace(parts, group=group)
