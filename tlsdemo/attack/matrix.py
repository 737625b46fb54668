"""Every attack on every protocol: the result predicted from the claims, and the result measured by running it.

                        predicted: prevented            predicted: succeeds
    measured: prevented     prevented (or moot)             SURPRISE
    measured: succeeds      SURPRISE                        succeeds

A surprise is a fault of the code, of the claims or of the theory. The tests allow none.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pki.keys import KeyType
from tlsdemo.attack.catalogue import ATTACKS, Attack
from tlsdemo.attack.judge import AttackResult, Damage, damage
from tlsdemo.attack.passive import talk
from tlsdemo.attack.world import World
from tlsdemo.conversation import Outcome
from tlsdemo.protocol import Protocol

Worlds = Callable[[KeyType], World]


class CellResult(Enum):
    """The result of a cell: a word, a sign for tables, and the meaning."""

    PREVENTED = "prevented", "✓", "the attack was run and failed"
    SUCCEEDS = "succeeds", "✗", "the attack was run and succeeded"
    MOOT = "moot", "~", "the attack failed, but the same attacker can be the man in the middle here and read everything"
    PREVENTED_EVERYWHERE = (
        "prevented everywhere",
        "·",
        "the attack failed on every protocol of this family in this run: no success to compare with",
    )
    NOT_APPLICABLE = "not applicable", "–", "the attack was not run: the protocol lacks what the attack works on"

    def __init__(self, word: str, sign: str, meaning: str) -> None:
        self.word = word
        self.sign = sign
        self.meaning = meaning


@dataclass(frozen=True)
class Trial:
    """One attack on one protocol: the prediction and the measurement."""

    attack: Attack
    protocol: Protocol
    result: AttackResult | None
    """None if the attack is not applicable."""
    damage: Damage | None = None
    """None if the attack failed."""

    @property
    def predicted(self) -> CellResult:
        """The result predicted from the claims."""
        if self.attack.lacks(self.protocol):
            return CellResult.NOT_APPLICABLE
        return CellResult.PREVENTED if self.attack.is_prevented(self.protocol.claims) else CellResult.SUCCEEDS

    @property
    def measured(self) -> CellResult:
        """The result of running the attack."""
        if self.result is None:
            return CellResult.NOT_APPLICABLE
        return CellResult.SUCCEEDS if self.damage else CellResult.PREVENTED

    @property
    def is_surprise(self) -> bool:
        """Whether prediction and measurement differ."""
        return self.predicted is not self.measured


def try_attack(attack: Attack, protocol: Protocol, world: World, control: Outcome) -> Trial:
    """Run the attack with a new secret. `control` is the conversation without an attacker."""
    if attack.lacks(protocol):
        return Trial(attack, protocol, None)
    world = world.again()
    result = attack.run(protocol, world)
    return Trial(attack, protocol, result, damage(result, world, control))


def undisturbed(protocol: Protocol, world: World) -> Outcome:
    """The conversation without an attacker. ValueError if it fails: then an attack would prove nothing."""
    control = talk(protocol, world)
    for side, end in (("client", control.client), ("server", control.server)):
        if end.error or not (end.accepted and end.ended):
            raise ValueError(f"{protocol}: the {side} does not finish a conversation without an attacker: {end.error}")
    return control


@dataclass(frozen=True)
class Matrix:
    """All trials of some attacks and some protocols."""

    attacks: Sequence[Attack]
    protocols: Sequence[Protocol]
    trials: Mapping[tuple[str, str], Trial]
    """By the attack's id and the protocol's name."""
    joined: frozenset[str]
    """Names of the protocols in which a man in the middle without a stolen key succeeds."""

    def __getitem__(self, cell: tuple[Attack, Protocol]) -> Trial:
        attack, protocol = cell
        return self.trials[attack.id, protocol.name]

    def verdict(self, attack: Attack, protocol: Protocol) -> CellResult:
        """The measurement; a prevented attack may be moot, or prevented on the whole family."""
        measured = self[attack, protocol].measured
        if measured is not CellResult.PREVENTED:
            return measured
        if attack.is_active and protocol.name in self.joined:
            return CellResult.MOOT
        family = [each for each in self.protocols if each.family == protocol.family]
        won = any(self[attack, each].measured is CellResult.SUCCEEDS for each in family)
        return CellResult.PREVENTED if won else CellResult.PREVENTED_EVERYWHERE

    @property
    def surprises(self) -> list[Trial]:
        """The trials whose prediction and measurement differ."""
        return [trial for trial in self.trials.values() if trial.is_surprise]

    @property
    def counts(self) -> Mapping[CellResult, int]:
        """The number of cells by result."""
        found = Counter(self.verdict(attack, protocol) for attack in self.attacks for protocol in self.protocols)
        return {verdict: found[verdict] for verdict in CellResult}


def measure(
    protocols: Sequence[Protocol],
    worlds: Worlds,
    attacks: Sequence[Attack] = ATTACKS,
) -> Matrix:
    """Run every attack on every protocol."""
    trials: dict[tuple[str, str], Trial] = {}
    joined = set()
    for protocol in protocols:
        world = worlds(protocol.key_type)
        control = undisturbed(protocol, world)
        for attack in attacks:
            trials[attack.id, protocol.name] = try_attack(attack, protocol, world, control)
        if any(_succeeds(attack, protocol, trials, world, control) for attack in ATTACKS if attack.joins):
            joined.add(protocol.name)
    return Matrix(attacks, protocols, trials, frozenset(joined))


def _succeeds(
    attack: Attack,
    protocol: Protocol,
    trials: Mapping[tuple[str, str], Trial],
    world: World,
    control: Outcome,
) -> bool:
    found = trials.get((attack.id, protocol.name)) or try_attack(attack, protocol, world, control)
    return found.measured is CellResult.SUCCEEDS
