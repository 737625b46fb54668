"""Theory against measurement: every attack on every protocol, predicted from the claims, and run.

                  predicted: held               predicted: broken
    measured held     held, moot, unseen            SURPRISE
    broken            SURPRISE                      broken

A prediction that fails is a fault: of the code, of the claims, or of the theory. Not one of them may be left.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pki.keys import KeyType
from tlsdemo.attack.catalogue import ATTACKS, Attack
from tlsdemo.attack.judge import Damage, Loot, damage
from tlsdemo.attack.passive import talk
from tlsdemo.attack.world import World
from tlsdemo.conversation import Outcome
from tlsdemo.protocol import Protocol

Worlds = Callable[[KeyType], World]


class CellResult(Enum):
    """How a cell came out: a word, a sign for tables, and what it means."""

    HELD = "held", "✓", "the attack was run and failed"
    BROKEN = "broken", "✗", "the attack was run and succeeded"
    MOOT = "moot", "~", "the attack failed, but the same attacker can be the man in the middle here and read everything"
    UNSEEN = (
        "held, never seen to win here",
        "·",
        "the attack failed here, and succeeded on none of this family that was run",
    )
    NOT_APPLICABLE = "not applicable", "–", "the attack was not run: the protocol gives it nothing to work with"

    def __init__(self, word: str, sign: str, meaning: str) -> None:
        self.word = word
        self.sign = sign
        self.meaning = meaning


@dataclass(frozen=True)
class Duel:
    """One attack on one protocol: what was predicted, and what came of it."""

    attack: Attack
    protocol: Protocol
    loot: Loot | None
    """None where the attack is not applicable."""
    damage: Damage | None = None
    """None where it was held."""

    @property
    def predicted(self) -> CellResult:
        """From the claims alone."""
        if self.attack.lacks(self.protocol):
            return CellResult.NOT_APPLICABLE
        return CellResult.HELD if self.attack.is_held(self.protocol.claims) else CellResult.BROKEN

    @property
    def measured(self) -> CellResult:
        """From what happened alone."""
        if self.loot is None:
            return CellResult.NOT_APPLICABLE
        return CellResult.BROKEN if self.damage else CellResult.HELD

    @property
    def is_surprise(self) -> bool:
        """Whether theory and measurement disagree."""
        return self.predicted is not self.measured


def duel(attack: Attack, protocol: Protocol, world: World, control: Outcome) -> Duel:
    """Run it, with a secret of its own; `control` is the conversation without an attacker."""
    if attack.lacks(protocol):
        return Duel(attack, protocol, None)
    world = world.again()
    loot = attack.run(protocol, world)
    return Duel(attack, protocol, loot, damage(loot, world, control))


def undisturbed(protocol: Protocol, world: World) -> Outcome:
    """The conversation without an attacker; ValueError if it goes wrong by itself: then no attack shows anything."""
    control = talk(protocol, world)
    for side, end in (("client", control.client), ("server", control.server)):
        if end.error or not (end.accepted and end.ended):
            raise ValueError(f"{protocol}: left alone, the {side} does not come to an end: {end.error}")
    return control


@dataclass(frozen=True)
class Matrix:
    """All duels of some attacks and some protocols."""

    attacks: Sequence[Attack]
    protocols: Sequence[Protocol]
    duels: Mapping[tuple[str, str], Duel]
    """By the attack's id and the protocol's name."""
    joined: frozenset[str]
    """Names of protocols in which anybody may be the man in the middle."""

    def __getitem__(self, cell: tuple[Attack, Protocol]) -> Duel:
        attack, protocol = cell
        return self.duels[attack.id, protocol.name]

    def verdict(self, attack: Attack, protocol: Protocol) -> CellResult:
        """The measurement, and of what is held whether that means anything."""
        measured = self[attack, protocol].measured
        if measured is not CellResult.HELD:
            return measured
        if attack.is_active and protocol.name in self.joined:
            return CellResult.MOOT
        family = [each for each in self.protocols if each.family == protocol.family]
        won = any(self[attack, each].measured is CellResult.BROKEN for each in family)
        return CellResult.HELD if won else CellResult.UNSEEN

    @property
    def surprises(self) -> list[Duel]:
        """Where theory and measurement disagree."""
        return [duel for duel in self.duels.values() if duel.is_surprise]

    @property
    def counts(self) -> Mapping[CellResult, int]:
        """How many cells came out how."""
        found = Counter(self.verdict(attack, protocol) for attack in self.attacks for protocol in self.protocols)
        return {verdict: found[verdict] for verdict in CellResult}


def measure(
    protocols: Sequence[Protocol],
    worlds: Worlds,
    attacks: Sequence[Attack] = ATTACKS,
) -> Matrix:
    """Run every attack on every protocol."""
    duels: dict[tuple[str, str], Duel] = {}
    joined = set()
    for protocol in protocols:
        world = worlds(protocol.key_type)
        control = undisturbed(protocol, world)
        for attack in attacks:
            duels[attack.id, protocol.name] = duel(attack, protocol, world, control)
        if any(_wins(attack, protocol, duels, world, control) for attack in ATTACKS if attack.joins):
            joined.add(protocol.name)
    return Matrix(attacks, protocols, duels, frozenset(joined))


def _wins(
    attack: Attack,
    protocol: Protocol,
    duels: Mapping[tuple[str, str], Duel],
    world: World,
    control: Outcome,
) -> bool:
    found = duels.get((attack.id, protocol.name)) or duel(attack, protocol, world, control)
    return found.measured is CellResult.BROKEN
