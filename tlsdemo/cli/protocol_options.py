"""From options to a protocol: rung, group, cipher suite, protections. EDGE."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_bytes

from cryptography import x509

from pki import Credential
from pki.errors import ExitCode, Problem, did_you_mean
from tlsdemo.cli.protocol_names import TLS as TLS
from tlsdemo.cli.protocol_names import TLS13 as TLS13
from tlsdemo.cli.target import Wants
from tlsdemo.compare.protocols import protection
from tlsdemo.driver import Watch, no_watch
from tlsdemo.edu.groups import NAMES, parse
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.key_agreement import Group, Multiplication
from tlsdemo.protocol import Party, Protection, Protocol, Side
from tlsdemo.tls13.machine import Log, no_log
from tlsdemo.tls13.protocol import ALL, name_of, strong, tls13
from tlsdemo.tls13.weak import leave_out

STORY = {Side.CLIENT: 5, Side.SERVER: 7}  # the secrets of the story; 300 is the base

Claims = frozenset[Protection]

MULTIPLYING = [name for name, has in RUNGS.items() if Protection.SECRECY in has and Protection.STRONG_GROUP not in has]
"""The rungs with --story."""
TAKE_GROUP = [
    name for name, has in RUNGS.items() if Protection.STRONG_GROUP in has and Protection.POST_QUANTUM not in has
]
"""The rungs with --group."""


def _use(rungs: Sequence[str]) -> str:
    """A hint: `use --protocol dh, signed or ca`."""
    *others, last = rungs
    return f"use --protocol {', '.join(others)}{' or ' if others else ''}{last}"


def rung(name: str, without: Sequence[str] = ()) -> Claims:
    """The protections of a rung, or of tls13, without those in `without`. Raises Problem for one that it lacks."""
    missing = left_out(without)
    if name == TLS13:
        return ALL - missing
    if unknown := [each.readable for each in Protection if each in missing - RUNGS[name]]:
        fact = f"--protocol {name} does not have the protection {', '.join(unknown)}"
        able = [each for each, claims in RUNGS.items() if missing <= claims]
        hint = _use(able) if able else "`tlsdemo protocols --json` lists those of each"
        raise Problem(fact, hint=hint, code=ExitCode.USAGE)
    return RUNGS[name] - missing


def left_out(options: Sequence[str]) -> Claims:
    """The protections in the values of `--without`, each a list separated by commas. Raises Problem for others."""
    try:
        return frozenset(protection(each) for option in options for each in option.split(","))
    except KeyError as error:
        wrong = str(error.args[0]).lower().replace("_", " ")
        alike = did_you_mean(wrong, [each.readable for each in Protection])
        hint = f"{alike}`tlsdemo protocols` lists the protections"
        raise Problem(f"unknown protection {wrong!r}", hint=hint, code=ExitCode.USAGE) from None


def agrees_with_its_certificate(claims: Claims) -> bool:
    """Whether the server's secret is the private key of its certificate, even if it does not present that."""
    return Protection.STRONG_GROUP in claims and Protection.FORWARD_SECRECY not in claims


def forbid_for_tls(*, group: str | None, story: bool, without: Sequence[str] = ()) -> None:
    """Raise Problem for options of the educational handshake that are given for TLS."""
    if without:
        fact = "--without does not work with --protocol tls"
        evidence = "OpenSSL can leave out few protections"
        hint = "use --protocol tls13 or ca, for example; `tlsdemo protocols` lists the protections"
        raise Problem(fact, evidence, hint=hint, code=ExitCode.USAGE)
    for given, option, able in ((group, "--group", [*TAKE_GROUP, TLS13]), (story, "--story", MULTIPLYING)):
        if given:
            raise Problem(
                f"{option} does not work with --protocol tls",
                "OpenSSL chooses the group and draws the secrets",
                hint=_use(able),
                code=ExitCode.USAGE,
            )


def educational(claims: Claims, side: Side, *, group: str | None, story: bool, watch: Watch = no_watch) -> Protocol:
    """The protocol for one side. Raises Problem if the group is not possible with these claims."""
    chosen = _group(claims, side, group, story)
    if chosen and not chosen.strong:
        claims -= {Protection.STRONG_GROUP}
    return edu(claims, group=chosen, watch=watch)


