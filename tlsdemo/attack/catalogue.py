"""The attacks: each with the protections that stop it, and a function that runs it.

The prediction: an attack is prevented exactly when every protection in `stopped_by` is claimed and effective. The
measurement: `judge` examines what the function returns. If the protocol lacks a hook that the attack needs, the attack
is not applicable.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tlsdemo.attack import impostor, negotiation, passive, tampering
from tlsdemo.attack.judge import AttackResult
from tlsdemo.attack.world import World
from tlsdemo.credentials.kinds import COPIED, EXPIRED, OTHER_HOST, ROGUE, STOLEN, STOLEN_CA, Kind
from tlsdemo.protocol import Protection, Protocol


@dataclass(frozen=True)
class Attack:
    """One way to attack a conversation."""

    id: str
    title: str
    sentence: str
    threat: str
    """Its threat class (RFC 3552)."""
    stopped_by: frozenset[Protection]
    """The attack is prevented if all of them are effective. Empty: no protection prevents it."""
    run: Callable[[Protocol, World], AttackResult]
    needs: tuple[str, ...] = ()
    """Names of the hooks that the protocol must have."""
    joins: bool = False
    """Whether the attacker becomes a peer of the conversation without a stolen key."""
    presents: Kind | None = None
    """The credential to present in `tlsdemo mitm --attack`; None if the attack is not about a credential."""

    @property
    def stops(self) -> tuple[Protection, ...]:
        """`stopped_by`, in the order of Protection."""
        return tuple(each for each in Protection if each in self.stopped_by)

    @property
    def is_active(self) -> bool:
        """Whether the attacker sends or changes data, and has no stolen key."""
        return self.threat in (CHANGES, JOINS)

    def is_prevented(self, claims: frozenset[Protection]) -> bool:
        """The prediction: whether these claims prevent the attack, if it is applicable."""
        return bool(self.stopped_by) and all(protection.stands(claims) for protection in self.stopped_by)

    def lacks(self, protocol: Protocol) -> str | None:
        """The first hook that the attack needs and the protocol lacks; None if the attack is applicable."""
        return next((name for name in self.needs if getattr(protocol.hooks, name) is None), None)


P = Protection
LISTENS = "RFC 3552 §3.2: passive"
JOINS = "RFC 3552 §3.3.5: man in the middle"
CHANGES = "RFC 3552 §3.3: active"
COMES_LATER = "RFC 3552 §3.2: passive, and a key is stolen later"
QUANTUM = "RFC 3552 §3.2: passive, and a quantum computer is built later"
COMPROMISED = "outside RFC 3552 §3: an end system is compromised"
COMPROMISED_CA = "outside RFC 3552 §3: a CA that the client trusts is compromised"


def _attack(
    name: str,
    title: str,
    run: Callable[[Protocol, World], AttackResult],
    threat: str,
    *stopped_by: Protection,
    needs: tuple[str, ...] = (),
    joins: bool = False,
    presents: Kind | None = None,
) -> Attack:
    sentence = " ".join((run.__doc__ or "").split("\n\n")[0].split())
    return Attack(name, title, sentence, threat, frozenset(stopped_by), run, needs, joins, presents)


FRAMING = ("framing",)

ATTACKS = (
    _attack("eavesdropper", "eavesdropper", passive.eavesdrop, LISTENS, P.SECRECY, needs=FRAMING),
    _attack(
        "computed-secret", "computed secret", passive.compute_the_secret, LISTENS, P.STRONG_GROUP, needs=("reckon",)
    ),
    _attack(
        "recorded-today",
        "recorded today",
        passive.steal_the_key_tomorrow,
        COMES_LATER,
        P.FORWARD_SECRECY,
        needs=("decipher",),
    ),
    _attack(
        "quantum",
        "quantum computer",
        passive.compute_with_a_quantum_computer,
        QUANTUM,
        P.POST_QUANTUM,
        needs=("solve",),
    ),
    _attack("compression", "compression", tampering.watch_the_lengths, CHANGES, P.COMPRESSION_SAFETY, needs=FRAMING),
    _attack(
        "man-in-the-middle", "man in the middle", impostor.man_in_the_middle, JOINS, P.CHAIN, joins=True, presents=ROGUE
    ),
    _attack("copied-certificate", "copied certificate", impostor.with_a_copy, JOINS, P.POSSESSION, presents=COPIED),
    _attack("other-host", "other host", impostor.with_another_name, JOINS, P.NAME, presents=OTHER_HOST),
    _attack("expired", "expired certificate", impostor.with_an_expired_one, JOINS, P.VALIDITY, presents=EXPIRED),
    _attack("revoked", "revoked certificate", impostor.with_a_revoked_one, JOINS, P.REVOCATION),
    _attack("impostor-client", "impostor client", impostor.impostor_client, CHANGES, P.CLIENT_IDENTITY),
    _attack("downgrade", "downgrade", negotiation.downgrade, CHANGES, P.TRANSCRIPT, needs=("downgrades",)),
    _attack("renaming", "renamed server", negotiation.rename, CHANGES, P.TRANSCRIPT, needs=("rename",)),
    _attack("replay", "replay", negotiation.replay, CHANGES, P.FRESHNESS),
    _attack("bit-flip", "bit flip", tampering.flip_bits, CHANGES, P.INTEGRITY, needs=FRAMING),
    _attack(
        "padding-oracle",
        "padding oracle",
        tampering.ask_about_the_padding,
        CHANGES,
        P.SECRECY,
        P.INTEGRITY,
        needs=FRAMING,
    ),
    _attack("reordering", "reordering", tampering.reorder, CHANGES, P.ORDER),
    _attack("truncation", "truncation", tampering.truncate, CHANGES, P.CLOSURE, needs=FRAMING),
    _attack("reflection", "reflection", tampering.reflect, CHANGES, P.SECRECY, P.KEY_SEPARATION, needs=FRAMING),
    _attack("stolen-key", "stolen key", impostor.with_the_stolen_key, COMPROMISED, presents=STOLEN),
    _attack("stolen-ca", "stolen CA key", impostor.with_the_stolen_ca, COMPROMISED_CA, presents=STOLEN_CA),
    _attack("installed-root", "installed root", impostor.with_an_installed_root, COMPROMISED),
)

BY_ID: Mapping[str, Attack] = {attack.id: attack for attack in ATTACKS}
OLD_NAMES = {"stolen-authority": "stolen-ca"}


def find(name: str) -> Attack:
    """The attack with this id, or with this old name of one. Raises KeyError for other names."""
    return BY_ID[OLD_NAMES.get(name, name)]
