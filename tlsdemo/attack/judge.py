"""Whether an attack succeeded, judged by the data that the applications received and the data that the attacker read.

An attack succeeds exactly if one of these is true:
- The attacker read the secret of this run.
- An application received data that its peer did not send, sent only once, or had not finished.
- A side accepted another negotiation result than the two sides reach without the attacker.
A later error changes nothing: the application already has the data.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tlsdemo.attack.world import World
from tlsdemo.conversation import Outcome
from tlsdemo.protocol import Side

BOTH = frozenset(Side)


@dataclass(frozen=True)
class Encounter:
    """One conversation, and the sides in it that are honest."""

    outcome: Outcome
    honest: frozenset[Side] = BOTH


@dataclass(frozen=True)
class AttackResult:
    """The result of an attack."""

    encounters: tuple[Encounter, ...] = ()
    read: bytes = b""
    """The data that the attacker could read."""
    recovered: bytes = b""
    """The beginning of the secret, if the attacker recovered it byte by byte."""
    did: str = ""
    """What the attacker did: a clause without its subject, for the attacker's lane of a diagram."""
    how: tuple[str, ...] = ()
    """What the attacker saw or computed, in sentences."""


@dataclass(frozen=True)
class Damage:
    """What the attack achieved, in words, and the conversation in which it did."""

    sentence: str
    encounter: Encounter | None


def damage(result: AttackResult, world: World, control: Outcome) -> Damage | None:
    """What the attack achieved; None if it failed. `control` is the same conversation without the attacker."""
    return next(_damages(result, world, control), None)


def _damages(result: AttackResult, world: World, control: Outcome) -> Iterator[Damage]:
    last = result.encounters[-1] if result.encounters else None
    if world.secret in result.read:
        yield Damage(f"the attacker read {quote(_line_with(world.secret, result.read))}", last)
    if len(result.recovered) >= world.depth and world.secret.startswith(result.recovered):
        yield Damage(
            f"the attacker recovered {len(result.recovered)} bytes of the secret: {quote(result.recovered)}", last
        )
    for encounter in result.encounters:
        for side in Side:
            if side in encounter.honest:
                for sentence in (*_handed(encounter, side), *_believed(encounter, side, control)):
                    yield Damage(sentence, encounter)


def _handed(encounter: Encounter, side: Side) -> Iterator[str]:
    end, peer = encounter.outcome[side], side.other
    said = b"".join(encounter.outcome.said[peer]) if peer in encounter.honest else b""
    if not said.startswith(end.delivered):
        yield f"the {side.value} received {quote(end.delivered)}, which the {peer.value} did not send"
    elif end.ended and end.delivered != said:
        yield f"the {side.value} accepted {quote(end.delivered)} as complete, but the {peer.value} sent more"


def _believed(encounter: Encounter, side: Side, control: Outcome) -> Iterator[str]:
    if not (encounter.outcome[side].accepted and side.other in encounter.honest):
        return
    honestly = control[side].negotiated
    for what, value in encounter.outcome[side].negotiated.items():
        if value != honestly.get(what, value):
            name = what.replace("_", " ")
            yield f"the {side.value} accepted {value!r} as the {name}; without the attacker it is {honestly[what]!r}"


def quote(data: bytes, most: int = 60) -> str:
    """Bytes as quoted text, shortened in the middle to about `most` characters."""
    text = " / ".join(data.decode("utf-8", "backslashreplace").strip().splitlines())
    shown = text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"
    return ascii(shown) if not shown.isprintable() else f'"{shown}"'


def _line_with(secret: bytes, read: bytes) -> bytes:
    """The printable text around the secret."""
    found = re.search(rb"[ -~]*" + re.escape(secret) + rb"[ -~]*", read)
    return found[0] if found else secret
