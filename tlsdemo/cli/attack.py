"""`tlsdemo attack`: run one attack and show each step; `tlsdemo attacks` and `tlsdemo protocols`: the lists. EDGE."""

import json
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from secrets import randbelow

from pki.errors import ExitCode, Problem, did_you_mean
from tlsdemo import net
from tlsdemo.attack import catalogue
from tlsdemo.attack.catalogue import ATTACKS, Attack
from tlsdemo.attack.matrix import Trial, try_attack, undisturbed
from tlsdemo.attack.real_world import world
from tlsdemo.cli.protocol_options import chosen_group, left_out
from tlsdemo.compare import story
from tlsdemo.compare.protocols import NAMES, all_protocols, find, sentence
from tlsdemo.edu.effort import effort
from tlsdemo.edu.groups import is_undone
from tlsdemo.edu.logarithms import FORTY_BITS, discrete_log
from tlsdemo.protocol import Protection, Protocol
from tlsdemo.report.sequence import LEGEND, as_text
from tlsdemo.report.terminal import Screen

ALL_OF_IT = 16  # bytes of the secret


@dataclass(frozen=True)
class AttackOptions:
    """The options of the command."""

    attack: str
    on: Sequence[str]
    without: Sequence[str]
    group: str | None
    live: bool


def attack(settings: AttackOptions) -> int:
    """Run one attack on some protocols; the exit code is 1 if a prediction failed."""
    chosen = _attack(settings.attack)
    usual = ("ca", "tls") if settings.group is None else ("ca",)
    protocols = [_protocol(name, settings) for name in settings.on or usual]
    screen = Screen()
    screen.heading(f"Attack: {chosen.title}")
    screen.say(chosen.sentence)
    is_active = settings.group == "leaky" and chosen.id == "computed-secret"
    screen.say(f"({ACTIVE if is_active else chosen.threat}.)")
    if settings.live:
        screen.say("Live: client, attacker and server use two TCP connections on this machine.")
    surprises = False
    for protocol in protocols:
        people = world(protocol.key_type, ALL_OF_IT)
        if settings.live:
            people = replace(people, converse=net.converse_on_sockets)
        found = try_attack(chosen, protocol, people, undisturbed(protocol, people))
        _tell(found, screen, settings.group)
        surprises = surprises or found.is_surprise
    if settings.group == "40-bit":
        _extrapolate(screen)
    return ExitCode.NO if surprises else ExitCode.YES


ACTIVE = "RFC 3552 §3.3: active: in the group leaky, the attacker sends the server values of its own"


def _attack(name: str) -> Attack:
    try:
        return catalogue.find(name)
    except KeyError:
        hint = f"{did_you_mean(name, catalogue.BY_ID)}`tlsdemo attacks` lists them"
        raise Problem(f"unknown attack {name!r}", hint=hint, code=ExitCode.USAGE) from None


def _protocol(name: str, settings: AttackOptions) -> Protocol:
    missing = left_out(settings.without)
    group = None if settings.group is None else chosen_group(settings.group)
    if group and not (group.strong or is_undone(group) or settings.group == "leaky"):
        fact = f"no attack here computes secrets in the group {settings.group}, and it is not known to be strong"
        raise Problem(fact, hint="use --group 40-bit, smooth or leaky")
    if settings.group == "leaky":  # the attack needs a server that reuses its secret
        missing |= {Protection.FRESHNESS}
    try:
        return find(name, missing, group)
    except KeyError:
        hint = f"{did_you_mean(name, NAMES)}`tlsdemo protocols` lists them"
        raise Problem(f"unknown protocol {name!r}", hint=hint, code=ExitCode.USAGE) from None
    except ValueError as error:
        hint = "use --on ca or --on tls13: both can leave out every protection"
        raise Problem(f"{name} is not possible: {error}", hint=hint, code=ExitCode.USAGE) from None