def _group(claims: Claims, side: Side, group: str | None, story: bool) -> Group | None:
    agrees = Protection.SECRECY in claims
    multiplies = agrees and Protection.STRONG_GROUP not in claims
    if story and not multiplies:
        raise Problem("--story works with --protocol multiply only", hint=_use(MULTIPLYING), code=ExitCode.USAGE)
    if group is None:
        return Multiplication(secret=STORY[side]) if story else None
    if not agrees or multiplies or Protection.POST_QUANTUM in claims:
        fact = "it multiplies" if multiplies else "it has no key agreement"
        fact = fact if multiplies or not agrees else "it has a group of its own, X25519 with ML-KEM-768"
        raise Problem(f"--group is not possible on this rung: {fact}", hint=_use(TAKE_GROUP), code=ExitCode.USAGE)
    return chosen_group(group)


def forbid_choices(protocol: str, cipher: str | None, alpn: str | None) -> None:
    """Raise Problem for options of tls13 that are given for another protocol."""
    for given, option in ((cipher, "--cipher"), (alpn, "--alpn")):
        if given is not None and protocol != TLS13:
            fact = f"{option} works with --protocol tls13 only"
            raise Problem(fact, hint=f"use --protocol tls13, or leave out {option}", code=ExitCode.USAGE)


def own_tls(
    claims: Claims,
    *,
    group: str | None = None,
    cipher: str | None = None,
    alpn: str | None = None,
    story: bool = False,
    log: Log = no_log,
    tickets: int = 0,
) -> Protocol:
    """TLS 1.3 of our own. Raises Problem for a group or cipher suite that is unknown, or that the claims exclude."""
    if story:
        raise Problem("--story works with --protocol multiply only", hint=_use(MULTIPLYING), code=ExitCode.USAGE)
    possible = leave_out(ALL - claims, strong())
    groups = _numbers(group, "--group", {number: each.name for number, each in possible.groups.items()})
    suites = _numbers(cipher, "--cipher", {number: each.name for number, each in possible.suites.items()})
    protocols = alpn.split(",") if alpn is not None else []
    for each in protocols:
        if not (0 < len(each) < 256 and each.isascii() and each.isprintable()):
            hint = "for example --alpn http/1.1; several are separated by commas"
            fact = f"--alpn {each!r} is not the name of a protocol: 1 to 255 ASCII characters"
            raise Problem(fact, hint=hint, code=ExitCode.USAGE)
    made = tls13(claims, groups=groups, suites=suites, protocols=protocols, tickets=tickets, log=log)
    # A client certificate that is not asked for is not a protection that was removed.
    return replace(made, name=name_of(claims | {Protection.CLIENT_IDENTITY}))


def _numbers(given: str | None, option: str, names: Mapping[int, str]) -> list[int]:
    """The numbers of the names in an option, which are separated by commas; [] if it was not given."""
    by_name = {name.lower(): number for number, name in names.items()}
    found = []
    for each in given.split(",") if given is not None else ():
        if each.lower() not in by_name:
            hint = f"{did_you_mean(each, list(names.values()))}use {', '.join(names.values())}"
            fact = f"{option} {each!r} is not possible with these protections"
            raise Problem(fact, hint=hint, code=ExitCode.USAGE)
        if (number := by_name[each.lower()]) not in found:
            found.append(number)
    return found


def chosen_group(text: str) -> Group:
    """The group for a value of --group. Raises Problem for an invalid one."""
    try:
        return parse(text)
    except ValueError as error:
        hint = f"{did_you_mean(text, NAMES)}the groups are: {', '.join(NAMES)}; or P:G, for example 23:5, which is weak"
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None


def wants(claims: Claims) -> Wants:
    """What a client of a handshake of ours needs."""
    if Protection.CLIENT_IDENTITY in claims:
        return Wants.TRUST_AND_A_CERTIFICATE
    return Wants.TRUST if Protection.CHAIN in claims else Wants.NOTHING


def party(
    credential: Credential | None = None,
    anchors: tuple[x509.Certificate, ...] = (),
    crls: tuple[x509.CertificateRevocationList, ...] = (),
    name: x509.GeneralName | None = None,
) -> Party:
    """A Party with this machine's clock and randomness."""
    return Party(lambda: datetime.now(UTC), token_bytes, credential, anchors, crls, name)
