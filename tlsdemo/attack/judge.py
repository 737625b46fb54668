"""Who has won? The judge looks at what the applications were handed, and at what the attacker brought home.

Broken is a conversation iff he has read the secret of this run; or an application was handed something that its peer
did not say, or said only once, or had not finished saying; or a side believes in another choice than the two would make
by themselves. Errors that come later change nothing: what was handed over was handed over.
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
    """One conversation, and which of its ends are honest."""

    outcome: Outcome
    honest: frozenset[Side] = BOTH


@dataclass(frozen=True)
class Loot:
    """What the attacker has in the end."""

    encounters: tuple[Encounter, ...] = ()
    read: bytes = b""
    """What he could read."""
    recovered: bytes = b""
    """What he found out of the secret, byte by byte from its beginning."""
    did: str = ""
    """What he did, in a sentence."""
    how: tuple[str, ...] = ()
    """What he saw, or how he reckoned, in sentences."""


@dataclass(frozen=True)
class Damage:
    """What he has achieved, in words, and in which conversation."""

    sentence: str
    encounter: Encounter | None


def damage(loot: Loot, world: World, control: Outcome) -> Damage | None:
    """What he has achieved; None if nothing. `control` is the same conversation without him."""
    return next(_damages(loot, world, control), None)


def _damages(loot: Loot, world: World, control: Outcome) -> Iterator[Damage]:
    last = loot.encounters[-1] if loot.encounters else None
    if world.secret in loot.read:
        yield Damage(f"he has read {quote(_line_with(world.secret, loot.read))}", last)
    if len(loot.recovered) >= world.depth and world.secret.startswith(loot.recovered):
        yield Damage(f"he has read {len(loot.recovered)} bytes of the secret: {quote(loot.recovered)}", last)
    for encounter in loot.encounters:
        for side in Side:
            if side in encounter.honest:
                for sentence in (*_handed(encounter, side), *_believed(encounter, side, control)):
                    yield Damage(sentence, encounter)


def _handed(encounter: Encounter, side: Side) -> Iterator[str]:
    end, peer = encounter.outcome[side], side.other
    said = b"".join(encounter.outcome.said[peer]) if peer in encounter.honest else b""
    if not said.startswith(end.delivered):
        yield f"the {side.value} was handed {quote(end.delivered)}, and the {peer.value} had not said that"
    elif end.ended and end.delivered != said:
        yield f"the {side.value} was told that {quote(end.delivered)} is all, and the {peer.value} had said more"


def _believed(encounter: Encounter, side: Side, control: Outcome) -> Iterator[str]:
    if not (encounter.outcome[side].accepted and side.other in encounter.honest):
        return
    honestly = control[side].negotiated
    for what, value in encounter.outcome[side].negotiated.items():
        if value != honestly.get(what, value):
            name = what.replace("_", " ")
            yield f"the {side.value} believes that the {name} is {value!r}; left alone it is {honestly[what]!r}"


def quote(data: bytes, most: int = 60) -> str:
    """Bytes for people: as text, shortened in the middle."""
    text = " / ".join(data.decode("utf-8", "backslashreplace").strip().splitlines())
    shown = text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"
    return ascii(shown) if not shown.isprintable() else f'"{shown}"'


def _line_with(secret: bytes, read: bytes) -> bytes:
    """The readable stretch around it."""
    found = re.search(rb"[ -~]*" + re.escape(secret) + rb"[ -~]*", read)
    return found[0] if found else secret