def _tell(found: Trial, screen: Screen, group: str | None) -> None:
    screen.heading(f"on {found.protocol.name}")
    screen.say(sentence(found.protocol))
    if group == "leaky":
        screen.say(
            "Without freshness, the server here uses the same secret in every conversation: the attack needs that."
        )
    screen.say(f"Predicted: {found.predicted.word}. {story.why(found)}")
    if found.result is None:
        screen.good("Not run.")
        return
    screen.line("")
    for line in as_text(story.events(found)):
        screen.line(line)
    screen.say(LEGEND)
    for step in story.steps(found):
        screen.say(f"- {step}")
    screen.line("")
    if found.damage:
        screen.bad(f"The attack succeeds: {found.damage.sentence}.")
    else:
        screen.good("The attack is prevented.")
    for each in story.deciding(found):
        screen.show(each.readable, f"{each.meaning} ({each.section})")
        is_group = each is Protection.STRONG_GROUP and group is not None
        screen.show("", f"tlsdemo/edu/groups.py: {group}" if is_group else story.place(each, found.protocol))
    if not found.attack.stopped_by:
        screen.say(ANSWERS[found.attack.id])
    if found.is_surprise:
        screen.bad(f"The prediction was {found.predicted.word}: there is a fault in the claims or in the code.")


def _extrapolate(screen: Screen) -> None:
    """Measure a 40-bit logarithm, and extrapolate to longer groups."""
    begin = time.perf_counter()
    discrete_log(*FORTY_BITS, pow(2, randbelow(FORTY_BITS[0] - 1), FORTY_BITS[0]))
    seconds = time.perf_counter() - begin
    screen.heading("The cost of attacking a longer group")
    screen.say(f"40 bits: {seconds:.2g} seconds and a table of 2^20 entries (measured just now)")
    screen.say("A secret has at most 256 bits here, so the search does not grow with primes that are longer than that.")
    for bits in (512, 2048):
        screen.say(effort(bits, seconds))


ANSWERS = {
    "stolen-key": """Remedy: detect the theft, revoke the certificate, and use clients that check revocation (attack
        `revoked`). Short lifetimes limit the damage.""",
    "stolen-ca": """Remedy: key pinning. The client knows this server's key beforehand. The price: without a CA,
        a client that is not updated cannot connect after the server's key changes. Certificate Transparency makes such
        certificates visible in public logs (the logs in use follow RFC 6962).""",
    "installed-root": """Remedy: key pinning, or a check of the trust store. Most clients exempt roots that the user
        installed from pinning: an administrator who can install a root controls the machine in any case.""",
}


def attacks(as_json: bool) -> int:
    """Print the catalogue of attacks."""
    if as_json:
        listed = [
            {
                "id": each.id,
                "title": each.title,
                "sentence": each.sentence,
                "threat": each.threat,
                "stopped_by": [protection.readable for protection in each.stops],
            }
            for each in ATTACKS
        ]
        print(json.dumps({"schema": 2, "attacks": listed}, ensure_ascii=False))
        return ExitCode.YES
    for each in ATTACKS:
        stops = ", ".join(protection.readable for protection in each.stops)
        _entry(each.id, each.sentence, f"prevented by: {stops or 'no protection'}")
    return ExitCode.YES


def protocols(as_json: bool) -> int:
    """Print the protocols, and in JSON the protections that each claims."""
    if as_json:
        listed = [
            {
                "name": each.name,
                "sentence": sentence(each),
                "claims": [protection.readable for protection in Protection if protection in each.claims],
            }
            for each in all_protocols()
        ]
        print(json.dumps({"schema": 2, "protocols": listed}, ensure_ascii=False))
        return ExitCode.YES
    for each in all_protocols():
        _entry(each.name, sentence(each))
    print("\n`ca` and `tls13` can leave out every protection: `tlsdemo attack reordering --on tls13 --without order`.")
    print("\nThe protections, for --without; in an option, write a hyphen for a space, as in strong-group:\n")
    for protection in Protection:
        _entry(protection.readable, f"{protection.meaning} ({protection.section})")
    return ExitCode.YES


def _entry(name: str, *sentences: str) -> None:
    print(name)
    for text in sentences:
        print(textwrap.fill(text, 80, initial_indent="    ", subsequent_indent="    "))
