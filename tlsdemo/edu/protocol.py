"""The rungs of the educational handshake, and the Protocol that is built from a set of protections.

Each rung is the rung below it plus one mechanism, and claims what that mechanism provides. Read as far as you like: a
rung needs nothing of those that follow it.

    plain -> multiply -> dh -> signed -> ca -> mutual -> hybrid

The claims configure: `edu` takes the lowest rung that has all of them, and replaces a part by a weak one (`edu.weak`)
for each protection that this rung has and the claims leave out.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tlsdemo.driver import Watch, no_watch
from tlsdemo.edu import eavesdropping
from tlsdemo.edu.framing import Lines, downgrade, rename
from tlsdemo.edu.handshake import (
    CLIENT,
    CLIENT_READS_CERTIFICATE,
    SERVER,
    SERVER_READS_CERTIFICATE,
    Client,
    Server,
    draw_random,
    draw_secret,
    present_certificate,
    sign_transcript,
)
from tlsdemo.edu.key_schedule import transcript_hash, verify_data
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.records import CIPHERS, RecordChannel, Rules
from tlsdemo.edu.weak import leave_out
from tlsdemo.edu.weak.certificate import believe
from tlsdemo.edu.weak.clear import CLEAR, OMITTED, ClearChannel, no_hash, no_random, no_secret, no_verify_data
from tlsdemo.key_agreement import X25519, Group, Hybrid, Multiplication, Nothing
from tlsdemo.protocol import Hooks, Party, Protection, Protocol, Side
from tlsdemo.trust import CHECKS, judge

Claims = frozenset[Protection]

# The rungs ----------------------------------------------------------------------------------------------------------

PLAIN: Claims = frozenset()


def plain() -> Parts:
    """Lines of JSON in the clear: ClientHello, ServerHello and Finished with nothing to agree on in them."""
    return Parts(
        group=Nothing(),
        secret=dict.fromkeys(Side, no_secret),
        random=dict.fromkeys(Side, no_random),
        client=CLIENT,
        server=SERVER,
        prove=dict.fromkeys(Side, ()),
        judge=believe,
        checks=frozenset(),
        transcript_hash=no_hash,
        verify_data=no_verify_data,
        ciphers=CLEAR,
        channel=ClearChannel,
        rules=Rules(),
        omitted=OMITTED,
    )


MULTIPLY = PLAIN | {
    Protection.SECRECY,
    Protection.COMPRESSION_SAFETY,
    Protection.INTEGRITY,
    Protection.ORDER,
    Protection.CLOSURE,
    Protection.KEY_SEPARATION,
    Protection.TRANSCRIPT,
    Protection.FRESHNESS,
}


def multiply() -> Parts:
    """Adds a shared secret, and all that is made from it: keys, records and the check value in Finished.

    The secret is a product. An eavesdropper divides and has it, too.
    """
    return replace(
        plain(),
        group=Multiplication(),
        secret=dict.fromkeys(Side, draw_secret),
        random=dict.fromkeys(Side, draw_random),
        transcript_hash=transcript_hash,
        verify_data=verify_data,
        ciphers=CIPHERS,
        channel=RecordChannel,
        omitted=frozenset(),
    )


DH = MULTIPLY | {Protection.STRONG_GROUP, Protection.FORWARD_SECRECY}


def dh() -> Parts:
    """Replaces the multiplication by Diffie-Hellman: an eavesdropper cannot compute the secret (RFC 7748)."""
    return replace(multiply(), group=X25519())


SIGNED = DH | {Protection.POSSESSION}


def signed() -> Parts:
    """Adds the server's certificate, and its signature over the handshake. The client accepts any certificate."""
    return replace(
        dh(),
        client=CLIENT_READS_CERTIFICATE,
        prove={Side.CLIENT: (), Side.SERVER: (present_certificate, sign_transcript)},
    )


CA = SIGNED | {Protection.CHAIN, Protection.NAME, Protection.VALIDITY, Protection.REVOCATION}


def ca() -> Parts:
    """Adds the checks of the certificate: path to a trust anchor, name, validity, revocation (RFC 5280, RFC 9525)."""
    return replace(signed(), judge=judge, checks=frozenset(CHECKS))


MUTUAL = CA | {Protection.CLIENT_IDENTITY}


def mutual() -> Parts:
    """Adds the client's certificate and signature, which the server checks in the same way."""
    return replace(
        ca(),
        server=SERVER_READS_CERTIFICATE,
        prove=dict.fromkeys(Side, (present_certificate, sign_transcript)),
    )


HYBRID = MUTUAL | {Protection.POST_QUANTUM}


def hybrid() -> Parts:
    """Adds ML-KEM-768 to X25519: the secret needs both, so that discrete logarithms alone do not give it."""
    return replace(mutual(), group=Hybrid())


RUNGS: Mapping[str, Claims] = {
    "plain": PLAIN,
    "multiply": MULTIPLY,
    "dh": DH,
    "signed": SIGNED,
    "ca": CA,
    "mutual": MUTUAL,
    "hybrid": HYBRID,
}
"""What each rung claims, by its name, from the lowest to the highest."""

BUILDERS: Mapping[str, Callable[[], Parts]] = {
    each.__name__: each for each in (plain, multiply, dh, signed, ca, mutual, hybrid)
}
"""What each rung is built of, by its name."""

# From claims to a protocol ------------------------------------------------------------------------------------------


def edu(claims: Claims, *, group: Group | None = None, watch: Watch = no_watch) -> Protocol:
    """The educational handshake with these protections, as a Protocol.

    `group` takes the place of the rung's own group. ValueError for a group that does not go with the claims.
    """
    parts = assemble(claims, group)
    rung = rung_of(claims)  # the hellos name the rung: the peer need not know what this side leaves unchecked

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


def rung_of(claims: Claims) -> str:
    """The name of the lowest rung that has all of these protections."""
    return next(name for name, full in RUNGS.items() if claims <= full)


def name_of(claims: Claims) -> str:
    """The rung and what is left out of it: `ca without order`."""
    rung = rung_of(claims)
    missing = [each.readable for each in Protection if each in RUNGS[rung] - claims]
    return rung + (f" without {', '.join(missing)}" if missing else "")


def assemble(claims: Claims, group: Group | None) -> Parts:
    """The parts of the lowest rung that has these protections, without those that the rung has beyond them.

    ValueError for a group that does not go with the claims.
    """
    rung = rung_of(claims)
    parts = _leave_out(RUNGS[rung] - claims, BUILDERS[rung]())
    if group is None:
        return parts
    if Protection.SECRECY not in claims:
        raise ValueError("a rung that agrees on nothing takes no group")
    if not group.strong and Protection.STRONG_GROUP in claims:
        raise ValueError(f"{group.name} is not strong, and STRONG_GROUP is claimed")
    return replace(parts, group=group)


BY_KEY = MULTIPLY - PLAIN
BY_CERTIFICATE = CA - DH
"""What a side has as soon as it shares keys with its peer; what it has from its peer's certificate."""


def _leave_out(missing: Claims, parts: Parts) -> Parts:
    """Weak parts for the missing protections. Where all that a rung added is missing, the parts of the rung below."""
    parts = leave_out(missing, parts)
    if missing >= BY_CERTIFICATE:  # `mutual` and `hybrid` then present no certificate
        below = dh()
        parts = replace(parts, client=below.client, server=below.server, prove=below.prove)
    if missing >= BY_KEY:  # only certificates are left, on an open line
        parts = replace(
            plain(),
            client=parts.client,
            server=parts.server,
            prove=parts.prove,
            judge=parts.judge,
            checks=parts.checks,
        )
    return parts
